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
    assert {part: at.tolist() for part, at in parts.items()} == {"train": [0, 2, 5], "valid": [1, 4], "test": [3]}
    assert {part: at.tolist() for part, at in parts_of(read_rows("f.csv")).items()} == {"train": [0, 1, 2, 3, 4, 5]}


def test_a_run_has_the_parts():
    data = read_data(DataFiles(write(ROWS), split="set"), Settings())
    assert [list(part.texts) for part in (data.train, data.valid, data.test)] == [["a", "c", "f"], ["b", "e"], ["d"]]
    assert [part.locations.lines.tolist() for part in (data.train, data.valid, data.test)] == [[2, 4, 7], [3, 6], [5]]
    assert data.summary[-1] == "rows: training 3; validation 2 (column 'set'); test 1 (column 'set')"


def test_the_rows_of_a_cross_validation_have_the_numbers_that_they_have_in_the_files():
    write("text,label,set\n" + "".join(f"a{at},{'xy'[at % 2]},{'test' if at < 3 else 'train'}\n" for at in range(9)))
    data = read_data(DataFiles("f.csv", split="set"), Settings(folds=2, valid_share=0.0))
    assert data.numbers.tolist() == [3, 4, 5, 6, 7, 8]
    write("text,label,set\n" + "".join(f"{'a' * (at != 1)},{'xy'[at % 2]},train\n" for at in range(9)))
    data = read_data(DataFiles("f.csv", split="set", bad_rows="skip"), Settings(folds=2, valid_share=0.0))
    assert data.numbers.tolist() == [0, 2, 3, 4, 5, 6, 7, 8]


def test_no_row_is_skipped_that_may_be_a_test_row():
    write("text,label,set\na,x,train\nb,y,train\n,x,test\nd,x,test\n")
    message = refusal(read_data, DataFiles("f.csv", split="set", bad_rows="skip"), Settings(valid_share=0.0))
    assert message == (
        "--bad-rows skip: column 'set' of --split names test rows, which are never skipped. f.csv, line 4: column "
        "'text' is empty; fill it in or remove the row"
    )


REFUSED = [
    ("a,x,train\nb,y,held\n", {}, "f.csv, line 3: --split: column 'set' holds 'held', not train, valid, validation, "),
    ("a,x,test\nb,y,dev\n", {}, "f.csv: --split: column 'set' has no row for training; name some 'train'"),
    ("a,x,train\nb,y,\n", {}, "f.csv, line 3: column 'set' is empty; fill it in or remove the row"),
    (
        "a,x,train\nb,y,dev\n",
        {"valid": "v.csv"},
        "--valid v.csv: column 'set' of --split names rows for this part too; leave ",
    ),
    (
        "a,x,train\nb,y,test\n",
        {"test": "t.csv"},
        "--test t.csv: column 'set' of --split names rows for this part too; leave ",
    ),
]


@pytest.mark.parametrize(("rows", "files", "message"), REFUSED)
def test_refused_with_a_message_of_its_own(rows, files, message):
    write("text,label,set\n" + rows)
    assert refusal(read_data, DataFiles("f.csv", split="set", **files), Settings()).startswith(message)
