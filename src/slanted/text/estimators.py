"""TextClassifier and TextRegressor: fine-tuning as scikit-learn estimators."""

from functools import partial
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
    """Text classifier: fine-tunes a pretrained encoder, for one class per text or for several labels per text.

    A scikit-learn classifier: `clone`, pipelines, `GridSearchCV` and `cross_val_score` work with it. Settings are
    checked by `fit`.

    Attributes:
        classes_: The classes, sorted; in multi-label classification the names of the labels. Shape (classes,).
        thresholds_: Multi-label classification only: the decision threshold of each label, float64 (labels,), chosen on
            the validation rows; 0.5 without validation rows.
        model_: The fitted `slanted.text.models.text_model.TextModel`; with `folds` an ensemble of them.
        pairs_: Whether the model was fitted on pairs of texts; None if a loaded folder does not record it.
        history_: `steps`, a list of (step from 0, epoch from 1, loss, learning rate), and `epochs`, a list of the
            validation scores of each epoch; with `folds` a list of such histories, one per fold.
        out_of_fold_: With `folds` only: the probabilities of each row of `fit`, predicted by the one model that was not
            trained on it, float64 (n, classes).

    Example:
        >>> import slanted
        >>> classifier = slanted.TextClassifier(epochs=3, batch_size=16)
        >>> classifier
        TextClassifier(batch_size=16, epochs=3)
        >>> texts = ["Where is my parcel?", "I was charged twice.", "Is it on its way?", "I want my money back."] * 10
        >>> labels = ["shipping", "billing", "shipping", "billing"] * 10
        >>> classifier.fit(texts, labels).predict(["When will it arrive?"])  # doctest: +SKIP
        array(['shipping'], dtype='<U8')
    """

    def _adopt(self, model: Any) -> None:
        super()._adopt(model)
        self.classes_ = np.asarray(model.target.labels)
        if model.target.kind == "multilabel":
            self.thresholds_ = np.broadcast_to(model.decision_thresholds, len(self.classes_))

    def predict(self, texts: Any) -> np.ndarray:
        """Predict the class of each text.

        Args:
            texts: n texts, or n pairs of texts, as for `fit`.

        Returns:
            The classes, (n,), in the type of the labels of `fit`; in multi-label classification int64 (n, labels) of 0
            and 1, by `thresholds_`.

        Raises:
            InputError: A text is not a string, or single texts and pairs are mixed up.
            NotFittedError: `fit` was not called.
        """
        probabilities = self._outputs(texts)
        if self.target_.kind == "multilabel":
            return (probabilities >= self.model_.decision_thresholds).astype("int64")
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, texts: Any) -> np.ndarray:
        """Predict the probability of each class, or of each label in multi-label classification.

        Args:
            texts: n texts, or n pairs of texts, as for `fit`.

        Returns:
            The probabilities, float64 (n, classes), in the order of `classes_`. The probabilities of classes sum to 1;
            those of several labels are independent.

        Raises:
            InputError: A text is not a string, or single texts and pairs are mixed up.
            NotFittedError: `fit` was not called.
        """
        return self._outputs(texts)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy; in multi-label classification the share of texts whose labels are all correct.

        Args:
            X: n texts, or n pairs of texts, as for `fit`.
            y: Their true labels, as for `fit`.
            sample_weight: The weight of each text, (n,); None: all are equal.

        Returns:
            The accuracy, in [0, 1].

        Raises:
            InputError: A text is not a string, or single texts and pairs are mixed up.
            NotFittedError: `fit` was not called.
        """
        return super().score(X, y, sample_weight)


@partial(documented, without=("class_weight", "positive"))
class TextRegressor(RegressorMixin, TextEstimator):
    """Text regressor: fine-tunes a pretrained encoder to predict one number or several numbers for each text.

    A scikit-learn regressor: `clone`, pipelines, `GridSearchCV` and `cross_val_score` work with it. Settings are
    checked by `fit`, which standardises the targets; predictions are in the units of the targets.

    Attributes:
        model_: The fitted `slanted.text.models.text_model.TextModel`; with `folds` an ensemble of them.
        pairs_: Whether the model was fitted on pairs of texts; None if a loaded folder does not record it.
        history_: `steps`, a list of (step from 0, epoch from 1, loss, learning rate), and `epochs`, a list of the
            validation scores of each epoch; with `folds` a list of such histories, one per fold.
        out_of_fold_: With `folds` only: the predictions of each row of `fit` by the one model that was not trained on
            it, float64 (n,) or (n, targets).

    Example:
        >>> import slanted
        >>> regressor = slanted.TextRegressor(epochs=3, best_by="spearman")
        >>> regressor
        TextRegressor(best_by='spearman', epochs=3)
        >>> texts, stars = ["Wonderful.", "Good.", "So-so.", "Bad."] * 10, [5.0, 4.0, 3.0, 1.0] * 10
        >>> regressor.fit(texts, stars).predict(["Very good."])  # doctest: +SKIP
        array([4.3])
    """

    _task = "regression"

    def predict(self, texts: Any) -> np.ndarray:
        """Predict the number or the numbers of each text.

        Args:
            texts: n texts, or n pairs of texts, as for `fit`.

        Returns:
            The numbers, float64 (n,) or (n, targets), in the units of the targets of `fit`.

        Raises:
            InputError: A text is not a string, or single texts and pairs are mixed up.
            NotFittedError: `fit` was not called.
        """
        return self._in_shape_of_labels(self._outputs(texts))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the coefficient of determination R²; of several targets the mean of theirs.

        Args:
            X: n texts, or n pairs of texts, as for `fit`.
            y: Their true numbers, (n,) or (n, targets).
            sample_weight: The weight of each text, (n,); None: all are equal.

        Returns:
            R², at most 1.

        Raises:
            InputError: A text is not a string, or single texts and pairs are mixed up.
            NotFittedError: `fit` was not called.
        """
        return super().score(X, y, sample_weight)

    def _in_shape_of_labels(self, predicted: np.ndarray) -> np.ndarray:
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted
