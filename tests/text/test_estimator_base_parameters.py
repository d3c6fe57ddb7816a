"""The parameters of TextClassifier and TextRegressor are made of the settings, and are scikit-learn's to read."""

import inspect
import pickle
import pydoc

import pytest
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from slanted import Recipe, TextClassifier, TextRegressor
from slanted.common.setting_fields import setting_fields
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

BY_KEYWORD = {
    "lr": None, "epochs": None, "truncate": None, "batch_size": "auto", "gradient_accumulation": 1,
    "max_tokens": 128, "long": "truncate", "pooling": "auto", "class_weight": None, "calibrate": "auto", "folds": 0,
    "precision": "auto", "valid_share": "auto", "max_minutes": 10.0, "average": 0.0, "best_by": "loss",
    "positive": None, "seed": 0, "verbose": False,
}  # fmt: skip
ESTIMATORS = pytest.mark.parametrize("estimator", [TextClassifier, TextRegressor])


@ESTIMATORS
def test_every_parameter_stands_in_the_signature(estimator):
    parameters = inspect.signature(estimator).parameters.values()
    kinds = {p.name: p.kind for p in parameters}
    assert [name for name in kinds if kinds[name] is inspect.Parameter.POSITIONAL_OR_KEYWORD] == ["model", "recipe"]
    assert {p.name: p.default for p in parameters} == {"model": "minilm", "recipe": "stlr", **BY_KEYWORD}
    assert {p.name: p.annotation for p in parameters}["class_weight"] == str | None
    # The estimator's class is the task's, and Keras runs on its backend, with its threads, already.
    assert {f.name for f in setting_fields(Settings)} - {"task", "backend", "threads"} <= set(kinds)


@ESTIMATORS
def test_help_describes_every_parameter(estimator):
    shown = pydoc.render_doc(estimator, renderer=pydoc.plaintext)
    not_described = {"class_weight", "positive"} if estimator is TextRegressor else set()
    described = {name for name in ("model", "recipe", *BY_KEYWORD) if f"\n |      {name}: " in shown}
    assert described == {"model", "recipe", *BY_KEYWORD} - not_described


@ESTIMATORS
def test_parameters_are_stored_as_they_are_given(estimator):
    recipe = Recipe(epochs=2)
    made = estimator("m", recipe, batch_size=7, positive=True)
    assert made.recipe is recipe and made.positive is True
    assert made.get_params() == {**BY_KEYWORD, "model": "m", "recipe": recipe, "batch_size": 7, "positive": True}
    assert clone(made).get_params() == made.get_params() and clone(made).recipe == recipe
    assert pickle.loads(pickle.dumps(made)).get_params() == made.get_params()
    assert made != estimator(**made.get_params()) and len({made, clone(made)}) == 2
    assert repr(estimator(lr=0.5)) == f"{estimator.__name__}(lr=0.5)"


def test_parameters_of_a_grid_are_set():
    changed = [TextClassifier().set_params(**point) for point in ParameterGrid({"epochs": [1, 2], "long": ["chunk"]})]
    assert [(one.epochs, one.long, one.seed) for one in changed] == [(1, "chunk", 0), (2, "chunk", 0)]
    with pytest.raises(ValueError, match="Invalid parameter 'speed'"):
        TextClassifier().set_params(speed=2)
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        TextClassifier(speed=2)


def test_a_subclass_may_have_parameters_of_its_own():
    class Mine(TextClassifier):
        def __init__(self, seed=5):
            super().__init__(seed=seed)

    assert Mine().get_params() == {"seed": 5} and Mine().batch_size == "auto"
