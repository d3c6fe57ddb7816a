"""The settings of a text run beside its recipe: which files are read and how, model, batches, data, machine."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal, get_args

from slanted.common.argument_checks import make_plain, share, whole
from slanted.common.messages import is_encodable
from slanted.common.setting_fields import as_before, check_settings, documented, setting
from slanted.errors import InputError, SettingError
from slanted.recipe.named import recipes
from slanted.recipe.recipe import Recipe
from slanted.runtime import backend_choice

Kind = Literal["single", "multilabel", "regression"]
TASKS = ("auto", *get_args(Kind))
PRECISIONS = ("auto", *backend_choice.PRECISIONS)
BACKENDS = ("auto", *backend_choice.BACKENDS, backend_choice.MEASURE)
LONG = ("truncate", "chunk")
CLASS_WEIGHTS = ("none", "balanced")
BEST_BY = ("loss", "accuracy", "macro_f1", "micro_f1", "f1", "matthews", "roc_auc", "average_precision")
BEST_BY += ("pearson", "spearman", "mae")
LOWER_IS_BETTER = ("loss", "mae")
FEWEST_FOLDS, MOST_FOLDS = 2, 100


@documented
@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How files of rows are read."""

    text: str | None = setting(None, "the column of the texts (default: text)", metavar="COL")
    text_b: str | None = setting(None, "the column of the second texts, for pairs", metavar="COL")
    label: tuple[str, ...] = setting((), "the column or columns of the labels", metavar="COL", nargs="+")
    encoding: str = setting("utf-8", "character encoding of text files")
    label_separator: str | None = setting(None, "what stands between the labels of a cell, such as ';'", metavar="S")
    bad_rows: str = setting(
        "fail", "what bad rows of the training and validation files do: fail, or skip to list them in bad_rows.csv"
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", tuple(self.label))  # the dataclass is frozen


@documented
@dataclass(frozen=True)
class DataFiles(ReadOptions):
    """Which files a run reads, and how.

    `train` is the training file, or several, or a pattern; `-` is standard input. Bad rows of the test file are never
    skipped: its rows are numbered in predictions.csv.
    """

    train: str | tuple[str, ...]
    valid: str | None = setting(None, "rows to choose the epoch by; else a share of TRAIN", metavar="FILE")
    test: str | None = setting(None, "rows to score and predict at the end", metavar="FILE")

    @property
    def train_argument(self) -> str:
        """The training files as one would type them."""
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
    """Everything that, with the training rows, decides a run.

    Raises:
        SettingError: A setting is out of its range.
    """

    recipe: Recipe = setting(Recipe, _RECIPE, label="")  # noqa: RUF009 - makes a field
    model: str = setting("minilm", "minilm or another KerasHub preset, hf://NAME or a folder", check=_model)
    task: str = setting("auto", "what is learnt, by auto inferred from the labels", choices=TASKS, label="")
    batch_size: int = setting(32, "texts a batch, at most 1000000", check=_batches)
    gradient_accumulation: int = setting(1, "batches an optimizer step, at most 1000000", check=_batches)
    max_tokens: int = setting(128, "tokens of a text that the model sees, at least 3, special ones too", check=_tokens)
    long: str = setting("truncate", "what becomes of a text of more tokens; chunk pools its parts", choices=LONG)
    class_weight: str = setting("none", "balanced: rare classes count for as much as others", choices=CLASS_WEIGHTS)
    folds: int = setting(0, "train 2 to 100 models, each without its share of the rows", check=_folds, label="")
    precision: str = setting("auto", "Keras's dtype policy, by auto the fastest measured", choices=PRECISIONS, label="")
    backend: str = setting(
        "auto", "Keras's, by auto KERAS_BACKEND or the fastest; measure: measured again", choices=BACKENDS, label=""
    )
    valid_share: float = setting(
        0.1, "share of the training rows held out, where no validation rows are given", check=_share
    )
    best_by: str = setting("loss", "validation score that chooses the best epoch", choices=BEST_BY, metavar="METRIC")
    positive: str | None = setting(None, "the label that f1 is of, with two classes", metavar="LABEL")
    seed: int = setting(0, "fixes the split, the order of the batches, the new layers and dropout", check=_seed)

    def __post_init__(self) -> None:
        make_plain(self)
        check_settings(self)

    def check_length(self, most: int) -> None:
        """Raise unless the model, which takes `most` tokens, can see `max_tokens`.

        Raises:
            SettingError: It cannot.
        """
        if self.max_tokens > most:
            raise SettingError("max_tokens", f"at most {most}, the most that {self.model} takes", self.max_tokens)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON's types, the recipe's under "recipe"."""
        return {**asdict(self), "recipe": self.recipe.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Settings":
        """Return the settings that `to_dict` wrote, in this version or an earlier one.

        A setting that is missing means what was done before there was one. Keys that are no settings are left out.

        Raises:
            InputError: The values are no settings of a run.
        """
        if not isinstance(values, Mapping):
            raise InputError("it is no JSON object")
        if "recipe" not in values:
            raise InputError("'recipe' is missing")
        own = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return replace(as_before(cls), **{**own, "recipe": Recipe.from_dict(values["recipe"])})


def with_missing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contents of a recipe.json, and the settings that the version which wrote it did not have.

    Their values say what was done before there were such settings.
    """
    earlier = as_before(Settings).to_dict()
    return {**earlier, **values, "recipe": {**as_before(Recipe).to_dict(), **values["recipe"]}}
