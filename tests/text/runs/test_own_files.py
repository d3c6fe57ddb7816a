"""A folder counts as a run by its recipe.json; what no run wrote is refused, also with --overwrite."""

import json
import os

import pytest
import run_folders
from run_folders import contents, write

from slanted.errors import InputError
from slanted.text.progress.jsonl import LIVE
from slanted.text.runs import artefacts, own_files, resume_check
from slanted.text.runs.own_files import require_own
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


def test_a_page_of_the_user_beside_a_run_is_not_its_model_card(tmp_path):
    write(tmp_path, {"recipe.json": "old", "README.md": "<!-- model card by slanted -->\n# run"})
    require_own(tmp_path)
    write(tmp_path, {"README.md": "# mine"})
    assert refusal(tmp_path) == f"'README.md', {NOT_OURS}"


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


@pytest.mark.parametrize("has_sums", [True, False])
@pytest.mark.parametrize("place", ["", "fold_1/", ".replaced/", ".partial/", ".checkpoints/fold_2/"])
def test_a_file_that_the_run_did_not_write_into_model_is_named(run, place, has_sums):
    sums = {"model/model.weights.h5": "0", "model/assets/tokenizer/vocabulary.txt": "1"}
    saved = {"recipe": {}, "model": "minilm", **({"artefacts": sums} if has_sums else {})}
    write(run, {f"{place}{name}": "x" for name in sums})
    (run / f"{place}recipe.json").write_text(json.dumps(saved))
    require_own(run)
    (run / f"{place}model" / ".DS_Store").touch()
    require_own(run)
    mine = f"{place}model/assets/mine.bin"
    write(run, {mine: "mine"})
    assert refusal(run) == f"'{mine}', which is not a run's; move it away, or give a new or empty folder"


def test_a_link_in_a_run_is_not_the_run_s(run):
    mine = run.parent / "mine"
    write(mine, {"config.json": "mine", "report.html": "mine"})
    for name in ("model/config.json", "model/assets", "report.html", "fold_1"):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(mine if name in ("model/assets", "fold_1") else mine / name.split("/")[-1])
        assert refusal(run).startswith(f"'{name}', which is not a run's; ")
        (run / name).unlink()
    (run / "model").rename(run.parent / "elsewhere")
    (run / "model").symlink_to(run.parent / "elsewhere")
    assert refusal(run) == f"'model', {NOT_OURS}"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
@pytest.mark.parametrize("name", ["report.html", "metrics.json", "model/config.json", ".partial/live.jsonl"])
def test_a_pipe_in_place_of_a_file_is_not_the_run_s(run, name):
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    assert refusal(run).startswith(f"'{name}', which is not a run's; ")


@pytest.mark.parametrize(
    "mine",
    ["checkpoint-500/pytorch_model.bin", "checkpoint-mine", ".part/mine", "fold_1/train.csv", "live.jsonl/mine"],
)
def test_names_like_those_of_checkpoints_do_not_count(run, mine):
    write(run, {f".checkpoints/{mine}": "mine"})
    named = mine if mine.startswith((".part", "fold_1")) else mine.split("/")[0]
    assert refusal(run) == f"'.checkpoints/{named}', {NOT_OURS}"


@pytest.mark.parametrize("name", artefacts.WORK)
def test_no_command_works_in_a_link(run, name):
    elsewhere = run.parent / "mine"
    write(elsewhere, {"model/model.weights.h5": "mine", "recipe.json": "mine"})
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
    stat = own_files.Path.stat

    def other_disk(path, **options):
        found = stat(path, **options)
        moved = [*found[:2], found.st_dev + 1, *found[3:]]
        return os.stat_result(moved) if path.name == ".checkpoints" else found

    monkeypatch.setattr(own_files.Path, "stat", other_disk)
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
    names = [LIVE, "model/model.weights.h5", ".labels.json.12.part", ".checkpoints/run.json"]
    write(run, {f".partial/{name}": "killed" for name in names})
    write(run, {".report.html.x1.part": "killed", ".lock": "", ".DS_Store": ""})
    require_own(run)


def test_the_names_of_other_files_in_the_folders_to_work_in():
    assert {LIVE, resume_check.STARTED_WITH} == {*own_files.IN_WORK}
