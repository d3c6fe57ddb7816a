"""Settings as dataclass fields, whose metadata makes options, their help, docstrings and the table of the report."""

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
    """Return the dataclass field of a setting.

    Args:
        default: The default value; a dictionary is copied, a class is called.
        help_text: The description, for the help of the command line and for docstrings.
        parse: Converts the text of an option to a value; None: to the type of a numeric default, else the text.
        choices: The allowed values, listed at the end of the help; empty: all values that `check` accepts.
        check: Called with the name and the value; raises SettingError.
        more: `before`: the value to use for a file that was written before the setting existed, if it differs from the
            default. `label`: the name in the table of the report; "": the setting is not shown there. `argument`: the
            name in errors and options, if it differs from that of the field. `metavar` and `nargs`: those of argparse.
    """
    number = type(default) if isinstance(default, int | float) else str
    help_text += f"; one of {', '.join(choices)}" if choices else ""
    metadata = {"help": help_text, "parse": parse or number, "choices": choices, "check": check, **more}
    if isinstance(default, dict | type):
        return field(default_factory=default if isinstance(default, type) else default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def setting_fields(cls: Any) -> list[Field[Any]]:
    """Return the fields of a dataclass that were made by `setting`, in the order of its parameters."""
    return sorted((f for f in fields(cls) if "help" in f.metadata), key=lambda f: bool(f.kw_only))


def argument_of(setting: Field[Any]) -> str:
    """Return the name of a setting in errors; its option is made from the same name."""
    return setting.metadata.get("argument", setting.name)


def check_settings(settings: Any) -> None:
    """Check each setting of a dataclass; None is valid if the type allows it.

    Raises:
        SettingError: A setting is out of its range.
    """
    for f in setting_fields(settings):
        name, value, choices = argument_of(f), getattr(settings, f.name), f.metadata["choices"]
        if choices and value not in choices:
            raise SettingError(name, f"one of {', '.join(choices)}", value)
        if f.metadata["check"] and (value is not None or NoneType not in get_args(f.type)):
            f.metadata["check"](name, value)


def as_before(cls: Callable[..., _Settings], **required: Any) -> _Settings:
    """Return settings with the value `before` of each setting that has one, and the default of all others.

    Args:
        cls: The dataclass.
        required: The settings without a default.
    """
    earlier = {f.name: f.metadata["before"] for f in fields(cls) if "before" in f.metadata}  # pyright: ignore[reportArgumentType]
    return cls(**{**earlier, **required})


def documented(cls: type[_Settings], without: Sequence[str] = ()) -> type[_Settings]:
    """Decorate a dataclass: add a section Args, made from its settings but those in `without`, to its docstring."""
    lines = ["Args:"]
    for f in (f for f in setting_fields(cls) if f.name not in without):
        text = f"{f.name}: {f.metadata['help'][0].upper()}{f.metadata['help'][1:]}."
        lines += textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="        ")
    head, *tail = re.split(r"\n\n(?=Attributes:|Raises:)", inspect.cleandoc(cls.__doc__ or ""), maxsplit=1)
    cls.__doc__ = "\n\n".join([head, "\n".join(lines), *tail])
    return cls
