"""A run that starts from the model of another run: that folder is settled and checked, and stays the same."""

import shutil

import pytest
import tiny
import trained_runs
from run_files import damage, drop_sums, snapshot

from slanted.cli import main
from slanted.errors import InputError
from slanted.text import estimator_base
from slanted.text.estimators import TextClassifier
from slanted.text.runs.starting_model import (
    load_starting_model,
    locate_model,
    model_sums,
    require_unchanged_model,
)

pytestmark = pytest.mark.once

place, run = trained_runs.place, trained_runs.run


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def interrupt(run):
    """Leave what a process leaves that is killed as it replaces a run."""
    (run / ".replaced").mkdir()
    for path in [path for path in run.iterdir() if path.name != ".replaced"]:
        path.rename(run / ".replaced" / path.name)
    (run / ".partial").mkdir()
    (run / ".partial" / "metrics.json").write_text("new")


def test_what_a_killed_process_left_is_settled_first(copy):
    before = snapshot(copy)
    interrupt(copy)
    files = locate_model(str(copy))
    assert (files.folder, files.tokenizer_folder) == (copy / "model", copy)
    assert {name: text for name, text in snapshot(copy).items() if not name.startswith(".partial")} == before


@pytest.mark.parametrize("name", ["model/model.weights.h5", "tokenizer.json"])
def test_a_file_that_differs_from_what_was_saved_is_refused_by_name(copy, place, name, capsys):
    if name == "tokenizer.json":
        (copy / name).write_bytes((copy / name).read_bytes() + b" ")  # still that of a tokenizer
    else:
        damage(copy / name)
        interrupt(copy)
    words = ["train", place.train, "--model", str(copy), "--out", str(copy.parent / "out"), *tiny.RUN_OPTIONS]
    assert main(words) == 2
    problem = f"error: {copy / name}: is not the file that was saved with the run; "
    assert capsys.readouterr().err.startswith(problem) and not (copy.parent / "out").exists()
    drop_sums(copy)
    if name == "tokenizer.json":
        assert load_starting_model(str(copy), "float32", None).folder == copy / "model"


def test_a_model_that_is_replaced_while_it_is_read_is_read_again(copy, monkeypatch):
    from slanted.text.runs import starting_model

    load, names = starting_model.load_encoder, []

    def loading(name, *options):
        names.append(name)
        if len(names) == 1:
            shutil.copy(copy / "recipe.json", copy / "new")
            (copy / "new").replace(copy / "recipe.json")
        return load(name, *options)

    monkeypatch.setattr(starting_model, "load_encoder", loading)
    load_starting_model(str(copy), "float32", None)
    assert names == [str(copy)] * 2


def test_a_change_in_a_local_folder_is_refused(copy):
    with (copy / "model" / "huge.json").open("wb") as file:
        file.truncate(2**35)  # without data; no file of this size is read, so it is not summed
    before = model_sums(str(copy))
    assert "huge.json" not in before and "model.weights.h5" in before and "tokenizer.json" in before
    require_unchanged_model(str(copy), before)
    damage(copy / "model" / "model.weights.h5")
    with pytest.raises(InputError) as refused:
        require_unchanged_model(str(copy), before)
    problem = "a file in it was changed since the command began"
    assert str(refused.value) == f"--model {copy}: {problem}; give the command again once nobody writes to it"
    require_unchanged_model("hf://owner/name", before)  # which is pinned: no address is opened


def test_a_change_between_two_folds_is_refused_in_python(tiny_model, tmp_path, monkeypatch):
    model = tmp_path / "model"
    tiny.write_checkpoint(model)
    monkeypatch.setattr(estimator_base, "_fitted", lambda *_: (damage(model / "model.safetensors"), []))
    with pytest.raises(InputError, match="a file in it was changed since the command began"):
        TextClassifier(str(model), folds=2, precision="float32").fit(*tiny.examples(24, trained_runs.LABELS))
