"""Lines of fastText: labels before the text or anywhere in it, one or several; and files that only look like them."""

import gzip

import pytest
from row_files import read_rows, refusal, write

from slanted.text.formats import line_reader
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import infer_target
from slanted.text.rows.rows import read_rows_like

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

ONE_EACH = '__label__2 Great: "worth it", really\n\n__label__1 , wall st .  bears\r\n__label__2\tso; a|b\n'
TEXTS = ['Great: "worth it", really', ", wall st .  bears", "so; a|b"]
SEVERAL = "__label__b __label__a good\n__label__c bad\nno __label__a good __label__a film __label__b\n"
NO_LABEL = "no word begins with __label__; put the label first, or join the line to the one before"


@pytest.mark.parametrize("name", ["f.txt", "f.csv", "f.tsv", "f.train", "f", "f.ft.txt.gz"])
def test_one_label_a_line_makes_classes(name):
    write(gzip.compress(ONE_EACH.encode()) if name.endswith("gz") else "\ufeff\n" + ONE_EACH, name)
    rows = read_rows(name)
    assert rows.texts == TEXTS
    target = infer_target(rows)
    assert (target.kind, target.labels) == ("single", ("1", "2"))
    assert Examples.of(rows, target).y.tolist() == [1, 0, 1]
    first = 1 if name.endswith("gz") else 2
    assert rows.lines.tolist() == [first, first + 2, first + 3]


def test_several_labels_a_line_are_several_labels():
    rows = read_rows(write(SEVERAL, "f.txt"))
    assert rows.texts == ["good", "bad", "no good film"]
    target = infer_target(rows)
    assert (target.kind, target.labels) == ("multilabel", ("a", "b", "c"))
    assert Examples.of(rows, target).y.tolist() == [[1, 1, 0], [0, 0, 1], [1, 1, 0]]
    numbers = read_rows(write("__label__1 __label__0 a\n__label__0 __label__1 b\n", "n.txt"))
    assert refusal(infer_target, numbers).endswith(
        "every row has the same labels, which leaves nothing to learn; add other rows"
    )


def test_labels_behind_the_text_are_read_in_a_file_of_texts():
    rows = read_rows(write("a good one __label__x\na bad one __label__y\n", "f.txt"))
    assert (rows.texts, rows.labels) == (["a good one", "a bad one"], [["x", "y"]])
    assert read_rows(write("only texts\na __label__x\n", "g.txt"), labelled=False).texts == [
        "only texts",
        "a __label__x",
    ]


def test_a_line_without_a_label_or_a_text_is_a_bad_row():
    write("__label__a one\na line break in the text\n__label__b\n__label__b two\n", "f.txt")
    assert refusal(read_rows, "f.txt") == f"f.txt, line 2: {NO_LABEL}"
    rows = read_rows("f.txt", bad_rows=BadRows("skip"))
    assert (rows.texts, rows.labels, rows.lines.tolist()) == (["one", "two"], [["a", "b"]], [1, 4])
    unlabelled = read_rows_like(write("__label__a one\nnot labelled\n", "g.txt"), rows.columns, labelled=False)
    assert unlabelled.texts == ["one", "not labelled"]


def test_rows_in_other_formats_go_with_them():
    columns = read_rows(write(ONE_EACH, "f.txt")).columns
    rows = read_rows_like(write("text,label\na,1\nb,2\n", "g.csv"), columns)
    assert rows.labels == [["1", "2"]]


def test_fields_of_a_table_are_no_such_lines():
    rows = read_rows(write("text,label\ngood,__label__1\nbad,__label__0\n", "f.csv"))
    assert rows.labels == [["__label__1", "__label__0"]]
    write("__label__1,good\n__label__0,bad\n", "g.csv")
    rows = read_rows("g.csv", header=False, columns=["label", "text"])
    assert (rows.texts, rows.labels) == (["good", "bad"], [["__label__1", "__label__0"]])
    write("__label__1 \tgood\n__label__0 \tbad\n", "h.csv")
    assert read_rows("h.csv", header=False, columns=["label", "text"], separator="\t").texts == ["good", "bad"]


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(line_reader, "MAX_RECORD_CHARS", 30)
    message = refusal(read_rows, write("__label__a b\n__label__b " + "c " * 40, "f.txt"))
    assert message == "f.txt, line 2: is longer than 30 characters; give a file with a text a line"
