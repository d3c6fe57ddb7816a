"""Which columns are the texts and the labels: as named, else by default."""

import pytest
from row_files import each_of, read_rows, refusal, write

from slanted.errors import InputError
from slanted.text.formats.cells import Unusable
from slanted.text.rows.columns import LIST_SEPARATOR, Columns, Header, columns_of_labels
from slanted.text.rows.rows import read_rows_like
from slanted.text.settings import ReadOptions

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

GOOD = b"text,label\na,x\nb,y\n"
NO_COLUMN = "names no column; the columns are 'text', 'label'; name one of them"
ONCE = "name another column for one of them"
NAME_LABEL = "name the label column with --label; the columns are"
ADD = "rename or add it, or name it with `slanted evaluate --label`"
NO_LABELS = "rows without labels go to `slanted predict`"

REFUSED = [
    (
        "--text unknown",
        GOOD,
        {"text": "body"},
        f"f.csv: --text 'body' {NO_COLUMN}",
    ),
    (
        "--text-b unknown",
        GOOD,
        {"text_b": "b"},
        f"f.csv: --text-b 'b' {NO_COLUMN}",
    ),
    (
        "--label unknown",
        GOOD,
        {"label": ["Label"]},
        f"f.csv: --label 'Label' {NO_COLUMN}",
    ),
    (
        "twenty-five columns",
        ",".join(f"c{i}" for i in range(25)) + "\n" + ",".join("x" * 25) + "\n",
        {"text": "body"},
        "f.csv: --text 'body' names no column; the columns are 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', "
        "'c9', 'c10', 'c11', 'c12', 'c13', 'c14', 'c15', 'c16', 'c17', 'c18', 'c19' and 5 more; name one of them",
    ),
    (
        "a column name of two lines",
        b'"te\nxt",label\na,x\n',
        {"text": "text"},
        "f.csv: --text 'text' names no column; the columns are 'te\\nxt', 'label'; name one of them",
    ),
    (
        "a very long column name",
        "x" * 100 + ",label\na,x\n",
        {"text": "text"},
        f"f.csv: --text 'text' names no column; the columns are '{'x' * 59}…', 'label'; name one of them",
    ),
    (
        "text and label one",
        GOOD,
        {"text": "label", "label": ["label"]},
        f"f.csv: column 'label' is used twice, as --text and as --label; {ONCE}",
    ),
    (
        "text the default label",
        GOOD,
        {"text": "label"},
        f"f.csv: column 'label' is used twice, as --text and as --label; {ONCE}",
    ),
    (
        "label the default text",
        GOOD,
        {"label": ["text"]},
        f"f.csv: column 'text' is used twice, as --text and as --label; {ONCE}",
    ),
    (
        "both texts one",
        GOOD,
        {"text_b": "text"},
        f"f.csv: column 'text' is used twice, as --text and as --text-b; {ONCE}",
    ),
    (
        "a label twice",
        GOOD,
        {"label": ["label", "label"]},
        f"f.csv: column 'label' is used twice, as --label and as --label; {ONCE}",
    ),
    ("two columns text", b"text,text,label\na,b,x\n", {}, "f.csv: 2 columns are named 'text'; rename all but one"),
    ("two columns label", b"text,label,label\na,x,y\n", {}, "f.csv: 2 columns are named 'label'; rename all but one"),
    (
        "two columns of the name given",
        b"a,a,label\nt,u,x\n",
        {"text": "a"},
        "f.csv: 2 columns are named 'a'; rename all but one",
    ),
    ("two label columns alike", b"text,a,b,a\nt,0,1,1\n", {}, "f.csv: 2 columns are named 'a'; rename all but one"),
    (
        "Text and TEXT",
        b"Text,TEXT,label\na,b,x\n",
        {},
        "f.csv: columns 'Text', 'TEXT' are all spelt like 'text'; rename all but the one to use",
    ),
    (
        "two columns of text",
        b"id,title,body,label\n1,a,b,x\n",
        {},
        "f.csv: no column 'text', and 2 others hold text; name the text column with --text; "
        "the columns are 'id', 'title', 'body', 'label'",
    ),
    (
        "neither text nor label",
        b"id,title,body\n1,a,b\n",
        {},
        "f.csv: no column 'text', and 2 others hold text; name the text column with --text and the label column with "
        "--label; the columns are 'id', 'title', 'body'",
    ),
    (
        "numbers only",
        b"id,n,label\n1,2.5,x\n2,,y\n",
        {},
        "f.csv: no column 'text', and no other holds text; name the text column with --text; "
        "the columns are 'id', 'n', 'label'",
    ),
    ("no label column", b"text\na\n", {}, f"f.csv: no label column, only 'text'; add a column 'label'; {NO_LABELS}"),
    (
        "no label column among others",
        b"text,id,a\nt,1,0\nu,17,1\n",
        {},
        f"f.csv: no column 'label', and column 'id' holds '17' on line 3, not 0 or 1; {NAME_LABEL} 'text', 'id', 'a'",
    ),
]


