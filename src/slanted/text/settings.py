"""The settings of a text run beside its recipe: model, batches, data, machine."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from slanted.common.argument_checks import fraction, make_plain, whole
from slanted.common.messages import is_encodable
from slanted.errors import InputError, SettingError
from slanted.recipe.recipe import Recipe

TASKS = ("auto", "single", "multilabel", "regression")
PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
BACKENDS = ("auto", "tensorflow", "jax", "torch", "measure")
LONG = ("truncate", "chunk")
CLASS_WEIGHTS = ("none", "balanced")
BEST_BY = ("loss", "accuracy", "macro_f1", "micro_f1", "f1", "matthews", "roc_auc", "average_precision")
BEST_BY += ("pearson", "spearman", "mae")
LOWER_IS_BETTER = ("loss", "mae")
FEWEST_TOKENS, FEWEST_FOLDS, MOST_FOLDS = 3, 2, 100
MOST_SEED = 2**32 - 1
MOST_OF_A_BATCH = 1_000_000


@dataclass(frozen=True)
class Settings:
    """Everything that, with the training rows, decides a run.

    Args:
        recipe: The rates.
        model: A name that `slanted.text.pretrained.model_files.locate` knows.
        task: "single", "multilabel", "regression", or "auto": inferred from the rows.
        batch_size: Texts a batch, in [1, 1000000].
        gradient_accumulation: Batches an optimizer step, in [1, 1000000].
        max_tokens: The most tokens of a text that the model sees, >= 3; special tokens count.
        long: What becomes of a text of more tokens: "truncate", as the recipe says, or "chunk": it is cut into
            chunks of `max_tokens`, whose outputs are pooled.
        class_weight: "balanced": a rare class counts for as much as a frequent one in training; or "none".
        folds: Of a cross-validation, one model each, in [2, 100]; 0: none.
        precision: Keras's dtype policy: "float32", "mixed_bfloat16", "mixed_float16", or "auto".
        backend: Keras's backend, "auto", or "measure": "auto" after measuring the machine again.
        valid_share: The share of the training rows held out where no validation rows are given, in [0, 1).
        best_by: The validation score by which the kept epoch is chosen.
        positive: The label that `f1` is of, in a task of two classes.
        seed: Fixes the split, the order of the batches, the new layers and dropout; in [0, 2**32).

    Raises:
        SettingError: A setting is out of its range.
    """

    recipe: Recipe = field(default_factory=Recipe)
    model: str = "minilm"
    task: str = "auto"
    batch_size: int = 32
    gradient_accumulation: int = 1
    max_tokens: int = 128
    long: str = "truncate"
    class_weight: str = "none"
    folds: int = 0
    precision: str = "auto"
    backend: str = "auto"
    valid_share: float = 0.1
    best_by: str = "loss"
    positive: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        make_plain(self)
        if not isinstance(self.model, str) or not is_encodable(self.model):
            raise SettingError("model", "a name or a folder, in UTF-8", self.model)
        whole("batch_size", self.batch_size, most=MOST_OF_A_BATCH)
        whole("gradient_accumulation", self.gradient_accumulation, most=MOST_OF_A_BATCH)
        whole("max_tokens", self.max_tokens, least=FEWEST_TOKENS)
        whole("seed", self.seed, least=0, most=MOST_SEED)
        if self.folds != 0 and whole("folds", self.folds, least=FEWEST_FOLDS) > MOST_FOLDS:
            raise SettingError("folds", f"at most {MOST_FOLDS}", self.folds)
        if fraction("valid_share", self.valid_share) == 1.0:
            raise SettingError("valid_share", "below 1", self.valid_share, "0 trains on all rows")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise SettingError(name, f"one of {', '.join(choices)}", getattr(self, name))

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
        """Return the settings that `to_dict` wrote; keys that are no settings are left out.

        Raises:
            InputError: The values are no settings of a run.
        """
        if not isinstance(values, Mapping):
            raise InputError("it is no JSON object")
        if "recipe" not in values:
            raise InputError("'recipe' is missing")
        own = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        return cls(**{**own, "recipe": Recipe.from_dict(values["recipe"])})


_CHOICES = {
    "task": TASKS,
    "precision": PRECISIONS,
    "backend": BACKENDS,
    "best_by": BEST_BY,
    "long": LONG,
    "class_weight": CLASS_WEIGHTS,
}
