"""Exports end to end: each format of small models of all tasks predicts by itself what the model predicts."""

import json
import shutil

import exported
import numpy as np
import pytest

from slanted.errors import ExportRefused, InputError
from slanted.text.exporting import export as export_file
from slanted.text.exporting.export import ExportRequest, export

pytestmark = pytest.mark.once

# What the tests of every run make: each format, task and pooling once, and the families between them.
MADE = {
    "hf": ("DistilBert", {"kind": "multilabel", "truncate": "head+tail"}),
    "onnx": ("Roberta", {"pairs": True, "truncate": "tail"}),
    "onnx-int8": ("Bert", {"pooling": "mean"}),
    "openvino": ("Albert", {"kind": "regression"}),
    "litert": ("DistilBert", {"pooling": "mean", "long": "chunk"}),
}
OTHERS = ("saved-model", "keras")  # made by the tests of folds and of `TextClassifier.export`
FAMILIES = ("Bert", "Roberta", "DistilBert")
TASKS = ({}, {"pairs": True}, {"kind": "multilabel"}, {"kind": "regression"}, {"pooling": "mean"})


def exported_and_checked(folder, name, family, options, capsys):
    """Export a model, and check that its script reproduces the predictions; return its content."""
    made = exported.saved(folder, family, **options)
    rows, predicted = exported.rows_for(made)
    request = ExportRequest(folder / "run", folder / "out", name, allow_drop=50.0 if name == "onnx-int8" else 0.5)
    content = export(request, lambda run: rows, print)
    assert json.loads((folder / "out" / "export.json").read_text()) | {"files": ""} == content | {"files": ""}
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"export: {folder / 'out'}" and "checked: on 30 rows (test: rows.csv)" in printed
    assert not list(folder.glob(".out*")), "the temporary folder must be gone"
    if name != "onnx-int8":
        assert content["check"].get("equal_labels", 30) == 30
        assert content["check"]["largest_difference"] <= 1e-4 * max(1.0, np.abs(predicted).max())
    return content


@pytest.mark.parametrize("name", MADE)
def test_an_export_predicts_by_itself_what_the_model_predicts(tmp_path, name, capsys):
    content = exported_and_checked(tmp_path, name, *MADE[name], capsys)
    assert (content["format"], content["unchecked"]) == (name, False)
    assert content["precision"] == ("int8" if name == "onnx-int8" else "float32")
    speed = content["check"]["speed"]
    assert speed["texts_per_second"] > 0.0 < speed["one_text"]["milliseconds_p50"]
    assert set(content["check"]["scores"]) == {"export", "model"}


@pytest.mark.slow
@pytest.mark.parametrize("options", TASKS, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", [*MADE, *OTHERS])
def test_every_format_of_every_task_and_family(tmp_path, name, family, options, capsys):
    exported_and_checked(tmp_path, name, family, options, capsys)


def test_folds_are_averaged(tmp_path, capsys):
    ensemble = exported.saved_folds(tmp_path)
    texts = exported.texts(30)
    predicted = ensemble.predict(texts, None)
    rows = exported.CheckRows(exported.Examples(texts, None, predicted.argmax(axis=1)), "test", "rows.csv")
    content = export(ExportRequest(tmp_path / "run", tmp_path / "out", "saved-model"), lambda run: rows, print)
    assert content["check"]["equal_labels"] == 30 and content["check"]["largest_difference"] < 1e-5
    assert {"fold_2/saved_model/saved_model.pb", "texts.py", "predict.py"} <= set(
        json.loads((tmp_path / "out" / "export.json").read_text())["files"]
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that the tests below do not change."""
    folder = tmp_path_factory.mktemp("export")
    exported.saved(folder)
    return folder / "run"


@pytest.fixture
def converted(monkeypatch):
    """Record the jobs of conversions, which write one file in place of a model."""
    jobs = []

    def convert(job, backend, work):
        jobs.append((job, backend))
        with open(f"{job.place}/model.bin", "w") as file:
            file.write("model")
        return np.zeros((len(job.texts), 3))

    monkeypatch.setattr(export_file, "convert", convert)
    return jobs


def test_an_export_without_a_check_says_so(run, tmp_path, converted, capsys):
    content = export(ExportRequest(run, tmp_path / "new" / "out", "saved-model"), None, print)
    assert (content["unchecked"], content["check"]) == (True, None)
    assert converted[0][1] == "tensorflow" and converted[0][0].texts == []
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == {
        "model.bin", "predict.py", "texts.py", "export.json", "README.md"
    }  # fmt: skip


def test_an_empty_folder_is_filled_and_a_failed_export_leaves_it(run, tmp_path, converted, monkeypatch):
    (tmp_path / "out").mkdir()
    rows, _ = exported.rows_for(exported.model(tmp_path / "checkpoint"))
    with pytest.raises(ExportRefused, match=r"^predict\.py of the export fails: FileNotFoundError: .*; give another f"):
        export(ExportRequest(run, tmp_path / "out", "keras"), lambda run: rows, print)
    assert not list((tmp_path / "out").iterdir()) and not list(tmp_path.glob(".out*"))
    export(ExportRequest(run, tmp_path / "out", "keras"), None, print)
    assert (tmp_path / "out" / "model.bin").is_file()


def test_a_failed_export_leaves_no_new_folder(run, tmp_path, monkeypatch):
    def convert(job, backend, work):
        raise KeyboardInterrupt

    monkeypatch.setattr(export_file, "convert", convert)
    with pytest.raises(KeyboardInterrupt):
        export(ExportRequest(run, tmp_path / "new" / "out", "keras"), None, print)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "problem"),
    [
        ("full", "holds 1 file already; give a folder that does not exist"),
        ("file", "is a file; give a folder"),
        ("link", "is a link; give a folder that does not exist"),
        ("run/export", "is within the run {folder}/run; give a folder outside of it"),
    ],
)
def test_a_folder_of_somebody_else_is_refused(run, tmp_path, converted, out, problem):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError) as refused:
        export(ExportRequest(tmp_path / "run", tmp_path / out, "keras"), None, print)
    assert str(refused.value) == f"--out {tmp_path / out}: {problem.format(folder=tmp_path)}"
    assert sorted(tmp_path.rglob("*")) == before and not converted


@pytest.mark.parametrize("name", ["labels.json", "tokenizer.json"])
def test_a_damaged_run_is_refused(run, tmp_path, converted, name):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / name
    path.write_text(path.read_text() + "\n")
    with pytest.raises(InputError, match=rf"{name}: is not the file that was saved with the run; restore it or train"):
        export(ExportRequest(tmp_path / "run", tmp_path / "out", "keras"), None, print)
    assert not converted and not (tmp_path / "out").exists()


def test_rows_of_another_kind_are_refused(run, tmp_path, converted):
    rows, _ = exported.rows_for(exported.model(tmp_path / "checkpoint", pairs=True))
    with pytest.raises(InputError, match=r"^rows\.csv: the model was trained on single texts; give rows with such tex"):
        export(ExportRequest(run, tmp_path / "out", "keras"), lambda run: rows, print)
    assert not converted and not (tmp_path / "out").exists()


@pytest.mark.parametrize("points", [-1.0, 100.5, float("nan")])
def test_points_are_between_0_and_100(run, tmp_path, converted, points):
    with pytest.raises(InputError, match=r"must be a number of points from 0 to 100; give 0\.5, for instance$"):
        export(ExportRequest(run, tmp_path / "out", "keras", allow_drop=points), None, print)
