"""Messages for users of Python, who have parameters in place of the options of the command line."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from slanted.errors import SlantedError

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.]*\w)"
_OPTION = re.compile(rf"(?<![\w-])--([a-z][a-z-]*)(?: ({_NUMBER}|'[^']*'|[\w+-]+))?")
_OPENING = re.compile(r"^--([a-z][a-z-]*) (.+?)(?=: )")
_IN_BACKTICKS = re.compile(r"(?<=`)--([a-z][a-z-]*) ([^`]+)(?=`)")
_FOLDER_IN_USE = re.compile(r"add --resume to continue it, or --overwrite to start again|start again with --overwrite")
_OF_COMMAND_ONLY = re.compile(r",? or --(?:overwrite|resume)\b[^;,]*")


def in_python(text: str, choices: Mapping[str, Collection[str]]) -> str:
    """Return a message with Python parameters in place of command-line options; other options stay as they are.

    Args:
        text: The message.
        choices: The name of each parameter -> its allowed values, which may follow the option.

    >>> choices = {"lr": (), "max_tokens": (), "long": ("truncate", "chunk")}
    >>> in_python("give a smaller --lr or --max-tokens 64 --long chunk", choices)
    "give a smaller lr or max_tokens=64 long='chunk'"
    >>> in_python("--out runs/1: contains a run; give another folder, or --overwrite to replace it", {})
    'runs/1: contains a run; give another folder'
    """

    def assigned(found: re.Match[str]) -> str:
        name, value = found[1].replace("-", "_"), found[2]
        if name not in choices or value is None:
            return name if name in choices else found[0]
        if re.fullmatch(_NUMBER, value) or value.startswith("'"):
            return f"{name}={value}"
        return f"{name}={value!r}" if value in choices[name] else f"{name} {value}"

    def quoted(found: re.Match[str]) -> str:
        name, value = found[1].replace("-", "_"), found[2].strip("'")
        if name == "out":
            return value
        return f"{name}={value if re.fullmatch(_NUMBER, value) else repr(value)}" if name in choices else found[0]

    text = _FOLDER_IN_USE.sub("give another folder", text)
    text = _OF_COMMAND_ONLY.sub("", text)
    text = _OPENING.sub(quoted, text)
    text = _IN_BACKTICKS.sub(quoted, text)
    return _OPTION.sub(assigned, text)


@contextmanager
def errors_in_python(choices: Mapping[str, Collection[str]]) -> Iterator[None]:
    """Change the messages of the errors of slanted that are raised in this context, by `in_python`."""
    try:
        yield
    except SlantedError as error:
        error.args = (in_python(str(error), choices),)
        raise
