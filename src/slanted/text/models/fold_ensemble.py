"""The models of a cross-validation as an ensemble, which predicts the mean of their probabilities or numbers."""

import shutil
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from slanted.common.atomic_files import refuse_links
from slanted.runtime.memory import release
from slanted.text.labels.examples import Examples
from slanted.text.labels.splits import Fold
from slanted.text.models.predictor import Predictor
from slanted.text.models.text_model import TextModel
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import identity
from slanted.text.runs.saved_run import SavedRun, read_run, replaced_meanwhile
from slanted.text.scoring.calibration import FROM_FOLDS, Calibration
from slanted.text.scoring.thresholds import mean_thresholds
from slanted.text.settings import Settings


class FoldEnsemble(Predictor):
    """An ensemble of the models of all folds; its decision thresholds are the means of those of the folds."""

    @abstractmethod
    def models(self) -> Iterator[TextModel]:
        """Yield the model of each fold, in order."""

    def predict(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return the mean over the folds of probabilities (n, labels), or of numbers (n, targets), float64."""
        return self.predict_both(texts, texts_b)[0]

    def predict_both(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the means over the folds of probabilities (n, labels) or numbers (n, targets), float64.

        The second are those without the calibration.
        """
        predicted, before = zip(*(model.predict_both(texts, texts_b) for model in self.models()), strict=True)
        return np.mean(predicted, axis=0), np.mean(before, axis=0)

    def predict_out_of_fold(self, train: Examples, folds: Sequence[Fold]) -> tuple[np.ndarray, np.ndarray]:
        """Predict each training row with the model that was not trained on it.

        Args:
            train: All n training rows.
            folds: The rows of each fold.

        Returns:
            Probabilities (n, labels) or numbers (n, targets), float64; and the decision thresholds of the model of each
            row, of the same shape.
        """
        predicted = np.zeros((len(train), len(self.target.labels)))
        thresholds = np.zeros_like(predicted)
        for fold, model in zip(folds, self.models(), strict=True):
            rows = train.take(fold.test)
            predicted[fold.test] = model.predict(rows.texts, rows.texts_b)
            thresholds[fold.test] = model.decision_thresholds
        return predicted, thresholds

    def fit_calibration(self, train: Examples, folds: Sequence[Fold]) -> Calibration | None:
        """Return the calibration of all models that fits the out-of-fold predictions; None if there is to be none.

        Args:
            train: All n training rows.
            folds: The rows of each fold.
        """
        if self.settings.calibrate == "none" or self.target.kind == "regression":
            return None
        predicted, _ = self.predict_out_of_fold(train, folds)
        return Calibration.fitted(self.target.kind, predicted, train.y, FROM_FOLDS)

    def save(self, folder: Path) -> None:
        """Write the folders of the folds, labels.json and recipe.json to an existing folder."""
        self._save_models(folder)
        self.write_labels(folder)
        self.write_recipe(folder)

    @classmethod
    def load(cls, folder: Path) -> "DiskEnsemble":
        """Return the ensemble from a folder that `train` or `save` wrote.

        Raises:
            InputError: A file is missing or corrupt.
        """
        return DiskEnsemble(read_run(folder))

    @abstractmethod
    def _save_models(self, folder: Path) -> None:
        """Write the run folder of each fold into `folder`."""


class DiskEnsemble(FoldEnsemble):
    """An ensemble whose models are loaded from a folder one at a time, so that one model is in memory at most.

    Attributes:
        folders: The run folder of each fold.
    """

    needs_files = True

    def __init__(self, run: SavedRun) -> None:
        """Create the ensemble of a run with folds, from `read_run`."""
        super().__init__(run.target, run.settings, run.thresholds, run.pairs, run.calibration)
        self.folders = run.folds
        self._identities = [identity(folder) for folder in run.folds]

    def models(self) -> Iterator[TextModel]:
        """Yield the model of each fold, in order; it is released when the next one is loaded."""
        for folder, before in zip(self.folders, self._identities, strict=True):
            model = TextModel.load(folder)
            if identity(folder) != before:
                raise replaced_meanwhile(folder)
            yield model
            release(model.classifier.variables)

    def _save_models(self, folder: Path) -> None:
        for source in self.folders:
            refuse_links(source)
            shutil.copytree(source, folder / source.name)


class MemoryEnsemble(FoldEnsemble):
    """An ensemble of models that were just trained and are all in memory.

    Args:
        fitted: The models of the folds, in order.
        settings: The settings of the cross-validation.
    """

    def __init__(self, fitted: Sequence[TextModel], settings: Settings) -> None:
        thresholds = mean_thresholds([model.thresholds for model in fitted])
        super().__init__(fitted[0].target, settings, thresholds, fitted[0].pairs)
        self._fitted = tuple(fitted)

    def calibrated(self, train: Examples, folds: Sequence[Fold]) -> Self:
        """Calibrate all models with one temperature that fits their out-of-fold predictions, see `fit_calibration`."""
        self.calibration = self.fit_calibration(train, folds)
        if self.calibration is not None:
            for model in self._fitted:
                model.calibrate(self.calibration)
        self.thresholds = mean_thresholds([model.thresholds for model in self._fitted])
        return self

    def models(self) -> Iterator[TextModel]:
        """Yield the model of each fold, in order."""
        return iter(self._fitted)

    def _save_models(self, folder: Path) -> None:
        for number, model in enumerate(self._fitted):
            destination = folder / run_folder.fold_name(number)
            destination.mkdir()
            model.save(destination)


def load_model(folder: Path) -> Predictor:
    """Return the model, or the ensemble of all folds, from a folder that `train` or `save` wrote.

    Raises:
        InputError: A file is missing or corrupt.
    """
    run = read_run(folder)
    return DiskEnsemble(run) if run.folds else TextModel.load(folder)
