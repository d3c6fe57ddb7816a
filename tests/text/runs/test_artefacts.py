"""A folder counts as a run by its recipe.json; what is not a run's is refused, also with --overwrite."""

import os

import pytest
import run_folders
from run_folders import contents, write

from slanted.errors import InputError
from slanted.text.progress.jsonl import LIVE
from slanted.text.runs import artefacts, resume_check
from slanted.text.runs.artefacts import require_own
from slanted.text.runs.run_folder import RunFolder

pytestmark = pytest.mark.once

run = run_folders.run
NO_RECIPE = "but no recipe.json of slanted, without which it is no run; move it away, or give a new or empty folder"
NOT_OURS = "which is not a run's; give a new or empty folder"
WORK = "which is no folder, a link or on another disk; put a folder of this disk in its place, or give another --out"


def refusal(folder):
    """Return the reason why a folder may not be replaced; nothing in it may have changed."""
    before = contents(folder)
    with pytest.raises(InputError) as refused:
        RunFolder(folder, overwrite=True).require_writable()
    assert contents(folder) == before
    return str(refused.value).removeprefix(f"--out {folder}: holds ")


@pytest.mark.parametrize(
    "recipe", [None, "", "{", "[]", "{}", '{"recipe": "stlr"}', '{"recipe": {}}', '{"model": "m"}']
)
@pytest.mark.parametrize("mine", ["fold_1/train.csv", "model/mine.bin", "predictions.csv", "tokenizer.json"])
def test_names_alone_make_no_run(tmp_path, mine, recipe):
    write(tmp_path / "cv", {mine: "mine"})
    if recipe is not None:
        (tmp_path / "cv" / "recipe.json").write_text(recipe)
    first = min(mine.split("/")[0], "z" if recipe is None else "recipe.json")
    assert refusal(tmp_path / "cv") == f"'{first}', {NO_RECIPE}"


@pytest.mark.parametrize(
    ("mine", "rule"),
    [
        ("notes.txt", NOT_OURS),
        ("fold_1/train.csv", NOT_OURS),
        ("fold_2/metrics.json", NO_RECIPE),
        ("metrics.json/mine", NOT_OURS),
        (".checkpoints/state.ckpt", NOT_OURS),
        (".partial/thesis.tex", NOT_OURS),
        (".replaced/thesis.tex", NOT_OURS),
        (".replacing/thesis.tex", NOT_OURS),
    ],
)
def test_what_is_not_a_run_s_is_named(tmp_path, mine, rule):
    write(tmp_path, {"recipe.json": "old", "fold_1/recipe.json": "old", mine: "mine"})
    named = mine.split("/")[0] if mine.startswith("metrics") else mine
    assert refusal(tmp_path) == f"'{named}', {rule}"


def test_a_file_that_the_run_did_not_write_into_model_is_named(run):
    saved = '{"recipe": {}, "model": "minilm", "artefacts": {"model/weights": "0"}}'
    (run / "recipe.json").write_text(saved)
    require_own(run)
    (run / "model" / ".DS_Store").touch()
    require_own(run)
    write(run, {"model/assets/mine.bin": "mine"})
    with pytest.raises(InputError, match=r"holds 'model/assets/mine\.bin', which is not a run's; move it away"):
        require_own(run)


@pytest.mark.parametrize("name", artefacts.WORK)
def test_no_command_works_in_a_link(run, name):
    elsewhere = run.parent / "mine"
    write(elsewhere, {"model/weights": "mine", "recipe.json": "mine"})
    (run / name).symlink_to(elsewhere)
    assert refusal(run) == f"'{name}', {WORK}"
    (run / name).unlink()
    (run / name).write_text("mine")
    assert refusal(run) == f"'{name}', {WORK}"


@pytest.mark.parametrize("name", [".checkpoints/fold_1", ".checkpoints/.part", ".replaced/model"])
def test_no_command_works_in_a_link_within_the_folders_to_work_in(run, name):
    elsewhere = run.parent / "mine"
    write(elsewhere, {"recipe.json": "mine"})
    (run / name).parent.mkdir()
    (run / name).symlink_to(elsewhere)
    assert refusal(run) == f"'{name}', {NOT_OURS}"


def test_a_folder_to_work_in_on_another_disk_is_refused_before_training(run, monkeypatch):
    (run / ".checkpoints").mkdir()
    stat = artefacts.Path.stat

    def other_disk(path, **options):
        found = stat(path, **options)
        moved = [*found[:2], found.st_dev + 1, *found[3:]]
        return os.stat_result(moved) if path.name == ".checkpoints" else found

    monkeypatch.setattr(artefacts.Path, "stat", other_disk)
    assert refusal(run) == f"'.checkpoints', {WORK}"


def test_what_a_killed_process_leaves_is_a_run_s(run):
    left = [
        ".part/checkpoint-0000000007",
        "run.json",
        ".run.json.x1.part",
        "checkpoint-0000000007",
        "fold_1/metrics.json",
    ]
    write(run, {f".checkpoints/{name}": "killed" for name in left})
    names = [LIVE, "model/weights", ".labels.json.12.part", ".checkpoints/run.json"]
    write(run, {f".partial/{name}": "killed" for name in names})
    write(run, {".report.html.x1.part": "killed", ".lock": "", ".DS_Store": ""})
    require_own(run)


def test_the_names_of_other_files_in_the_folders_to_work_in():
    assert {LIVE, resume_check.STARTED_WITH, ".part", ".lock"} < {*artefacts.IN_WORK}


def test_names_of_folds():
    names = ["fold_1", "fold_10", "fold_0", "fold_", "fold_1x", "model", "fold_01"]
    assert [name for name in names if artefacts.is_ours(name)] == ["fold_1", "fold_10", "model"]
