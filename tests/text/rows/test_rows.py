import csv
import random
import re
from pathlib import Path

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.formats import line_reader
from slanted.text.formats.csv_reader import read_delimited
from slanted.text.rows.columns import Columns
from slanted.text.rows.rows import read_rows, read_rows_like

pytestmark = pytest.mark.once

GOOD = b"text,label\na,x\nb,y\n"
NO_COLUMN = "names no column; the columns are 'text', 'label'; name one of them"
FIX_FIELD = "put a field that holds the separator or a line break in double quotes"
CLOSE = "close its quote there, and write quotes within it twice"
EMPTY = "f.csv is empty; it needs a header line and rows below it"
TO_UTF8 = "save the file as UTF-8 or name its encoding, such as --encoding cp1252"
NUL = "a NUL character stands here; remove it or, if the file is UTF-16, say so: --encoding utf-16"
ENCODINGS = "give one such as utf-8, utf-16, cp1252 or shift_jis"
ONCE = "name another column for one of them"
NAME_LABEL = "name the label column with --label; the columns are"
NO_LABELS = "rows without labels go to `slanted predict`"


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(content, name="f.csv"):
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return name


REFUSED = [
    # the file as a whole
    ("zero bytes", b"", {}, EMPTY),
    ("a byte-order mark only", b"\xef\xbb\xbf", {}, EMPTY),
    ("line ends only", b"\n\r\n\r", {}, EMPTY),
    ("header only", b"text,label\n", {}, "f.csv: no rows below the header 'text', 'label'; add some"),
    ("header without a line end", b"text,label", {}, "f.csv: no rows below the header 'text', 'label'; add some"),
    ("header and empty lines", b"text,label\n\n\r\n", {}, "f.csv: no rows below the header 'text', 'label'; add some"),
    # characters
    ("Latin-1", GOOD + b"caf\xe9,x\n", {}, f"f.csv, line 4: byte 0xe9 is not UTF-8; {TO_UTF8}"),
    ("a character cut at the end", GOOD + b"caf\xc3", {}, f"f.csv, line 4: byte 0xc3 is not UTF-8; {TO_UTF8}"),
    ("bad byte after CR ends", b"text,label\ra,x\r\xff", {}, f"f.csv, line 3: byte 0xff is not UTF-8; {TO_UTF8}"),
    ("bad byte after CRLF ends", b"text,label\r\na\xff,x\r\n", {}, f"f.csv, line 2: byte 0xff is not UTF-8; {TO_UTF8}"),
    (
        "bad byte within a quoted field",
        b'text,label\n"a\nb\n\xff",x\n',
        {},
        f"f.csv, line 4: byte 0xff is not UTF-8; {TO_UTF8}",
    ),
    (
        "UTF-16 with its mark",
        "text,label\na,x\n".encode("utf-16"),
        {},
        "f.csv, line 1: byte 0xff is not UTF-8; the file begins as UTF-16 does: --encoding utf-16",
    ),
    ("UTF-16 without its mark", "text,label\na,x\n".encode("utf-16-le"), {}, f"f.csv, line 1: {NUL}"),
    (
        "UTF-16 said, but no mark",
        "text,label\na,x\n".encode("utf-16-le"),
        {"encoding": "utf-16"},
        "f.csv, line 1: UTF-16 stream does not start with BOM; say the byte order, such as --encoding utf-16-le",
    ),
    (
        "a byte not in the encoding named",
        GOOD + b"\x81,x\n",
        {"encoding": "cp1252"},
        "f.csv, line 4: byte 0x81 is not cp1252; name the encoding that the file is in with --encoding",
    ),
    ("unknown encoding", GOOD, {"encoding": "utf8000"}, f"--encoding 'utf8000' is unknown; {ENCODINGS}"),
    ("an encoding not of text", GOOD, {"encoding": "hex"}, f"--encoding 'hex' is unknown; {ENCODINGS}"),
    ("NUL", GOOD + b"a\0b,x\n", {}, f"f.csv, line 4: {NUL}"),
    ("NUL within a quoted field", GOOD + b'"a\n\nb\0",x\n', {}, f"f.csv, line 6: {NUL}"),
    # records
    ("too many fields", GOOD + b"a,b,x\n", {}, f"f.csv, line 4: 3 fields, but the header has 2; {FIX_FIELD}"),
    ("too few fields", GOOD + b"a\n", {}, f"f.csv, line 4: 1 field, but the header has 2; {FIX_FIELD}"),
    ("a blank that is no field", GOOD + b"  \n", {}, f"f.csv, line 4: 1 field, but the header has 2; {FIX_FIELD}"),
    (
        "ragged after line breaks",
        b'text,label\n"a\r\n\rb",x\n\nc,x,y\n',
        {},
        f"f.csv, line 6: 3 fields, but the header has 2; {FIX_FIELD}",
    ),
    (
        "the first line of a ragged record",
        b'text,label\n"a\n\nb",x,y\n',
        {},
        f"f.csv, line 2: 3 fields, but the header has 2; {FIX_FIELD}",
    ),
    (
        "never closed",
        GOOD + b'"a,x\nb,y\n',
        {},
        f"f.csv, line 4: the quoted field that opens here is never closed; {CLOSE}",
    ),
    (
        "never closed, in a later field",
        GOOD + b'"a\nb","y\n',
        {},
        f"f.csv, line 5: the quoted field that opens here is never closed; {CLOSE}",
    ),
    (
        "never closed, in the header",
        b'text,"label\na,x\n',
        {},
        f"f.csv, line 1: the quoted field that opens here is never closed; {CLOSE}",
    ),
    (
        "never closed, ends in two quotes",
        b'text,label\n"a,""x""',
        {},
        f"f.csv, line 2: the quoted field that opens here is never closed; {CLOSE}",
    ),
    (
        "closed by a later row's quote",
        b'text,label\n"a,x\nb,y\n"c d",x\n',
        {},
        f"f.csv, line 2: the quoted field that opens here ends on line 4 before 'c', which is no separator; {CLOSE}",
    ),
    (
        "quotes within quotes",
        b'text,label\na,x\n"he said "hi"",x\n',
        {},
        f"f.csv, line 3: the quoted field that opens here ends on line 3 before 'h', which is no separator; {CLOSE}",
    ),
    (
        "a record without end",
        b"text,label\n" + b"x" * 2**24 + b"x,y\n",
        {},
        "f.csv, line 2: this record is longer than 16,777,216 characters; give a CSV file with a record a line",
    ),
    (
        "a million columns",
        ",".join(f"column_{i}" for i in range(10**6)) + "\n",
        {},
        "f.csv: the header has 1,000,000 columns, more than the 16,384 that are read; "
        "keep the columns of the texts and the labels only",
    ),
    # columns
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
    # cells
    ("empty text", b"text,label\n,x\n", {}, "f.csv, line 2: column 'text' is empty; fill it in or remove the row"),
    (
        "quoted empty text",
        b'text,label\n"",x\n',
        {},
        "f.csv, line 2: column 'text' is empty; fill it in or remove the row",
    ),
    (
        "blank text",
        "text,label\na,x\n\u00a0\t\u3000,x\n",
        {},
        "f.csv, line 3: column 'text' is empty; fill it in or remove the row",
    ),
    (
        "empty label",
        b'text,label\n"a\nb",x\nc,\n',
        {},
        "f.csv, line 4: column 'label' is empty; fill it in or remove the row",
    ),
    (
        "blank label",
        b"text,label\na,x\nb,x\nc, \n",
        {},
        "f.csv, line 4: column 'label' is empty; fill it in or remove the row",
    ),
    (
        "empty second text",
        b"text,text_b,label\na,,x\n",
        {},
        "f.csv, line 2: column 'text_b' is empty; fill it in or remove the row",
    ),
    (
        "empty label deep in the file",
        b"text,label\n" + b"a,x\n" * 500 + b"a,\n",
        {},
        "f.csv, line 502: column 'label' is empty; fill it in or remove the row",
    ),
    (
        "empty line among single texts",
        b"text\na\n\nb\n",
        {"labelled": False},
        "f.csv, line 3: column 'text' is empty; fill it in or remove the row",
    ),
]


