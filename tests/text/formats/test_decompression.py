"""gzip and zstd streams: unpacked by content, and refused where they are damaged."""

import gzip
import io
import random
from pathlib import Path

import pyarrow
import pytest

from slanted.errors import InputError
from slanted.text.formats import decompression
from slanted.text.rows.rows import read_rows

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("in_empty_folder")]

ROWS = "text,label\n" + "".join(f"text {random.Random(at).random()},{'xy'[at % 2]}\n" for at in range(5000))
AGAIN = "copy or download the file again"


def zstd(content):
    return pyarrow.Codec("zstd").compress(content, asbytes=True)


PACK = {"gzip": gzip.compress, "zstd": zstd}
NAMES = {"gzip": "f.csv.gz", "zstd": "f.csv.zst"}


@pytest.mark.parametrize("kind", PACK)
def test_packed_files_are_read(kind):
    pack = PACK[kind]
    plain = read_rows(write(ROWS.encode(), "f.csv"))
    for name in (NAMES[kind], "f", "f.csv"):  # by content, whatever the name
        rows = read_rows(write(pack(ROWS.encode()), name))
        assert (rows.texts, rows.labels, rows.lines.tolist()) == (plain.texts, plain.labels, plain.lines.tolist())
    assert read_rows(write(pack(b'{"text": "a", "label": "x"}'), f"f.jsonl.{NAMES[kind][6:]}")).texts == ["a"]
    assert read_rows(write(pack(b"text\tlabel\na,b\tx\n"), f"f.tsv.{NAMES[kind][6:]}")).texts == ["a,b"]


@pytest.mark.parametrize("kind", PACK)
def test_members_one_after_the_other_are_one_file(kind):
    middle = len(ROWS) // 2
    content = PACK[kind](ROWS[:middle].encode()) + PACK[kind](ROWS[middle:].encode())
    assert len(read_rows(write(content, NAMES[kind]))) == 5000


def test_a_name_alone_packs_nothing():
    assert len(read_rows(write(ROWS.encode(), "f.csv.gz"))) == 5000


def write(content, name):
    Path(name).write_bytes(content)
    return name


def refusal(content, name):
    with pytest.raises(InputError) as caught:
        read_rows(write(content, name))
    return str(caught.value)


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.999])
def test_a_file_cut_short_is_refused(kind, kept):
    whole = PACK[kind](ROWS.encode())
    message = refusal(whole[: int(len(whole) * kept)], NAMES[kind])
    assert message == f"{NAMES[kind]}: its {kind} data is cut short; {AGAIN}"


@pytest.mark.parametrize("kind", PACK)
def test_a_damaged_file_is_refused(kind):
    whole = bytearray(PACK[kind](ROWS.encode()))
    message = f"{NAMES[kind]}: its {kind} data is damaged; {AGAIN}"
    assert refusal(bytes(whole) + b"more", NAMES[kind]) == message
    middle = len(whole) // 2
    whole[middle : middle + 100] = bytes(100)
    assert refusal(bytes(whole), NAMES[kind]) == message


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"PK\x03\x04....", "f.csv is a zip archive or a workbook; unpack it, or save the sheet as CSV"),
        (b"\xfd7zXZ\0...", "f.csv is packed with xz, which is not read; pack it with gzip or zstd, or not at all"),
    ],
)
def test_other_packings_are_refused(start, message):
    assert refusal(start, "f.csv") == message


def test_a_file_may_pack_as_well_as_it_likes():
    content = b"text,label\n" + b"a,x\n" * (5 * 10**5)
    packed = gzip.compress(content)
    assert len(content) > 500 * len(packed)
    assert len(read_rows(write(packed, "f.csv.gz"))) == 5 * 10**5


def test_zstd_without_pyarrow_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    content = b"\x28\xb5\x2f\xfd...."
    message = 'Reading zstd files needs the extra `text`, which is not installed: pip install "slanted[text]"'
    assert refusal(content, "f.csv.zst") == message


def test_a_disk_that_fails_is_not_called_damage():
    class Failing(io.BytesIO):
        def readinto(self, buffer):
            raise OSError(5, "Input/output error")

    stream = decompression._Unpacked(Failing(), "f", "gzip")
    stream.content = gzip.GzipFile(fileobj=io.BufferedReader(Failing()))
    with pytest.raises(OSError, match="Input/output error"):
        stream.read(10)
