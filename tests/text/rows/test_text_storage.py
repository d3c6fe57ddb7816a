"""Many texts in a temporary file: unchanged, in bounded memory, gone with their last reader."""

import errno
import gc
import os
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest

from slanted.errors import InputError
from slanted.text.rows import text_storage
from slanted.text.rows.rows import read_rows
from slanted.text.rows.text_storage import StoredTexts, TextStore, take_texts
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

DRAW = random.Random(0)
TEXTS = ["", "a", "👍🏽", "\ud83d", "a\0\r\n\u2028", "שלום", "x" * 100_000]
TEXTS += ["".join(DRAW.choices("aé👍\ud83d \n", k=DRAW.randrange(300))) for _ in range(3000)]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(text_storage, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(text_storage, "_BLOCK_BYTES", 5000)


def gathered(texts):
    store = TextStore()
    for text in texts:
        store.append(text)
    return store.texts()


def test_few_texts_stay_a_list():
    texts = gathered(TEXTS)
    assert texts == TEXTS
    assert take_texts(texts, np.array([2, 0])) == [TEXTS[2], TEXTS[0]]


def test_many_texts_come_back_unchanged_from_a_file(small):
    texts = gathered(TEXTS)
    assert isinstance(texts, StoredTexts)
    assert len(texts) == len(TEXTS)
    assert list(texts) == TEXTS
    assert [texts[at] for at in range(-3, 10)] == [TEXTS[at] for at in range(-3, 10)]
    assert texts[np.int64(5)] == TEXTS[5]
    for part in (slice(0, 512), slice(2900, 5000), slice(None, None, -7), slice(5, 5)):
        assert texts[part] == TEXTS[part]
    with pytest.raises(IndexError):
        texts[len(TEXTS)]


def test_texts_are_taken_without_being_read(small, monkeypatch):
    texts = gathered(TEXTS)
    order = DRAW.sample(range(len(TEXTS)), 2000)
    monkeypatch.setattr(os, "pread", None)
    taken = take_texts(take_texts(texts, order), np.arange(1999, -1, -1))
    monkeypatch.undo()
    assert list(taken) == [TEXTS[at] for at in reversed(order)]
    assert taken[3:600] == [TEXTS[at] for at in reversed(order)][3:600]
    assert list(take_texts(texts, [])) == []


def test_neighbours_are_read_at_once_and_scattered_texts_apart(small, monkeypatch):
    texts = gathered(["x" * 1000] * 10_000)
    read, given = os.pread, []
    monkeypatch.setattr(os, "pread", lambda file, size, start: given.append(size) or read(file, size, start))
    assert len(texts[:512]) == 512
    assert given == [512_000]
    given.clear()
    assert len(list(take_texts(texts, range(0, 10_000, 100)))) == 100
    assert given == [1000] * 100


def test_the_file_goes_with_its_last_reader(small):
    def count():
        gc.collect()
        return len(os.listdir("/dev/fd"))

    before = count()
    texts = gathered(TEXTS)
    part = take_texts(texts, [1])
    assert count() == before + 1
    del texts
    assert part[0] == "a"
    del part
    assert count() == before


def test_a_full_disk_is_one_line(small, monkeypatch):
    def full(file, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(InputError) as caught:
        gathered(["x" * 2000])
    assert str(caught.value) == (
        f"the texts, 2,000 bytes so far, cannot be stored in {tempfile.gettempdir()} (No space left on device); "
        "free space there, or name another folder in TMPDIR"
    )


def test_a_run_on_stored_texts_is_that_on_lists(small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f'"{text} {at}","{text} é",{"xyz"[at % 3]}\n' for at, text in enumerate(["one", "two 👍"] * 200))
    Path("f.csv").write_text(f"text,text_b,label\n{rows}", encoding="utf-8")
    files = DataFiles("f.csv", test="f.csv")
    spilt = read_data(files, Settings(valid_share=0.1))
    assert isinstance(spilt.train.texts, StoredTexts) and isinstance(spilt.valid.texts_b, StoredTexts)
    monkeypatch.setattr(text_storage, "IN_MEMORY_BYTES", 2**25)
    whole = read_data(files, Settings(valid_share=0.1))
    for part in ("train", "valid", "test"):
        one, other = getattr(spilt, part), getattr(whole, part)
        assert (list(one.texts), list(one.texts_b)) == (other.texts, other.texts_b)
        np.testing.assert_array_equal(one.y, other.y)
    assert spilt.summary == whole.summary
    assert spilt.train_test_duplicates == 400


def test_a_large_file_is_read_in_bounded_memory(tmp_path):
    """A hundred megabytes of texts, which as strings take two hundred, raise the peak by less than half of that."""
    import subprocess
    import sys

    with open(tmp_path / "f.csv", "w", encoding="utf-8") as file:
        file.write("text,label\n")
        for at in range(20_000):
            file.write(f"{at} {'é word ' * 600},{'xy'[at % 2]}\n")
    script = (
        "import resource, sys\n"
        "from slanted.text.rows.rows import read_rows\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "rows = read_rows(sys.argv[1])\n"
        "assert sum(len(text) for text in rows.take(range(len(rows))).texts) > 84_000_000\n"
        "print((peak() - before) / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "f.csv"], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 100
    assert len(read_rows(tmp_path / "f.csv")) == 20_000