@pytest.mark.parametrize(
    ("content", "options", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_refused_with_a_message_of_its_own(content, options, message):
    with pytest.raises(InputError) as caught:
        read_rows(write(content), **options)
    assert str(caught.value) == message
    assert message.isprintable()


def test_a_missing_file_a_folder_and_an_impossible_path_are_refused():
    Path("folder").mkdir()
    for path, message in [
        ("missing.csv", "missing.csv: no such file; check the path"),
        ("two\nlines.csv", "'two\\nlines.csv': no such file; check the path"),
        ("folder", "folder is a folder; name a file in it"),
        ("x" * 300, "x" * 300 + " cannot be opened (File name too long); check its permissions and path"),
    ]:
        with pytest.raises(InputError) as caught:
            read_rows(path)
        assert str(caught.value) == message


TRAINED = Columns("text", None, ("label",))
PAIRS = Columns("text", "text_b", ("label",))
MISSING_IN_LATER_FILES = [
    (
        b"text,id\na,1\n",
        TRAINED,
        f"f.csv: no column 'label', which the training data has; the columns are 'text', 'id'; add it; {NO_LABELS}",
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


def test_a_later_file_is_read_by_the_columns_of_the_training_data():
    rows = read_rows_like(write(b"id,label,TEXT\n7,x,a\n8,y,b\n"), TRAINED)
    assert (rows.texts, rows.labels) == (["a", "b"], [["x", "y"]])
    unlabelled = read_rows_like(write(b"id,text_b,text\n7,b,a\n"), PAIRS, labelled=False)
    assert (unlabelled.texts, unlabelled.texts_b, unlabelled.labels) == (["a"], ["b"], None)
    assert read_rows_like(write(b"anything\na\n"), TRAINED, labelled=False).texts == ["a"]


TEXTS = {
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 é",
    "only emoji": "👍🏽",
    "right to left": "שלום \u202eעולם\u202c العربية",
    "zero width": "a\u200bb\u200d\ufeffc",
    "nothing but zero width": "\u200b\u2060",
    "outer spaces": "  a \t",
    "line breaks": "a\nb\r\nc\rd\n",
    "other separators": "a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b",
    "quotes": '"a" ""b"" \'c\'',
    "commas": "a,b;c\td|e",
    "SQL": "Robert'); DROP TABLE students;--",
    "HTML": '<b onclick="x()">&amp;</b><!-- -->',
    "a path": "..\\..\\C:\\x\\n/etc/passwd",
    "a number": "007",
    "a formula": "=1+1",
    "control characters": "a\x01\x1b[31m\x7f",
    "not normalised": "e\u0301\u212b",
    "a noncharacter": "\uffff\U0010ffff",
    "a million words": "word " * 10**6,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_texts_and_labels_come_back_unchanged(text):
    label = text[:1000]
    quoted, quoted_label = (cell.replace('"', '""') for cell in (text, label))
    rows = read_rows(write(f'text,label\r\n"{quoted}","{quoted_label}"\r\nb,y\r\n'))
    assert rows.texts == [text, "b"]
    assert rows.labels == [[label, "y"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_byte_order_marks(end, last):
    content = end.join(["Text,LABEL", "a,x", '"b\nc",y', "d,x"]) + (end if last else "")
    for mark in ("", "\ufeff"):
        rows = read_rows(write(mark + content))
        assert (rows.texts, rows.labels, rows.lines.tolist()) == (["a", "b\nc", "d"], [["x", "y", "x"]], [2, 3, 5])
        assert rows.columns == Columns("Text", None, ("LABEL",))


def test_mixed_line_ends_and_empty_lines():
    rows = read_rows(write("\n\r\ntext,label\ra,x\r\n\r\nb,y\n\r\rc,x\n\n"))
    assert (rows.texts, rows.lines.tolist()) == (["a", "b", "c"], [4, 6, 9])
    assert rows.lines.dtype == np.int64
    assert read_rows(write("text\na\nb\n\n\n"), labelled=False).texts == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252", "shift_jis"])
def test_other_encodings(encoding):
    text = "ボールド" if encoding == "shift_jis" else "Größe"
    rows = read_rows(write(f"text,label\n{text},x\n".encode(encoding)), encoding=encoding)
    assert rows.texts == [text]


SEPARATED = [
    ("f.tsv", "text\tlabel\na,b;c\tx\n", ["a,b;c"]),
    ("f.TAB", "text\tlabel\na,b;c\tx\n", ["a,b;c"]),
    ("f.csv", "text\tlabel\na,b;c\tx\n", ["a,b;c"]),
    ("f.csv", "text;label\na,b\tc;x\n", ["a,b\tc"]),
    ("f.txt", "text,label\na;b\tc,x\n", ["a;b\tc"]),
]


@pytest.mark.parametrize(("name", "content", "texts"), SEPARATED)
def test_the_separator_follows_from_the_name_or_the_header(name, content, texts):
    assert read_rows(write(content, name)).texts == texts


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
CELLS = {"number": "2.5", "bit": "0", "bit2": "1.0"}


@pytest.mark.parametrize(("header", "options", "columns"), FOUND)
def test_columns_are_found(header, options, columns):
    record = ",".join(CELLS.get(name, "word") for name in header.split(","))
    assert read_rows(write(f"{header}\n{record}\n"), **options).columns == columns


def test_take_keeps_all_parts_of_the_rows_together():
    rows = read_rows(write("text,text_b,a,b\nt0,u0,0,1\nt1,u1,1,1\n\nt2,u2,1,0\n"))
    taken = rows.take(np.array([2, 0]))
    assert (taken.texts, taken.texts_b, taken.labels) == (["t2", "t0"], ["u2", "u0"], [["1", "0"], ["0", "1"]])
    assert (taken.lines.tolist(), taken.columns, taken.source, len(taken)) == ([5, 2], rows.columns, "f.csv", 2)
    assert len(rows.take([])) == 0


ALPHABET = [
    "a",
    "é",
    " ",
    ",",
    '"',
    '""',
    "\n",
    "\r",
    "\r\n",
    "\u2028",
    "\x85",
    "\x0c",
    "👍",
    "\u200b",
    "ש",
    "\t",
    ";",
    "'",
]


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7, 64, 2**20])
@pytest.mark.parametrize(
    ("end", "quoting"), [("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL)]
)
def test_random_texts_come_back_with_their_lines(block_bytes, end, quoting, monkeypatch):
    monkeypatch.setattr(line_reader, "_BLOCK_BYTES", block_bytes)
    draw = random.Random(block_bytes)
    texts = ["x" + "".join(draw.choices(ALPHABET, k=draw.randrange(12))) for _ in range(200)]
    labels = [draw.choice(["a", "b,", 'c"', "d\n"]) for _ in texts]
    starts = []
    with open("f.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator=end, quoting=quoting)
        writer.writerow(["text", "label"])
        for record in zip(texts, labels, strict=True):
            file.flush()
            starts.append(1 + len(re.findall(rb"\r\n|\r|\n", Path("f.csv").read_bytes())))
            writer.writerow(record)
    rows = read_rows("f.csv")
    assert rows.texts == texts
    assert rows.labels == [labels]
    assert rows.lines.tolist() == starts


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


class Endless:
    """A stream that begins as given and never ends."""

    def __init__(self, start, rest):
        self.start, self.rest, self.given = start, rest, 0

    def read(self, size):
        block, self.start = (self.start + self.rest * size)[:size], b""
        self.given += size
        return block


@pytest.mark.parametrize(
    ("start", "rest", "message"),
    [
        (
            b'text,label\na,b\n"c\nd","',
            b"x,y\n",
            f"f.csv, line 4: the quoted field that opens here is not closed within 16,777,216 characters; {CLOSE}",
        ),
        (
            b'text,label\na,b\n"',
            b"x",
            f"f.csv, line 3: the quoted field that opens here is not closed within 16,777,216 characters; {CLOSE}",
        ),
        (
            b"text,label\na,b\n",
            b"x,",
            "f.csv, line 3: this record is longer than 16,777,216 characters; give a CSV file with a record a line",
        ),
    ],
)
def test_a_record_that_never_ends_is_refused_in_bounded_memory(start, rest, message):
    stream = Endless(start, rest)
    with pytest.raises(InputError) as caught:
        for _ in read_delimited(stream, "f.csv", "utf-8")[1]:
            pass
    assert str(caught.value) == message
    assert stream.given < 2**24 + 2**21


def test_a_stream_that_fails_is_refused():
    class Failing:
        def read(self, size):
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError) as caught:
        read_delimited(Failing(), "f.csv", "utf-8")
    assert str(caught.value) == "f.csv cannot be read (Input/output error); check the disk or the connection"


def test_a_long_field_passes_whatever_limit_the_csv_module_has():
    before = csv.field_size_limit(1000)
    try:
        assert len(read_rows(write("text,label\n" + "x" * 200_000 + ",y\n")).texts[0]) == 200_000
    finally:
        csv.field_size_limit(before)
