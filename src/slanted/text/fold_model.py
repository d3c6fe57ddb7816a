"""The models of a cross-validation as one: the mean of their probabilities, or of their numbers."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from slanted.text import artefacts
from slanted.text.model import TextModel
from slanted.text.predictions import Predictor
from slanted.text.saved import SavedRun, read_run


class FoldedModel(Predictor):
    """Averages the models of all folds, which are loaded one at a time: memory holds one, however many there are.

    With several labels the thresholds are the means of the folds' own.

    Attributes:
        folders: The run folder of each fold.
    """

    def __init__(self, run: SavedRun) -> None:
        """Take a run of several folds, as `read_run` gives it."""
        super().__init__(run.target, run.settings, run.thresholds)
        self.folders = run.folds

    def models(self) -> Iterator[TextModel]:
        """Yield the model of each fold, in order."""
        return map(TextModel.load, self.folders)

    def predict(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return the mean over the folds of probabilities (n, labels), or of numbers (n, targets), float64."""
        return np.mean([model.predict(texts, texts_b) for model in self.models()], axis=0)

    def save(self, folder: Path) -> None:
        """Write the folds' folders, labels.json and recipe.json to a folder that exists."""
        for place in self.folders:
            shutil.copytree(place, folder / place.name)
        self.write_labels(folder)
        artefacts.write_json(folder / artefacts.RECIPE, self.settings.to_dict())


def load_model(folder: Path) -> Predictor:
    """Return the model, or the models of all folds as one, of a folder that `train` or `save` wrote.

    Raises:
        InputError: A file is missing or corrupt.
    """
    run = read_run(folder)
    return FoldedModel(run) if run.folds else TextModel.load(folder)
