"""Which files a run reads, by its options, and that several training files are read as one."""

from pathlib import Path

import pytest

from slanted.cli.options import files_of
from slanted.cli.parsers import parser
from slanted.errors import InputError
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
