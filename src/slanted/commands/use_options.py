"""The options of `slanted evaluate` and `slanted predict`."""

from dataclasses import dataclass

from slanted.common.setting_fields import documented, setting
from slanted.errors import InputError, SettingError
from slanted.text.rows.columns import Keep
from slanted.text.settings import BACKENDS, QUOTES, ReadOptions, names_of, threads_setting


@documented
@dataclass(frozen=True)
class UseOptions(ReadOptions):
    """Options for reading a file, by default as in training, the backend that runs the model, and its threads."""

    quotes: str | None = setting(None, "quotes in text files (default: as in training)", metavar="|".join(QUOTES))
    backend: str = setting("auto", "Keras's backend", choices=BACKENDS)
    threads: int | str = threads_setting()


@documented
@dataclass(frozen=True)
class PredictOptions(UseOptions):
    """Options of `predict`: those of `UseOptions`, and the columns of the file to write."""

    keep: tuple[str, ...] = setting(
        (), "columns of FILE to copy, after the column row; all: all of them", metavar="COL", nargs="+"
    )
    submission: tuple[str, ...] = setting(
        (),
        "write two columns, for a competition: A, copied from FILE, and the prediction, named B",
        parse=names_of,
        metavar="A,B",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("keep", "submission"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # the dataclass is frozen
        if self.submission and (len(self.submission) != 2 or len({"", *self.submission}) < 3):
            rule = "two different names with a comma between them, such as id,label"
            raise SettingError("submission", rule, ",".join(self.submission))
        if self.submission and self.keep:
            raise InputError("--submission has two columns, and --keep adds others; leave one of the two out")

    @property
    def copied(self) -> Keep:
        """The columns to copy."""
        return Keep(self.submission[:1], "--submission") if self.submission else Keep(self.keep)
