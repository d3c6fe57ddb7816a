"""Tables in each format: read back by the libraries of the format, whole or not at all, and refused by name."""

import csv
import gzip
import io
import json
import os
import sys
import threading
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from slanted.errors import InputError
from slanted.text.models import table_files
from slanted.text.models.table_files import STANDARD_OUTPUT, check_name, write_table

pytestmark = pytest.mark.once

COLUMNS = {"row": int, "tëxt": str, "score": float}
ROWS = [[0, 'a\t"b"\r\nc', "0.250000"], [1, "", "1e-07"], [2, "\u2028👍", "3"]]
VALUES = [dict(zip(COLUMNS, [row, text, float(score)], strict=True)) for row, text, score in ROWS]
CELLS = [list(COLUMNS), *([str(cell) for cell in row] for row in ROWS)]


def unpacked(path):
    content = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(content)
    if path.suffix == ".zst":
        return pyarrow.CompressedInputStream(pyarrow.BufferReader(content), "zstd").read()
    return content


@pytest.mark.parametrize("packing", ["", ".gz", ".zst", ".GZ"])
@pytest.mark.parametrize("ending", [".csv", ".tsv", ".json", ".jsonl", ".out", ""])
def test_a_file_is_what_its_name_says(ending, packing, tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "ROWS_AT_ONCE", 2)
    path = tmp_path / f"p{ending}{packing}"
    write_table(path, COLUMNS, iter(ROWS))
    text = unpacked(path.rename(str(path).lower())).decode()
    if ending == ".json":
        assert json.loads(text) == VALUES
    elif ending == ".jsonl":
        assert [json.loads(line) for line in text.removesuffix("\n").split("\n")] == VALUES
    else:
        assert list(csv.reader(io.StringIO(text, ""), delimiter="\t" if ending == ".tsv" else ",")) == CELLS


def test_parquet_has_types_and_an_empty_table_its_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "ROWS_AT_ONCE", 2)
    write_table(tmp_path / "p.parquet", COLUMNS, ROWS)
    assert parquet.read_table(tmp_path / "p.parquet").to_pylist() == VALUES
    write_table(tmp_path / "p.parquet", COLUMNS, [])
    assert parquet.read_schema(tmp_path / "p.parquet").names == list(COLUMNS)
    write_table(tmp_path / "p.json", COLUMNS, [])
    assert json.loads((tmp_path / "p.json").read_text()) == []


def test_compressed_files_have_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1e9)
    for ending in (".gz", ".zst"):
        for name in ("p", "q"):
            write_table(tmp_path / f"{name}.csv{ending}", COLUMNS, ROWS)
            monkeypatch.setattr("time.time", lambda: 2e9)
        assert (tmp_path / f"p.csv{ending}").read_bytes() == (tmp_path / f"q.csv{ending}").read_bytes()


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.jsonl.zst", "p.json", "p.parquet"])
def test_an_error_leaves_the_file_that_was_there_and_a_new_file_keeps_its_mode(name, tmp_path):
    (tmp_path / "target").write_text("before")
    (tmp_path / "target").chmod(0o600)
    (tmp_path / name).symlink_to("target")

    def rows():
        yield from ROWS * 20_000
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        write_table(tmp_path / name, COLUMNS, rows(), follow_links=True)
    assert (tmp_path / "target").read_text() == "before" and len(list(tmp_path.iterdir())) == 2
    write_table(tmp_path / name, COLUMNS, ROWS, follow_links=True)
    assert (tmp_path / name).is_symlink() and (tmp_path / "target").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "jsonl.zst", "parquet"])
def test_a_full_disk_is_one_line(ending, tmp_path):
    path = tmp_path / f"p.{ending}"
    path.symlink_to("/dev/full")
    with pytest.raises(InputError) as refused:
        write_table(path, COLUMNS, ROWS, follow_links=True)
    reason = "cannot be written (No space left on device); free space or give another place"
    assert str(refused.value) == f"{path}: {reason}"


def test_the_reader_of_a_pipe_may_close_it(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: (tmp_path / "pipe").open("rb").close())
    reader.start()
    with pytest.raises(BrokenPipeError):
        write_table(tmp_path / "pipe", COLUMNS, ROWS * 20_000, follow_links=True)
    reader.join()


def test_standard_output_is_utf_8_in_any_locale(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), "latin-1", newline="\r\n")
    monkeypatch.setattr(sys, "stdout", out)
    print("before", end="")
    write_table(STANDARD_OUTPUT, COLUMNS, ROWS)
    expected = 'beforerow,tëxt,score\n0,"a\t""b""\r\nc",0.250000\n1,,1e-07\n2,\u2028👍,3\n'
    assert out.buffer.getvalue() == expected.encode()
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(InputError, match=r"^--out -: standard output is closed; give a file$"):
        write_table(STANDARD_OUTPUT, COLUMNS, ROWS)


def test_pyarrow_is_needed_only_for_parquet_and_zstd(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    write_table(tmp_path / "p.csv.gz", COLUMNS, ROWS)
    for name in ("p.parquet", "p.csv.zst"):
        with pytest.raises(InputError, match=r"^Writing Parquet and zstd files needs the extra `text`"):
            write_table(tmp_path / name, COLUMNS, ROWS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "p.xlsx",
            "files in .xlsx are not written; give .csv, .tsv, .json, .jsonl or .parquet, all but the last also with "
            ".gz or .zst behind",
        ),
        ("p.parquet.gz", "Parquet files are compressed within; leave .gz out"),
    ],
)
def test_names_of_other_formats_are_refused(name, message):
    with pytest.raises(InputError) as refused:
        check_name(Path(name))
    assert str(refused.value) == f"--out {name}: {message}"
