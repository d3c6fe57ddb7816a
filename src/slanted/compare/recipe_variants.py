"""The variants of a comparison: the recipes of `--recipes` and the peak rates of `--lr`.

A variant is the name of a recipe or a recipe.json file, followed by settings after colons. A rate is a number, or a
multiple of the peak rate of each recipe.
"""

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slanted.common.setting_fields import setting_fields
from slanted.errors import InputError, SettingError
from slanted.recipe.parsing import comma_separated
from slanted.recipe.recipe import Recipe
from slanted.text.settings import Settings

SPELLED = {"lr": "lr_max"}
# Settings of a run, not of a recipe.
OF_RUN = ("pooling", "batch_size", "max_tokens", "long", "class_weight", "calibrate", "average")
PLAIN = re.compile(r"[\w.=+:,-]+")
LONGEST_FOLDER = 150  # bytes of the 255 of a file name; the peak rate, the seed and suffixes need the others


@dataclass(frozen=True)
class Variant:
    """One of the compared recipes.

    Attributes:
        name: The name as typed.
        recipe: The recipe with the settings of the variant.
        has_own_rate: Whether the variant sets its peak rate, so that the rates of `--lr` are not tried.
        of_run: The settings `OF_RUN` that the variant sets.
    """

    name: str
    recipe: Recipe
    has_own_rate: bool = False
    of_run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder_name(self) -> str:
        """The name as part of a folder name; different names give different folder names."""
        plain = re.sub(r"[^\w.=+,-]+", "-", self.name)
        if PLAIN.fullmatch(self.name) and len(plain.encode()) <= LONGEST_FOLDER:
            return plain
        start = plain.encode()[:LONGEST_FOLDER].decode(errors="ignore")
        return f"{start}-{zlib.crc32(self.name.encode()):08x}"


def split_names(text: str) -> list[str]:
    """Split a comma-separated list of variants; a number and NAME=FACTOR belong to the setting before them.

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
    """Parse the value of `--recipes`.

    Args:
        text: A comma-separated list of RECIPE[:SETTING=VALUE...].
        recipe_of: Returns the recipe of a name or a file, with the settings that all variants share.

    Raises:
        InputError: There are fewer than two variants, one is named twice, or one is invalid.
    """
    names = split_names(text)
    twice = [name for at, name in enumerate(names) if name in names[:at]]
    if twice:
        raise InputError(f"--recipes: {twice[0]} is named twice; name it once")
    if len(names) < 2:
        raise InputError(f"--recipes {text!r}: must name at least two recipes, such as constant,stlr")
    return [_variant(name, recipe_of) for name in names]


def _variant(name: str, recipe_of: Callable[[str], Recipe]) -> Variant:
    base, *words = _split_settings(name)
    settings = dict(_setting(name, word) for word in words)
    of_run = {setting: settings.pop(setting) for setting in OF_RUN if setting in settings}
    try:
        replace(Settings(), **of_run)  # which checks them
        return Variant(name, recipe_of(base).with_settings(**settings), "lr_max" in settings, of_run)
    except SettingError as error:
        remedy = f"; {error.remedy}" if error.remedy else "; see slanted compare --help"
        raise InputError(f"--recipes {name}: {error.name} {error.received} must be {error.rule}{remedy}") from None


def _split_settings(name: str) -> list[str]:
    """Split a variant into the recipe and its settings; the colon in curve=MODULE:CLASS does not separate."""
    words = name.split(":")
    joined = words[:1]
    for word in words[1:]:
        if joined[-1].startswith("curve=") and "=" not in word:
            joined[-1] += f":{word}"
        else:
            joined.append(word)
    return joined


def _setting(variant: str, word: str) -> tuple[str, Any]:
    known = {f.name: f for f in (*setting_fields(Recipe), *(f for f in setting_fields(Settings) if f.name in OF_RUN))}
    spelt, equals, value = word.partition("=")
    name = SPELLED.get(spelt, spelt.replace("-", "_"))
    if not equals or name not in known:
        names = ", ".join(("lr", *(name for name in known if name != "lr_max")))
        raise InputError(f"--recipes {variant}: {word!r} is not a SETTING=VALUE of a variant. Settings are: {names}")
    try:
        return name, known[name].metadata["parse"](value)
    except ValueError as error:
        reason = str(error) if isinstance(error, InputError) else f"must be a number, not {value!r}"
        raise InputError(f"--recipes {variant}: {spelt}: {reason}") from None


@dataclass(frozen=True, order=True)
class Rate:
    """A peak rate to try.

    Attributes:
        number: The peak rate, in (0, 1]; or a factor of that of the recipe, > 0.
        is_factor: Whether it is a factor.
    """

    number: float
    is_factor: bool = False

    def __str__(self) -> str:
        return f"x{self.number:g}" if self.is_factor else f"{self.number:g}"

    def of(self, recipe: Recipe) -> Recipe:
        """Return the recipe with this peak rate.

        >>> Rate(3.0, is_factor=True).of(Recipe(lr_max=1e-3)).lr_max
        0.003
        """
        if not self.is_factor:
            return replace(recipe, lr_max=self.number)
        if recipe.lr_max is None:
            return replace(recipe, peak_factor=recipe.peak_factor * self.number)
        return replace(recipe, lr_max=recipe.lr_max * self.number)


def read_rates(text: str) -> tuple[Rate, ...]:
    """Parse the value of `--lr`, a comma-separated list of peak rates.

    Raises:
        InputError: A rate is invalid, or is named twice.

    >>> [str(rate) for rate in read_rates("1e-4, 3e-4")], [str(rate) for rate in read_rates("x1,x3")]
    (['0.0001', '0.0003'], ['x1', 'x3'])
    """
    words = comma_separated(text)
    try:
        rates = tuple(Rate(float(word.removeprefix("x")), word.startswith("x")) for word in words)
    except ValueError:
        rates = ()
    if not rates:
        raise InputError(f"--lr {text!r}: must be rates such as 1e-4,3e-4, or multiples of their own such as x1,x3")
    for rate in rates:
        if not 0.0 < rate.number <= (1000.0 if rate.is_factor else 1.0):
            raise InputError(f"--lr {rate}: must be in (0, 1], or a multiple such as x3, at most x1000; give another")
    if len(set(rates)) < len(rates):
        raise InputError(f"--lr {text!r}: must name each rate once")
    return rates
