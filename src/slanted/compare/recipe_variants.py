"""What `--recipes` names: recipes, recipe.json files, and either with settings of its own behind colons."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

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
    base, *settings = name.split(":")
    own = dict(_setting(name, word) for word in settings)
    try:
        return Variant(name, recipe_of(base).with_settings(**own), "lr_max" in own)
    except SettingError as error:
        remedy = f"; {error.remedy}" if error.remedy else "; see slanted compare --help"
        raise InputError(f"--recipes {name}: {error.name} {error.received} must be {error.rule}{remedy}") from None


def _setting(variant: str, word: str) -> tuple[str, Any]:
    known = {f.name: f for f in fields(Recipe) if f.metadata.get("help")}
    spelt, equals, value = word.partition("=")
    name = SPELLED.get(spelt, spelt.replace("-", "_"))
    if not equals or name not in (*known, "lr_max"):
        wanted = ", ".join(("lr", *known))
        raise InputError(f"--recipes {variant}: {word!r} is no SETTING=VALUE of a recipe. Settings are: {wanted}")
    setting = known.get(name)
    default = 0.0 if setting is None else setting.default
    parse = setting.metadata["parse"] if setting else None
    try:
        return name, (parse or {int: int, float: float}.get(type(default), str))(value)
    except ValueError as error:
        reason = str(error) if isinstance(error, InputError) else f"must be a number, not {value!r}"
        raise InputError(f"--recipes {variant}: {spelt}: {reason}") from None
