"""The folder of a comparison: the user's own files stay, and the old comparison until the new one is whole."""

import json
import os
import shutil

import comparisons
import pytest
import run_folders

from slanted.compare import folder
from slanted.compare.folder import check_place, claimed, forget_replaced, run_names, set_aside
from slanted.compare.run_grid import Runner
from slanted.errors import InputError

pytestmark = pytest.mark.once

place, untrained = comparisons.place, comparisons.untrained
SMALL = ["--recipes", "constant,linear", "--seeds", "1"]


def comparison(out, runs=("a_seed0", "b_seed0"), listed=True):
    """Write a comparison's folder."""
    for name in runs:
        (out / "runs" / name).mkdir(parents=True)
        run_folders.write(out / "runs" / name, {"recipe.json": "old", "metrics.json": "{}"})
    (out / "compare.json").write_text(json.dumps({"runs": list(runs)} if listed else {}))
    (out / "compare.csv").write_text("old")
    return out


def files(out):
    return {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()}


def refusal(out, overwrite=True):
    """Return the reason why a comparison may not be written to a folder; nothing in it may have changed."""
    before = files(out)
    with pytest.raises(InputError) as refused:
        check_place(out, overwrite)
    assert files(out) == before
    return str(refused.value).removeprefix(f"--out {out}: ")


def named(entry):
    found = f"holds '{entry}', which is not this comparison's and would be deleted"
    return f"{found}; move it away, or give another --out"


def test_runs_of_nobody_knows_what_are_never_deleted(place, untrained, capsys):
    out = place.folder / "unnamed"
    assert place.compare("unnamed", options=SMALL) == 0
    (out / "compare.json").unlink()
    untrained.clear()
    before = files(out)
    rule = "holds runs without compare.json, which says of what; give another --out, or move them away"
    for more in ([], ["--overwrite"]):
        capsys.readouterr()
        assert place.compare("unnamed", *more, options=SMALL) == 2
        assert capsys.readouterr().err == f"error: --out {out}: {rule}\n" and not untrained
    assert files(out) == before


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("link", ["runs", "runs/a_seed0", ".replacing", ".replaced"])
def test_a_comparison_with_a_link_is_refused_and_its_target_stays(tmp_path, link, overwrite):
    out = comparison(tmp_path / "out")
    mine = comparison(tmp_path / "mine")
    if (out / link).exists():
        shutil.rmtree(out / link)
    (out / link).symlink_to(mine / link if link.startswith("runs") else mine)
    before = files(mine)
    with pytest.raises(InputError) as refused:
        check_place(out, overwrite)
    found = f"holds the link '{link}', to whose target a comparison would write"
    assert str(refused.value) == f"--out {out}: {found}; put a folder in its place, or give another --out"
    assert files(mine) == before


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("mine", ["my-best-run/model/weights", "notes.txt", "a_seed0.json", "c_seed1/train.csv"])
def test_what_is_not_the_comparison_s_is_refused_and_stays(tmp_path, mine, listed):
    out = comparison(tmp_path / "out", listed=listed)
    (out / "runs" / mine).parent.mkdir(parents=True, exist_ok=True)
    (out / "runs" / mine).write_text("mine")
    assert refusal(out) == named(f"runs/{mine.split('/')[0]}")
    check_place(out, overwrite=False)


def test_a_file_of_the_user_s_in_a_run_of_the_comparison_is_refused(tmp_path):
    out = comparison(tmp_path / "out")
    (out / "runs" / "a_seed0" / "notes.txt").write_text("mine")
    assert refusal(out) == named("runs/a_seed0/notes.txt")
    check_place(out, overwrite=False)


@pytest.mark.parametrize(
    ("mine", "by"),
    [
        ("model/model.weights.h5", "runs/b_seed0/model"),
        ("tokenizer.json", "runs/b_seed0/tokenizer.json"),
        (".checkpoints/checkpoint-0000000007", "runs/b_seed0/.checkpoints"),
        (".replaced/model/config.json", "runs/b_seed0/.replaced/model"),
    ],
)
def test_a_run_of_the_user_s_that_a_stranger_s_list_names_is_refused(tmp_path, mine, by):
    out = comparison(tmp_path / "out")
    run_folders.write(out / "runs" / "b_seed0", {mine: "mine"})
    assert refusal(out) == named(by)
    with pytest.raises(InputError, match="would be deleted"):
        set_aside(out)


def test_a_name_alone_makes_no_run_of_a_comparison(tmp_path):
    out = comparison(tmp_path / "out")
    (out / "runs" / "a_seed0" / "recipe.json").unlink()
    assert refusal(out) == named("runs/a_seed0/metrics.json")


@pytest.mark.parametrize("entry", ["compare.csv", "runs/a_seed0", "runs/a_seed0.failed.json"])
def test_a_file_or_a_folder_in_place_of_the_other_is_refused(tmp_path, entry):
    out = comparison(tmp_path / "out")
    if entry == "runs/a_seed0":
        shutil.rmtree(out / entry)
        (out / entry).write_text("mine")
    else:
        (out / entry).unlink(missing_ok=True)
        run_folders.write(out / entry, {"thesis.tex": "mine"})
    is_of_out = "holds 'compare.csv', which is not a comparison's; give a new or empty folder"
    assert refusal(out) == (is_of_out if entry == "compare.csv" else named(entry))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
@pytest.mark.parametrize("name", folder.FILES)
def test_a_pipe_in_place_of_a_file_is_refused_before_training(tmp_path, name):
    out = comparison(tmp_path / "out")
    (out / name).unlink(missing_ok=True)
    os.mkfifo(out / name)
    for overwrite in (True, False):
        assert refusal(out, overwrite) == f"holds '{name}', which is not a comparison's; give a new or empty folder"


