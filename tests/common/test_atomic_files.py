"""Files are written atomically, wherever their path leads; errors are one line."""

import csv
import json
import os
import stat
import subprocess
import sys
import threading

import pytest

from slanted.common import atomic_files
from slanted.common.atomic_files import atomic_writer, csv_line, refuse_links, sync_tree, write_json, write_rows
from slanted.errors import InputError
from slanted.text.runs.run_folder import read_json

pytestmark = pytest.mark.once


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_text_file_is_whole_or_as_it_was(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_writer(path) as file:
        file.write("half")
        raise ZeroDivisionError
    assert contents(tmp_path) == {"p.csv": "old"}
    with atomic_writer(path) as file:
        file.write("new\r\n")
    assert path.read_bytes() == b"new\r\n" and len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def link(tmp_path):
    """A link to a file in another folder."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "p.csv").write_text("old")
    (tmp_path / "p.csv").symlink_to(tmp_path / "there" / "p.csv")
    return tmp_path / "p.csv"


def test_a_link_that_the_user_typed_stays_a_link(link):
    with atomic_writer(link, follow_links=True) as file:
        file.write("new")
    assert link.is_symlink() and link.resolve().read_text() == "new"


def test_a_link_in_somebody_s_folder_is_replaced_and_what_it_leads_to_stays(link):
    target = link.resolve()
    with atomic_writer(link) as file:
        file.write("new")
    assert not link.is_symlink() and link.read_text() == "new" and target.read_text() == "old"


def test_a_link_to_a_device_in_somebody_s_folder_is_replaced(tmp_path):
    (tmp_path / "report.html").symlink_to("/dev/null")
    with atomic_writer(tmp_path / "report.html") as file:
        file.write("page")
    assert (tmp_path / "report.html").read_text() == "page"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "p.csv"
    path.write_text("old")
    path.chmod(mode)
    write_rows(path, ["row"], [[0]])
    assert path.stat().st_mode & 0o777 == mode


def test_a_new_file_has_the_mode_that_other_programs_give(tmp_path):
    before = os.umask(0o027)
    try:
        write_json(tmp_path / "p.json", {})
    finally:
        os.umask(before)
    assert (tmp_path / "p.json").stat().st_mode & 0o777 == 0o640


def test_a_link_planted_under_the_temporary_name_is_not_written_through(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".p.csv.{os.getpid()}.part").symlink_to(victim)
    write_rows(tmp_path / "p.csv", ["row"], [[0]])
    assert victim.read_text() == "mine" and (tmp_path / "p.csv").read_text() == "row\n0\n"


def test_links_in_a_folder_are_refused_by_name(link):
    refuse_links(link.parent / "there")
    with pytest.raises(InputError) as refused:
        refuse_links(link.parent)
    rule = "is a link, which no run writes; put the file itself in its place, or remove it"
    assert str(refused.value) == f"{link}: {rule}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_in_a_folder_is_refused_before_it_is_copied(tmp_path):
    (tmp_path / "assets").mkdir()
    os.mkfifo(tmp_path / "assets" / "x")
    with pytest.raises(InputError, match=r"assets/x: is a device or a pipe, which no run writes; "):
        refuse_links(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_that_the_user_typed_is_written_as_it_comes_and_stays_a_pipe(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with atomic_writer(pipe, follow_links=True) as file:
        file.write("row")
    reader.join()
    assert read == ["row"] and pipe.is_fifo()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir])
def test_a_pipe_or_a_folder_in_place_of_a_file_of_a_folder_is_refused_at_once(tmp_path, put):
    path = tmp_path / "report.html"
    put(path)
    with pytest.raises(InputError) as refused:
        write_json(path, {})
    assert str(refused.value) == f"{path}: must be a regular file to be replaced, and is none; move it away"
    assert [*tmp_path.iterdir()] == [path]


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


@pytest.mark.parametrize("cell", ["pos\rb", "a\nb", "a\r\nb", "\r", 'say "x"\r', "a,b", "ends\r"])
def test_a_cell_with_a_line_break_is_one_cell_again(tmp_path, cell):
    write_rows(tmp_path / "p.csv", ["row", "prediction"], [[0, cell], [1, "neg"]])
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["row", "prediction"], ["0", cell], ["1", "neg"]]
    assert csv_line([0, cell]) == (tmp_path / "p.csv").read_bytes().decode().removeprefix("row,prediction\n")[:-6]


def test_a_pipe_behind_a_link_is_written_to():
    """As in `slanted predict ... --out /dev/stdout | head`, and in a shell's process substitution."""
    code = (
        "from pathlib import Path\n"
        "from slanted.common.atomic_files import atomic_writer\n"
        "with atomic_writer(Path('/dev/stdout'), follow_links=True) as file: file.write('hello')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("hello", "")


def test_a_file_system_that_syncs_no_folders_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("x")
    sync = os.fsync

    def refuse_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    sync_tree(tmp_path)
