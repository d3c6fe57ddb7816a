"""A comparison as text: its table, what is shown of each recipe, and what a reader must know."""

import pytest
from measured_runs import measured

from slanted.compare.results import compared
from slanted.compare.text_table import notes, table, verdicts


@pytest.mark.once
def test_the_table_and_what_it_shows():
    comparison = compared(
        [
            *measured([0.80, 0.82, 0.81], "a"),
            *measured([0.85, 0.88, 0.86], "b", epochs=4),
            *measured([0.81, 0.80, 0.83], "c"),
            *measured([0.70, 0.73, 0.71], "d"),
            *measured([None, None, None], "e"),
        ],
        "accuracy",
        "test",
    )
    assert table(comparison).splitlines() == [
        "accuracy on the test rows, mean of 3 seeds",
        "recipe                  rate  epochs  accuracy  deviation  minus a       95 % interval    training",
        "a                      0.001       3    0.8100     0.0100                               1 min 00 s",
        "b                      0.001       4    0.8633     0.0153  +0.0533  +0.0390 to +0.0677  1 min 00 s",
        "c                      0.001       3    0.8133     0.0153  +0.0033  -0.0484 to +0.0550  1 min 00 s",
        "d                      0.001       3    0.7133     0.0153  -0.0967  -0.1110 to -0.0823  1 min 00 s",
        "e                                  3    failed",
        "TF-IDF + linear model                   0.7000",
        "majority                                0.2000",
        "b: better than a by 0.0533; the 95 % interval is +0.0390 to +0.0677",
        "c: no difference shown: the 95 % interval is -0.0484 to +0.0550, which contains 0",
        "d: worse than a by 0.0967; the 95 % interval is -0.1110 to -0.0823",
        "e: cannot be compared: the loss of e became infinite or NaN at every rate tried; give smaller rates",
        *[f"note: {note}" for note in notes(comparison)],
    ]
    assert [note.split(";")[0].split(":")[0] for note in notes(comparison)] == [
        "the recipes have different epochs, and so different training times",
        "the intervals cover other seeds on the same files",
        "there are 4 intervals",
    ]


@pytest.mark.once
def test_every_way_in_which_nothing_is_shown():
    def said(first, second):
        return verdicts(compared([*measured(first, "a"), *measured(second, "b")], "accuracy", "test"))["b"]

    assert said([0.5], [0.9]).startswith("no difference shown: with one seed a difference cannot be told from noise")
    assert said([0.5, 0.6], [0.5, 0.6]) == "no difference shown: the same score as a for every seed"
    assert said([0.5, 0.6], [0.6, 0.7]).startswith("no difference shown: +0.1000 for every seed, so that the noise")
    assert said([None, 0.6], [0.6, 0.7]).startswith("cannot be compared: the loss of a became infinite")
    assert said([float("nan"), 0.6], [0.6, 0.7]) == "cannot be compared: the score of a is not defined on these rows"