MINE = ["thesis.tex", "runs/mine/model/x", "runs/a_seed0/notes.txt", "runs/a_seed0/model/config.json", "compare.csv/x"]


@pytest.mark.parametrize("place", [".replaced", ".replacing"])
@pytest.mark.parametrize("mine", MINE)
def test_what_the_user_has_in_a_folder_of_a_replaced_comparison_stays(tmp_path, place, mine):
    out = comparison(tmp_path / "out")
    comparison(out / place)
    check_place(out, overwrite=False)
    if mine.startswith("compare.csv"):
        (out / place / "compare.csv").unlink()
    run_folders.write(out / place, {mine: "mine"})
    before, by = files(out), mine.removesuffix("/x").removesuffix("/config.json").removesuffix("/model")
    by = f"{by}/model" if "config" in mine else by
    for overwrite in (True, False):
        assert refusal(out, overwrite) == named(f"{place}/{by}")
    for delete in (set_aside, forget_replaced) if place == ".replaced" else (folder.settle,):
        with pytest.raises(InputError, match="would be deleted"):
            delete(out)
    assert files(out) == before


def test_a_comparison_may_be_overwritten_with_the_notes_on_failed_runs(tmp_path):
    out = comparison(tmp_path / "out")
    (out / "runs" / "a_seed0.failed.json").write_text("{}")
    check_place(out, overwrite=True)


def test_a_stranger_s_list_deletes_nothing_outside_the_runs(tmp_path):
    out = comparison(tmp_path / "out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    (out / "compare.json").write_text(json.dumps({"runs": ["..", "", ".", "../../mine", "a_seed0", "b_seed0"]}))
    for _ in range(2):  # the second deletes what took the place of what was set aside
        set_aside(out)
        comparison(out / "runs" / "..", runs=())
        (out / "compare.json").write_text(json.dumps({"runs": ["..", "", ".", "../../mine"]}))
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "mine"
    assert (out / ".replaced" / "runs" / "a_seed0").is_dir() and (out / "runs").is_dir()


@pytest.mark.parametrize("stray", [".compare.html.4711.part", ".DS_Store"])
def test_what_a_killed_process_or_a_file_manager_left_blocks_no_folder(tmp_path, stray):
    (tmp_path / stray).write_text("half")
    check_place(tmp_path, overwrite=False)


def test_runs_are_those_that_are_listed_by_plain_names_else_what_looks_like_them(tmp_path):
    out = comparison(tmp_path / "out", listed=False)
    (out / "runs" / "kept" / "model").mkdir(parents=True)
    assert sorted(run_names(out)) == ["a_seed0", "b_seed0"]
    (out / "compare.json").write_text(json.dumps({"runs": ["a_seed0", "../../elsewhere", "..", ".", "", "/etc", 5]}))
    assert run_names(out) == ["a_seed0"]
    (out / "compare.json").write_text("{")
    assert sorted(run_names(out)) == ["a_seed0", "b_seed0"]


def test_the_old_comparison_stays_until_the_new_one_is_whole(place, untrained, monkeypatch, capsys):
    out, train = place.folder / "aside", Runner.train
    assert place.compare("aside", options=SMALL) == 0
    old = (out / "compare.csv").read_text()

    def stop(self, run):
        raise KeyboardInterrupt

    monkeypatch.setattr(Runner, "train", stop)
    assert place.compare("aside", "--overwrite", "--epochs", "1", options=SMALL) == 130
    assert (out / ".replaced" / "compare.csv").read_text() == old
    assert {path.name for path in (out / ".replaced" / "runs").iterdir()} == {"constant_seed0", "linear_seed0"}
    assert place.compare("aside", "--overwrite", "--epochs", "1", options=SMALL) == 130
    assert (out / ".replaced" / "compare.csv").read_text() == old
    monkeypatch.setattr(Runner, "train", train)
    assert place.compare("aside", "--epochs", "1", options=SMALL) == 0
    assert not (out / ".replaced").exists()
    assert json.loads((out / "compare.json").read_text())["runs"] == ["constant_seed0", "linear_seed0"]


@pytest.mark.parametrize("moves", range(5))
def test_a_move_that_is_cut_short_is_undone(tmp_path, monkeypatch, moves):
    out = comparison(tmp_path / "out")
    before, rename, left = files(out), folder.Path.rename, [moves]

    def dying(path, destination):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return rename(path, destination)

    with monkeypatch.context() as patched:
        patched.setattr(folder.Path, "rename", dying)
        with pytest.raises(KeyboardInterrupt):
            set_aside(out)
    check_place(out, overwrite=False)
    with claimed(out):
        assert {name: text for name, text in files(out).items() if name != ".lock"} == before
    set_aside(out)
    assert files(out).keys() == {f".replaced/{name}" for name in before}
    forget_replaced(out)
    assert files(out) == {}


@pytest.mark.parametrize("listed", [5, [{}], [1, "a"], None])
def test_an_unusable_list_of_runs_is_no_traceback_and_what_was_there_stays_ours(place, untrained, listed):
    out = place.folder / f"listed_{listed}".replace(" ", "")
    assert place.compare(out.name, options=["--recipes", "constant,linear", "--seeds", "2"]) == 0
    held = json.loads((out / "compare.json").read_text())
    (out / "compare.json").write_text(json.dumps({**held, "runs": listed}))
    assert place.compare(out.name, options=SMALL) == 0
    names = json.loads((out / "compare.json").read_text())["runs"]
    if not isinstance(listed, list):
        assert names == ["constant_seed0", "constant_seed1", "linear_seed0", "linear_seed1"]
        check_place(out, overwrite=True)
    assert {"constant_seed0", "linear_seed0"} <= set(names)
