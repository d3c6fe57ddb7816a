"""The models of a cross-validation as one: the mean of their probabilities, or of their numbers."""

import shutil
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from slanted.common.atomic_files import refuse_links
from slanted.runtime.memory import release
from slanted.text.labels.examples import Part
from slanted.text.labels.splits import Fold
from slanted.text.models.predictor import Predictor
from slanted.text.models.text_model import TextModel
from slanted.text.runs import run_folder
from slanted.text.runs.saved_run import SavedRun, read_run
from slanted.text.scoring.thresholds import mean_thresholds
from slanted.text.settings import Settings


class FoldedModel(Predictor):
    """Averages the models of all folds. With several labels the thresholds are the means of the folds' own."""

    @abstractmethod
    def models(self) -> Iterator[TextModel]:
        """Yield the model of each fold, in order."""

    def predict(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return the mean over the folds of probabilities (n, labels), or of numbers (n, targets), float64."""
        return np.mean([model.predict(texts, texts_b) for model in self.models()], axis=0)

    def predict_held(self, train: Part, folds: Sequence[Fold]) -> tuple[np.ndarray, np.ndarray]:
        """Predict each training row by the one model that has not seen it.

        Args:
            train: All n training rows.
            folds: Which of them each model has seen.

        Returns:
            Probabilities (n, labels) or numbers (n, targets), float64; and the thresholds of each row's model, of the
            same shape.
        """
        predicted = np.zeros((len(train), len(self.target.labels)))
        cuts = np.zeros_like(predicted)
        for fold, model in zip(folds, self.models(), strict=True):
            held = train.take(fold.held)
            predicted[fold.held], cuts[fold.held] = model.predict(held.texts, held.texts_b), model.cuts
        return predicted, cuts

    def save(self, folder: Path) -> None:
        """Write the folds' folders, labels.json and recipe.json to a folder that exists."""
        self._save_models(folder)
        self.write_labels(folder)
        self.write_recipe(folder)

    @classmethod
    def load(cls, folder: Path) -> "StoredFolds":
        """Return the models of all folds as one, of a folder that `train` or `save` wrote.

        Raises:
            InputError: A file is missing or corrupt.
        """
        return StoredFolds(read_run(folder))

    @abstractmethod
    def _save_models(self, folder: Path) -> None:
        """Write the folder of each fold's run into `folder`."""


class StoredFolds(FoldedModel):
    """The folds of a folder, loaded one at a time: memory holds one model, however many there are.

    Attributes:
        folders: The run folder of each fold.
    """

    needs_files = True

    def __init__(self, run: SavedRun) -> None:
        """Take a run of several folds, as `read_run` gives it."""
        super().__init__(run.target, run.settings, run.thresholds, run.pairs)
        self.folders = run.folds

    def models(self) -> Iterator[TextModel]:
        """Yield the model of each fold, in order; it can be used until the next is asked for."""
        for folder in self.folders:
            model = TextModel.load(folder)
            yield model
            release(model.classifier.variables)

    def _save_models(self, folder: Path) -> None:
        for place in self.folders:
            refuse_links(place)
            shutil.copytree(place, folder / place.name)


class FittedFolds(FoldedModel):
    """The folds that were just trained, all in memory.

    Args:
        fitted: Their models, in order.
        settings: Of the whole.
    """

    def __init__(self, fitted: Sequence[TextModel], settings: Settings) -> None:
        thresholds = mean_thresholds([model.thresholds for model in fitted])
        super().__init__(fitted[0].target, settings, thresholds, fitted[0].pairs)
        self._fitted = tuple(fitted)

    def models(self) -> Iterator[TextModel]:
        """Yield the model of each fold, in order."""
        return iter(self._fitted)

    def _save_models(self, folder: Path) -> None:
        for number, model in enumerate(self._fitted):
            place = folder / run_folder.fold_name(number)
            place.mkdir()
            model.save(place)


def load_model(folder: Path) -> Predictor:
    """Return the model, or the models of all folds as one, of a folder that `train` or `save` wrote.

    Raises:
        InputError: A file is missing or corrupt.
    """
    run = read_run(folder)
    return StoredFolds(run) if run.folds else TextModel.load(folder)
