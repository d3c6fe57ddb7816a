"""The threshold of a label has the largest F1 on the validation rows, and moves from 0.5 for nothing less."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from slanted.text.scoring.thresholds import best_thresholds

pytestmark = pytest.mark.once


def best(truth, probabilities):
    return best_thresholds(np.array(truth)[:, None], np.array(probabilities)[:, None]).item()


@pytest.mark.parametrize("seed", range(20))
def test_no_threshold_has_a_larger_f1(seed):
    draw = np.random.default_rng(seed)
    truth = (draw.random((60, 3)) < [0.05, 0.3, 0.7]).astype("float32")
    truth[0] = 1
    probabilities = np.round(np.clip(0.3 * truth + 0.6 * draw.random((60, 3)), 0, 1), 2)  # some are equal
    for label, threshold in enumerate(best_thresholds(truth, probabilities)):
        column = probabilities[:, label]
        reached = f1_score(truth[:, label], column >= threshold)
        every = np.unique([*column, *(column + 1e-9), 0.5])
        assert reached == max(f1_score(truth[:, label], column >= cut, zero_division=0) for cut in every)


@pytest.mark.parametrize(
    ("truth", "probabilities", "threshold"),
    [
        ([0, 0, 0], [0.9, 0.2, 0.1], 0.5),  # a label that no row has
        ([1, 0, 0], [0.9, 0.2, 0.1], 0.5),  # 0.5 is as good as any
        ([1, 1, 0], [0.3, 0.2, 0.1], 0.15),  # the middle between the last that is to be predicted and the next
        ([1, 0, 0], [0.9, 0.8, 0.1], 0.85),
        ([1, 1, 1], [0.9, 0.4, 0.2], 0.1),  # all of them: the middle down to 0
        ([1, 1, 1], [0.9, 0.8, 0.7], 0.5),
        ([1, 0, 1, 0], [0.4, 0.4, 0.4, 0.1], 0.25),  # equal probabilities cannot be told apart
        # two intervals with an F1 of 2/3: the one that holds 0.5
        ([1, 0, 0, 1], [0.8, 0.4, 0.35, 0.3], 0.5),
    ],
)
def test_golden(truth, probabilities, threshold):
    assert best(truth, probabilities) == pytest.approx(threshold)


def test_of_two_with_the_same_f1_the_one_nearer_to_a_half():
    truth, probabilities = [1, 0, 0, 1, 0], [0.95, 0.92, 0.90, 0.42, 0.05]
    cuts = {0.935: 2 / 3, 0.235: 2 / 3}
    for cut, f1 in cuts.items():
        assert f1_score(truth, np.array(probabilities) >= cut) == pytest.approx(f1)
    assert best(truth, probabilities) == pytest.approx(0.235)
