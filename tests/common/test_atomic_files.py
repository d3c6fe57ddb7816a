"""Files are written whole or not at all, wherever their path leads, and say in one line why they cannot be."""

import csv
import json
import os
import threading

import pytest

from slanted.common import atomic_files
from slanted.common.atomic_files import write_json, write_rows, written_whole
from slanted.errors import InputError
from slanted.text.runs.run_folder import read_json

pytestmark = pytest.mark.once


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_text_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_whole(path) as file:
        file.write("half")
        raise ZeroDivisionError
    assert contents(tmp_path) == {"p.csv": "old"}
    with written_whole(path) as file:
        file.write("new\r\n")
    assert path.read_bytes() == b"new\r\n" and len(list(tmp_path.iterdir())) == 1


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "p.csv", tmp_path / "p.csv"
    target.write_text("old")
    link.symlink_to(target)
    with written_whole(link) as file:
        file.write("new")
    assert link.is_symlink() and target.read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_written_as_it_comes_and_stays_a_pipe(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_rows(pipe, ["row"], [[0]])
    reader.join()
    assert read == ["row\n0\n"] and pipe.is_fifo()


def test_no_place_to_write(tmp_path):
    with pytest.raises(InputError) as refused:
        write_json(tmp_path / "none" / "x.json", {})
    assert str(refused.value).endswith(
        "cannot be written (No such file or directory); free space or give another place"
    )


def test_rows_come_back_from_csv(tmp_path):
    rows = [["0", 'a "b", c', "x\ny"], ["1", "", " z "]]
    write_rows(tmp_path / "p.csv", ["row", "a", "b"], rows)
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["row", "a", "b"], *rows]


def test_json_keeps_every_character_and_refuses_nan(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"labels": ["שלום", "🎉", 1]})
    assert read_json(path) == {"labels": ["שלום", "🎉", 1]} and "שלום" in path.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"loss": float("nan")})
    assert json.loads(path.read_text(encoding="utf-8"))["labels"] and len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_one_line(tmp_path):
    with pytest.raises(InputError) as refused, atomic_files.disk_errors(tmp_path):
        raise OSError("Can't write data\n(No space left on device)")
    expected = f"--out {tmp_path}: cannot be written (Can't write data (No space left on device)); free space or give "
    assert str(refused.value) == expected + "another folder"
