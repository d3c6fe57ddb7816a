"""The results of a comparison: the rate of each recipe, its scores, and its difference to the first."""

import comparisons
import pytest
from comparisons import SWEPT, result
from measured_runs import measured
from run_files import read
from run_files import table as rows

from slanted.compare.recipe_variants import Rate
from slanted.compare.results import compared
from slanted.compare.text_table import notes, verdicts

place, untrained = comparisons.place, comparisons.untrained


@pytest.mark.once
def test_the_rate_is_chosen_on_validation_rows_and_the_score_is_the_test_s(place, untrained):
    assert place.compare("swept", options=SWEPT) == 0
    finished = place.folder / "swept"
    runs = rows(finished / "compare.csv")
    assert len(runs) == len(untrained) == 8
    held = result(finished)
    assert (held["score"], held["where"], held["seeds"]) == ("accuracy", "test", [0, 1])
    for one in held["recipes"]:
        mine = [row for row in runs if row["recipe"] == one["name"]]

        def worth(rate, mine=mine):
            at = [row for row in mine if float(row["learning_rate"]) == rate]
            losses = [read(finished / "runs" / row["folder"] / "metrics.json")["valid"]["loss"] for row in at]
            return sum(float(row["valid_accuracy"]) for row in at), -sum(losses)

        assert one["rate"] == max((0.003, 0.01), key=worth)
        chosen = [row for row in mine if row["chosen"] == "1"]
        assert [row["folder"] for row in chosen] == one["folders"]
        assert [float(row["test_accuracy"]) for row in chosen] == one["scores"]
    first, second = held["recipes"]
    differences = [b - a for a, b in zip(first["scores"], second["scores"], strict=True)]
    assert second["difference"]["mean"] == pytest.approx(sum(differences) / 2)
    assert first["difference"] is None


@pytest.mark.once
def test_less_of_a_loss_is_better():
    runs = [*measured([0.5] * 3, "a"), *measured([0.5] * 3, "b")]
    for seed, one in enumerate(runs):
        one.metrics["test"]["loss"] = (0.5 if one.run.variant.name == "a" else 0.4) + 0.01 * (seed % 3) ** 2 * (
            seed > 3
        )
    comparison = compared(runs, "loss", "test")
    assert comparison.recipes[1].better is True
    assert verdicts(comparison)["b"].startswith("better than a by 0.0")


@pytest.mark.once
def test_the_best_rate_by_validation_not_by_test():
    low, high = Rate(1e-4), Rate(1e-3)
    runs = [
        *measured([0.6, 0.6], "a", low, lr=1e-4, valid=0.9),
        *measured([0.9, 0.9], "a", high, lr=1e-3, valid=0.8),
        *measured([0.7, 0.7], "b", low, lr=1e-4, valid=0.8),
        *measured([None, 0.9], "b", high, lr=1e-3, valid=0.99),
        *measured([0.5, 0.5], "c", low, lr=1e-4, valid=0.8),
        *measured([0.6, 0.6], "c", high, lr=1e-3, valid=0.8),
    ]
    comparison = compared(runs, "accuracy", "test")
    assert [(one.rate, one.mean) for one in comparison.recipes] == [(1e-4, 0.6), (1e-4, 0.7), (1e-4, 0.5)]
    assert "each recipe has the best of 2 peak rates by mean accuracy on the validation rows" in notes(comparison)
