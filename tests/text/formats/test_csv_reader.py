"""CSV and TSV as records: quotes, line breaks within them, ragged rows, and texts that come back unchanged."""

import csv

import numpy as np
import pytest
from row_files import each_of, read_rows, refusal, write

from slanted.errors import InputError
from slanted.text.formats.csv_reader import read_delimited
from slanted.text.formats.delimited_form import Form
from slanted.text.formats.line_reader import physical_lines
from slanted.text.settings import ReadOptions

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

GOOD = b"text,label\na,x\nb,y\n"
FIX_FIELD = "put a field that holds the separator or a line break in double quotes"
CLOSE = "close its quote there, and write quotes within it twice"
EMPTY = "f.csv is empty; it needs a header line and rows below it"

REFUSED = [
    ("zero bytes", b"", {}, EMPTY),
    ("a byte-order mark only", b"\xef\xbb\xbf", {}, EMPTY),
    ("line ends only", b"\n\r\n\r", {}, EMPTY),
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
        "empty line among single texts",
        b"text\na\n\nb\n",
        {"labelled": False},
        "f.csv, line 3: column 'text' is empty; fill it in or remove the row",
    ),
]


@each_of(REFUSED)
def test_refused_with_a_message_of_its_own(content, options, message):
    assert refusal(read_rows, write(content), **options) == message


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


def test_mixed_line_ends_and_empty_lines():
    rows = read_rows(write("\n\r\ntext,label\ra,x\r\n\r\nb,y\n\r\rc,x\n\n"))
    assert (rows.texts, rows.lines.tolist()) == (["a", "b", "c"], [4, 6, 9])
    assert rows.lines.dtype == np.int64
    assert read_rows(write("text\na\nb\n\n\n"), labelled=False).texts == ["a", "b"]


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
        lines = physical_lines(stream, "f.csv", "utf-8")
        form = Form.of(lines, "f.csv", ReadOptions(), None, is_list=False)
        for _ in read_delimited(form, "f.csv")[1]:
            pass
    assert str(caught.value) == message
    assert stream.given < 2**24 + 2**21


def test_a_long_field_passes_whatever_limit_the_csv_module_has():
    before = csv.field_size_limit(1000)
    try:
        assert len(read_rows(write("text,label\n" + "x" * 200_000 + ",y\n")).texts[0]) == 200_000
    finally:
        csv.field_size_limit(before)
