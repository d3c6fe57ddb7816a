"""The errors that slanted raises on purpose, each with the command line's exit status.

The text of an error is one line: the rule, the value received, the remedy.
"""

from typing import Any


def printable(text: str) -> str:
    r"""Return the text with its unprintable characters escaped, which a terminal would obey; line breaks stay.

    >>> printable("two\nlines, \x1b]0;a title\x07")
    'two\nlines, \\x1b]0;a title\\x07'
    """
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)


def printable_line(text: str) -> str:
    r"""Return the text with its unprintable characters and line breaks escaped.

    >>> printable_line("one\nline")
    'one\\nline'
    """
    return printable(text).replace("\n", "\\n")


class SlantedError(Exception):
    """Base of every error that slanted raises on purpose.

    Its text is one line without unprintable characters, because Python prints the text of an uncaught error as it is.
    """

    exit_status = 1

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(" ".join(text.split("\n"))))


class InputError(SlantedError, ValueError):
    """A file, a text, a label or an option is wrong. The message names it and says what to do."""

    exit_status = 2


class SettingError(InputError):
    """A setting is out of its range.

    Args:
        name: The name of the setting as a Python argument; the command line shows it as an option.
        rule: The rule, as the end of a sentence that begins "must be".
        received: The value received.
        remedy: What to do, a full sentence; may be empty.
    """

    def __init__(self, name: str, rule: str, received: object, remedy: str = "") -> None:
        self.name, self.rule, self.received, self.remedy = name, rule, received, remedy
        text = f"Argument `{name}` must be {rule}. Received: {name}={received!r}"
        super().__init__(f"{text}. {remedy}" if remedy else text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling, which takes an error from a worker process to its parent."""
        return type(self), (self.name, self.rule, self.received, self.remedy)


class TrainingFailed(SlantedError, RuntimeError):
    """Training cannot continue: the loss is not finite."""

    exit_status = 3


class ExportRefused(SlantedError, RuntimeError):
    """An export does not predict what the model predicts, so that it was not written."""

    exit_status = 3


def missing_extra(extra: str, what: str) -> InputError:
    """Return the error for a feature whose optional dependencies are not installed.

    Args:
        extra: The name of the extra in the package's metadata.
        what: The feature, as the subject of the message's sentence.
    """
    return InputError(f'{what} needs the extra `{extra}`, which is not installed: pip install "slanted[{extra}]"')
