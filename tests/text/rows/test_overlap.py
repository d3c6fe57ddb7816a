"""Texts that are among the training rows and the test rows."""

import random
from pathlib import Path

import pytest

from slanted.text.rows.overlap import overlap, text_hashes
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

COUNTED = [
    (["a", "b"], ["c"], 0),
    (["a", "b"], ["b", "a", "b", "c"], 3),
    (["a"], ["A", "a.", "aa"], 0),
    (["a b"], [" a  b\n", "a\u00a0\tb", "ab"], 2),
    (["caf\u00e9"], ["cafe\u0301"], 1),
    (["\u2160"], ["I"], 0),  # compatible, but not the same
    (["\ud83d"], ["\ud83d", "\ud83e"], 1),
    (["👍"], ["👍", "👍🏽"], 1),
    ([], ["a"], 0),
    (["a"], [], 0),
]


@pytest.mark.parametrize(("train", "test", "count"), COUNTED)
def test_the_same_texts_are_counted(train, test, count):
    assert overlap(text_hashes(train), text_hashes(test)) == count


def test_pairs_are_the_same_in_both_texts():
    train, test = text_hashes(["a", "c"], ["b", "d"]), text_hashes(["a", "a", "b"], ["b", "d", "a"])
    assert overlap(train, test) == 1


def test_as_many_as_a_set_finds():
    draw = random.Random(0)
    train, test = ([str(draw.randrange(100_000)) for _ in range(50_000)] for _ in range(2))
    seen = set(train)
    assert overlap(text_hashes(train), text_hashes(test)) == sum(text in seen for text in test)


def test_a_run_counts_them_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"text {at},{'xy'[at % 2]}" for at in range(20)]
    Path("t.csv").write_text("\n".join(["text,label", *rows, ""]))
    Path("e.csv").write_text("\n".join(["text,label", *rows[:3], "text  5,x", "new,x", ""]))
    data = read_data(DataFiles("t.csv", test="e.csv"), Settings())
    assert data.train_test_duplicates == 4
    rule = "are among the training rows too, which makes the test scores too good"
    assert f"duplicates: the texts of 4 of 5 test rows {rule}" in data.summary
    assert read_data(DataFiles("t.csv"), Settings()).train_test_duplicates is None
    Path("e.csv").write_text("text,label\nnew,x\n")
    clean = read_data(DataFiles("t.csv", test="e.csv"), Settings())
    assert clean.train_test_duplicates == 0
    assert not any(line.startswith("duplicates") for line in clean.summary)
