"""Rows of one file or several: read, taken by their numbers, and read again by the columns of the training data."""

import random

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet
from row_files import each_of, read_rows, refusal, write

from slanted.errors import InputError
from slanted.text.rows.columns import KEEP_ALL, Columns, Keep
from slanted.text.rows.rows import read_rows_like, read_rows_of_labels
from slanted.text.settings import ReadOptions

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

SAME = "several files must have the same columns"

REFUSED = [
    ("header only", b"text,label\n", {}, "f.csv: no rows below the header 'text', 'label'; add some"),
    ("header without a line end", b"text,label", {}, "f.csv: no rows below the header 'text', 'label'; add some"),
    ("header and empty lines", b"text,label\n\n\r\n", {}, "f.csv: no rows below the header 'text', 'label'; add some"),
]


@each_of(REFUSED)
def test_refused_with_a_message_of_its_own(content, options, message):
    assert refusal(read_rows, write(content), **options) == message


TRAINED = Columns("text", None, ("label",))
PAIRS = Columns("text", "text_b", ("label",))


def test_a_later_file_is_read_by_the_columns_of_the_training_data():
    rows = read_rows_like(write(b"id,label,TEXT\n7,x,a\n8,y,b\n"), TRAINED)
    assert (rows.texts, rows.labels) == (["a", "b"], [["x", "y"]])
    unlabelled = read_rows_like(write(b"id,text_b,text\n7,b,a\n"), PAIRS, labelled=False)
    assert (unlabelled.texts, unlabelled.texts_b, unlabelled.labels) == (["a"], ["b"], None)
    assert read_rows_like(write(b"anything\na\n"), TRAINED, labelled=False).texts == ["a"]


def test_take_keeps_all_parts_of_the_rows_together():
    rows = read_rows(write("text,text_b,a,b\nt0,u0,0,1\nt1,u1,1,1\n\nt2,u2,1,0\n"))
    taken = rows.take(np.array([2, 0]))
    assert (taken.texts, taken.texts_b, taken.labels) == (["t2", "t0"], ["u2", "u0"], [["1", "0"], ["0", "1"]])
    assert (taken.lines.tolist(), taken.columns, taken.source, len(taken)) == ([5, 2], rows.columns, "f.csv", 2)
    assert len(rows.take([])) == 0


def test_random_bytes_are_read_or_refused_but_never_crash():
    draw = random.Random(0)
    pieces = [b"a", b",", b'"', b"\n", b"\r", b"\xff", b"\xc3\xa9", b"\0", b"text", b"label", b"0", b" "]
    outcomes = set()
    for _ in range(500):
        try:
            read_rows(write(b"text,label\n" * draw.randrange(2) + b"".join(draw.choices(pieces, k=draw.randrange(20)))))
            outcomes.add("read")
        except InputError as error:
            assert str(error).isprintable()
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_several_files_are_read_as_one():
    write("text,label\na,x\nb,y\n", "a.csv")
    write('\n{"label": "y", "text": "c"}\n', "b.jsonl")
    parquet.write_table(pyarrow.table({"label": ["x"], "text": ["d"]}), "c.parquet")
    rows = read_rows(["a.csv", "b.jsonl", "c.parquet"])
    assert (rows.texts, rows.labels) == (["a", "b", "c", "d"], [["x", "y", "y", "x"]])
    assert rows.source == "a.csv and 2 more"
    assert [rows.locations[row] for row in range(4)] == [
        "a.csv, line 2",
        "a.csv, line 3",
        "b.jsonl, line 2",
        "c.parquet, row 1",
    ]
    assert rows.take([3, 0]).locations[0] == "c.parquet, row 1"


def test_a_later_file_is_checked_before_the_first_is_read_to_its_end():
    write("text,label\n" + "a,x\n" * 200 + ",\n", "a.csv")
    write("text\nb\n", "b.csv")
    assert refusal(read_rows, "?.csv") == f"b.csv: its columns are 'text', where a.csv has 'text', 'label'; {SAME}"
    write("text,label\n", "b.csv")
    write("text,label\na,x\n", "a.csv")
    assert refusal(read_rows, "?.csv") == "b.csv: no rows below the header 'text', 'label'; add some"


def test_columns_are_kept_as_they_are_also_those_that_are_read():
    write('\ufefftext,id,"a b"\r\n"x, y",007,"=1\r\n2"\r\nz,,é\r\n', "f.csv")
    rows = predicted("f.csv", "id", "text")
    assert rows.kept == {"id": ["007", ""], "text": ["x, y", "z"]} and rows.texts == ["x, y", "z"]
    rows = predicted("f.csv", KEEP_ALL)
    assert list(rows.kept) == ["text", "id", "a b"] and rows.kept["a b"] == ["=1\r\n2", "é"]
    assert rows.take([1]).kept == {"text": ["z"], "id": [""], "a b": ["é"]}
    parquet.write_table(pyarrow.table({"text": ["a", None], "n": [1.5, 2], "l": [["x", "é"], None]}), "f.parquet")
    rows = predicted("f.parquet", KEEP_ALL)
    assert rows.kept == {"text": ["a", ""], "n": ["1.5", "2"], "l": ['["x", "é"]', ""]} and rows.texts == ["a", ""]
    write('{"text": "a", "n": 1.50}\n{"text": "b"}\n', "f.jsonl")
    assert predicted("f.jsonl", "n").kept == {"n": ["1.50", ""]}
    of_python = read_rows_of_labels("f.csv", (), ReadOptions(), labelled=False, keep=Keep(("id",)))
    assert of_python.kept == {"id": ["007", ""]}


def test_what_no_file_can_hold_is_not_kept():
    write('{"text": "a", "n": "\\ud83d"}\n', "f.jsonl")
    problem = "column 'n' holds a cell with half a character, which no result can hold; correct it"
    assert refusal(predicted, "f.jsonl", "n") == f"f.jsonl, line 1: {problem}"
    write('{"text": "a", "n": [[1]]}\n', "f.jsonl")
    problem = "column 'n' holds a nested list, which is not copied; leave the column out of --keep"
    assert refusal(predicted, "f.jsonl", "n") == f"f.jsonl, line 1: {problem}"
    write("text,n,n\na,1,2\n")
    assert refusal(predicted, "f.csv", KEEP_ALL) == "f.csv: 2 columns are named 'n'; rename all but one"


def test_a_text_to_predict_may_be_empty():
    assert predicted(write('text\na\n""\n" "\n')).texts == ["a", "", " "]
    assert predicted(write("a\n\nb\n", "f.txt")).texts == ["a", "", "b"]
    write('text,title\n"",\na,b\n')
    joined = read_rows_like("f.csv", Columns("text", more_texts=("title",)), labelled=False)
    assert joined.texts == ["", "a\nb"]


def predicted(path, *keep):
    return read_rows_like(path, Columns("text"), labelled=False, keep=Keep(keep))
