"""What a comparison was asked to do: a second start goes on only with the same, and only one at a time."""

import json

import comparisons
import pytest
import tiny
from comparisons import COMPARED

from slanted.cli import main
from slanted.compare.request import read_comparison, request_of
from slanted.compare.run_grid import Runner
from slanted.errors import InputError
from slanted.text.runs.run_data import DataFiles
from slanted.text.settings import Settings

place, finished, untrained = comparisons.place, comparisons.finished, comparisons.untrained


@pytest.mark.once
def test_other_data_or_settings_are_refused_with_what_differs(finished, place, capsys, tmp_path):
    other = tiny.write_rows(tmp_path / "other.csv", *tiny.examples(40, seed=9))
    for more, message in (
        (["--batch-size", 4, "--label", "label"], "contains runs with --batch-size 8, not 4; --label none, not label"),
        (["--epochs", 3], "contains 'constant lr 0.01 seed 0' with --epochs 2, not 3"),
        (["--valid", other], "contains runs with other validation rows"),
    ):
        assert place.compare("finished", *more) == 2
        rule = "give another --out, or --overwrite to start again"
        assert capsys.readouterr().err == f"error: --out {finished}: {message}; {rule}\n"
    words = ["compare", other, *place.words[2:], "--out", str(finished), *COMPARED]
    assert main(words) == 2
    assert capsys.readouterr().err.startswith(f"error: --out {finished}: contains runs with other training rows; ")


@pytest.mark.once
def test_a_comparison_that_trains_is_not_overwritten_by_another(place, untrained, monkeypatch, capsys):
    small, out = ["--recipes", "constant,linear", "--seeds", "1"], place.folder / "taken"
    train, refused = Runner.train, []

    def train_and_intrude(self, run):
        train(self, run)
        if not refused:
            refused.append(place.compare("taken", "--overwrite", options=small))

    monkeypatch.setattr(Runner, "train", train_and_intrude)
    assert place.compare("taken", options=small) == 0
    rule = "another process is writing to it; wait, or give another folder"
    assert refused == [2] and capsys.readouterr().err == f"error: --out {out}: {rule}\n"
    assert untrained == ["constant_seed0", "linear_seed0"]
    assert sorted(entry.name for entry in out.iterdir()) == ["compare.csv", "compare.html", "compare.json", "runs"]


def test_options_that_an_earlier_version_lacked_are_their_defaults(tmp_path):
    rows = tmp_path / "t.csv"
    rows.write_text("text,label\na,x\nb,y\n")
    asked = request_of(DataFiles(str(rows)), Settings())
    before = {**asked, "options": {name: value for name, value in asked["options"].items() if name != "long"}}
    (tmp_path / "out").mkdir()
    machine = {"backend": "torch", "precision": "float32"}
    (tmp_path / "out" / "compare.json").write_text(json.dumps({"asked": before, "machine": machine}))
    assert read_comparison(tmp_path / "out", asked)["machine"] == machine
    assert request_of(DataFiles(str(rows)), Settings(backend="measure")) == asked
    with pytest.raises(InputError, match="contains runs with --long truncate, not chunk"):
        read_comparison(tmp_path / "out", request_of(DataFiles(str(rows)), Settings(long="chunk")))
