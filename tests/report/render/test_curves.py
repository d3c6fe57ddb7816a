"""The curves by epoch, of a run and of all folds."""

import json

import pytest
from report_pages import Reader, reader
from report_parts import cells_of, edited, read

from slanted.report.read.cross_validation_reader import read_cross_validation
from slanted.report.render.page import page

pytestmark = pytest.mark.once


def test_the_weighted_training_loss_stands_not_beside_the_other(pages):
    epochs = [{"epoch": 1, "valid": {"loss": 0.5}}]
    made = edited(pages, data__epochs=epochs, recipe__class_weight="balanced")
    assert "The training loss has class weights and the validation loss has none" in made
    assert '<li class="c-train">' not in made and '<li class="c-train">' in edited(pages)


def test_the_curves_of_all_folds(pages):
    folder = pages["single_folds"].parent
    drawn = json.loads(reader(pages["single_folds"]).scripts[0])["epochs"]
    for number, fold in enumerate(drawn["folds"], start=1):
        own = read(folder / f"fold_{number}" / "report.json")["epochs"]
        assert fold["loss"] == [one["valid"]["loss"] for one in own]
        assert fold["score"] == [one["valid"]["accuracy"] for one in own]
        assert (fold["name"], fold["kept"]) == (f"fold {number}", 2)
    rows = cells_of(pages["single_folds"], "epochs")[0]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [cell.endswith(" (saved)") for cell in rows[1][1:]] == [True] * 3
    assert rows[0][2] == f"{drawn['folds'][1]['loss'][0]:.4f}"


def test_without_validation_rows_the_training_loss_is_drawn(pages):
    shown = reader(pages["pairs_folds"]).sections["epochs"]
    assert shown.startswith("Training loss by epochThere were no validation rows")
    report = read_cross_validation(pages["pairs_folds"].parent)
    for fold in report["folds"]:
        fold["data"]["epochs"] = [{"epoch": 1}]  # as that of weighted classes
    assert "epochs" not in Reader(page(report)).sections
