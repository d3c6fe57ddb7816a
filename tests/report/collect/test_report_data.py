"""Which rows report.json is about, and how many of them."""

from dataclasses import replace
from pathlib import Path

import fake_runs
import pytest
from counting_model import COLORS, Counting, rows

from slanted.report.collect import report_data
from slanted.report.collect.report_data import _sample
from slanted.text.models.predictions_csv import write_predictions

pytestmark = pytest.mark.once


@pytest.mark.parametrize(("count", "epochs", "expected"), [(100, 3, 30), (100, 20, 100), (1, 1, 1), (4, 1, 1)])
def test_how_many_training_rows_are_looked_at(count, epochs, expected):
    assert len(_sample(rows(["red"] * count, [0] * count), epochs, seed=0)) == expected


def test_the_rows_that_are_looked_at_are_bounded(monkeypatch, tmp_path):
    monkeypatch.setattr(report_data, "MOST_ROWS", 7)
    data, model = fake_runs.data_of(COLORS, ("red", "blue"), rows=(180, 20, 30))
    assert len(_sample(data.train, 3, seed=0)) == 7
    alone = report_data.predictions_of(replace(data, test=None), 3, 0, model, Path())
    assert (alone["suspects"]["train"]["rows"], alone["suspects"]["held_out"]["rows"]) == (7, 20)  # 20 are scored
    write_predictions(tmp_path / "predictions.csv", COLORS, model.predict(data.test.texts, None), 0.5)
    tested = report_data.predictions_of(data, 3, 0, model, tmp_path)
    assert tested["suspects"]["held_out"]["rows"] == 7 + 30


def test_mistakes_are_left_out_and_counted_if_weighting_their_words_would_take_too_long(tmp_path):
    data, _ = fake_runs.data_of(COLORS, ("red", "blue"), rows=(60, 20, 30))
    wrong = rows(["blue blue blue", "blue blue it", "blue"], [0, 0, 0])
    data, model = replace(data, valid=wrong, test=None), Counting()
    everything = report_data.predictions_of(data, 3, 0, model, tmp_path)
    hurried = report_data.predictions_of(data, 3, 0, model, tmp_path, seconds=0.0)
    assert len(everything["mistakes"]) == 3 and "mistakes_left_out" not in everything
    assert hurried["mistakes"] == everything["mistakes"][:1] and hurried["mistakes_left_out"] == 2
