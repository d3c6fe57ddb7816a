"""Text classifiers and regressors with scikit-learn's manners."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from slanted.errors import missing_extra
from slanted.text.estimator_base import TextEstimator

try:
    from sklearn.base import ClassifierMixin, RegressorMixin
except ImportError:
    raise missing_extra("text", "A text classifier") from None

__all__ = ["TextClassifier", "TextRegressor"]


class TextClassifier(ClassifierMixin, TextEstimator):
    """Fine-tunes a pretrained encoder to sort texts into classes, or to give them several labels.

    Args:
        model: "minilm", a KerasHub preset, "hf://NAME" or a folder.
        recipe: A recipe's name, a `slanted.Recipe`, or the path of a run's recipe.json.
        lr: The peak learning rate; None: the recipe's, else by the size of the model.
        epochs: Passes over the training rows; None: the recipe's.
        batch_size: Texts a batch.
        gradient_accumulation: Batches an optimizer step.
        max_tokens: The most tokens of a text that the model sees.
        truncate: "head", "tail" or "head+tail"; None: the recipe's.
        long: "truncate", or "chunk": a longer text is cut into chunks of `max_tokens`, whose outputs are pooled.
        class_weight: "balanced": a rare class counts for as much as a frequent one in training. Classifiers only.
        precision: Keras's dtype policy, or "auto": measured once a machine.
        valid_share: The share of the rows held out to choose the epoch; 0 trains on all and keeps the last.
        best_by: The validation score that chooses the epoch.
        positive: The label that `f1` is of, with two classes.
        folds: Train so many models, each without its share of the rows, and predict the mean of all; 0: one model.
        seed: Of the split, the order of the batches, the new layers and dropout.
        verbose: Print progress.

    Attributes:
        classes_: The classes, sorted; for several labels their names.
        thresholds_: For several labels: the probability from which on each is predicted, chosen on the validation rows;
            0.5 without such.
        model_: The fitted `slanted.text.models.text_model.TextModel`.
        pairs_: Whether `fit` was given pairs of texts; None where the folder that was loaded does not say.
        history_: Every step's loss and rate, every epoch's validation scores; with `folds` a list, one a fold.
        out_of_fold_: With `folds`: what `predict_proba`, of a regressor `predict`, gives for each row of `fit`, by the
            one model that has not seen it.

    Example, for a list of texts and one of their labels:

        classifier = slanted.TextClassifier(epochs=3).fit(texts, labels)
        classifier.predict(["Where is my parcel?"])
    """

    def _adopt(self, model: Any) -> None:
        super()._adopt(model)
        self.classes_ = np.asarray(model.target.labels)
        if model.target.kind == "multilabel":
            self.thresholds_ = np.broadcast_to(model.cuts, len(self.classes_))

    def predict(self, texts: Any) -> np.ndarray:
        """Return the class of each text, in the type given to `fit`; for several labels 0 and 1, (n, labels)."""
        probabilities = self._outputs(texts)
        if self.target_.kind == "multilabel":
            return (probabilities >= self.model_.cuts).astype("int64")
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Return float64 probabilities of shape (n, classes), in the order of `classes_`."""
        return self._outputs(texts)


class TextRegressor(RegressorMixin, TextEstimator):
    """Fine-tunes a pretrained encoder to give each text one or several numbers.

    Arguments and attributes are those of `TextClassifier`; labels are numbers, (n,) or (n, targets), scaled inside.
    """

    _task = "regression"

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Return float64 numbers, (n,) or (n, targets), in the units given to `fit`."""
        return self._as_given(self._outputs(texts))

    def _as_given(self, predicted: np.ndarray) -> np.ndarray:
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted
