"""The estimators among scikit-learn's tools: its own checks, cross-validation, pipelines, pandas and Polars."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import tiny
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

from slanted import TextClassifier, TextRegressor
from slanted.errors import InputError
from slanted.recipe.named import recipe_named
from slanted.text.labels.targets import infer_target
from slanted.text.rows.python_texts import as_texts

# A random head: scikit-learn asks for the same predictions to 1e-7, which float32 gives to small numbers alone.
RECIPE = recipe_named("stlr").with_settings(head_start="random")
SETTINGS = {"recipe": RECIPE, "lr": 0.01, "epochs": 1, "max_tokens": 24, "precision": "float32", "valid_share": 0.0}
TEXTS, LABELS = tiny.examples(24, ("no", "yes"))


def worded(rows):
    """Return rows of numbers as texts, and all else as it is."""
    array = np.asarray(rows)
    if array.ndim != 2 or not array.size:
        return rows
    return [" ".join(f"{value:.1f}" for value in row) for row in array.astype(float).tolist()]


class Worded:
    """Has an estimator of texts take the rows of numbers that scikit-learn's checks give it."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()  # pyright: ignore
        tags.input_tags.two_d_array, tags.input_tags.one_d_array = True, False
        for own in (tags.classifier_tags, tags.regressor_tags):
            if own is not None:
                own.poor_score = True  # a tiny model of random weights, trained for one epoch
        return tags

    def fit(self, X, y, sample_weight=None):
        return super().fit(worded(X), y, sample_weight)  # pyright: ignore

    def predict(self, X):
        return super().predict(worded(X))  # pyright: ignore


class WordedClassifier(Worded, TextClassifier):
    def predict_proba(self, X):
        return super().predict_proba(worded(X))


class WordedRegressor(Worded, TextRegressor):
    pass


FEATURES = "texts have no features that could be counted or differ in number"
NOT_FOR_TEXTS = {
    "check_n_features_in_after_fitting": FEATURES,
    "check_n_features_in": FEATURES,
    "check_estimators_empty_data_messages": FEATURES,
    "check_classifiers_train": "all of it passes but its end: predicting rows of more features; " + FEATURES,
    "check_fit2d_predict1d": "texts are given in one dimension",
    "check_fit2d_1sample": "one row is refused, for its one label: the message has not scikit-learn's words",
    "check_estimators_nan_inf": "a text holds no NaN: the adapter writes it as the word nan",
    "check_complex_data": "complex labels are refused, in other words than scikit-learn's",
    "check_supervised_y_2d": "labels of shape (n, 1) are taken as those of shape (n,), without a warning",
    "check_class_weight_classifiers": "class_weight is None or 'balanced', not a dictionary",
    "check_array_api_input": "texts are no arrays of numbers on a device",
    "check_sample_weight_equivalence_on_dense_data": "rows of weight 0 change which others share a batch",
}
CHECKS = [
    (estimator, check)
    for made in (WordedClassifier(**SETTINGS), WordedRegressor(**SETTINGS))
    for estimator, check in estimator_checks_generator(made)
]


def name_of(check):
    return check.func.__name__


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(
    ("estimator", "check"),
    [(estimator, check) for estimator, check in CHECKS if name_of(check) not in NOT_FOR_TEXTS],
    ids=lambda value: name_of(value) if hasattr(value, "func") else type(value).__name__,
)
def test_scikit_learn_s_own_checks(estimator, check, tiny_model):
    check(clone(estimator).set_params(model=tiny_model))


@pytest.mark.slow
@pytest.mark.once
def test_checks_are_left_out_only_where_they_fail(tiny_model):
    left = {name_of(check): (estimator, check) for estimator, check in reversed(CHECKS)}
    assert left.keys() >= NOT_FOR_TEXTS.keys()
    for name in NOT_FOR_TEXTS:
        estimator, check = left[name]
        with pytest.raises(BaseException), warnings.catch_warnings():  # noqa: B017
            check(clone(estimator).set_params(model=tiny_model))


@pytest.mark.once
@pytest.mark.parametrize("estimator", [TextClassifier, TextRegressor])
def test_tags_say_that_it_takes_texts(estimator):
    tags = get_tags(estimator())
    assert tags.input_tags.string and tags.input_tags.one_d_array and not tags.input_tags.two_d_array
    assert tags.target_tags.required
    with pytest.warns(match="Can't test estimator"):
        check_estimator(estimator())


@pytest.mark.once
def test_numbers_are_refused_whole(tiny_model):
    from scipy.sparse import csr_matrix

    with pytest.raises(InputError, match="texts must be strings, not a sparse matrix of numbers; give the texts"):
        TextClassifier(tiny_model, **SETTINGS).fit(csr_matrix(np.ones((4, 2))), [0, 1, 0, 1])
    with pytest.raises(InputError, match="TextRegressor requires y to be passed, but the target y is None"):
        TextRegressor(tiny_model, **SETTINGS).fit(TEXTS, None)


SLOW = pytest.mark.slow
KINDS = {
    "lists": (list, list),
    "arrays": (np.array, np.array),
    "pandas": (lambda texts: pd.Series(texts, index=range(100, 124)), pd.Series),
    "pandas, categories": (pd.Series, lambda labels: pd.Series(labels, dtype="category")),
    "Polars": (pl.Series, pl.Series),
    "Polars frame": (lambda texts: pl.DataFrame({"text": texts}), lambda labels: pl.Series(labels)),
    "pandas frame": (lambda texts: pd.DataFrame({"text": texts}), pd.Series),
}


@pytest.mark.once
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_holds_texts_and_labels_is_taken_alike(kind):
    of_texts, of_labels = KINDS[kind]
    assert as_texts(of_texts(TEXTS)) == (TEXTS, None)
    target = infer_target(of_labels(LABELS))
    assert target.labels == ("no", "yes")
    np.testing.assert_array_equal(target.encode(of_labels(LABELS)), [0, 1] * 12)


@pytest.mark.once
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_are_pairs_or_several_labels(frame):
    assert as_texts(frame({"a": ["p", "q"], "b": ["r", "s"]})) == (["p", "q"], ["r", "s"])
    several = frame({"sport": [0, 1, 1], "news": [1, 0, 1]})
    target = infer_target(several)
    assert (target.kind, target.names) == ("multilabel", ("sport", "news"))
    np.testing.assert_array_equal(target.encode(several), [[0, 1], [1, 0], [1, 1]])


@pytest.fixture(scope="module")
def by_hand(tiny_model):
    """The accuracy of each of two folds."""
    scores = []
    for train, test in StratifiedKFold(2).split(TEXTS, LABELS):
        texts, labels = np.array(TEXTS), np.array(LABELS)
        classifier = TextClassifier(tiny_model, **SETTINGS).fit(texts[train], labels[train])
        scores.append(np.mean(classifier.predict(texts[test]) == labels[test]))
    return scores


@pytest.mark.parametrize("kind", ["pandas", *(pytest.param(kind, marks=SLOW) for kind in ("lists", "Polars"))])
def test_cross_validation(kind, tiny_model, by_hand):
    of_texts, of_labels = KINDS[kind]
    classifier = TextClassifier(tiny_model, **SETTINGS)
    scores = cross_val_score(classifier, of_texts(TEXTS), of_labels(LABELS), cv=2, error_score="raise")
    np.testing.assert_array_equal(scores, by_hand)


@pytest.mark.slow
def test_a_search_in_a_pipeline(tiny_model):
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = make_pipeline(lower, TextClassifier(tiny_model, **SETTINGS))
    grid = {"textclassifier__lr": [1e-9, 0.01]}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss", error_score="raise").fit(TEXTS, LABELS)
    slow, fast = search.cv_results_["mean_test_score"]
    assert slow == pytest.approx(-np.log(2), abs=0.1) and abs(slow - fast) > 1e-5  # at 1e-9 nothing is learnt
    assert search.best_score_ == max(slow, fast)
    shouted = [text.upper() for text in TEXTS]
    np.testing.assert_array_equal(search.predict_proba(shouted), search.predict_proba(TEXTS))
    assert not hasattr(clone(search.best_estimator_)[-1], "model_")


@pytest.mark.slow
def test_a_regressor_and_pairs_of_texts(tiny_model):
    pairs = pd.DataFrame({"a": TEXTS, "b": TEXTS[::-1]})
    numbers = pd.Series(np.linspace(0.0, 1.0, 24))
    predicted = cross_val_predict(TextRegressor(tiny_model, **SETTINGS), pairs, numbers, cv=2)
    assert predicted.shape == (24,) and np.isfinite(predicted).all()


def test_a_fitted_estimator_is_pickled_as_the_files_it_saves(tiny_model):
    classifier = TextClassifier(tiny_model, class_weight="balanced", **SETTINGS).fit(TEXTS, LABELS)
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    assert again.get_params() == classifier.get_params()
