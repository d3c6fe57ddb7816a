"""`slanted plan` and `slanted find-lr`: what they print, write and refuse, on a tiny checkpoint."""

import csv
import errno
import json
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
from applied import BACKEND

from slanted.cli import main
from slanted.commands.plan_and_find_lr import _save
from slanted.common import atomic_files
from slanted.errors import InputError
from slanted.runtime import backend_choice
from slanted.runtime.run_costs import FLOAT32, Costs

COSTS = {FLOAT32: Costs(startup=1.0, compile=0.0, step=0.5, token=0.0, predict=0.0)}


@pytest.fixture
def options(tmp_path, tiny_model):
    train = tiny.write_rows(tmp_path / "train.csv", *tiny.examples(44))
    machine = ["--backend", BACKEND, "--precision", "float32"]
    return [train, "--model", tiny_model, *machine, "--batch-size", "8", "--max-tokens", "32"]


def run(capsys, *arguments):
    status = main([*map(str, arguments)])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_plan_prints_what_train_then_does(options, tmp_path, capsys):
    more = ["--recipe", "ulmfit", "--epochs", "4"]
    status, out, err = run(capsys, "plan", *options, *more, "--picture", tmp_path / "plan.svg")
    assert (status, err) == (0, "")
    assert "peak rate 0.001 (by the size rule: a hidden size of 32 < 512 takes 0.0001, 10 times that" in out
    assert "embeddings      0" in out and "head" in out and "of a full step" in out
    assert "\nnote: The factor 1/2.6 from layer to layer" in out
    assert (tmp_path / "plan.svg").read_text(encoding="utf-8").startswith("<?xml")
    status, out, err = run(capsys, "plan", *options, *more, "--json")
    planned = json.loads(out)
    assert (status, err) == (0, "")
    assert [group["opens_at"] for group in planned["groups"]] == [10, 5, 0]
    shares = [stage["share"] for stage in planned["stages"]]
    assert shares == sorted(shares) and shares[0] < 0.7 and shares[-1] == 1.0
    status, out, err = run(capsys, "train", *options, *more, "--out", tmp_path / "run")
    assert status == 0
    assert "plan: ulmfit: 20 steps in epochs of 5" in out.split("epoch 1:")[0]
    with open(tmp_path / "run" / "history.csv", encoding="utf-8", newline="") as file:
        rates = [float(row["learning_rate"]) for row in csv.DictReader(file)]
    assert len(rates) == planned["total_steps"] == 20
    assert max(rates) == pytest.approx(planned["groups"][-1]["peak_rate"])
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["recipe"] == planned["recipe"]


@pytest.mark.parametrize("command", ["plan", "find-lr"])
def test_measure_measures_the_machine_again(options, tmp_path, capsys, monkeypatch, command):
    probed = []
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path))
    monkeypatch.setattr(backend_choice, "measure", lambda name, *_: probed.append(name) or COSTS)
    more = ["--steps", "20", "--verify-steps", "0"] if command == "find-lr" else []
    for _ in range(2):
        status, out, _ = run(capsys, command, *options, "--backend", "measure", *more)
        assert status == 0
        assert f"machine: backend {BACKEND} (Keras runs on it in this process), precision float32 (as asked)" in out
    assert probed == [BACKEND] * 2


def test_a_run_s_recipe_repeats_it(options, tmp_path, capsys):
    first = run(capsys, "plan", *options, "--lr", "0.25", "--multipliers", "head=0.5", "--epochs", "2", "--json")[1]
    settings = {"recipe": json.loads(first)["recipe"]}
    (tmp_path / "recipe.json").write_text(json.dumps(settings), encoding="utf-8")
    assert run(capsys, "plan", *options, "--recipe", tmp_path / "recipe.json", "--json")[1] == first


