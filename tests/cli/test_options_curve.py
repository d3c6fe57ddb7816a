"""--curve MODULE:CLASS: a run trained with a curve of one's own, and everything that reads such a run without it."""

import json
import shutil
import sys

import numpy as np
import own_curves
import pytest
import resumable
import trained_runs
from run_files import read, table
from trained_runs import EPOCHS, STEPS

import slanted
from slanted.cli import main
from slanted.errors import InputError

place, module = trained_runs.place, own_curves.module
TOTAL = EPOCHS * STEPS


@pytest.fixture
def refused(capsys):
    def message(status):
        assert status == 2
        printed = capsys.readouterr().err
        assert printed.startswith("error: ") and printed.count("\n") == 1, printed
        return printed.removeprefix("error: ").rstrip("\n")

    return message


def test_a_run_trains_with_it_and_names_it(place, module, tmp_path):
    out, status = place.run(tmp_path / "own", "--curve", f"{module}:Root")
    assert status == 0 and (tmp_path / "imported").exists()
    assert read(out / "recipe.json")["recipe"]["curve"] == f"{module}:Root"
    rates = [float(row["learning_rate"]) for row in table(out / "history.csv")]
    np.testing.assert_allclose(rates, own_curves.root(0.01, TOTAL), rtol=1e-5)
    assert f"{module}:Root" in (out / "report.html").read_text(encoding="utf-8")


def test_a_run_that_was_killed_goes_on_with_it_and_not_without(tiny_model, module, tmp_path, refused):
    place = resumable.Place(tmp_path, tiny_model)
    options = f"{resumable.PLAIN} --curve {module}:knows_its_run"
    assert place.run("whole", options) == 0
    place.killed("cut", options, 2 * resumable.STEPS + 3)
    without = refused(place.run("cut", f"{resumable.PLAIN} --resume"))
    assert f"was started with --curve {module}:knows_its_run, not slanted-triangular; give the same again" in without
    assert place.run("cut", f"{options} --resume") == 0
    assert resumable.resumed_from(tmp_path / "cut") == 20
    resumable.assert_same(tmp_path / "cut", tmp_path / "whole")


def test_plan_shows_it(place, module, capsys):
    command = ["plan", place.train, "--model", place.model, *trained_runs.OPTIONS, "--curve", f"{module}:joined"]
    assert main(command) == 0
    assert f"{module}:joined to 0.01" in capsys.readouterr().out


def test_a_rate_that_is_none_is_refused_before_a_step_is_trained(place, module, tmp_path, refused):
    out, status = place.run(tmp_path / "none", "--curve", f"{module}:Negative", "--quiet")
    rule = "a rate must be a finite number >= 0, mend its `rate`"
    assert refused(status) == f"curve {module}:Negative: the rate at step 5 of {TOTAL} is -0.01; {rule}"
    assert not out.exists()


# -- runs that name a curve, which no command imports ------------------------------------------------------------------


@pytest.fixture
def named(place, module, tmp_path):
    """A finished run whose recipe.json names a curve, code that would leave a trace if it were imported."""
    shutil.copytree(place.finished, tmp_path / "run")
    path = tmp_path / "run" / "recipe.json"
    saved = read(path)
    saved["recipe"]["curve"] = f"{module}:Root"
    path.write_text(json.dumps(saved), encoding="utf-8")
    yield tmp_path / "run"
    assert module not in sys.modules and not (tmp_path / "imported").exists()


def test_what_reads_a_run_needs_no_curve(place, named, module, tmp_path):
    assert main(["predict", str(named), place.test, "--out", str(tmp_path / "p.csv")]) == 0
    assert main(["evaluate", str(named), place.test]) == 0
    (named / "report.html").unlink()
    assert main(["report", str(named)]) == 0
    assert f"{module}:Root" in (named / "report.html").read_text(encoding="utf-8")
    assert main(["watch", str(named), "--once"]) == 0
    loaded = slanted.TextClassifier.load(named)
    assert len(loaded.predict(["one text"])) == 1
    with pytest.raises(InputError, match=r"in Python recipe.with_settings\(curve=...\) with the class itself"):
        loaded.fit(["one text", "another"] * 10, ["alpha", "beta"] * 10)


@pytest.mark.parametrize("command", ["train", "plan", "find-lr"])
def test_what_trains_from_it_wants_the_option_again(place, named, module, tmp_path, refused, command):
    out = ["--out", str(tmp_path / "new"), "--resume"] if command == "train" else []
    status = main([command, place.train, "--recipe", str(named / "recipe.json"), *out])
    found = f"--recipe {named / 'recipe.json'}: code that only a file names, here the curve {module}:Root, is not "
    assert refused(status) == f"{found}imported; add --curve with the curve's MODULE:CLASS"


def test_compare_wants_the_option_or_a_setting_of_the_variant(place, named, module, tmp_path, refused):
    path = named / "recipe.json"
    status = main(["compare", place.train, "--recipes", f"stlr,{path}", "--out", str(tmp_path / "new")])
    assert refused(status).startswith(
        f"--recipes {path}: code that only a file names, here the curve {module}:Root, is not"
    )


def test_resume_says_which_curve_is_missing(place, named, module, refused):
    options = ["--model", place.model, *trained_runs.OPTIONS, "--epochs", str(EPOCHS), "--test", place.test]
    status = main(["train", place.train, "--out", str(named), *options, "--resume"])
    found = f"--resume: the run in {named} was started with --curve {module}:Root, not slanted-triangular"
    assert refused(status) == f"{found}; give the same again, or --overwrite to start again"


def test_resume_goes_on_where_the_option_is_given_again(place, named, module, capsys):
    options = ["--model", place.model, *trained_runs.OPTIONS, "--epochs", str(EPOCHS), "--test", place.test]
    command = ["train", place.train, "--out", str(named), *options, "--curve", f"{module}:Root", "--resume"]
    assert main(command) == 0  # it is finished: its result is printed, for which the curve is not imported
    assert "is finished" in capsys.readouterr().out
