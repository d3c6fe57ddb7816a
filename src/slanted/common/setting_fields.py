"""Settings that are written once: a field's metadata makes options, their help, docstrings and a report's table."""

import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import Field, field, fields
from types import NoneType
from typing import Any, TypeVar, get_args

from slanted.errors import SettingError

WIDTH = 116  # of a line of a docstring
_Settings = TypeVar("_Settings")


def setting(
    default: Any,
    help_text: str,
    parse: Callable[[str], Any] | None = None,
    choices: Sequence[str] = (),
    check: Callable[[str, Any], Any] | None = None,
    **more: Any,
) -> Any:
    """Return the field of a setting.

    Args:
        default: Its value where none is given; a dictionary is copied, a class is called.
        help_text: What it is, for the command line's help and for docstrings.
        parse: Makes a value of the text of an option; None: a number like the default, else the text as it is.
        choices: What it may be, named at the end of the help; none: anything that `check` takes.
        check: Is called with the name and the value, and raises SettingError.
        more: `before`: the value that a file of a version without this setting means, where that is not the default.
            `label`: its name in the report's table; "": it is left out. `argument`: its name in errors and options,
            where that is not the field's. `metavar` and `nargs`: as for argparse.
    """
    number = type(default) if isinstance(default, int | float) else str
    help_text += f"; one of {', '.join(choices)}" if choices else ""
    metadata = {"help": help_text, "parse": parse or number, "choices": choices, "check": check, **more}
    if isinstance(default, dict | type):
        return field(default_factory=default if isinstance(default, type) else default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def setting_fields(cls: Any) -> list[Field[Any]]:
    """Return the fields of a dataclass that are settings, in the order of its parameters."""
    return sorted((f for f in fields(cls) if "help" in f.metadata), key=lambda f: bool(f.kw_only))


def argument_of(setting: Field[Any]) -> str:
    """Return the name of a setting in errors, from which that of its option is made."""
    return setting.metadata.get("argument", setting.name)


def check_settings(settings: Any) -> None:
    """Check each setting of a dataclass; None passes where its type allows it.

    Raises:
        SettingError: A setting is out of its range.
    """
    for f in setting_fields(settings):
        name, value, choices = argument_of(f), getattr(settings, f.name), f.metadata["choices"]
        if choices and value not in choices:
            raise SettingError(name, f"one of {', '.join(choices)}", value)
        if f.metadata["check"] and (value is not None or NoneType not in get_args(f.type)):
            f.metadata["check"](name, value)


def as_before(cls: Callable[..., _Settings], **given: Any) -> _Settings:
    """Return the settings that mean what was done before there were any of those with a value `before`.

    Args:
        cls: The dataclass.
        given: Its settings without a default.
    """
    earlier = {f.name: f.metadata["before"] for f in fields(cls) if "before" in f.metadata}  # pyright: ignore[reportArgumentType]
    return cls(**{**earlier, **given})


def documented(cls: type[_Settings]) -> type[_Settings]:
    """Put the section Args, made of the settings, into the docstring of a dataclass: a decorator."""
    lines = ["Args:"]
    for f in setting_fields(cls):
        text = f"{f.name}: {f.metadata['help'][0].upper()}{f.metadata['help'][1:]}."
        lines += textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="        ")
    head, *tail = re.split(r"\n\n(?=Attributes:|Raises:)", inspect.cleandoc(cls.__doc__ or ""), maxsplit=1)
    cls.__doc__ = "\n\n".join([head, "\n".join(lines), *tail])
    return cls
