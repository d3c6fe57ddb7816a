"""Bytes as lines: encodings, byte-order marks, line ends, and bytes that are no text."""

import csv
import random
import re
from pathlib import Path

import pytest
from row_files import each_of, read_rows, refusal, write

from slanted.errors import InputError
from slanted.text.formats import line_reader
from slanted.text.formats.line_reader import physical_lines
from slanted.text.rows.columns import Columns

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

GOOD = b"text,label\na,x\nb,y\n"
TO_UTF8 = "save the file as UTF-8 or name its encoding, such as --encoding cp1252"
NUL = "a NUL character stands here; remove it or, if the file is UTF-16, say so: --encoding utf-16"
ENCODINGS = "give one such as utf-8, utf-16, cp1252 or shift_jis"

REFUSED = [
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
    ("UTF-16 without its mark", "text,label\na,x\n".encode("utf-16-le"), {}, f"f.csv, line 1: {NUL}-le"),
    ("UTF-16, the other order", "text,label\na,x\n".encode("utf-16-be"), {}, f"f.csv, line 1: {NUL}-be"),
    (
        "UTF-32",
        "text,label\na,x\n".encode("utf-32"),
        {},
        "f.csv, line 1: byte 0xff is not UTF-8; the file begins as UTF-32 does: --encoding utf-32",
    ),
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
]


@each_of(REFUSED)
def test_refused_with_a_message_of_its_own(content, options, message):
    assert refusal(read_rows, write(content), **options) == message


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_byte_order_marks(end, last):
    content = end.join(["Text,LABEL", "a,x", '"b\nc",y', "d,x"]) + (end if last else "")
    for mark in ("", "\ufeff"):
        rows = read_rows(write(mark + content))
        assert (rows.texts, rows.labels, rows.lines.tolist()) == (["a", "b\nc", "d"], [["x", "y", "x"]], [2, 3, 5])
        assert rows.columns == Columns("Text", None, ("LABEL",))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig", "cp1252", "shift_jis"])
def test_other_encodings(encoding):
    text = "ボールド" if encoding == "shift_jis" else "Größe"
    rows = read_rows(write(f"text,label\n{text},x\n".encode(encoding)), encoding=encoding)
    assert rows.texts == [text]


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


def test_a_stream_that_fails_is_refused():
    class Failing:
        def read(self, size):
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError) as caught:
        next(physical_lines(Failing(), "f.csv", "utf-8"))
    assert str(caught.value) == "f.csv cannot be read (Input/output error); check the disk or the connection"
