"""The argparse parser of a command, and options made from settings."""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field
from difflib import get_close_matches
from typing import Any, NoReturn

from slanted.common.messages import option_of, shown
from slanted.common.setting_fields import argument_of
from slanted.errors import InputError
from slanted.recipe.choices import AUTO
from slanted.recipe.own_curve import read_curve
from slanted.recipe.parsing import (
    comma_separated,
    epoch_or_batches,
    factors,
    share_or_auto,
    whole_numbers,
    whole_or_auto,
)

LONGEST_METAVAR = 45  # characters of a list of choices
OTHER_NAMES = {"--learning-rate": "--lr", "--max-length": "--max-tokens", "--output-dir": "--out"}  # in other programs
_METAVARS: dict[Any, str] = {
    int: "N",
    float: "X",
    whole_or_auto: f"N|{AUTO}",
    share_or_auto: f"X|{AUTO}",
    comma_separated: "A,B",
    whole_numbers: "N,N",
    factors: "GROUP=X,GROUP=X",
    epoch_or_batches: "epoch|N",
    read_curve: "NAME",
}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises InputError, and names the option that an unknown one may stand for."""

    commands: Any = None

    def add_subparsers(self, **options: Any) -> Any:
        """Return the action that commands are added to."""
        self.commands = super().add_subparsers(**options)
        return self.commands

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse all words, of which none is left over, or raise InputError."""
        words = sys.argv[1:] if args is None else list(args)
        self._check_options(words)
        namespace, unexpected = super().parse_known_args(words, namespace)
        if unexpected:
            self.error(f"unexpected argument {shown(unexpected[0])}")
        return namespace, []

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of printing the usage."""
        message = message.removeprefix("argument ")
        if message.startswith("the following arguments are required") and ("TRAIN" in message or "FILE" in message):
            message += ", before options that take several values, such as --label"
        raise InputError(f"{message}; see {self.prog} --help")

    def _check_options(self, words: Sequence[str]) -> None:
        """Raise if a word is an unknown option or command; the words after a command belong to its own parser."""
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for word in words:
            if word == "--":
                return
            if self.commands is not None and not word.startswith("-"):
                if word not in self.commands.choices:
                    nearest = _nearest(word, self.commands.choices)
                    known = ", ".join(self.commands.choices)
                    self.error(f"unknown command {shown(word)}{nearest}; commands are {known}")
                return
            name = word.partition("=")[0]
            if _is_option(word) and name not in self._option_string_actions:
                self.error(f"unknown option {name}{_nearest(OTHER_NAMES.get(name, name), known)}")


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f", the nearest is {near[0]}" if near else ""


def _is_option(word: str) -> bool:
    """Return whether argparse takes a word for an option: it begins with - and is no number."""
    if len(word) < 2 or word[0] != "-" or " " in word:
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False


class Once(argparse.Action):
    """Stores the value of an option that may be given once: of two files, the first would not be read."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Store the value, or raise InputError."""
        given = vars(namespace).setdefault("given_once", set())
        if self.dest in given:
            parser.error(f"{option_string}: is given twice; give it once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


def add_command(commands: Any, name: str, run: Callable[[Any], None], text: str, usage: str) -> Parser:
    """Add a command that calls `run` with the parsed options; `usage` has the arguments that it needs."""
    usage = f"slanted {name} {usage} [options]"
    command = commands.add_parser(name, help=text, description=text, allow_abbrev=False, usage=usage)
    command.set_defaults(run=run, command=command.prog)
    return command


def add_option(group: Any, setting: Field[Any], **more: Any) -> None:
    """Add the option of a setting.

    Args:
        group: The command, or a group of its options.
        setting: The field of the setting.
        more: Overrides the arguments of argparse; and `shown_default`: the default in the help, where it is not that of
            the setting.
    """
    parse, default, choices = setting.metadata["parse"], setting.default, setting.metadata["choices"]
    text = more.pop("help", setting.metadata["help"])
    metavar = setting.metadata.get("metavar") or _metavar(parse, choices)
    if metavar == "|".join(choices):
        text = text.removesuffix(f"; one of {', '.join(choices)}")
    text += _default_note(text, more.pop("shown_default", default))
    option, text = option_of(argument_of(setting)), text.replace("%", "%%")
    if default is None and "bool" in str(setting.type):
        group.add_argument(option, action=argparse.BooleanOptionalAction, help=text)
        return
    own = {"metavar": metavar, "type": _converter(parse), "default": default, "help": text}
    if "nargs" in setting.metadata:  # given twice, it has the values of both
        own |= {"nargs": setting.metadata["nargs"], "action": "extend", "default": None}
    group.add_argument(option, **{**own, **more})


def _metavar(parse: Any, choices: Sequence[str]) -> str:
    listed = "|".join(choices)
    return listed if choices and len(listed) <= LONGEST_METAVAR else _METAVARS.get(parse, "NAME")


def _default_note(text: str, default: Any) -> str:
    """Return the end of an option's help that names its default, unless the help has one or there is none."""
    if default in (None, (), {}, MISSING) or "(default" in text:
        return ""
    value = ",".join(default) if isinstance(default, tuple) else default
    return f" (default: {value:g})" if isinstance(value, float) else f" (default: {value})"


def _converter(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return `parse` with its errors converted to those that argparse expects."""
    rule = "a whole number" if parse in (int, whole_or_auto) else "a number"
    rule += f" or {AUTO}" if parse in (whole_or_auto, share_or_auto) else ""

    def convert(text: str) -> Any:
        try:
            return parse(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {rule}, not {text!r}") from None

    return convert


whole = _converter(int)
