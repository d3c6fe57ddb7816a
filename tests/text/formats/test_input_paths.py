import io
import os
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from slanted.errors import InputError
from slanted.text.formats.input_paths import input_paths
from slanted.text.labels.targets import infer_target
from slanted.text.rows.columns import Columns
from slanted.text.rows.rows import read_rows, read_rows_like

pytestmark = pytest.mark.once

SAME = "several files must have the same columns"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, content):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def refusal(call, *arguments, **options):
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_patterns_name_files_in_order():
    for name in ("part-2.csv", "part-10.csv", "part-1.csv", "other.csv", "deep/down/part-3.csv"):
        write(name, "")
    Path("part-0.csv").mkdir()
    assert input_paths("part-*.csv") == ["part-1.csv", "part-10.csv", "part-2.csv"]
    assert input_paths(Path("part-?.csv")) == ["part-1.csv", "part-2.csv"]
    assert input_paths("**/part-3.csv") == ["deep/down/part-3.csv"]
    assert input_paths(["other.csv", "part-1*"]) == ["other.csv", "part-1.csv", "part-10.csv"]
    assert input_paths("missing.csv") == ["missing.csv"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file():
    write("a[1].csv", "text,label\na,x\n")
    write("a1.csv", "")
    assert input_paths("a[1].csv") == ["a[1].csv"]
    assert read_rows("a[1].csv").texts == ["a"]


def test_wrong_names_are_refused():
    write("a.csv", "text,label\na,x\n")
    assert refusal(read_rows, "a\udcff.csv") == r"'a\udcff.csv': the file's name is not UTF-8; rename it"
    assert refusal(read_rows, "b*.csv") == "b*.csv: no file matches this pattern; check it"
    assert refusal(read_rows, ["a.csv", "a*"]) == "a.csv is named twice; name it once"
    assert refusal(read_rows, ["a.csv", "./a.csv"]) == "./a.csv is named twice, also as a.csv; name it once"
    for link in (os.symlink, os.link):
        link("a.csv", f"{link.__name__}.csv")
        refused = refusal(read_rows, ["a.csv", f"{link.__name__}.csv"])
        assert refused == f"{link.__name__}.csv is named twice, also as a.csv; name it once"
    assert refusal(read_rows, ["a.csv", "-"]) == (
        "-: standard input cannot be read together with files; give it alone, or files only"
    )
    assert refusal(read_rows, ["a.csv", "b.csv"]) == "b.csv: no such file; check the path"


def test_several_files_are_read_as_one():
    write("a.csv", "text,label\na,x\nb,y\n")
    write("b.jsonl", '\n{"label": "y", "text": "c"}\n')
    parquet.write_table(pyarrow.table({"label": ["x"], "text": ["d"]}), "c.parquet")
    rows = read_rows(["a.csv", "b.jsonl", "c.parquet"])
    assert (rows.texts, rows.labels) == (["a", "b", "c", "d"], [["x", "y", "y", "x"]])
    assert rows.source == "a.csv and 2 more"
    assert [rows.places[row] for row in range(4)] == [
        "a.csv, line 2",
        "a.csv, line 3",
        "b.jsonl, line 2",
        "c.parquet, row 1",
    ]
    assert rows.take([3, 0]).places[0] == "c.parquet, row 1"


def test_messages_name_the_file_of_the_row():
    write("a.csv", "text,label\na,x\nb,y\n")
    write("b.csv", "text,label\nc,X\nd,y\n")
    assert refusal(infer_target, read_rows("?.csv")) == (
        "a.csv and 1 more: labels 'X' (b.csv, line 2) and 'x' (a.csv, line 2) differ only in case or spaces; "
        "spell them alike, or rename one"
    )
    write("c.csv", "text,label\na,x\n")
    write("d.csv", "text,label\nb,z\n")
    target = infer_target(read_rows("a.csv"))
    assert refusal(target.encode, read_rows("[cd].csv")) == (
        "d.csv, line 2: column 'label' holds 'z', a label that the training data lacks; it has 'x', 'y'; "
        "correct it, or add rows of it to the training data"
    )
    write("d.csv", "text,label\nb,\n")
    assert refusal(read_rows, "[cd].csv") == "d.csv, line 2: column 'label' is empty; fill it in or remove the row"


DIFFER = [
    ("text,label,id\nb,y,1\n", "b.csv: its columns are 'text', 'label', 'id', where a.csv has 'text', 'label'"),
    ("text,Label\nb,y\n", "b.csv: its columns are 'text', 'Label', where a.csv has 'text', 'label'"),
    ("text\nb\n", "b.csv: its columns are 'text', where a.csv has 'text', 'label'"),
    ("text,label,label\nb,y,y\n", "b.csv: its columns are 'text', 'label', 'label', where a.csv has 'text', 'label'"),
]


@pytest.mark.parametrize(("content", "message"), DIFFER)
def test_files_whose_columns_differ_are_refused(content, message):
    write("a.csv", "text,label\na,x\n")
    write("b.csv", content)
    assert refusal(read_rows, ["a.csv", "b.csv"]) == f"{message}; {SAME}"
    columns = Columns("text", None, ("label",))
    assert refusal(read_rows_like, ["a.csv", "b.csv"], columns) == f"{message}; {SAME}"


def test_a_later_file_is_checked_before_the_first_is_read_to_its_end():
    write("a.csv", "text,label\n" + "a,x\n" * 200 + ",\n")
    write("b.csv", "text\nb\n")
    assert refusal(read_rows, "?.csv") == f"b.csv: its columns are 'text', where a.csv has 'text', 'label'; {SAME}"
    write("b.csv", "text,label\n")
    write("a.csv", "text,label\na,x\n")
    assert refusal(read_rows, "?.csv") == "b.csv: no rows below the header 'text', 'label'; add some"


class Input:
    def __init__(self, content):
        self.buffer = io.BufferedReader(io.BytesIO(content))


def given(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", Input(content))


def test_standard_input(monkeypatch):
    import gzip

    table = b"text\tlabel\na,b\tx\n"
    for content in (table, gzip.compress(table), b' {"text": "a,b", "label": "x"}\n'):
        given(monkeypatch, content)
        rows = read_rows("-")
        assert (rows.texts, rows.labels, rows.source) == (["a,b"], [["x"]], "standard input")
    given(monkeypatch, b"text,label\na,x\n,y\n")
    assert refusal(read_rows, "-") == "standard input, line 3: column 'text' is empty; fill it in or remove the row"
    given(monkeypatch, b"")
    assert refusal(read_rows, "-") == "standard input is empty; it needs a header line and rows below it"
    given(monkeypatch, b"PAR1....PAR1")
    assert refusal(read_rows, "-") == (
        "standard input is Parquet, which is not read from front to back; write it to a file and name that"
    )
