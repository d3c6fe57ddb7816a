"""The rows of a check: test rows first, then validation rows, from the files that recipe.json names."""

import json
from dataclasses import asdict

import pytest
import tiny

from slanted.errors import InputError
from slanted.text.exporting.check_rows import rows_of_run
from slanted.text.labels.targets import Target
from slanted.text.rows.columns import Columns
from slanted.text.runs.saved_run import SavedRun
from slanted.text.settings import DataFiles, Settings

pytestmark = pytest.mark.once
TARGET = Target("single", ("alpha", "beta"))
NONE = "the run has neither test nor validation rows to check the export on"
GIVE = "give --test FILE, or --unchecked to export without a check"


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, (name, count) in enumerate({"train": 40, "valid": 12, "test": 8}.items()):
        tiny.write_rows(f"{name}.csv", *tiny.examples(count, TARGET.labels, seed=number))
    return tmp_path


def rows(folder, settings=None, columns=True, sha256=None, **named):
    recipe = {"files": asdict(DataFiles("train.csv", **named)), "sha256": sha256}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    run = SavedRun(
        settings or Settings(valid_share=0.1), TARGET, Columns("text", None, ("label",)) if columns else None
    )
    return rows_of_run(folder, run)


def test_test_rows_come_first(files):
    found = rows(files, valid="valid.csv", test="test.csv")
    assert (found.part, found.source, len(found.examples), found.note) == ("test", "test.csv", 8, "")
    assert set(found.examples.y.tolist()) == {0, 1}


def test_validation_rows_come_second(files):
    found = rows(files, valid="valid.csv")
    assert (found.part, found.source, len(found.examples)) == ("valid", "valid.csv", 12)


def test_the_share_that_was_held_out_is_drawn_again(files):
    found, again = rows(files), rows(files)
    assert (found.part, found.source, len(found.examples)) == ("valid", "held out of train.csv", 4)
    assert found.examples.texts == again.examples.texts
    assert found.examples.texts != rows(files, Settings(valid_share=0.1, seed=1)).examples.texts


def test_a_column_may_name_the_parts(files):
    texts, labels = tiny.examples(12, TARGET.labels)
    parts = ["train"] * 8 + ["test"] * 4
    lines = [f"{text},{label},{part}" for text, label, part in zip(texts, labels, parts, strict=True)]
    (files / "train.csv").write_text("\n".join(["text,label,part", *lines]) + "\n")
    found = rows(files, split="part", label=("label",))
    assert (found.part, found.source, found.examples.texts[:]) == ("test", "column 'part' of train.csv", texts[8:])


def test_a_changed_file_is_noted(files):
    found = rows(files, test="test.csv", sha256={"test": ["0"]})
    assert found.note == (
        "note: test.csv has changed since the training; the scores below are on its rows as they are now"
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"settings": Settings(valid_share=0.0)},
            "the run has neither test nor validation rows to check the export on",
        ),
        ({"settings": Settings(folds=2)}, NONE),
        ({"columns": False, "test": "test.csv"}, "recipe.json names no files, as of a model from Python"),
        ({"test": "gone.csv"}, "the rows to check the export on cannot be read (gone.csv: no such file"),
        ({"test": "-"}, "the rows to check the export on cannot be read (the rows came from standard input)"),
    ],
)
def test_without_rows_the_remedy_is_named(files, options, problem):
    with pytest.raises(InputError) as refused:
        rows(files, **options)
    message = str(refused.value)
    assert message.startswith(f"{files}: {problem}") and message.endswith(GIVE)
