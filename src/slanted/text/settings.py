"""The settings of a text run other than its recipe: files and how to read them, model, batches, data, machine."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, Self, get_args

from slanted.common.argument_checks import make_plain, positive, share, whole
from slanted.common.messages import is_encodable
from slanted.common.setting_fields import as_before, check_settings, documented, setting
from slanted.errors import InputError, SettingError
from slanted.recipe.choices import AUTO
from slanted.recipe.named import recipes
from slanted.recipe.parsing import or_auto, share_or_auto, whole_or_auto
from slanted.recipe.recipe import Recipe
from slanted.runtime import backend_choice, threads

Kind = Literal["single", "multilabel", "regression"]
TASKS = ("auto", *get_args(Kind))
PRECISIONS = ("auto", *backend_choice.PRECISIONS)
BACKENDS = ("auto", *backend_choice.BACKENDS, backend_choice.MEASURE)
QUOTES = ("auto", "csv", "none")
FORM = ("separator", "quotes", "header", "columns")  # the options that say how a text file is written
LONG = ("truncate", "chunk")
CLASS_WEIGHTS = ("none", "balanced")
BEST_BY = ("loss", "accuracy", "macro_f1", "micro_f1", "f1", "matthews", "roc_auc", "average_precision")
BEST_BY += ("pearson", "spearman", "mae")
LOWER_IS_BETTER = ("loss", "mae")
FEWEST_FOLDS, MOST_FOLDS = 2, 100
VALID_SHARE, FEW_ROWS, BATCH_SIZE = 0.1, 2_000, 32
CLS, MEAN = "cls", "mean"
SETTLED = ("batch_size", "valid_share", "pooling")  # by the rows and the model where they are "auto", as epochs are


def names_of(text: str) -> tuple[str, ...]:
    """Return the names in a text, with commas between them."""
    return tuple(name.strip() for name in text.split(","))


def threads_setting(**more: Any) -> Any:
    """Return the field of the number of threads; `more` as in `setting`."""
    text = "threads that compute; auto: one for each core; 0: as many as the libraries choose"
    parse, check = threads.parse_threads, threads.check_threads
    return setting(threads.AUTO, text, parse=parse, check=check, metavar="N|auto", **more)


@documented
@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Options for reading data files.

    Raises:
        SettingError: An option is out of its range.
    """

    text: str | tuple[str, ...] | None = setting(
        None, "the column of the texts, or several, which are joined (default: text)", metavar="COL", nargs="+"
    )
    text_b: str | None = setting(None, "the column of the second texts, for pairs of texts", metavar="COL")
    label: tuple[str, ...] = setting(
        (), "the column or columns of the labels (default: label, else all others)", metavar="COL", nargs="+"
    )
    encoding: str = setting("utf-8", "character encoding of text files", metavar="NAME")
    label_separator: str | None = setting(None, "the separator between the labels of a cell, such as ';'", metavar="S")
    bad_rows: str = setting(
        "fail",
        "bad training and validation rows; fail: stop at the first; skip: list them in bad_rows.csv",
        metavar="fail|skip",
    )
    separator: str | None = setting(
        None, "the separator of fields in text files, or tab (default: from the name or the header)", metavar="C"
    )
    quotes: str | None = setting(
        QUOTES[0],
        "quotes in text files; csv: they enclose fields; none: they are part of the texts; auto: csv, or between tabs "
        "or bars as the rows show",
        metavar="|".join(QUOTES),
    )
    header: bool | None = setting(
        None, "whether the first line of a text file has the names of the columns (default: unless it looks like a row)"
    )
    columns: tuple[str, ...] = setting(
        (), "the names of the columns of a file without a header", parse=names_of, metavar="A,B"
    )
    group: str | None = setting(
        None, "the column of groups, such as authors: a group is validated, or in a fold, as a whole", metavar="COL"
    )
    split: str | None = setting(
        None, "the column that names each row's part: train; valid, validation or dev; test", metavar="COL"
    )
    weight: str | None = setting(
        None, "the column of weights: numbers >= 0 by which the losses of training rows are multiplied", metavar="COL"
    )

    def __post_init__(self) -> None:
        separator = {"tab": "\t", r"\t": "\t"}.get(self.separator or "", self.separator)
        texts = self.texts
        plain = {"text": texts if len(texts) > 1 else next(iter(texts), None), "separator": separator}
        for name, value in {**plain, "label": tuple(self.label), "columns": tuple(self.columns)}.items():
            object.__setattr__(self, name, value)  # the dataclass is frozen
        if separator is not None and (len(separator) != 1 or separator in '"\r\n\0'):
            raise SettingError("separator", "one character, or tab", self.separator)
        if self.quotes not in (None, *QUOTES):
            raise SettingError("quotes", f"one of {', '.join(QUOTES)}", self.quotes)
        if len({"", *self.columns}) <= len(self.columns):
            raise SettingError("columns", "different names, with commas between them", ",".join(self.columns))

    def with_form_of(self, other: "ReadOptions") -> Self:
        """Return the options with those of another file for how it is written, where they have their defaults."""
        default = type(self)()
        form = {name: getattr(other, name) for name in FORM if getattr(self, name) == getattr(default, name)}
        if self.header:  # which a file with names for its columns has not
            form.pop("columns", None)
        return replace(self, **form)

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of the columns of the texts, none by default."""
        return (self.text,) if isinstance(self.text, str) else tuple(self.text or ())

    @property
    def named(self) -> tuple[str, ...]:
        """The names of the columns in use, as given or by default."""
        return (*(self.texts or ("text",)), self.text_b or "text_b", *(self.label or ("label",)))


@documented
@dataclass(frozen=True)
class DataFiles(ReadOptions):
    """The data files of a run, and options for reading them.

    `train` is a training file, several of them, or a pattern; `-` is standard input. Bad rows of a file
    that has test rows are never skipped, because predictions.csv numbers these.
    """

    train: str | tuple[str, ...]
    valid: str | None = setting(None, "validation rows (default: a share of TRAIN)", metavar="FILE")
    test: str | None = setting(None, "test rows, scored and predicted after training", metavar="FILE")

    @property
    def train_argument(self) -> str:
        """The training files as typed on a command line."""
        return shlex.join([self.train] if isinstance(self.train, str) else self.train)


def _model(name: str, value: Any) -> None:
    if not isinstance(value, str) or not is_encodable(value):
        raise SettingError(name, "a name or a folder, in UTF-8", value)


def _folds(name: str, value: Any) -> None:
    if value != 0 and whole(name, value, least=FEWEST_FOLDS) > MOST_FOLDS:
        raise SettingError(name, f"at most {MOST_FOLDS}", value)


_RECIPE = f"one of {', '.join(recipes())}, or the path of a run's recipe.json (default: stlr)"
_batches, _tokens = partial(whole, most=1_000_000), partial(whole, least=3)
_seed, _share = partial(whole, least=0, most=2**32 - 1), partial(share, remedy="0 trains on all rows")


@documented
@dataclass(frozen=True)
class Settings:
    """All settings of a run: with the training rows they determine its result.

    Raises:
        SettingError: A setting is out of its range.
    """

    recipe: Recipe = setting(Recipe, _RECIPE, label="", metavar="NAME|FILE")  # noqa: RUF009 - makes a field
    model: str = setting(
        "minilm", "minilm, another KerasHub preset, hf://NAME or a folder", check=_model, metavar="NAME|DIR"
    )
    task: str = setting("auto", "the task; auto: inferred from the labels", choices=TASKS, label="")
    batch_size: int | str = setting(
        AUTO,
        "texts per batch, at most 1000000; auto: 16, or 32 from 4000 rows on",
        whole_or_auto,
        check=or_auto(_batches),
    )
    gradient_accumulation: int = setting(1, "batches per optimizer step, at most 1000000", check=_batches)
    max_tokens: int = setting(128, "tokens per text, at least 3, special tokens included", check=_tokens)
    long: str = setting("truncate", "longer texts; chunk: split into chunks and pool their outputs", choices=LONG)
    pooling: str = setting(
        AUTO,
        "the vector of a text; cls: of the first token; mean: of all tokens; auto: as the model was trained",
        choices=(AUTO, CLS, MEAN),
        before=CLS,
    )
    class_weight: str = setting("none", "balanced: all classes have the same total weight", choices=CLASS_WEIGHTS)
    calibrate: str = setting(
        AUTO,
        "auto: probabilities are calibrated on validation or out-of-fold rows, where there are 50",
        choices=(AUTO, "none"),
        label="",
        before="none",
    )
    folds: int = setting(0, "2 to 100: cross-validation with that many folds", check=_folds, label="")
    precision: str = setting("auto", "Keras's dtype policy; auto: the fastest", choices=PRECISIONS, label="")
    backend: str = setting(
        "auto", "the backend; auto: KERAS_BACKEND or the fastest; measure: measure again", choices=BACKENDS, label=""
    )
    threads: int | str = threads_setting(label="", before=threads.AS_LIBRARIES)
    valid_share: float | str = setting(
        AUTO,
        "share of the training rows used for validation if there is no validation file; auto: 0.1, or 0 for fewer than "
        "2000 rows with a test file and auto epochs; several labels always have 0.1",
        share_or_auto,
        check=or_auto(_share),
    )
    max_minutes: float = setting(
        10.0, "limit of the training time for the epochs that auto adds on few rows", check=positive, label=""
    )
    average: float = setting(
        0.0, "share of the last steps whose mean weights are saved, unless an epoch validates better", check=_share
    )
    best_by: str = setting("loss", "validation score that selects the best epoch", choices=BEST_BY, metavar="METRIC")
    positive: str | None = setting(None, "the positive class for f1, with two classes", metavar="LABEL")
    seed: int = setting(0, "random seed of the split, the batch order, the new layers and dropout", check=_seed)

    def __post_init__(self) -> None:
        make_plain(self)
        check_settings(self)

    def check_length(self, most: int) -> None:
        """Check `max_tokens` against `most`, the maximum number of tokens of the model.

        Raises:
            SettingError: `max_tokens` is larger.
        """
        if self.max_tokens > most:
            raise SettingError("max_tokens", f"at most {most}, the maximum of {self.model}", self.max_tokens)

    @property
    def texts_per_batch(self) -> int:
        """The batch size; 32 if it is "auto", as for many rows."""
        return BATCH_SIZE if isinstance(self.batch_size, str) else self.batch_size

    @property
    def held_out_share(self) -> float:
        """The validation share; 0.1 if it is "auto", as for many rows."""
        return VALID_SHARE if isinstance(self.valid_share, str) else self.valid_share

    @property
    def undecided(self) -> tuple[str, ...]:
        """The names of the settings that are "auto", and that the rows or the model decide."""
        names = [name for name in SETTLED if getattr(self, name) == AUTO]
        return (*names, *(["epochs"] if self.recipe.epochs == AUTO else []))

    def with_valid_share(self, rows: int, target_kind: Kind, are_scored_elsewhere: bool) -> "Settings":
        """Return the settings with a number for `valid_share`.

        Few rows lose much where a tenth of them is left out, and a tenth is too few to select an epoch by. So with
        fewer than 2,000 rows and `auto` epochs all rows are trained on and the last epoch is saved, if other rows score
        the model and no other `best_by` is set. In multi-label classification the thresholds need validation rows.

        Args:
            rows: The number of training rows, validation rows included.
            target_kind: The task.
            are_scored_elsewhere: Whether other rows, such as a test file, score the model, or nothing does.
        """
        if self.valid_share != AUTO:
            return self
        few = rows < FEW_ROWS and are_scored_elsewhere and self.recipe.epochs == AUTO and self.best_by == BEST_BY[0]
        few &= target_kind != "multilabel"
        return replace(self, valid_share=0.0 if few else VALID_SHARE)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON types, those of the recipe under "recipe"."""
        return {**asdict(self), "recipe": self.recipe.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Settings":
        """Return the settings that `to_dict` wrote, in this version or an earlier one.

        A missing setting gets the value that reproduces the behaviour before the setting existed. Other keys are
        ignored.

        Raises:
            InputError: The values are not the settings of a run.
        """
        if not isinstance(values, Mapping):
            raise InputError("it is not a JSON object")
        if "recipe" not in values:
            raise InputError("'recipe' is missing")
        own = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return replace(as_before(cls), **{**own, "recipe": Recipe.from_dict(values["recipe"])})


def with_missing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Add the settings that an earlier version did not write to the contents of its recipe.json.

    Their values reproduce the behaviour before the settings existed.
    """
    earlier = as_before(Settings).to_dict()
    return {**earlier, **values, "recipe": {**as_before(Recipe).to_dict(), **values["recipe"]}}
