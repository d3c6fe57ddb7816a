"""What a finished run and a finished cross-validation print: time, scores beside the baselines, what to do next."""

import io
import shlex
from pathlib import Path

import pytest

from slanted.commands.console import say_folds, say_result, start_on_machine
from slanted.runtime import backend_choice
from slanted.runtime.run_costs import BFLOAT16, FLOAT32, Costs, Work
from slanted.text.progress.progress import Progress
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

TIMES = {"total_steps": 120, "train_seconds": 75.4, "examples_per_second": 43.6, "epochs": 3}
GOOD, FAIR, POOR = ({"accuracy": score, "macro_f1": score - 0.125, "loss": 1.0} for score in (0.875, 0.75, 0.5))
RUN = {**TIMES, "task": "single", "kept_epoch": 2, "baselines": {"tfidf": FAIR, "majority": POOR}}
FOLDS = {**TIMES, "task": "single", "folds": [{}, {}], "mean": GOOD, "deviation": {**GOOD, "accuracy": 0.03125}}
FOLDS |= {"out_of_fold": FAIR, "baselines": {"tfidf": FAIR, "majority": POOR}}
NOTE = "note: TF-IDF with a linear model has the higher accuracy and macro_f1 here; it is also cheaper to run"


def printed(say, metrics):
    """Return the lines that are printed of a run in the folder `out`."""
    stream = io.StringIO()
    say(metrics, Path("out"), Progress(stream))
    return stream.getvalue().splitlines()


def test_a_run_s_test_scores_stand_beside_the_baselines():
    assert printed(say_result, {**RUN, "valid": POOR, "test": GOOD}) == [
        "trained 120 steps in 1 min 15 s (44 examples/s); saved epoch 2 of 3",
        "test: this model             accuracy 0.8750  macro_f1 0.7500",
        "test: TF-IDF + linear model  accuracy 0.7500  macro_f1 0.6250",
        "test: majority               accuracy 0.5000  macro_f1 0.3750",
        "model and scores: out",
        "next: slanted predict out FILE --out predictions.csv",
    ]


@pytest.mark.parametrize("say", [say_result, say_folds])
def test_the_next_command_is_quoted_for_the_shell(say):
    stream = io.StringIO()
    say({**RUN, **FOLDS, "test": GOOD}, Path("my runs/a'b"), Progress(stream))
    command = stream.getvalue().splitlines()[-1].removeprefix("next: ")
    assert shlex.split(command) == ["slanted", "predict", "my runs/a'b", "FILE", "--out", "predictions.csv"]


@pytest.mark.parametrize("say", [say_result, say_folds])
def test_the_expected_time_stands_beside_the_time_of_the_run(say):
    metrics = {**RUN, **FOLDS, "test": GOOD, "expected_seconds": 70.2, "run_seconds": 81.4}
    line = "time from the start of Keras to the scores: 1 min 21 s; expected: about 1 min 10 s"
    assert printed(say, metrics)[1] == line


def test_scores_on_few_test_rows_have_their_intervals():
    intervals = {"accuracy": [0.5, 0.96875], "macro_f1": [0.25, 1.0]}
    line = "accuracy 0.8750 (95 %: 0.5000 to 0.9688)  macro_f1 0.7500 (95 %: 0.2500 to 1.0000)"
    metrics = {**RUN, "valid": POOR, "test": GOOD, "test_intervals": intervals}
    assert printed(say_result, metrics)[1] == f"test: this model             {line}"
    assert (
        printed(say_folds, {**FOLDS, "test": GOOD, "test_intervals": intervals})[3]
        == f"test: mean of 2 models       {line}"
    )
    assert not any("95 %" in line for line in printed(say_result, {**RUN, "valid": GOOD}))


def test_without_a_test_file_the_validation_scores_are_printed():
    lines = printed(say_result, {**RUN, "valid": GOOD})
    assert [line.split(":")[0] for line in lines[1:4]] == ["valid"] * 3 and "0.8750" in lines[1]


def test_without_scored_rows_no_scores_are_printed():
    lines = printed(say_result, {name: value for name, value in RUN.items() if name != "baselines"})
    assert [line.split()[0] for line in lines] == ["trained", "model", "next:"]


def test_a_run_that_tfidf_beats_says_so():
    assert printed(say_result, {**RUN, "test": POOR})[4] == NOTE


def test_a_score_that_the_rows_leave_undefined_is_not_printed():
    numbers = {"mae": 2.0}
    metrics = {**RUN, "task": "regression", "test": numbers, "baselines": {"tfidf": numbers, "majority": numbers}}
    assert printed(say_result, metrics)[1] == "test: this model             mae 2.0000"


def test_folds_without_a_test_file_print_their_mean_and_deviation():
    assert printed(say_folds, FOLDS) == [
        "trained 2 folds, 120 steps in total, in 1 min 15 s (44 examples/s)",
        "2 folds, mean ± deviation: accuracy 0.8750 ± 0.0312  macro_f1 0.7500 ± 0.7500",
        "out of fold: accuracy 0.7500  macro_f1 0.6250",
        "mean of folds: TF-IDF + linear model  accuracy 0.7500  macro_f1 0.6250",
        "mean of folds: majority               accuracy 0.5000  macro_f1 0.3750",
        "models and scores: out",
        "next: slanted predict out FILE --out predictions.csv",
    ]


def test_folds_with_a_test_file_print_its_scores_and_are_compared_by_these():
    lines = printed(say_folds, {**FOLDS, "test": POOR})
    assert lines[3] == "test: mean of 2 models       accuracy 0.5000  macro_f1 0.3750"
    assert lines[4:7] == [
        "test: TF-IDF + linear model  accuracy 0.7500  macro_f1 0.6250",
        "test: majority               accuracy 0.5000  macro_f1 0.3750",
        NOTE,
    ]


def test_measure_measures_the_machine_again_and_the_settings_name_the_backend_that_was_chosen(monkeypatch, tmp_path):
    import keras

    probed, backend = [], keras.backend.backend()
    costs = Costs(startup=1.0, compile=0.0, step=0.5, token=0.0, predict=0.0)
    measured = dict.fromkeys((FLOAT32, BFLOAT16), costs)
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path))
    monkeypatch.setattr(backend_choice, "measure", lambda name, *_: probed.append(name) or measured)
    stream = io.StringIO()
    for _ in range(2):
        chosen, expected = start_on_machine(Settings(backend="measure"), Progress(stream), Work(steps=10))
        assert expected is not None and expected.seconds == 6.0
        assert (chosen.backend, chosen.precision) == (backend, "float32")
    assert probed == [backend] * 2 and stream.getvalue().count(f"machine: backend {backend} ") == 2
