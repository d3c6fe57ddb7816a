"""The form of a delimited file: its separator, its header, and lists of texts without one."""

import pytest
from row_files import read_rows, refusal, write

from slanted.text.rows.columns import Columns
from slanted.text.rows.rows import read_rows_like
from slanted.text.settings import ReadOptions

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

TRAINED = Columns("text", None, ("label",))
NO_HEADER = {"header": False}
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


DIVIDED = [  # by the separator that gives most lines as many fields as have names
    ("Gut, danke|pos\nso, la la|neg\n", ["Gut, danke", "so, la la"]),
    ("Gut, danke\tpos\nso|la la\tneg\n", ["Gut, danke", "so|la la"]),
    ("Gut, danke;pos\nso la la;neg\n", ["Gut, danke", "so la la"]),
    ("a;b,pos\nc,neg\n", ["a;b", "c"]),
    ('"a;b, c",pos\n"d; e",neg\n', ["a;b, c", "d; e"]),
]


@pytest.mark.parametrize(("content", "texts"), DIVIDED)
def test_named_columns_tell_the_separator(content, texts):
    rows = read_rows(write(content), header=False, columns=("text", "label"))
    assert (rows.texts, rows.labels) == (texts, [["pos", "neg"]])


def test_one_named_column_has_the_separator_that_no_line_holds():
    one = {"header": False, "columns": ("text",), "labelled": False}
    assert read_rows(write("I like it, a lot\nno\n"), **one).texts == ["I like it, a lot", "no"]
    assert read_rows(write('"Yes, ""well"""\n"no"\n'), **one).texts == ['Yes, "well"', "no"]


def test_a_list_of_texts_has_no_header_and_no_fields():
    lines = ['I love it, "so much".', '"No," he said.', "text"]
    rows = read_rows_like(write("\r\n".join(lines), "f.txt"), TRAINED, labelled=False)
    assert (rows.texts, rows.lines.tolist()) == (lines, [1, 2, 3])
    assert read_rows(write("a\nb\n", "f.txt.gz"), labelled=False).texts == ["a", "b"]
    assert read_rows_like(write("text\na\n", "f.txt"), TRAINED, labelled=False).texts == ["a"]
    assert read_rows(write("review|kind\na|x\n", "f.txt"), text="review", label=["kind"]).texts == ["a"]
    assert read_rows(write("a\tx\nb\ty\n", "f.txt"), columns=("text", "label")).labels == [["x", "y"]]


@pytest.mark.parametrize(
    "options", [{"header": False}, {"header": False, "columns": ("text",)}, {"columns": ("text",)}]
)
def test_a_list_of_texts_may_be_said_to_have_no_header(options):
    assert read_rows(write("Well, I like it\nno\n", "f.txt"), labelled=False, **options).texts == [
        "Well, I like it",
        "no",
    ]


@pytest.mark.parametrize(
    "lines", [["You can call, text, or email me", "no"], ["Call, text, or write", "Call, text, or mail"]]
)
def test_a_text_that_holds_the_name_of_a_column_is_no_header(lines):
    assert read_rows(write("\n".join(lines), "f.txt"), labelled=False).texts == lines


def test_a_header_of_several_words_is_one_where_the_next_line_has_as_many_fields():
    rows = read_rows(write("label,news text\nx,a\n", "f.txt"), text="news text")
    assert (rows.texts, rows.labels) == (["a"], [["x"]])


REFUSED = [
    (
        "a,x\n",
        {"header": False},
        "f.csv: --no-header leaves its columns without names; name them with --columns, such as --columns text,label",
    ),
    (
        "a,x\n",
        {"columns": ("text", "label")},
        "--columns, given here or in training, names the columns of a file without a header; add --no-header, or "
        "--header in its place if the file has one",
    ),
    (
        "a,x\n",
        {"header": True, "columns": ("text", "label")},
        "--columns, given here or in training, names the columns of a file without a header, but --header says that it "
        "has one; give one of the two",
    ),
    (
        "a text\nb\n",
        {"header": False, "columns": ("text", "label")},
        "f.csv, line 1: 1 field, but --columns text,label names 2; give --separator, or --columns text if its lines "
        "are texts",
    ),
    (
        "a,x\nb,y,z\n",
        {"header": False, "columns": ("text", "label")},
        "f.csv, line 2: 3 fields, but --columns text,label names 2; put a field that holds the separator or a line "
        "break in double quotes, or give another --separator",
    ),
    (
        "Text,label\na,x\n",
        {"header": False, "columns": ("text", "label")},
        "f.csv, line 1: holds the names of the columns, 'Text, label'; give --header in place of "
        "--no-header and --columns",
    ),
    ("sep=;\n", {}, "f.csv is empty; it needs a header line and rows below it"),
    ("\n", {"header": False}, "f.csv is empty; it needs rows"),
]


@pytest.mark.parametrize(("content", "options", "message"), REFUSED)
def test_refused_with_a_message_of_its_own(content, options, message):
    assert refusal(read_rows, write(content), **options) == message


def test_a_list_of_texts_has_no_labels():
    assert refusal(read_rows, write("a\tx\nb\ty\n", "f.txt")) == (
        "f.txt: no label column, only 'text'; add a column 'label', or if its lines have fields name them with "
        "--columns, or give --header if the first line does; rows without labels go to `slanted predict`"
    )
    assert refusal(read_rows, "f.txt", separator="tab") == (
        "f.txt: --separator makes a table of it, whose columns have no names; name them with --columns, or give "
        "--header if its first line does"
    )
    assert refusal(read_rows, write("", "f.txt")) == "f.txt is empty; it needs rows"


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
