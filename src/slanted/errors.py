"""The errors slanted raises on purpose, each with the command line's exit status.

An error's text is one line: the rule, what was received, the remedy.
"""

from typing import Any


class SlantedError(Exception):
    """Base of every error that slanted raises on purpose."""

    exit_status = 1


class InputError(SlantedError, ValueError):
    """A file, a text, a label or an option is wrong, and the text says which and what to do."""

    exit_status = 2


class SettingError(InputError):
    """A setting is out of its range.

    Args:
        name: The setting's name as an argument in Python; the command line shows it as an option.
        rule: What the setting must be, to follow "must be".
        received: What it was.
        remedy: What to do, a sentence of its own; may be empty.
    """

    def __init__(self, name: str, rule: str, received: object, remedy: str = "") -> None:
        self.name, self.rule, self.received, self.remedy = name, rule, received, remedy
        text = f"Argument `{name}` must be {rule}. Received: {name}={received!r}"
        super().__init__(f"{text}. {remedy}" if remedy else text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Be pickled, on the way from a worker process to its parent."""
        return type(self), (self.name, self.rule, self.received, self.remedy)


class TrainingFailed(SlantedError, RuntimeError):
    """Training cannot go on: the loss is not finite."""

    exit_status = 3


def missing_extra(extra: str, what: str) -> InputError:
    """Return the error for a feature whose optional dependencies are not installed.

    Args:
        extra: The name of the extra in the package's metadata.
        what: The feature, as the subject of the sentence.
    """
    return InputError(f'{what} needs the extra `{extra}`, which is not installed: pip install "slanted[{extra}]"')
