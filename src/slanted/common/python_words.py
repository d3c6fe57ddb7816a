"""Messages for users of Python, who have parameters in place of the options of the command line."""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from slanted.errors import SlantedError

_NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.]*\w)"
_OPTION = re.compile(rf"(?<![\w-])--([a-z][a-z-]*)(?: ({_NUMBER}|'[^']*'|[\w+-]+))?")
_OPENING = re.compile(r"^--([a-z][a-z-]*) (.+?): ")
_IN_BACKTICKS = re.compile(r"`--([a-z][a-z-]*) ([^`]+)`")
_OF_COMMAND_ONLY = re.compile(r",? or --(?:overwrite|resume)\b[^;,]*")


def in_python(text: str, choices: Mapping[str, Collection[str]]) -> str:
    """Return a message with Python parameters in place of command-line options.

    Args:
        text: The message.
        choices: The name of a parameter -> its allowed values, which may follow the option.

    >>> in_python("give a smaller --lr or --max-tokens 64 --long chunk", {"long": ("truncate", "chunk")})
    "give a smaller lr or max_tokens=64 long='chunk'"
    >>> in_python("--out runs/1: contains a run; give another folder, or --overwrite to replace it", {})
    'runs/1: contains a run; give another folder'
    """

    def assigned(found: re.Match[str]) -> str:
        name, value = found[1].replace("-", "_"), found[2]
        if value is None or re.fullmatch(_NUMBER, value) or value.startswith("'"):
            return name if value is None else f"{name}={value}"
        return f"{name}={value!r}" if value in choices.get(name, ()) else f"{name} {value}"

    def quoted(found: re.Match[str]) -> str:
        return f"{found[1].replace('-', '_')}={found[2].strip(chr(39))!r}"

    text = _OF_COMMAND_ONLY.sub("", text)
    text = _OPENING.sub(lambda found: found[2] + ": " if found[1] == "out" else quoted(found) + ": ", text)
    text = _IN_BACKTICKS.sub(lambda found: f"`{quoted(found)}`", text)
    return _OPTION.sub(assigned, text)


@contextmanager
def errors_in_python(choices: Mapping[str, Collection[str]]) -> Iterator[None]:
    """Change the messages of the errors of slanted that are raised in this context, by `in_python`."""
    try:
        yield
    except SlantedError as error:
        error.args = (in_python(str(error), choices),)
        raise
