"""`--resume` and the folder: what is refused, what is kept when a run ends badly, what replaces what."""

import hashlib
import json
import os
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from resumable import PLAIN, STEPS, Place, assert_same, result, resumed_from

from slanted.cli import main
from slanted.errors import InputError
from slanted.text.runs import resume_check
from slanted.text.runs.checkpoints import read_snapshot, steps_of
from slanted.text.runs.resume_check import StartedWith
from slanted.text.runs.run_data import DataFiles
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

GIVE_THE_SAME = "give the same again, or --overwrite to start again"


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """Where to train."""
    return Place(tmp_path_factory.mktemp("resume"), tiny_model)


@pytest.fixture(scope="module")
def reference(place):
    """A run that nothing interrupted."""
    assert place.run("reference", PLAIN) == 0
    return place.folder / "reference"


@pytest.fixture(scope="module")
def interrupted(place):
    """A folder with an unfinished run, of step 5."""
    place.killed("interrupted", PLAIN, 6)
    return place.folder / "interrupted"


def test_a_finished_run_prints_its_result_and_trains_nothing(place, reference, capsys):
    before = {path.name: path.stat().st_mtime_ns for path in reference.iterdir()}
    assert place.run("reference", f"{PLAIN} --resume", 1) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"resume: the run in {reference} is finished\ntrained {3 * STEPS} steps in ")
    assert "test: this model " in out
    assert {path.name: path.stat().st_mtime_ns for path in reference.iterdir()} == before


@pytest.mark.parametrize("command", ["evaluate {} {}", "report {}"])
def test_what_needs_a_finished_run_says_how_far_it_has_come(place, interrupted, command, capsys):
    assert main(command.format(interrupted, place.test).split()) == 2
    rule = "is not a finished run, it was stopped at step 5; to continue, add --resume to the training command"
    assert capsys.readouterr().err == f"error: {interrupted}: {rule}\n"


def test_watch_says_how_far_a_stopped_run_has_come(interrupted, capsys):
    assert main(["watch", str(interrupted)]) == 2
    rule = "its run was stopped at step 5; to continue, add --resume to the training command"
    assert capsys.readouterr().err == f"error: {interrupted}: {rule}\n"


def test_ctrl_c_at_the_end_of_an_epoch_waits_for_its_validation(place, reference, capsys):
    out = place.folder / "ctrl_c"
    assert place.run("ctrl_c", PLAIN, STEPS, lambda: signal.raise_signal(signal.SIGINT)) == 130
    kept = f"step {STEPS} is saved; to continue, add --resume to the command"
    assert capsys.readouterr().err == f"error: interrupted; {kept}\n"
    assert steps_of(out) == [10, STEPS]
    assert len(read_snapshot(out / ".checkpoints" / f"checkpoint-{STEPS:010}").facts["scores"]) == 1
    assert place.run("ctrl_c", f"{PLAIN} --resume") == 0
    assert resumed_from(out) == STEPS
    assert_same(out, reference)


def test_without_resume_an_unfinished_run_is_refused(place, interrupted, capsys):
    assert place.run("interrupted", PLAIN, 1) == 2
    remedy = "add --resume to continue it, or --overwrite to start again"
    held = f"--out {interrupted}: contains an unfinished run, saved at step 5; {remedy}"
    assert capsys.readouterr().err == f"error: {held}\n"


DIFFERING = {
    "rate": ("--lr 0.02", "--lr 0.01, not 0.02"),
    "recipe": ("--recipe linear", "--curve slanted-triangular, not linear; --recipe stlr, not linear"),
    "epochs and seed": ("--epochs 4 --seed 1", "--epochs 3, not 4; --seed 0, not 1"),
    "column": ("--text text", "--text none, not text"),
    "precision": ("--precision mixed_bfloat16", "--precision float32, not mixed_bfloat16"),
}


@pytest.mark.parametrize("name", DIFFERING)
def test_other_options_are_refused_and_named(place, interrupted, name, capsys):
    given, found = DIFFERING[name]
    assert place.run("interrupted", f"{PLAIN} --resume {given}", 1) == 2
    line = f"error: --resume: the run in {interrupted} was started with {found}; {GIVE_THE_SAME}\n"
    assert capsys.readouterr().err == line
    assert steps_of(interrupted) == [5]


