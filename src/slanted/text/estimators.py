"""Text classifiers and regressors with scikit-learn's manners."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from slanted.common.setting_fields import documented
from slanted.errors import missing_extra
from slanted.text.estimator_base import TextEstimator

try:
    from sklearn.base import ClassifierMixin, RegressorMixin
except ImportError:
    raise missing_extra("text", "A text classifier") from None

__all__ = ["TextClassifier", "TextRegressor"]


@documented
class TextClassifier(ClassifierMixin, TextEstimator):
    """Fine-tunes a pretrained encoder to sort texts into classes, or to give them several labels.

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
            self.thresholds_ = np.broadcast_to(model.decision_thresholds, len(self.classes_))

    def predict(self, texts: Any) -> np.ndarray:
        """Return the class of each text, in the type given to `fit`; for several labels 0 and 1, (n, labels)."""
        probabilities = self._outputs(texts)
        if self.target_.kind == "multilabel":
            return (probabilities >= self.model_.decision_thresholds).astype("int64")
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Return float64 probabilities of shape (n, classes), in the order of `classes_`."""
        return self._outputs(texts)


@documented
class TextRegressor(RegressorMixin, TextEstimator):
    """Fine-tunes a pretrained encoder to give each text one or several numbers.

    Labels are numbers, (n,) or (n, targets), scaled inside. Attributes are those of `TextClassifier`.
    """

    _task = "regression"

    def predict(self, texts: Sequence[str]) -> np.ndarray:
        """Return float64 numbers, (n,) or (n, targets), in the units given to `fit`."""
        return self._as_given(self._outputs(texts))

    def _as_given(self, predicted: np.ndarray) -> np.ndarray:
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted
