"""A fine-tuned text model: predicts, scores, and is saved to and loaded from a folder."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted.errors import InputError
from slanted.text import artefacts, fast
from slanted.text.data import Part
from slanted.text.encoder import Encoder, float32_copy, load_classifier, plain_model, save_classifier
from slanted.text.inference import outputs_of
from slanted.text.saved import read_run
from slanted.text.scores import THRESHOLD, probabilities_of, task_scores
from slanted.text.settings import Settings
from slanted.text.targets import Target
from slanted.text.wording import listed

if TYPE_CHECKING:
    from slanted.text.training import Fitting

PROBABILITY_DECIMALS = 6
NUMBER_DIGITS = 7


class TextModel:
    """A classifier or regressor with its tokenizer, in float32.

    Attributes:
        encoder: The backbone's tokenizer, limits and inputs.
        classifier: The KerasHub task.
        target: What it predicts.
        settings: What it was trained with.
    """

    def __init__(self, encoder: Encoder, classifier: Any, target: Target, settings: Settings) -> None:
        self.encoder, self.classifier, self.target, self.settings = encoder, classifier, target, settings
        fast.apply(classifier)
        self._model = plain_model(classifier)

    @classmethod
    def of(cls, fitting: "Fitting") -> "TextModel":
        """Return the model that a finished fitting has trained."""
        classifier = float32_copy(fitting.classifier, fitting.encoder)
        return cls(fitting.encoder, classifier, fitting.target, fitting.settings)

    def outputs(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return raw float32 outputs, (n, labels) or (n, targets), in the texts' order."""
        settings = self.settings
        tokens = self.encoder.tokenizer.encode(texts, texts_b, settings.max_tokens, settings.recipe.truncate)
        return outputs_of(self._model, self.encoder, tokens)

    def predict(self, texts: Sequence[str], texts_b: Sequence[str] | None) -> np.ndarray:
        """Return float64 probabilities (n, labels), or numbers (n, targets), in the texts' order."""
        return probabilities_of(self.target.kind, self.outputs(texts, texts_b))

    def score(self, part: Part) -> dict[str, Any]:
        """Return metrics.json's scores on some rows."""
        outputs = self.outputs(part.texts, part.texts_b)
        return task_scores(self.target, part.y, outputs, self.settings.positive)

    def write_predictions(self, path: Path, texts: Sequence[str], texts_b: Sequence[str] | None) -> None:
        """Write predictions.csv: the row, the prediction, the probabilities."""
        predicted = self.predict(texts, texts_b)
        artefacts.write_rows(path, self._header(), self._rows(predicted))

    def _header(self) -> list[str]:
        names, kind = self.target.names, self.target.kind
        if kind == "regression":
            return ["row", "prediction"] if len(names) == 1 else ["row", *(f"prediction_{name}" for name in names)]
        first = ["prediction"] if kind == "single" else [f"prediction_{name}" for name in names]
        return ["row", *first, *(f"probability_{name}" for name in names)]

    def _rows(self, predicted: np.ndarray) -> Iterator[list[Any]]:
        for row, values in enumerate(predicted):
            if self.target.kind == "regression":
                yield [row, *(f"{value:.{NUMBER_DIGITS}g}" for value in values)]
                continue
            shown = [f"{value:.{PROBABILITY_DECIMALS}f}" for value in values]
            if self.target.kind == "single":
                yield [row, self.target.labels[int(values.argmax())], *shown]
            else:
                yield [row, *(int(value >= THRESHOLD) for value in values), *shown]

    def save(self, folder: Path, more: dict[str, Any] | None = None) -> None:
        """Write model/, tokenizer.json, labels.json and recipe.json to a folder that exists.

        Args:
            folder: Where to.
            more: Further entries of recipe.json.
        """
        save_classifier(self.classifier, self.encoder, folder / artefacts.MODEL, self.settings.max_tokens)
        self.encoder.tokenizer.save(folder)
        labels = {"task": self.target.kind, "labels": list(self.target.labels)}
        artefacts.write_json(folder / artefacts.LABELS, labels)
        artefacts.write_json(folder / artefacts.RECIPE, {**self.settings.to_dict(), **(more or {})})

    @classmethod
    def load(cls, folder: Path) -> "TextModel":
        """Return the model of a folder that `save` wrote.

        Raises:
            InputError: A file is missing or corrupt.
        """
        run = read_run(folder)
        encoder, classifier = load_classifier(folder)
        if classifier.num_classes != len(run.target.labels):
            found = f"{classifier.num_classes} outputs, but {artefacts.LABELS} names {listed(run.target.labels)}"
            raise InputError(f"{folder}: the model has {found}; restore both from one run")
        return cls(encoder, classifier, run.target, run.settings)
