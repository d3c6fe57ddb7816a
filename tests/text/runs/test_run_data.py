"""Which files a run reads, by its options, and that several training files are read as one."""

from pathlib import Path

import pytest

from slanted.cli.options import files_of
from slanted.cli.parsers import parser
from slanted.errors import InputError
from slanted.recipe.recipe import Recipe
from slanted.text.labels import multilabel_cells
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

COMMANDS = [
    ("train t.csv --out o", DataFiles("t.csv")),
    ("train a.csv b.csv --out o", DataFiles(("a.csv", "b.csv"))),
    ("train - --out o", DataFiles("-")),
    ("plan t*.gz --bad-rows skip", DataFiles("t*.gz", bad_rows="skip")),
    ("find-lr t.csv --label-separator ;", DataFiles("t.csv", label_separator=";")),
    (
        "train t.csv --valid v --test e --text a --text-b b --label c d --encoding cp1252 --out o",
        DataFiles("t.csv", "v", "e", text="a", text_b="b", label=("c", "d"), encoding="cp1252"),
    ),
]


@pytest.mark.parametrize(("line", "files"), COMMANDS)
def test_options_become_files(line, files):
    assert files_of(parser().parse_args(line.split())) == files


def test_the_training_files_are_shown_as_one_would_type_them():
    assert DataFiles("part *.csv").train_argument == "'part *.csv'"
    assert DataFiles(("a.csv", "b c.csv")).train_argument == "a.csv 'b c.csv'"


def test_several_files_train_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("text,label\n" + "".join(f"{name} {at},{'xy'[at % 2]}\n" for at in range(10)))
    data = read_data(DataFiles(("a.csv", "b.csv")), Settings())
    assert (len(data.train), len(data.valid)) == (18, 2)
    assert data.summary[0] == "data: a.csv and 1 more: 20 rows; text from column 'text'"
    assert read_data(DataFiles("?.csv"), Settings()).train.texts == data.train.texts


@pytest.mark.parametrize(
    ("cells", "files", "message"),
    [
        (
            [f"{at};{at + 1}" for at in range(9)],
            {"label_separator": ";"},
            "10 different labels, too many for a table with 9 rows",
        ),
        ([str(at // 2) for at in range(40)], {}, "20 different labels, too many for a table with 4 rows"),
        (
            [str(at // 2) for at in range(20)],
            {"test": "t.csv"},
            "10 different labels, too many for a table with 20 rows",
        ),
    ],
)
def test_a_column_of_ids_is_refused_before_its_table_fills_the_memory(cells, files, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(multilabel_cells, "MOST_CELLS", 79)
    Path("t.csv").write_text("text,label\n" + "".join(f"text {at},{cell}\n" for at, cell in enumerate(cells)))
    with pytest.raises(InputError) as refused:
        read_data(DataFiles("t.csv", **files), Settings())
    remedy = "79 cells at most; it may hold ids: name another column with --label"
    assert str(refused.value) == f"column 'label' has {message}: {remedy}"


def few(folder, rows=40, **files):
    """Write a file of few rows, and one of test rows, and return the files of a run."""
    for name in ("few.csv", "test.csv"):
        lines = [f"{name} {at},{'xy'[at % 2]}" for at in range(rows)]
        (folder / name).write_text("\n".join(["text,label", *lines, *files.pop("more", [])]) + "\n")
    return DataFiles(str(folder / "few.csv"), **files)


@pytest.mark.parametrize(
    ("settings", "rows", "is_tested", "valid"),
    [
        ({}, 40, True, None),
        ({}, 40, False, 4),
        ({}, 2000, True, 200),
        ({"valid_share": 0.2}, 40, True, 8),
        ({"recipe": Recipe(epochs=3)}, 40, True, 4),
    ],
)
def test_few_rows_that_a_test_file_scores_are_all_trained_on(tmp_path, settings, rows, is_tested, valid):
    test = {"test": str(tmp_path / "test.csv")} if is_tested else {}
    data = read_data(few(tmp_path, rows, **test), Settings(**settings))
    assert (None if data.valid is None else len(data.valid)) == valid
    assert len(data.train) == rows - (valid or 0)
    assert data.valid_share == settings.get("valid_share", 0.1 if valid else 0.0)


def test_folds_hold_out_a_tenth_of_few_rows_too(tmp_path):
    data = read_data(few(tmp_path), Settings(folds=2))
    assert [(len(fold.train), len(fold.valid), len(fold.test)) for fold in data.folds] == [(18, 2, 20)] * 2


def test_a_class_with_a_single_row_is_refused_where_no_rows_are_held_out_by_default(tmp_path):
    files = few(tmp_path, test=str(tmp_path / "test.csv"), more=["alone,z"])
    with pytest.raises(InputError, match="label 'z' has this row only"):
        read_data(files, Settings())
    assert read_data(files, Settings(valid_share=0.0)).valid is None
