"""The validation rows of a run: those that select the epoch, and those that calibrate the model.

Rows that select the epoch of the smallest loss are no longer quite new to the model. With 200 validation rows or more
one half of them selects, and the other calibrates; fewer do both.
"""

import numpy as np

from slanted.text.batching.model_inputs import ValidationRows
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import stratified_rows
from slanted.text.labels.targets import Target
from slanted.text.models.text_model import TextModel
from slanted.text.pretrained.encoder import Encoder
from slanted.text.scoring.calibration import FROM_HALF, FROM_VALID, LEAST_ROWS, LEAST_TO_HALVE, Calibration
from slanted.text.settings import Settings


class Validation:
    """The validation rows of a run, tokenised.

    Args:
        encoder: The encoder, whose tokenizer is used.
        target: The target to learn.
        valid: The validation rows.
        settings: The settings of the run.

    Attributes:
        selecting: The rows that select the epoch.
        calibrates: Whether the model is calibrated on validation rows.
    """

    def __init__(self, encoder: Encoder, target: Target, valid: Examples, settings: Settings) -> None:
        self._target = target
        self.calibrates = settings.calibrate != "none" and target.kind != "regression" and len(valid) >= LEAST_ROWS
        self._is_halved = self.calibrates and len(valid) >= LEAST_TO_HALVE
        parts = _halves(target, valid, settings.seed) if self._is_halved else [valid]
        self._parts = [ValidationRows(encoder, part, settings) for part in parts]
        self.selecting = self._parts[0]

    def finish(self, model: TextModel) -> None:
        """Calibrate the trained model; in multi-label classification, choose its thresholds on all rows."""
        if self.calibrates:
            rows, source = self._parts[-1], FROM_HALF if self._is_halved else FROM_VALID
            found = Calibration.fitted(self._target.kind, model.probabilities(rows), rows.y, source)
            if found is not None:
                model.calibrate(found)
        if self._target.kind == "multilabel":
            model.choose_thresholds(*self._parts)


def _halves(target: Target, valid: Examples, seed: int) -> list[Examples]:
    """Return two halves of the rows; both have half of every class, in single-label classification."""
    random = np.random.default_rng(seed)
    classes = valid.y if target.kind == "single" else np.zeros(len(valid), np.int64)
    first = stratified_rows(classes, 0.5, random)
    return [valid.take(first), valid.take(np.setdiff1d(np.arange(len(valid)), first))]