@each_of(REFUSED)
def test_refused_with_a_message_of_its_own(content, options, message):
    assert refusal(read_rows, write(content), **options) == message


TRAINED = Columns("text", None, ("label",))
PAIRS = Columns("text", "text_b", ("label",))

MISSING_IN_LATER_FILES = [
    (
        b"text,id\na,1\n",
        TRAINED,
        f"f.csv: no column 'label', which the training data has; the columns are 'text', 'id'; {ADD}; {NO_LABELS}",
    ),
    (
        b"body,label\na,x\n",
        TRAINED,
        "f.csv: no column 'text', which the training data has; the columns are 'body', 'label'; rename or add it",
    ),
    (
        GOOD,
        PAIRS,
        "f.csv: no column 'text_b', which the training data has; the columns are 'text', 'label'; rename or add it",
    ),
]


@pytest.mark.parametrize(("content", "columns", "message"), MISSING_IN_LATER_FILES)
def test_a_later_file_must_have_the_columns_of_the_training_data(content, columns, message):
    with pytest.raises(InputError) as caught:
        read_rows_like(write(content), columns)
    assert str(caught.value) == message


FOUND = [
    ("label,text", {}, Columns("text", None, ("label",))),
    (" Text ,LABEL", {}, Columns(" Text ", None, ("LABEL",))),
    ("text,Text,label", {}, Columns("text", None, ("label",))),
    ("word,label", {}, Columns("word", None, ("label",))),
    ("number,label,word", {}, Columns("word", None, ("label",))),
    ("number,word,word2,label", {"text": "word2"}, Columns("word2", None, ("label",))),
    ("word,word2,number", {"text": "word", "label": ["word2"]}, Columns("word", None, ("word2",))),
    ("word,word2,label", {"text_b": "word"}, Columns("word2", "word", ("label",))),
    ("text,text_b,label", {}, Columns("text", "text_b", ("label",))),
    ("Text_B,label,TEXT", {}, Columns("TEXT", "Text_B", ("label",))),
    ("text,text_b,label", {"text": "text"}, Columns("text", None, ("label",))),
    ("text,bit,bit2", {}, Columns("text", None, ("bit", "bit2"))),
    ("bit,word,bit2", {}, Columns("word", None, ("bit", "bit2"))),
    ("text,text_b,bit,bit2", {}, Columns("text", "text_b", ("bit", "bit2"))),
    ("text,bit,number", {"label": ["number", "bit"]}, Columns("text", None, ("number", "bit"))),
    ("text,label,label2,label2", {}, Columns("text", None, ("label",))),
    ("number,word,label", {"labelled": False}, Columns("word", None, ())),
    ("word,word2", {"labelled": False, "label": ["word2", "gone"]}, Columns("word", None, ())),
    ("number", {"labelled": False}, Columns("number", None, ())),
]

CELLS = {"word": "some", "number": "2.5", "bit": "0", "bit2": "1.0"}


@pytest.mark.parametrize(("header", "options", "columns"), FOUND)
def test_columns_are_found(header, options, columns):
    record = ",".join(CELLS.get(name, "word") for name in header.split(","))
    assert read_rows(write(f"{header}\n{record}\n"), **options).columns == columns


HEADER = Header("f.csv", ("Text", "id", "spam", "Toxic"), [(2, ["a", "7", "0", "1"]), (3, ["", "x", "1", "1"])])


def test_a_header_finds_a_column_like_a_name_and_knows_text_from_numbers():
    assert HEADER.like("text") == "Text" and HEADER.like("label") is None
    assert HEADER.others(["id", None]) == ["Text", "spam", "Toxic"]
    assert [HEADER.is_text(name) for name in HEADER.names] == [True, True, False, False]
    assert str(HEADER) == "'Text', 'id', 'spam', 'Toxic'"


def test_labels_of_a_model_of_python_are_found_by_their_names_in_their_order():
    assert columns_of_labels(HEADER, ["toxic", "spam"], ReadOptions()) == Columns("Text", None, ("Toxic", "spam"))
    assert columns_of_labels(HEADER, ["spam"], ReadOptions(text="id")) == Columns("id", None, ("spam",))
    assert columns_of_labels(HEADER, ["gone"], ReadOptions(), labelled=False) == Columns("Text", None, ())


def test_one_column_label_holds_all_of_them_where_none_has_its_name():
    header = Header("f.jsonl", ("text", "LABEL"), [(1, ["a", Unusable("a list", ("spam",))])])
    assert columns_of_labels(header, ["spam", "toxic"], ReadOptions()) == Columns(
        "text", None, ("LABEL",), LIST_SEPARATOR
    )


def test_a_missing_label_is_named():
    message = f"f.csv: no column 'ham', which the training data has; the columns are {HEADER}; {ADD}; {NO_LABELS}"
    assert refusal(columns_of_labels, HEADER, ["spam", "ham"], ReadOptions()) == message
