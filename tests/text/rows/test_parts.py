"""Rows of one file for training, validation and test, as a column says."""

import pytest
from row_files import read_rows, refusal, write

from slanted.text.rows.parts import parts_of
from slanted.text.runs.run_data import read_data
from slanted.text.settings import DataFiles, Settings

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

ROWS = "text,label,set\na,x,train\nb,y,Validation\nc,y,TRAIN\nd,x,test\ne,x,dev\nf,y,training\n"


def test_each_row_goes_to_the_part_that_its_cell_names():
    parts = parts_of(read_rows(write(ROWS), split="set"))
    assert {part: rows.texts for part, rows in parts.items()} == {
        "train": ["a", "c", "f"],
        "valid": ["b", "e"],
        "test": ["d"],
    }
    assert [rows.lines.tolist() for rows in parts.values()] == [[2, 4, 7], [3, 6], [5]]
    assert list(parts_of(read_rows("f.csv"))) == ["train"]


def test_a_run_has_the_parts():
    data = read_data(DataFiles(write(ROWS), split="set"), Settings())
    assert [list(part.texts) for part in (data.train, data.valid, data.test)] == [["a", "c", "f"], ["b", "e"], ["d"]]
    assert data.summary[-1] == "rows: training 3; validation 2 (column 'set'); test 1 (column 'set')"


REFUSED = [
    ("a,x,train\nb,y,held\n", {}, "f.csv, line 3: --split: column 'set' holds 'held', not train, valid, validation, "),
    ("a,x,test\nb,y,dev\n", {}, "f.csv: --split: column 'set' has no row for training; name some 'train'"),
    ("a,x,train\nb,y,\n", {}, "f.csv, line 3: column 'set' is empty; fill it in or remove the row"),
    ("a,x,train\nb,y,dev\n", {"valid": "v.csv"}, "--valid v.csv: column 'set' of --split has rows for it, too; leave "),
    ("a,x,train\nb,y,test\n", {"test": "t.csv"}, "--test t.csv: column 'set' of --split has rows for it, too; leave "),
]


@pytest.mark.parametrize(("rows", "files", "message"), REFUSED)
def test_refused_with_a_message_of_its_own(rows, files, message):
    write("text,label,set\n" + rows)
    assert refusal(read_data, DataFiles("f.csv", split="set", **files), Settings()).startswith(message)
