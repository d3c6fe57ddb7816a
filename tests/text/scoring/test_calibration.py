"""The temperature of probabilities: that of the smallest cross-entropy, near 1 where few rows say little."""

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.scoring.calibration import (
    FROM_VALID,
    LEAST_ROWS,
    LEAST_TO_SPLIT,
    MOST_TO_SPLIT,
    Calibration,
    needs_second_model,
    tempered,
)
from slanted.text.scoring.metrics import calibration_error
from slanted.text.scoring.outputs_and_losses import probabilities_of

pytestmark = pytest.mark.once


def drawn(kind, temperature, rows=4000, labels=5):
    """Return probabilities whose outputs are `temperature` times too large, and labels drawn from the true ones."""
    random = np.random.default_rng(0)
    outputs = random.normal(0, 1.5, (rows, labels))
    true = probabilities_of(kind, outputs)
    if kind == "single":
        y = np.array([random.choice(labels, p=row) for row in true])
    else:
        y = (random.random(true.shape) < true).astype("float32")
    return probabilities_of(kind, outputs * temperature), y


@pytest.mark.parametrize("kind", ["single", "multilabel"])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_outputs_that_are_too_large_or_too_small_are_found_and_corrected(kind, temperature):
    probabilities, y = drawn(kind, temperature)
    how = Calibration.fitted(kind, probabilities, y, FROM_VALID)
    assert how is not None and how.rows == 4000 and how.source == FROM_VALID
    assert how.temperature == pytest.approx(temperature, rel=0.05)
    calibrated = how.calibrated(kind, probabilities)
    assert calibration_error(y, calibrated) < 0.02
    np.testing.assert_array_equal(calibrated.argsort(axis=1), probabilities.argsort(axis=1))
    np.testing.assert_allclose(how.undone(kind, calibrated), probabilities, rtol=1e-9)


@pytest.mark.parametrize("kind", ["single", "multilabel"])
def test_it_is_the_temperature_of_the_outputs(kind):
    outputs = np.random.default_rng(1).normal(0, 5, (20, 3))
    expected = probabilities_of(kind, outputs / 1.7)
    np.testing.assert_allclose(tempered(kind, probabilities_of(kind, outputs), 1.7), expected, rtol=1e-9)


def test_probabilities_of_0_and_1_stay_numbers():
    extreme = np.array([[1.0, 0.0], [0.0, 1.0]])
    for kind in ("single", "multilabel"):
        for temperature in (0.05, 20.0):
            assert np.isfinite(tempered(kind, extreme, temperature)).all()


def test_few_rows_that_are_all_correct_do_not_make_the_model_certain():
    """Their cross-entropy is smallest with a temperature of 0."""
    probabilities = np.tile([[0.9, 0.1], [0.1, 0.9]], (LEAST_ROWS // 2, 1))
    how = Calibration.fitted("single", probabilities, np.tile([0, 1], LEAST_ROWS // 2), FROM_VALID)
    assert how is not None and 0.3 < how.temperature < 0.8


def test_nothing_is_fitted_on_fewer_than_50_rows():
    probabilities, y = drawn("single", 2.0, rows=49)
    assert Calibration.fitted("single", probabilities, y, FROM_VALID) is None


def test_a_second_model_is_trained_for_1000_to_1999_rows_without_validation():
    rows = {rows: needs_second_model("single", rows, False, "auto") for rows in (LEAST_TO_SPLIT, MOST_TO_SPLIT - 1)}
    assert rows == {1000: True, 1999: True}
    assert not any(needs_second_model("single", rows, False, "auto") for rows in (999, 2000))
    assert not needs_second_model("single", 1000, True, "auto")
    assert not needs_second_model("single", 1000, False, "none")
    assert not needs_second_model("regression", 1000, False, "auto")


def test_a_recipe_names_it_or_none_or_is_refused():
    how = Calibration(1.25, 80, FROM_VALID)
    assert Calibration.of({"calibration": how.to_dict()}) == how and Calibration.of({}) is None
    assert str(how) == "calibration: temperature 1.250, fitted on validation rows (80)"
    for wrong in (3, {}, {"temperature": "x", "rows": 1, "source": ""}, {"temperature": 0.0, "rows": 1, "source": ""}):
        with pytest.raises(InputError, match="'calibration' must have a temperature"):
            Calibration.of({"calibration": wrong})