def test_find_lr_prints_what_it_found_as_text_or_as_json(options, capsys):
    search = ["--steps", "20", "--verify-steps", "20", "--lr-start", "1e-4", "--lr-end", "0.1", "--method", "steep"]
    status, out, err = run(capsys, "find-lr", *options, *search, "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert set(found["suggestions"]) == {"valley", "steep", "minimum", "slide"}
    assert len(found["trials"]) == 3 and found["method"] == "steep"
    np.testing.assert_allclose(found["rates"], np.geomspace(1e-4, 0.1, 20)[: len(found["rates"])])
    status, out, _ = run(capsys, "find-lr", *options, *search)
    assert status == 0 and f"next: slanted train {options[0]} --lr {found['suggestion']:g} ..." in out


@pytest.mark.once
def test_a_picture_replaces_the_file_as_a_whole_and_keeps_its_mode(tmp_path):
    class Drawn:
        def plot(self):
            return self

        figure = SimpleNamespace(savefig=lambda file, format: file.write(f"a new {format}".encode()))

    picture = tmp_path / "plan.png"
    picture.write_text("old")
    picture.chmod(0o600)
    _save(Drawn(), picture)
    assert picture.read_text() == "a new png" and picture.stat().st_mode & 0o777 == 0o600
    tmp_path.joinpath("link.svg").symlink_to(picture)
    _save(Drawn(), tmp_path / "link.svg")
    assert picture.read_text() == "a new svg" and tmp_path.joinpath("link.svg").is_symlink()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(InputError) as refused:
        patch.setattr(atomic_files.os, "replace", lambda *paths: full(paths))
        _save(Drawn(), picture)
    reason = "cannot be written (No space left on device); free space or give another place"
    assert str(refused.value) == f"{picture}: {reason}" and picture.read_text() == "a new svg"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.svg", "plan.png"]


@pytest.mark.once
@pytest.mark.parametrize("command", ["plan", "find-lr"])
def test_no_picture_replaces_the_rows(command, options, tmp_path, capsys):
    (tmp_path / "plan.png").symlink_to(options[0])
    before = (tmp_path / "train.csv").read_bytes()
    status, _, err = run(capsys, command, *options, "--picture", tmp_path / "plan.png")
    rule = f"{options[0]} is read, and would be replaced; give another place to write to"
    assert (status, err) == (2, f"error: --picture {tmp_path / 'plan.png'}: {rule}\n")
    assert (tmp_path / "train.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("command", "more", "message"),
    [
        ("plan", ["--picture", "plan.txt"], "--picture plan.txt: must end in .png, .svg or .pdf"),
        ("plan", ["--picture", "nowhere/plan.png"], "--picture nowhere/plan.png: nowhere is not a folder"),
        ("plan", ["--freeze", "block_1"], "no layer group 'block_1'. Groups are: embeddings, block_0, head"),
        ("plan", ["--freeze", "embeddings,block_0,head"], "freeze: at least one layer group must be trained"),
        ("plan", ["--multipliers", "top=2"], "no layer group 'top'. Groups are: embeddings, block_0, head"),
        ("plan", ["--max-tokens", "600"], "--max-tokens 600: must be at most 64"),
        ("find-lr", ["--steps", "5"], "--steps 5: must be a whole number >= 20"),
        ("find-lr", ["--lr-start", "0"], "--lr-start 0.0: must be a finite number > 0"),
        ("find-lr", ["--lr-end", "1e-9"], "--lr-end 1e-09: must be greater than the first rate, 1e-06"),
        ("find-lr", ["--method", "best"], "--method best: must be one of valley, steep, minimum, slide"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(command, more, message, options, capsys):
    status, _, err = run(capsys, command, *options, *more)
    assert status == 2 and err.count("\n") == 1
    assert err.startswith("error: ") and message in err


@pytest.mark.once
@pytest.mark.parametrize(("freeze", "warned"), [("embeddings", False), ("embeddings,block_0", True)])
def test_a_plan_warns_where_no_block_is_left_to_train(freeze, warned, options, capsys):
    status, out, _ = run(capsys, "plan", *options, "--freeze", freeze)
    assert status == 0 and ("freezing block_0 leaves no block to train" in out) == warned
