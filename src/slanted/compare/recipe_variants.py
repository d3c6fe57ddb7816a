"""What a comparison varies: the recipes that `--recipes` names, and the peak rates that `--lr` does.

A variant is a recipe or a recipe.json file, with settings of its own behind colons. A rate is a number, or a multiple
of each recipe's own.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from slanted.common.setting_fields import setting_fields
from slanted.errors import InputError, SettingError
from slanted.recipe.parsing import comma_separated
from slanted.recipe.recipe import Recipe

SPELLED = {"lr": "lr_max"}
PLAIN = re.compile(r"[\w.=+:,-]+")
LONGEST_FOLDER = 150  # of the 255 bytes that a file's name may have; the rate, the seed and others' endings follow


@dataclass(frozen=True)
class Variant:
    """One of the recipes that are compared.

    Attributes:
        name: As it was written.
        recipe: With its own settings.
        has_own_rate: Whether it gives its rate itself, and takes no part in the search for one.
    """

    name: str
    recipe: Recipe
    has_own_rate: bool = False

    @property
    def folder_name(self) -> str:
        """The name as a part of a folder's name: another for every other name."""
        plain = re.sub(r"[^\w.=+,-]+", "-", self.name)
        if PLAIN.fullmatch(self.name) and len(plain.encode()) <= LONGEST_FOLDER:
            return plain
        start = plain.encode()[:LONGEST_FOLDER].decode(errors="ignore")
        return f"{start}-{zlib.crc32(self.name.encode()):08x}"


def split_names(text: str) -> list[str]:
    """Return the variants between commas; a number and NAME=FACTOR go on with the setting before them.

    >>> split_names("constant, stlr:layer_decay=0.95:epochs=4, linear:multipliers=head=1,embeddings=0.5")
    ['constant', 'stlr:layer_decay=0.95:epochs=4', 'linear:multipliers=head=1,embeddings=0.5']
    """
    names: list[str] = []
    for word in comma_separated(text):
        if names and ":" in names[-1] and ("=" in word.partition(":")[0] or word.partition(":")[0].isdecimal()):
            names[-1] += f",{word}"
        else:
            names.append(word)
    return names


def read_variants(text: str, recipe_of: Callable[[str], Recipe]) -> list[Variant]:
    """Return the variants that `--recipes` names.

    Args:
        text: RECIPE[:SETTING=VALUE...], between commas.
        recipe_of: Returns the recipe of a name or a file, with the settings that are the same for all.

    Raises:
        InputError: There are fewer than two, one is named twice, or one is none.
    """
    names = split_names(text)
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise InputError(f"--recipes: {twice[0]} is named twice; name it once")
    if len(names) < 2:
        raise InputError(f"--recipes {text!r}: must name two recipes at least, such as constant,stlr")
    return [_variant(name, recipe_of) for name in names]


def _variant(name: str, recipe_of: Callable[[str], Recipe]) -> Variant:
    base, *settings = _split_settings(name)
    own = dict(_setting(name, word) for word in settings)
    try:
        return Variant(name, recipe_of(base).with_settings(**own), "lr_max" in own)
    except SettingError as error:
        remedy = f"; {error.remedy}" if error.remedy else "; see slanted compare --help"
        raise InputError(f"--recipes {name}: {error.name} {error.received} must be {error.rule}{remedy}") from None


def _split_settings(name: str) -> list[str]:
    """Return the recipe and its settings; what stands behind the colon in curve=MODULE:CLASS is none."""
    words = name.split(":")
    joined = words[:1]
    for word in words[1:]:
        if joined[-1].startswith("curve=") and "=" not in word:
            joined[-1] += f":{word}"
        else:
            joined.append(word)
    return joined


def _setting(variant: str, word: str) -> tuple[str, Any]:
    known = {f.name: f for f in setting_fields(Recipe)}
    spelt, equals, value = word.partition("=")
    name = SPELLED.get(spelt, spelt.replace("-", "_"))
    if not equals or name not in known:
        wanted = ", ".join(("lr", *(name for name in known if name != "lr_max")))
        raise InputError(f"--recipes {variant}: {word!r} is no SETTING=VALUE of a recipe. Settings are: {wanted}")
    try:
        return name, known[name].metadata["parse"](value)
    except ValueError as error:
        reason = str(error) if isinstance(error, InputError) else f"must be a number, not {value!r}"
        raise InputError(f"--recipes {variant}: {spelt}: {reason}") from None


@dataclass(frozen=True, order=True)
class Rate:
    """A peak rate to try.

    Attributes:
        number: The rate, in (0, 1]; or what multiplies the recipe's own, > 0.
        is_factor: Whether it multiplies.
    """

    number: float
    is_factor: bool = False

    def __str__(self) -> str:
        return f"x{self.number:g}" if self.is_factor else f"{self.number:g}"

    def of(self, recipe: Recipe) -> Recipe:
        """Return the recipe with this rate.

        >>> Rate(3.0, is_factor=True).of(Recipe(lr_max=1e-3)).lr_max
        0.003
        """
        if not self.is_factor:
            return replace(recipe, lr_max=self.number)
        if recipe.lr_max is None:
            return replace(recipe, peak_factor=recipe.peak_factor * self.number)
        return replace(recipe, lr_max=recipe.lr_max * self.number)


def read_rates(text: str) -> tuple[Rate, ...]:
    """Return the rates between commas.

    Raises:
        InputError: One is none, or is named twice.

    >>> [str(rate) for rate in read_rates("1e-4, 3e-4")], [str(rate) for rate in read_rates("x1,x3")]
    (['0.0001', '0.0003'], ['x1', 'x3'])
    """
    words = comma_separated(text)
    try:
        rates = tuple(Rate(float(word.removeprefix("x")), word.startswith("x")) for word in words)
    except ValueError:
        rates = ()
    if not rates:
        raise InputError(f"--lr {text!r}: must be rates such as 1e-4,3e-4, or multiples of the recipes' such as x1,x3")
    for rate in rates:
        if not 0.0 < rate.number <= (1000.0 if rate.is_factor else 1.0):
            raise InputError(f"--lr {rate}: must be in (0, 1], or a multiple such as x3, at most x1000; give another")
    if len(set(rates)) < len(rates):
        raise InputError(f"--lr {text!r}: must name each rate once")
    return rates
