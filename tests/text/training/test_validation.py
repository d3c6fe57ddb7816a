"""Which validation rows select the epoch, and which calibrate."""

import numpy as np
import pytest
import tiny

from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.runs.starting_model import load_starting_model
from slanted.text.settings import Settings
from slanted.text.training.validation import Validation

TWO = Target("single", ("alpha", "beta"))


@pytest.fixture(scope="module")
def encoder(tiny_model):
    """The encoder of a model that trains in seconds."""
    return load_starting_model(tiny_model, "float32", None)


def validation(encoder, tiny_model, target=TWO, rows=200, **more):
    """Return the validation of some rows, each of which has its number among its labels where these are numbers."""
    texts, labels = tiny.examples(rows)
    y = np.array([target.labels.index(label) for label in labels], "int32")
    if target.kind != "single":
        y = np.stack([np.arange(rows), y], axis=1).astype("float32")
    settings = Settings(model=tiny_model, precision="float32", max_tokens=16, **more)
    return Validation(encoder, target, Examples(texts, None, y), settings), y


def test_one_half_selects_and_the_other_calibrates(encoder, tiny_model):
    both, y = validation(encoder, tiny_model)
    selecting, calibrating = both._parts
    assert both.calibrates and both.selecting is selecting and len(selecting.y) == len(calibrating.y) == 100
    assert np.bincount(selecting.y).tolist() == np.bincount(calibrating.y).tolist() == (np.bincount(y) // 2).tolist()


def test_the_halves_have_no_row_in_common(encoder, tiny_model):
    both, y = validation(encoder, tiny_model, Target("multilabel", ("alpha", "beta")))
    numbers = np.concatenate([part.y[:, 0] for part in both._parts])
    assert sorted(numbers) == y[:, 0].tolist()
    again, _ = validation(encoder, tiny_model, Target("multilabel", ("alpha", "beta")))
    np.testing.assert_array_equal(again.selecting.y, both.selecting.y)


@pytest.mark.parametrize(("rows", "calibrates"), [(199, True), (50, True), (49, False)])
def test_fewer_rows_do_both_or_only_select(encoder, tiny_model, rows, calibrates):
    both, _ = validation(encoder, tiny_model, rows=rows)
    assert both.calibrates == calibrates and [len(part.y) for part in both._parts] == [rows]


def test_numbers_are_not_calibrated_nor_is_what_the_settings_leave_out(encoder, tiny_model):
    for target, more in ((Target("regression", ("alpha", "beta")), {}), (TWO, {"calibrate": "none"})):
        both, _ = validation(encoder, tiny_model, target, **more)
        assert not both.calibrates and [len(part.y) for part in both._parts] == [200]
