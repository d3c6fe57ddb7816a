"""The files of a run are those that were saved with it, or are refused by name; and all are of one run."""

import json
import os
import shutil

import pytest
import trained_runs
from run_files import damage, drop_sums, read

from slanted.cli import main
from slanted.errors import InputError
from slanted.report.write_report import write_page
from slanted.text.estimators import TextClassifier
from slanted.text.models import fold_ensemble
from slanted.text.models.text_model import TextModel
from slanted.text.runs import artefacts, saved_run
from slanted.text.runs.artefacts import check_sums, is_of_run, is_ours, sha256_of, sums_in

pytestmark = pytest.mark.once

place, run = trained_runs.place, trained_runs.run
REMEDY = "restore it or train again; to use what is there, delete 'artefacts' from recipe.json"


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def test_recipe_json_has_the_sum_of_every_file(run, tmp_path):
    files = [*(run / "model").rglob("*"), run / "labels.json", run / "tokenizer.json"]
    expected = {str(path.relative_to(run)): sha256_of(path) for path in files if path.is_file()}
    assert read(run / "recipe.json")["artefacts"] == expected and "model/model.weights.h5" in expected
    TextClassifier.load(run).save(tmp_path / "saved")
    assert read(tmp_path / "saved" / "recipe.json")["artefacts"] == sums_in(tmp_path / "saved")


@pytest.mark.parametrize("name", ["model/model.weights.h5", "model/task.weights.h5", "tokenizer.json", "labels.json"])
def test_a_file_that_was_changed_is_refused_by_name(copy, place, name, capsys):
    if name == "labels.json":
        (copy / name).write_text(json.dumps({**read(copy / name), "labels": ["beta", "alpha"]}))
    elif name == "tokenizer.json":
        (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    else:
        damage(copy / name)
    message = f"error: {copy / name}: is not the file that was saved with the run; {REMEDY}\n"
    assert main(["evaluate", str(copy), place.test]) == 2
    assert capsys.readouterr().err == message
    assert main(["predict", str(copy), place.test, "--out", str(copy.parent / "p.csv")]) == 2
    assert capsys.readouterr().err == message and not (copy.parent / "p.csv").exists()
    with pytest.raises(InputError, match="is not the file that was saved"):
        TextClassifier.load(copy)
    if name == "labels.json":
        assert main(["report", str(copy)]) == 2
        assert capsys.readouterr().err == message


def test_a_run_without_sums_is_read_as_before(copy):
    drop_sums(copy)
    (copy / "labels.json").write_text(json.dumps({**read(copy / "labels.json"), "labels": ["beta", "alpha"]}))
    assert TextClassifier.load(copy).classes_.tolist() == ["beta", "alpha"]
    write_page(copy)


@pytest.mark.parametrize("sums", [5, "x", [], ["model"]])
def test_sums_that_are_none(copy, sums):
    (copy / "recipe.json").write_text(json.dumps({**read(copy / "recipe.json"), "artefacts": sums}))
    with pytest.raises(InputError, match=r"recipe\.json: 'artefacts' must be an object of SHA-256"):
        TextModel.load(copy)


def test_a_file_that_is_larger_than_a_run_s_can_be_is_not_read(copy, monkeypatch):
    read, sum_of = [], artefacts.sha256_of
    monkeypatch.setattr(artefacts, "sha256_of", lambda path: (read.append(path.name), sum_of(path))[1])
    with (copy / "model" / "mine.bin").open("wb") as file:
        file.truncate(2**35)  # without data: it takes no place on the disk
    TextModel.load(copy)
    assert "mine.bin" not in read and "model.weights.h5" in read
    for name in ("model/task.weights.h5", "model/assets/tokenizer/vocabulary.txt"):  # in the opposite order
        with (copy / name).open("rb+") as file:
            file.truncate(2**35)
        read.clear()
        with pytest.raises(InputError, match=f"{name}: is not the file that was saved with the run"):
            TextModel.load(copy)
        assert (copy / name).name not in read


def test_paths_of_a_run(copy):
    (copy.parent / "link").symlink_to(copy / "labels.json")
    names = ["recipe.json", "predictions.csv", "model/config.json", "fold_3/x", ".checkpoints/x", ".lock", "../link"]
    assert all(is_of_run(copy / name, copy) for name in names)
    assert not any(is_of_run(copy / name, copy) for name in ("mine.csv", ".", "..", "../recipe.json"))


def test_names_outside_of_the_folder_are_not_read(tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "run" / "model").mkdir(parents=True)
    with pytest.raises(InputError, match=r"model/\.\./\.\./secret: is missing"):
        check_sums(tmp_path / "run", {"model/../../secret": sha256_of(tmp_path / "secret")}, "model")


def test_names_of_folds():
    names = ["fold_1", "fold_10", "fold_0", "fold_", "fold_1x", "model", "fold_01"]
    assert [name for name in names if is_ours(name)] == ["fold_1", "fold_10", "model"]


# -- labels and weights of one run -------------------------------------------------------------------------------------


def replaced_in(monkeypatch, owner, copy, times):
    """Have recipe.json replaced, as by another run, while `owner` reads the folder, so many times."""
    read_run, left = owner.read_run, [times]

    def reading(folder):
        made = read_run(folder)
        if left[0]:
            left[0] -= 1
            shutil.copy(copy / "recipe.json", copy / "new")
            os.replace(copy / "new", copy / "recipe.json")
        return made

    monkeypatch.setattr(owner, "read_run", reading)


def test_a_run_that_is_replaced_while_it_is_read_is_read_again_once(copy, monkeypatch):
    from slanted.text.models import text_model

    replaced_in(monkeypatch, text_model, copy, 1)
    TextModel.load(copy)
    replaced_in(monkeypatch, text_model, copy, 2)
    with pytest.raises(InputError) as refused:
        TextModel.load(copy)
    assert str(refused.value) == f"{copy}: another run has replaced the one in it while it was read; try again"


def test_a_refusal_of_files_that_were_replaced_meanwhile_is_not_the_last_word(copy):
    calls = []

    def read_once_damaged(folder):
        calls.append(folder)
        if len(calls) == 1:
            shutil.copy(copy / "recipe.json", copy / "new")
            os.replace(copy / "new", copy / "recipe.json")
            raise InputError("half of each run")
        return "whole"

    assert saved_run.unreplaced(copy, read_once_damaged) == "whole" and len(calls) == 2


def test_a_command_uses_the_labels_and_the_model_of_one_run(copy, place, monkeypatch, capsys):
    load = fold_ensemble.load_model

    def loading(folder):
        shutil.copy(copy / "recipe.json", copy / "new")
        os.replace(copy / "new", copy / "recipe.json")
        return load(folder)

    monkeypatch.setattr(fold_ensemble, "load_model", loading)
    assert main(["evaluate", str(copy), place.test]) == 2
    assert "another run has replaced the one in it while it was read; try again" in capsys.readouterr().err
