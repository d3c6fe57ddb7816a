"""The settings of a text run: their defaults, their ranges, and how recipe.json holds them."""

import json

import numpy as np
import pytest

from slanted.errors import InputError, SettingError
from slanted.recipe.recipe import Recipe
from slanted.text.settings import BEST_BY, LOWER_IS_BETTER, Settings

pytestmark = pytest.mark.once

REFUSED = [
    ({"model": 5}, "Argument `model` must be a name or a folder, in UTF-8. Received: model=5"),
    ({"model": "a\udcff"}, r"Argument `model` must be a name or a folder, in UTF-8. Received: model='a\udcff'"),
    ({"batch_size": 1_000_001}, "Argument `batch_size` must be at most 1000000. Received: batch_size=1000001"),
    ({"gradient_accumulation": True}, "Argument `gradient_accumulation` must be a whole number >= 1. Received: "),
    ({"max_tokens": 2}, "Argument `max_tokens` must be a whole number >= 3. Received: max_tokens=2"),
    ({"seed": -1}, "Argument `seed` must be a whole number >= 0. Received: seed=-1"),
    ({"folds": 1}, "Argument `folds` must be a whole number >= 2. Received: folds=1"),
    ({"folds": 101}, "Argument `folds` must be at most 100. Received: folds=101"),
    ({"valid_share": 1}, "Argument `valid_share` must be below 1. Received: valid_share=1. 0 trains on all rows"),
    ({"valid_share": float("nan")}, "Argument `valid_share` must be in [0, 1]. Received: valid_share=nan"),
    ({"long": "cut"}, "Argument `long` must be one of truncate, chunk. Received: long='cut'"),
    ({"class_weight": None}, "Argument `class_weight` must be one of none, balanced. Received: class_weight=None"),
    (
        {"backend": "numpy"},
        "Argument `backend` must be one of auto, tensorflow, jax, torch, measure. Received: backend='numpy'",
    ),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED)
def test_a_setting_out_of_its_range_is_refused(changed, message):
    with pytest.raises(SettingError) as refused:
        Settings(**changed)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 1_000_000, "gradient_accumulation": 1, "max_tokens": 3, "seed": 2**32 - 1},
        {"folds": 100, "valid_share": 0.0, "seed": 0},
        {"folds": 0, "valid_share": 0.999},
    ],
)
def test_both_ends_of_a_range_belong_to_it(settings):
    assert Settings(**settings).to_dict().items() >= settings.items()


def test_settings_come_back_from_json():
    settings = Settings(recipe=Recipe(name="mine", epochs=7), model="m", folds=3, positive="yes", long="chunk", seed=9)
    written = json.loads(json.dumps({**settings.to_dict(), "pairs": False, "peak_rate": 1e-4}))
    assert written["recipe"]["epochs"] == 7
    assert Settings.from_dict(written) == settings
    assert Settings.from_dict({"recipe": written["recipe"]}) == Settings(
        recipe=settings.recipe, threads=0, pooling="cls", calibrate="none"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "it is not a JSON object"),
        ({"model": "minilm"}, "'recipe' is missing"),
        (
            {"recipe": Recipe().to_dict(), "seed": "9"},
            "Argument `seed` must be a whole number >= 0. Received: seed='9'",
        ),
    ],
)
def test_what_is_no_settings_is_refused(values, message):
    with pytest.raises(InputError) as refused:
        Settings.from_dict(values)
    assert str(refused.value) == message


def test_numbers_of_numpy_become_python_s():
    settings = Settings(batch_size=np.int32(8), valid_share=np.float64(0.25))
    assert (type(settings.batch_size), type(settings.valid_share)) == (int, float)
    assert settings == Settings(batch_size=8, valid_share=0.25)


def test_more_tokens_than_the_model_takes_are_refused():
    settings = Settings(model="tiny", max_tokens=65)
    settings.check_length(65)
    with pytest.raises(SettingError) as refused:
        settings.check_length(64)
    rule = "Argument `max_tokens` must be at most 64, the maximum of tiny. Received: max_tokens=65"
    assert str(refused.value) == rule


def test_scores_that_are_better_where_they_are_smaller_can_choose_the_epoch():
    assert set(LOWER_IS_BETTER) <= set(BEST_BY)
    for name in BEST_BY:
        assert Settings(best_by=name).best_by == name
