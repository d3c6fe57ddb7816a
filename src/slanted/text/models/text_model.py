"""A fine-tuned text model: predict, score, save to a folder, load from a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slanted.acceleration import fast_bert
from slanted.common.messages import listed
from slanted.errors import InputError
from slanted.text.batching.model_inputs import ValidationRows, outputs_of_examples
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.models.predictor import Predictor
from slanted.text.pretrained.classifier_network import load_classifier, plain_model, save_classifier
from slanted.text.pretrained.encoder import Encoder
from slanted.text.runs import run_folder
from slanted.text.runs.artefacts import check_sums
from slanted.text.runs.saved_run import read_run, unreplaced
from slanted.text.scoring.calibration import Calibration
from slanted.text.scoring.outputs_and_losses import probabilities_of
from slanted.text.scoring.thresholds import best_thresholds
from slanted.text.settings import Settings


class TextModel(Predictor):
    """A classifier or regressor with its tokenizer, in float32.

    Attributes:
        encoder: The tokenizer, the limits and the inputs of the backbone.
        classifier: The KerasHub task.
        target: The target that the model predicts: its task, labels and scaling.
        settings: The settings of the training.
        thresholds: The decision threshold of each label in multi-label classification, (labels,); None: 0.5.
        pairs: Whether the model was trained on pairs of texts; None if its folder does not record it.
        calibration: How the model was calibrated, or None.
    """

    def __init__(
        self,
        encoder: Encoder,
        classifier: Any,
        target: Target,
        settings: Settings,
        thresholds: np.ndarray | None = None,
        pairs: bool | None = None,
    ) -> None:
        super().__init__(target, settings, thresholds, pairs)
        self.encoder, self.classifier = encoder, classifier
        fast_bert.apply(classifier)
        self._model = plain_model(classifier)

    def calibrate(self, calibration: Calibration) -> None:
        """Divide the outputs by a temperature, and move the decision thresholds along, so that decisions stay.

        Raises:
            ValueError: The model is calibrated already.
        """
        if self.calibration is not None:
            raise ValueError(f"the model is calibrated already: {self.calibration}")
        calibration.fold_into(self.classifier)
        self.calibration = calibration
        if self.thresholds is not None:
            self.thresholds = calibration.calibrated("multilabel", self.thresholds)

    def choose_thresholds(self, *valid: ValidationRows) -> None:
        """Set the decision thresholds to those with the highest F1 on the validation rows."""
        shares = [self.probabilities(rows) for rows in valid]
        self.thresholds = best_thresholds(np.concatenate([rows.y for rows in valid]), np.concatenate(shares))

    def probabilities(self, rows: ValidationRows) -> np.ndarray:
        """Return float64 probabilities (n, labels) of rows that are tokenised already."""
        return probabilities_of(self.target.kind, rows.outputs(self._model))

    def outputs(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return raw float32 outputs, (n, labels) or (n, targets), in the order of the texts."""
        return outputs_of_examples(self._model, self.encoder, Examples(texts, texts_b), self.settings)

    def predict(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return float64 probabilities (n, labels), or numbers (n, targets), in the order of the texts."""
        return probabilities_of(self.target.kind, self.outputs(texts, texts_b))

    def save(self, folder: Path, more: dict[str, Any] | None = None, weights: bool = True) -> None:
        """Write model/, tokenizer.json, labels.json and recipe.json to an existing folder.

        Args:
            folder: The folder.
            more: Additional entries of recipe.json.
            weights: Whether model/ and tokenizer.json are written.
        """
        if weights:
            save_classifier(self.classifier, self.encoder, folder / run_folder.MODEL, self.settings.max_tokens)
            self.encoder.tokenizer.save(folder)
        self.write_labels(folder)
        self.write_recipe(folder, more)

    @classmethod
    def load(cls, folder: Path) -> "TextModel":
        """Return the model from a folder that `save` wrote.

        Raises:
            InputError: A file is missing or corrupt.
        """
        return unreplaced(folder, cls._load)

    @classmethod
    def _load(cls, folder: Path) -> "TextModel":
        run = read_run(folder)
        check_sums(folder, run.sums, run_folder.MODEL)
        encoder, classifier = load_classifier(folder, len(run.target.labels), pooling=run.settings.pooling)
        if classifier.num_classes != len(run.target.labels):
            mismatch = f"{classifier.num_classes} outputs, but {run_folder.LABELS} names {listed(run.target.labels)}"
            raise InputError(f"{folder}: the model has {mismatch}; restore both from one run")
        model = cls(encoder, classifier, run.target, run.settings, run.thresholds, run.pairs)
        model.calibration = run.calibration
        return model
