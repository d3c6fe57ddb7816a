"""What the JSON files of a run must hold for a report, by the task: they may be damaged, or another version's."""

from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.report.read.schema_check import AnyOf, Number, Shape, fault
from slanted.text.settings import FEWEST_FOLDS, MOST_FOLDS

ANY, NUMBER, COUNT, SOME = Number(), Number(0), Number(0, whole=True), Number(1, whole=True)
TASKS = {"single", "multilabel", "regression"}
SCORED = {"valid", "test", None}
FOLDS = Number(FEWEST_FOLDS, MOST_FOLDS, whole=True)
STRINGS = [str, 1]
MAYBE = AnyOf(str, type(None))

LABELS = {"labels": [AnyOf(str, ANY), 1]}
RECIPE = {
    "model": object,
    "max_tokens": object,
    "batch_size": object,
    "seed": object,
    "peak_rate?": ANY,
    "recipe": {"name": object, "source": object, "curve": str, "truncate": str},
    "files?": AnyOf(
        type(None),
        {
            "train": AnyOf(str, STRINGS),
            "label?": AnyOf(type(None), [str, 0]),
            **{f"{name}?": MAYBE for name in ("valid", "test", "text", "text_b", "encoding", "label_separator")},
            "bad_rows?": MAYBE,
        },
    ),
}
_NAMES = ("macro_f1", "micro_f1", "f1", "matthews", "loss", "ece", "spearman", "pearson", "mae", "rmse", "r2")
SCORES = {
    "accuracy?": Number(0, 1),
    **{f"{name}?": ANY for name in _NAMES},
    "per_class?": {str: {"precision": ANY, "recall": ANY, "f1": ANY, "support": COUNT}},
    "per_target?": {str: {str: ANY}},
}
METRICS = {
    "task": TASKS,
    "epochs": COUNT,
    "kept_epoch?": COUNT,
    **dict.fromkeys(("total_steps", "train_seconds", "examples_per_second"), NUMBER),
    **dict.fromkeys(("backend", "precision"), object),
    "train_test_duplicates?": COUNT,
}
TEXT = {"pieces": [(str, ANY), 0], "goes_on": bool}
MISTAKES = {
    "single": {"predicted": object, "true": object, "confidence": ANY},
    "multilabel": {"label": object, "predicted": bool, "true": bool, "confidence": ANY},
    "regression": {"target": object, "predicted": ANY, "true": ANY},
}
DOUBTS = {
    "single": {"given": object, "suggested": object, "probability": ANY},
    "multilabel": {"label": object, "given": {"with", "without"}, "probability": ANY},
    "regression": {"target": object, "given": ANY, "suggested": ANY},
}
CALIBRATION = {"calibration": [{"confidence": ANY, "share": ANY, "rows": COUNT}, 0]}
OUTCOME = dict.fromkeys(("found", "missed", "wrong"), COUNT)


SUSPECTS = {"rows": COUNT, "found": COUNT}
FOUND = {"place": str, "text": str, "text_b?": str}
DATA = {
    "texts_per_second": NUMBER,
    "groups": [{"name": str, "multiplier": Number(0, 1e6)}, 1],
    "stages": [(NUMBER, [str, 0]), 1],
    "epochs": [{"epoch": object, "train_loss?": AnyOf(ANY, type(None)), "valid?": {str: ANY}}, 1],
    "lengths": {
        "bins": [(COUNT,) * 4, 0],
        "of": {"texts", "chunks"},
        "mean": ANY,
        "truncated": ANY,
        "estimated_on?": AnyOf(COUNT, type(None)),
    },
    "cost": {
        **dict.fromkeys(("parameters", "tokens_an_epoch", "padding"), ANY),
        "peak_memory": AnyOf(ANY, type(None)),
    },
    "versions": {"slanted": object},
}


def check(path: Path, held: Any, shape: Shape) -> None:
    """Raise unless what a file holds has the shape that a report needs.

    Raises:
        InputError: It has not; the text names the place.
    """
    found = fault(held, shape)
    if found is not None:
        what = f"usable {found!r}" if found else "object"
        raise InputError(f"{path}: holds no {what}; restore the file or train again")


def scores_of(task: str, scored: str | None) -> Shape:
    """Return the shape of metrics.json's scores.

    Args:
        task: Of the run.
        scored: "valid" or "test", whichever the report shows; None: neither.
    """
    return {} if scored is None else {scored: _own(task), "baselines": {"tfidf": SCORES, "majority": SCORES}}


def _own(task: str) -> Shape:
    return SCORES | ({"accuracy": Number(0, 1)} if task == "single" else {})


def scores_of_folds(task: str, folds: int, tested: bool) -> Shape:
    """Return the shape of the scores in the metrics.json of a cross-validation.

    Args:
        task: Of its runs.
        folds: How many there are.
        tested: Whether there are test rows.
    """
    fold = {**_own(task), "kept_epoch": COUNT}
    own = {"folds": (fold,) * folds, "mean": SCORES, "deviation": SCORES, "out_of_fold": _own(task)}
    return {**own, **scores_of(task, "test" if tested else None)}


def data_of(task: str, scored: str | None, outputs: int) -> Shape:
    """Return the shape of report.json.

    Args:
        task: Of the run.
        scored: "valid" or "test", whichever the report shows; None: neither.
        outputs: How many classes, labels or targets there are.
    """
    shape = {
        **DATA,
        "rows": {"train": COUNT, "valid?": COUNT, "test?": COUNT},
        "suspects": {"held_out": AnyOf(type(None), _suspects(task)), "train": _suspects(task)},
    }
    if scored is None:
        shape["quality?"] = {str: set()}  # of no keys
    else:
        shape["rows"] = {**shape["rows"], scored: SOME}
        shape |= {"mistakes": _mistakes(task), "quality": _quality(task, outputs)}
    return shape


def data_of_folds(task: str, outputs: int, tested: bool) -> Shape:
    """Return the shape of the report.json of a cross-validation.

    Args:
        task: Of its runs.
        outputs: How many classes, labels or targets there are.
        tested: Whether there are test rows.
    """
    return {
        "rows": {"train": SOME, **({"test": SOME} if tested else {})},
        "suspects": {"held_out": _suspects(task)},
        "mistakes": _mistakes(task),
        "quality": _quality(task, outputs),
    }


def _suspects(task: str) -> Shape:
    return {**SUSPECTS, "listed": [{**FOUND, **DOUBTS[task]}, 0]}


def _mistakes(task: str) -> Shape:
    return [{"place": str, "text": TEXT, "text_b?": TEXT, **MISTAKES[task]}, 0]


def _quality(task: str, outputs: int) -> Shape:
    if task == "regression":
        return {"scatter": [[(ANY, ANY), 0], 1]}
    if task == "multilabel":
        return {"outcomes": (OUTCOME,) * outputs, **CALIBRATION}
    label = Number(0, outputs - 1, whole=True)
    return {"confusion": [(label, label, COUNT), 0], **CALIBRATION}
