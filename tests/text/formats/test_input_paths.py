"""What the user names as input: files, patterns and standard input."""

import io
import sys
from pathlib import Path

import pytest
from row_files import refusal

from slanted.errors import InputError
from slanted.text.formats.input_paths import input_paths
from slanted.text.rows.rows import read_rows

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]


def write(name, content):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


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
    assert refusal(read_rows, ["a.csv", "-"]) == (
        "-: standard input cannot be read together with files; give it alone, or files only"
    )
    assert refusal(read_rows, ["a.csv", "b.csv"]) == "b.csv: no such file; check the path"


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


@pytest.mark.parametrize("address", ["https://host/a.csv?x=1&y=[2]", "hf://datasets/a/b.parquet", "s3://b/a.csv"])
def test_an_address_is_refused_as_it_was_typed(address):
    message = f"{address} is an address, not a file; download it first, and name the file"
    assert refusal(input_paths, address) == message
    assert refusal(input_paths, ["a.csv", address]) == message
