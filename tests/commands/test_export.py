"""`slanted export`: which rows check the export, and what is printed."""

import pytest
import tiny
import trained_runs

from slanted.cli import main
from slanted.commands import export as command

pytestmark = pytest.mark.once
place, run = trained_runs.place, trained_runs.run


@pytest.fixture
def requests(monkeypatch):
    """Record what is exported, in place of exporting it; the rows are read."""
    from slanted.text.runs.saved_run import read_run

    made = []

    def export(request, rows, say):
        made.append((request, None if rows is None else rows(read_run(request.run))))
        return {}

    monkeypatch.setattr(command, "write_export", export)
    return made


def test_the_test_rows_of_the_run_check_its_export(run, place, requests, tmp_path):
    assert main(["export", str(run), "--format", "onnx", "--out", str(tmp_path / "out")]) == 0
    request, rows = requests[0]
    assert (request.run, request.out, request.format, request.allow_drop) == (run, tmp_path / "out", "onnx", 0.5)
    assert (rows.part, rows.source, len(rows.examples), rows.note) == ("test", place.test, 16, "")


def test_another_file_may_check_it_with_other_columns(run, requests, tmp_path):
    texts, labels = tiny.examples(6, trained_runs.LABELS)
    lines = ["body;topic", *(f"{text};{label}" for text, label in zip(texts, labels, strict=True))]
    (tmp_path / "more.csv").write_text("\n".join(lines) + "\n")
    options = ["--test", str(tmp_path / "more.csv"), "--text", "body", "--label", "topic", "--separator", ";"]
    more = ["--allow-drop", "2", *options]
    assert main(["export", str(run), "--format", "hf", "--out", str(tmp_path / "out"), *more]) == 0
    request, rows = requests[0]
    assert request.allow_drop == 2.0 and list(rows.examples.texts) == texts
    assert rows.examples.y.tolist() == [0, 1, 0, 1, 0, 1]


def test_unchecked_reads_no_rows(run, requests, tmp_path):
    assert main(["export", str(run), "--format", "keras", "--out", str(tmp_path / "out"), "--unchecked"]) == 0
    assert requests[0][1] is None


@pytest.mark.slow
def test_the_command_exports_a_trained_run(run, place, tmp_path, capsys):
    assert main(["export", str(run), "--format", "onnx", "--out", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"checked: on 16 rows (test: {place.test})" and lines[-1] == f"export: {tmp_path / 'out'}"
