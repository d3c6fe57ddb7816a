"""Texts and labels of every odd kind that are no error: they are read and written unchanged."""

from pathlib import Path

import pytest
from odd_texts import TEXTS

from slanted.common import atomic_files
from slanted.text.runs.run_data import DataFiles, read_data
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

LABELS = {
    "numbers": ("1", "10", "2"),
    "leading zeros": ("007", "7", "-1"),
    "SQL": ("'; DROP TABLE x; --", "1=1", "NULL"),
    "HTML": ("<b>x</b>", "&lt;", '"quoted"'),
    "paths": ("/etc/passwd", "../up", r"C:\x"),
    "emoji and scripts": ("🎉", "שלום", "\u200b"),
    "spaces around": (" x ", "y", "z\n"),
}
LINE_ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "byte-order mark"])
@pytest.mark.parametrize("end", LINE_ENDS.values(), ids=LINE_ENDS)
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_accepted_unchanged(labels, end, mark):
    texts = [text for text in TEXTS.values() for _ in labels]
    rows = list(zip(texts, labels * len(TEXTS), strict=True))
    lines = ["text,label", *(f"{quoted(text)},{quoted(label)}" for text, label in rows), ""]
    Path("t.csv").write_bytes((mark + end.join(lines)).encode())
    data = read_data(DataFiles("t.csv"), Settings(valid_share=0.0))
    assert data.train.texts == texts
    assert data.target.decode(data.train.y) == [label for _, label in rows]


@pytest.mark.parametrize("labels", [("10", "9"), ("<b>x</b>", "'; DROP TABLE x; --"), ("../up", " 🎉 ")])
def test_predictions_file_gives_labels_back(labels, tmp_path):
    import csv

    atomic_files.write_rows(tmp_path / "p.csv", ["row", *labels], [(0, *labels), (1, *TEXTS.values())])
    with open(tmp_path / "p.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["row", *labels], ["0", *labels], ["1", *TEXTS.values()]]
