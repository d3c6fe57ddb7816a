"""Bad rows: the first is refused, or all are skipped, counted and listed."""

import csv
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet
from row_files import read_rows

from slanted.common import atomic_files
from slanted.errors import InputError
from slanted.text.formats.skipped_rows import BadRows
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

FIELDS = "put a field that holds the separator or a line break in double quotes"
EMPTY = "is empty; fill it in or remove the row"


def skipped(path, **options):
    bad = BadRows("skip")
    rows = read_rows(path, bad_rows=bad, **options)
    bad.write(Path("bad.csv"))
    if not bad.count:
        assert not Path("bad.csv").exists()
        return rows, []
    with open("bad.csv", encoding="utf-8", newline="") as file:
        header, *records = csv.reader(file)
    assert header == ["file", "line", "reason", "record"]
    assert len(records) == bad.count
    return rows, records


def test_bad_rows_of_csv_are_left_out_and_listed():
    Path("f.csv").write_text('text,label\na,x\nb,y,z\n"c\nc"\n,x\n" ",y\nd,\ne,y\nf\n')
    rows, bad = skipped("f.csv")
    assert (rows.texts, rows.labels, rows.lines.tolist()) == (["a", "e"], [["x", "y"]], [2, 9])
    assert bad == [
        ["f.csv", "3", f"3 fields, but the header has 2; {FIELDS}", "b,y,z"],
        ["f.csv", "4", f"1 field, but the header has 2; {FIELDS}", '"c\nc"'],
        ["f.csv", "6", f"column 'text' {EMPTY}", ",x"],
        ["f.csv", "7", f"column 'text' {EMPTY}", " ,y"],
        ["f.csv", "8", f"column 'label' {EMPTY}", "d,"],
        ["f.csv", "10", f"1 field, but the header has 2; {FIELDS}", "f"],
    ]


def test_bad_rows_of_json_lines_are_left_out_and_listed():
    good = '{"text": "a", "label": "x"}'
    lines = ['{"text"', good, '{"text": "b"}', '{"text": "\\ud83d", "label": null}', '{"text": {}, "label": "y"}', good]
    Path("f.jsonl").write_text("\n".join(lines))
    rows, bad = skipped("f.jsonl")
    assert (rows.texts, rows.lines.tolist()) == (["a", "a"], [2, 6])
    assert [(line, record) for _, line, _, record in bad] == [
        ("1", lines[0]),
        ("3", "b,"),
        ("4", "\\ud83d,"),
        ("5", ",y"),
    ]
    assert bad[1][2].startswith("key 'label' is missing")


def test_bad_rows_of_parquet_and_of_several_files():
    for name in ("a", "b"):
        table = pyarrow.table({"text": ["a", None, name], "label": ["x", "y", "y"], "id": [1, 2, 3]})
        parquet.write_table(table, f"{name}.parquet")
    rows, bad = skipped("?.parquet")
    assert rows.texts == ["a", "a", "a", "b"]
    assert bad == [[f"{name}.parquet", "2", f"column 'text' {EMPTY}", ",y"] for name in ("a", "b")]


def test_nothing_is_listed_where_no_row_is_bad():
    Path("f.csv").write_text("text,label\na,x\n")
    assert skipped("f.csv")[1] == []


ALWAYS_REFUSED = [
    (b"text,label\na,x\nb\xe9,y\n", "f.csv, line 3: byte 0xe9 is not UTF-8; "),
    (b"text,label\na,x\nb\0,y\n", "f.csv, line 3: a NUL character stands here; "),
    (b'text,label\na,x\n"b,y\n', "f.csv, line 3: the quoted field that opens here is never closed; "),
    (b'text,label\na,x\n"b" c,y\n', "f.csv, line 3: the quoted field that opens here ends on line 3 before ' ', "),
    (
        b"text,label\na,x\n" + b"b" * 2**24 + b"b,y\n",
        "f.csv, line 3: this record is longer than 16,777,216 characters; ",
    ),
]


@pytest.mark.parametrize(("content", "message"), ALWAYS_REFUSED)
def test_what_points_to_a_file_read_wrongly_is_never_skipped(content, message):
    Path("f.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_rows("f.csv", bad_rows=BadRows("skip"))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("rows", ["a\nb,x,y\n", ",x\n,y\n", "a\n" * 300])
def test_a_file_of_bad_rows_only_is_refused(rows):
    Path("f.csv").write_text(f"text,label\n{rows}")
    with pytest.raises(InputError) as caught:
        read_rows("f.csv", bad_rows=BadRows("skip"))
    assert str(caught.value).startswith("f.csv: every row is bad; the last: f.csv, line ")


def test_an_unknown_choice_is_refused():
    with pytest.raises(InputError) as caught:
        BadRows("mend")
    assert str(caught.value) == "--bad-rows mend is unknown; give one of 'fail', 'skip'"


def test_a_run_leaves_out_bad_rows_of_training_and_validation_but_none_of_the_test_file():
    good = "".join(f"text {at},{'xy'[at % 2]}\n" for at in range(20))
    Path("t.csv").write_text(f"text,label\n{good},x\n")
    Path("v.csv").write_text(f"text,label\n{good}a\n")
    files = DataFiles("t.csv", "v.csv", bad_rows="skip")
    data = read_data(files, Settings())
    assert (len(data.train), len(data.valid), data.bad_rows.count) == (20, 20, 2)
    place = f"v.csv, line 22: 1 field, but the header has 2; {FIELDS}"
    assert f"bad rows: 2 left out; the last: {place}" in data.summary
    for wrong in (DataFiles("t.csv", "v.csv"), DataFiles("t.csv", test="v.csv", bad_rows="skip")):
        with pytest.raises(InputError):
            read_data(wrong, Settings())


def test_many_bad_rows_take_no_memory_each():
    bad = BadRows("skip")
    for line in range(3):
        bad.refuse("f.csv", "line", line, "x" * 2**20, json.dumps("y" * 2**20))
    assert bad.count == 3 and len(vars(bad)["latest"]) < 2**21
    bad.write(Path("bad.csv"))
    assert Path("bad.csv").stat().st_size > 6 * 2**20


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_no_record_is_a_formula_in_a_spreadsheet(sign):
    Path("f.csv").write_text(f"text,label\na,x\n{sign}HYPERLINK(1)\n{sign}2,\n")
    _, bad = skipped("f.csv")
    assert [record for *_, record in bad] == [f"'{sign}HYPERLINK(1)", f"'{sign}2,"]


def test_bad_rows_csv_is_whole_or_missing(monkeypatch):
    Path("f.csv").write_text("text,label\na,x\nb\n")
    bad = BadRows("skip")
    read_rows("f.csv", bad_rows=bad)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_files.os, "replace", full)
    with pytest.raises(InputError) as refused:
        bad.write(Path("bad.csv"))
    message = "bad.csv: cannot be written (No space left on device); free space or give another place"
    assert str(refused.value) == message and [path.name for path in Path().iterdir()] == ["f.csv"]