@pytest.mark.parametrize("which", ["train", "test"])
def test_other_rows_are_refused_and_by_a_finished_run_too(place, interrupted, reference, which, capsys):
    path = Path(getattr(place, which))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"the", b"thy", 1))
    try:
        for folder in (interrupted, reference):
            assert place.run(folder.name, f"{PLAIN} --resume", 1) == 2
            found = f"other {'training' if which == 'train' else which} rows than {path} holds"
            line = f"error: --resume: the run in {folder} was started with {found}; {GIVE_THE_SAME}\n"
            assert capsys.readouterr().err == line
    finally:
        path.write_bytes(whole)
    assert steps_of(interrupted) == [5]


def test_another_model_is_refused(place, interrupted, tmp_path, capsys):
    other = shutil.copytree(place.model, tmp_path / "other")
    (other / "config.json").write_text((other / "config.json").read_text() + " ")
    assert place.run("interrupted", f"{PLAIN} --resume --model {other}", 1) == 2
    assert f"was started with --model {place.model}, not {other}; give" in capsys.readouterr().err


def test_what_differs_is_what_a_run_is_made_of_not_where_it_lies(place, tmp_path):
    model, train = shutil.copytree(place.model, tmp_path / "model"), str(shutil.copy(place.train, tmp_path / "t.csv"))
    started = StartedWith.of(DataFiles(place.train), Settings(model=place.model))
    moved = StartedWith.of(DataFiles((train,)), Settings(model=str(model)))
    started.check_same(moved, tmp_path)
    path = model / "tokenizer.json"
    path.write_text(path.read_text() + " ")
    changed = StartedWith.of(DataFiles(train), Settings(model=str(model)))
    with pytest.raises(ValueError, match=f"other files of the model {model}; give"):
        moved.check_same(changed, tmp_path)
    with pytest.raises(ValueError, match="no validation file; "):
        started.check_same(StartedWith.of(DataFiles(train, valid=train), Settings(model=place.model)), tmp_path)


def test_standard_input_is_refused(place, capsys):
    assert main(["train", "-", "--out", str(place.folder / "input"), "--resume"]) == 2
    expected = "error: --resume: standard input cannot be read again; save it to a file and give that\n"
    assert capsys.readouterr().err == expected


def waits_for_ever(number, frame):
    raise AssertionError("the pipe is read again")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_is_read_once(place, tmp_path, capsys):
    """Whoever reads it again waits for ever, or gets nothing."""
    pipe, out = tmp_path / "pipe", tmp_path / "run"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(Path(place.train).read_bytes()))
    writer.start()
    words = ["train", str(pipe), "--out", str(out), "--model", place.model, *PLAIN.split(), "--epochs", "1"]
    before = signal.signal(signal.SIGALRM, waits_for_ever)
    signal.alarm(60)
    try:
        assert main(words) == 0
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    writer.join()
    assert "sha256" not in json.loads((out / "recipe.json").read_text())
    capsys.readouterr()
    assert main([*words, "--resume"]) == 2
    expected = f"error: --resume: {pipe} cannot be read again; save it to a file and give that\n"
    assert capsys.readouterr().err == expected


def test_the_sums_are_of_the_rows_that_were_read(place, tmp_path, monkeypatch):
    """A file that changes after it was read is another."""
    path = Path(shutil.copy(place.train, tmp_path / "train.csv"))
    words = ["train", str(path), "--out", str(tmp_path / "run"), "--model", place.model, *PLAIN.split()]
    before, read = hashlib.sha256(path.read_bytes()).hexdigest(), resume_check.read_unchanged

    def read_and_change(*arguments):
        data = read(*arguments)
        path.write_text("text,label\n")
        return data

    monkeypatch.setattr(resume_check, "read_unchanged", read_and_change)
    assert main([*words, "--epochs", "1"]) == 0
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["sha256"]["train"] == [before]


def test_a_file_that_changes_while_it_is_read_is_refused(place, tmp_path, monkeypatch, capsys):
    path = Path(shutil.copy(place.train, tmp_path / "train.csv"))
    read = resume_check.read_data

    def change_and_read(*arguments):
        path.write_text(path.read_text() + "one more,alpha\n")
        return read(*arguments)

    monkeypatch.setattr(resume_check, "read_data", change_and_read)
    assert main(["train", str(path), "--out", str(tmp_path / "run"), "--model", place.model, *PLAIN.split()]) == 2
    rule = "was changed while it was read; give the command again once nobody writes to it"
    assert capsys.readouterr().err == f"error: {path}: {rule}\n"
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_another_process_wrote_meanwhile_is_not_continued(place, interrupted, monkeypatch, capsys):
    out = Path(shutil.copytree(interrupted, place.folder / "another's"))
    path, read = out / ".checkpoints" / "run.json", resume_check.read_data

    def read_while_another_trains(*arguments):
        started = json.loads(path.read_text())
        path.write_text(json.dumps({**started, "settings": {**started["settings"], "seed": 7}}))
        return read(*arguments)

    monkeypatch.setattr(resume_check, "read_data", read_while_another_trains)
    assert place.run("another's", f"{PLAIN} --resume") == 2
    error = capsys.readouterr().err
    assert error == f"error: --resume: the run in {out} was started with --seed 7, not 0; {GIVE_THE_SAME}\n"
    assert json.loads(path.read_text())["settings"]["seed"] == 7


