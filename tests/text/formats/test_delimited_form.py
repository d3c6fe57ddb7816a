"""The form of a delimited file: its separator, its header, and lists of texts without one."""

import pytest
from row_files import read_rows, refusal, write

from slanted.text.rows.columns import Columns
from slanted.text.rows.rows import read_rows_like
from slanted.text.settings import ReadOptions

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

TRAINED = Columns("text", None, ("label",))
SEPARATED = [
    ("text|label\na, b|x\n", {}, "a, b"),
    ("sep=;\r\ntext;label\r\na, b;x\r\n", {}, "a, b"),
    ("SEP=|\ntext|label\na, b|x\n", {}, "a, b"),
    ("id, old;text;label\n1;a, b;x\n", {}, "a, b"),
    ("id;news, long;kind\n1;a, b;x\n", {"text": "news, long", "label": ["kind"]}, "a, b"),
    ("text:label\na, b:x\n", {"separator": ":"}, "a, b"),
    ("text\tlabel\na, b\tx\n", {"separator": "tab"}, "a, b"),
    ("text\tlabel\na, b\tx\n", {"separator": r"\t"}, "a, b"),
]


@pytest.mark.parametrize(("content", "options", "text"), SEPARATED)
def test_the_separator_is_given_or_recognised(content, options, text):
    rows = read_rows(write(content), **options)
    assert rows.texts == [text] and rows.labels == [["x"]]
    assert rows.lines.tolist() == [content.count("\n")]


def test_a_file_without_a_header_has_the_names_that_are_given():
    rows = read_rows(write("a,x\nb,y\n"), header=False, columns=("text", "label"))
    assert (rows.texts, rows.labels, rows.lines.tolist()) == (["a", "b"], [["x", "y"]], [1, 2])
    rows = read_rows(write("x;1;a\ny;2;b\n"), header=False, columns=("label", "id", "text"), separator=";")
    assert (rows.texts, rows.labels) == (["a", "b"], [["x", "y"]])
    assert read_rows(write("a\nb\n"), header=False, labelled=False).texts == ["a", "b"]


def test_a_list_of_texts_has_no_header_and_no_fields():
    lines = ['I love it, "so much".', '"No," he said.', "text"]
    rows = read_rows_like(write("\r\n".join(lines), "f.txt"), TRAINED, labelled=False)
    assert (rows.texts, rows.lines.tolist()) == (lines, [1, 2, 3])
    assert read_rows(write("a\nb\n", "f.txt.gz"), labelled=False).texts == ["a", "b"]
    assert read_rows_like(write("text\na\n", "f.txt"), TRAINED, labelled=False).texts == ["a"]
    assert read_rows(write("review|kind\na|x\n", "f.txt"), text="review", label=["kind"]).texts == ["a"]
    assert read_rows(write("a\tx\nb\ty\n", "f.txt"), columns=("text", "label")).labels == [["x", "y"]]


REFUSED = [
    (
        "a,x\n",
        {"header": False},
        "f.csv: --no-header leaves its columns without names; name them with --columns, such as --columns text,label",
    ),
    (
        "a,x\n",
        {"columns": ("text", "label")},
        "--columns names the columns of files without a header; add --no-header, or leave it out",
    ),
    (
        "a,x\nb,y,z\n",
        {"header": False, "columns": ("text", "label")},
        "f.csv, line 2: 3 fields, but --columns text,label names 2; put a field that holds the separator or a line "
        "break in double quotes",
    ),
    (
        "Text,label\na,x\n",
        {"header": False, "columns": ("text", "label")},
        "f.csv, line 1: holds the names of the columns, 'Text, label'; leave --no-header out",
    ),
    ("sep=;\n", {}, "f.csv is empty; it needs a header line and rows below it"),
]


@pytest.mark.parametrize(("content", "options", "message"), REFUSED)
def test_refused_with_a_message_of_its_own(content, options, message):
    assert refusal(read_rows, write(content), **options) == message


def test_a_list_of_texts_has_no_labels():
    assert refusal(read_rows, write("a\tx\nb\ty\n", "f.txt")) == (
        "f.txt: no label column, only 'text'; add a column 'label', or if its lines have fields name them with "
        "--columns; rows without labels go to `slanted predict`"
    )


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"separator": ";;"}, "must be one character, or tab"),
        ({"separator": '"'}, "must be one character, or tab"),
        ({"quotes": "double"}, "must be one of auto, csv, none"),
        ({"columns": ("a", "a")}, "must be different names, with commas between them"),
        ({"columns": ("a", "")}, "must be different names, with commas between them"),
    ],
)
def test_options_out_of_their_range(options, rule):
    assert rule in refusal(ReadOptions, **options)