def interrupt(*arguments):
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_as_the_report_is_made_and_resume_makes_it(place, reference, monkeypatch, capsys):
    out = place.folder / "unreported"
    with monkeypatch.context() as patched:
        patched.setattr("slanted.report.write_report.report_data", interrupt)
        assert place.run("unreported", PLAIN) == 130
    remedy = "to write it, add --resume to the command"
    expected = f"error: interrupted; the run in {out} is finished, except its report; {remedy}\n"
    assert capsys.readouterr().err == expected
    assert result(out)[1] == result(reference)[1] and not (out / "report.html").exists()
    assert place.run("unreported", f"{PLAIN} --resume", 1) == 0
    assert resumed_from(out) == 3 * STEPS and (out / "report.html").exists()
    assert_same(out, reference)


def test_a_finished_run_is_not_called_lost(place, reference, monkeypatch, capsys):
    out = Path(shutil.copytree(reference, place.folder / "not_lost"))
    assert place.run("not_lost", f"{PLAIN} --overwrite", 7, interrupt) == 130
    step = "step 7 is saved; to continue, add --resume to the command"
    assert capsys.readouterr().err == f"error: interrupted; {step}\n"
    monkeypatch.setattr(resume_check, "read_data", interrupt)
    shutil.rmtree(out / ".checkpoints")
    assert place.run("not_lost", f"{PLAIN} --overwrite") == 130
    assert capsys.readouterr().err == f"error: interrupted; nothing was saved; the earlier run in {out} is unchanged\n"


@pytest.mark.parametrize("text", ["{}", "[]", '{"folds": []}', "5", '{"train_seconds": "long"}'])
def test_a_finished_run_with_damaged_scores(reference, place, text, capsys):
    out = place.folder / "damaged_scores"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(reference, out)
    (out / "metrics.json").write_text(text)
    assert place.run("damaged_scores", f"{PLAIN} --resume", 1) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {out}/metrics.json: has no scores of a run (")
    assert error.endswith("); restore the file or train again\n") and error.count("\n") == 1


def test_a_run_that_replaces_another_and_is_killed_goes_on_and_the_other_stays_until_then(place, reference):
    out = Path(shutil.copytree(reference, place.folder / "replaced"))
    (out / "history.csv").write_text("of the run that is to be replaced")
    before = result(out)[1]
    place.killed("replaced", f"{PLAIN} --overwrite", 7)
    assert result(out)[1] == before
    assert place.run("replaced", f"{PLAIN} --resume") == 0
    assert_same(out, reference)


def test_overwrite_starts_again_and_with_resume_where_there_is_nothing_to_go_on_with(place, reference):
    out = place.folder / "again"
    shutil.copytree(place.folder / "reference", out)
    place.killed("again", f"{PLAIN} --overwrite --resume", 7)
    assert steps_of(out) == [5]
    place.killed("again", f"{PLAIN} --overwrite", 3)
    assert steps_of(out) == [] and result(out)[1] == result(reference)[1]


@pytest.mark.once
def test_a_run_of_a_version_that_lacked_a_setting_was_started_with_its_default(tmp_path):
    rows = tmp_path / "t.csv"
    rows.write_text("text,label\na,x\nb,y\n")
    files, settings = DataFiles(str(rows)), Settings(backend="torch", precision="float32")
    now = StartedWith.of(files, settings)
    before = StartedWith.of(files, settings)
    del before.settings["class_weight"], before.settings["recipe"]["freeze"], before.files["bad_rows"]
    before.check_same(now, tmp_path)
    for backend in ("auto", "measure"):  # what the run was started on stands
        before.check_same(StartedWith.of(files, replace(settings, backend=backend, precision="auto")), tmp_path)
    with pytest.raises(InputError, match="was started with --class-weight none, not balanced"):
        before.check_same(StartedWith.of(files, replace(settings, class_weight="balanced")), tmp_path)
