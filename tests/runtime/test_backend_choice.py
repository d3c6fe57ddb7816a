"""The choice of backend and precision: what is asked for, KERAS_BACKEND, expected times, and what is measured when."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from slanted.errors import InputError
from slanted.runtime import backend_choice, machine_cache
from slanted.runtime.backend_choice import Choice, choose
from slanted.runtime.machine_cache import add_costs, read_costs
from slanted.runtime.run_costs import BFLOAT16, FLOAT32, TYPICAL, Costs, Work

pytestmark = pytest.mark.once

LONG = Work(lengths=8, predicted_lengths=8, steps=5000, tokens=5000 * 32 * 16.0)
SHORT = replace(LONG, steps=50, tokens=50 * 32 * 16.0)
NAMES, INSTALL = "use auto, float32, mixed_bfloat16 or mixed_float16", "which is not installed: pip install"


def costs(step, startup=4.0, compile=0.0):
    return Costs(startup=startup, compile=compile, step=step, token=0.0, predict=0.0)


MEASURED = {
    "tensorflow": {FLOAT32: costs(0.33), BFLOAT16: costs(0.22)},
    "jax": {FLOAT32: costs(0.28, 8.0, 6.0), BFLOAT16: costs(0.26, 8.0, 6.0)},
    "torch": {FLOAT32: costs(0.5), BFLOAT16: costs(0.2)},
}


class Machine:
    """A machine with three backends, on which a benchmark takes a given time by a clock of its own."""

    def __init__(self):
        self.measured, self.limits, self.now, self.takes = [], [], 0.0, 4.0
        self.results = {name: dict(of) for name, of in MEASURED.items()}

    def measure(self, backend, precisions, limit):
        self.measured.append(backend)
        self.limits.append(limit)
        self.now += min(self.takes, limit)
        result = self.results[backend]
        return result if isinstance(result, str) else {one: result[one] for one in precisions if one in result}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    faked = Machine()
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path))
    monkeypatch.setattr(backend_choice, "measure", faked.measure)
    monkeypatch.setattr(backend_choice.time, "monotonic", lambda: faked.now)
    monkeypatch.setattr(backend_choice, "running_backend", lambda: None)  # as before Keras is imported
    monkeypatch.setattr(backend_choice, "_is_installed", lambda module: module in MEASURED)
    monkeypatch.setattr(backend_choice, "has_bfloat16", lambda: True)
    return faked


@pytest.fixture
def known(machine):
    """The same machine, with all costs cached."""
    for name, measured in MEASURED.items():
        add_costs(name, measured)
    return machine


def picked(backend="auto", precision="auto", work=LONG):
    choice = choose(backend, precision, work=work)
    return choice.backend, choice.precision


def test_the_shortest_expected_time_is_chosen_and_printed(known):
    assert choose(work=LONG) == Choice(
        "torch",
        BFLOAT16,
        "backend torch (the shortest expected time), precision mixed_bfloat16 (measured); expected: about 16 min 44 s "
        "on torch in mixed_bfloat16; 18 min 24 s on tensorflow; 24 min 28 s on jax",
        pytest.approx(1004.0),
    )
    assert known.measured == []


def test_bfloat16_must_be_a_tenth_faster(known):
    assert picked("jax") == ("jax", FLOAT32)
    assert picked("tensorflow") == ("tensorflow", BFLOAT16)


def test_a_precision_asked_for_decides_which_backend_is_fastest(known):
    assert picked(precision=FLOAT32) == ("jax", FLOAT32)
    assert picked(precision=BFLOAT16) == ("torch", BFLOAT16)
    assert picked(precision="mixed_float16") == ("torch", "mixed_float16")


def test_the_length_of_the_run_decides(known):
    """In float32 JAX steps faster, but takes 60 seconds to compile."""
    assert picked(precision=FLOAT32, work=SHORT) == ("tensorflow", FLOAT32)
    assert picked(precision=FLOAT32, work=LONG) == ("jax", FLOAT32)


def test_the_quicker_step_loses_to_compiling_where_a_processor_has_no_bfloat16(machine, monkeypatch):
    """5.87 steps/s of JAX against 5.55 of PyTorch on two cores with AVX2, the 513 steps of trec6."""
    monkeypatch.setattr(backend_choice, "has_bfloat16", lambda: False)
    add_costs("jax", {FLOAT32: costs(1 / 5.87, 8.0, 6.0)})
    add_costs("torch", {FLOAT32: costs(1 / 5.55, 5.0)})
    add_costs("tensorflow", {FLOAT32: costs(1 / 4.0, 10.0)})
    choice = choose(work=replace(LONG, steps=513))
    assert (choice.backend, choice.precision) == ("torch", FLOAT32)
    assert choice.seconds == pytest.approx(5.0 + 513 / 5.55) and machine.measured == []


def test_a_short_run_is_not_measured_and_takes_pytorch(machine):
    choice = choose(work=SHORT)
    assert (choice.backend, choice.precision) == ("torch", BFLOAT16) and machine.measured == []
    assert "precision mixed_bfloat16 (as on a typical machine); expected: about " in choice.why
    assert picked(work=None) == ("torch", BFLOAT16) and choose().seconds is None


def test_what_is_asked_for_is_taken(machine):
    choice = choose("jax", "mixed_float16")
    assert choice == Choice("jax", "mixed_float16", "backend jax (as asked), precision mixed_float16 (as asked)")
    assert machine.measured == []


def test_keras_backend_wins_over_auto_and_not_over_an_option(machine, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert choose("auto", FLOAT32).why == "backend jax (from KERAS_BACKEND), precision float32 (as asked)"
    assert picked("tensorflow", FLOAT32) == ("tensorflow", FLOAT32)
    assert machine.measured == []


def test_a_long_run_measures_each_backend_once_the_most_promising_first(machine):
    lines = []
    choose(work=LONG, say=lines.append)
    assert choose(work=LONG, say=lines.append) == choose(work=LONG)
    assert machine.measured[0] == "torch" and len(machine.measured) == len(set(machine.measured)) == len(lines)
    assert lines[0] == "measuring torch on this machine, once (at most 20 seconds)"
    assert read_costs("torch") == MEASURED["torch"]


@pytest.mark.parametrize("steps", [10, 100, 300, 500, 1000, 2000, 10_000, 100_000])
@pytest.mark.parametrize("takes", [0.5, 4.0, 12.0, 1000.0])
def test_measuring_never_exceeds_20_seconds_or_5_percent_of_the_run(machine, steps, takes):
    machine.takes = takes
    work = replace(LONG, steps=steps, tokens=steps * 32 * 16.0)
    typical = min(backend_choice._Estimates([name], "auto", work).best(name).seconds for name in MEASURED)
    choose(work=work)
    assert machine.now <= min(20.0, 0.05 * typical) + 1e-9
    assert all(limit <= min(20.0, 0.05 * typical) + 1e-9 for limit in machine.limits)


def test_a_benchmark_that_does_not_fit_into_the_time_is_not_begun(machine):
    machine.takes = 15.0
    choose(work=LONG)
    assert machine.measured == ["torch"]  # 5 seconds are left


def test_one_slow_backend_makes_the_others_slower_too(machine):
    """PyTorch was measured on a machine of half the speed; the costs of the others are still those of a typical one."""
    add_costs("torch", {name: one.times(2.0) for name, one in TYPICAL["torch"].items()})
    estimates = backend_choice._Estimates(["torch", "jax"], FLOAT32, LONG)
    typical = backend_choice._Estimates(["jax"], FLOAT32, LONG)
    assert estimates.best("jax").seconds == pytest.approx(2.0 * typical.best("jax").seconds)


@pytest.mark.parametrize(
    ("has", "precisions"), [(True, (BFLOAT16, FLOAT32)), (None, (BFLOAT16, FLOAT32)), (False, (FLOAT32,))]
)
def test_bfloat16_is_tried_unless_the_processor_lacks_it(machine, monkeypatch, has, precisions):
    monkeypatch.setattr(backend_choice, "has_bfloat16", lambda: has)
    assert picked(work=SHORT)[1] == (BFLOAT16 if has else FLOAT32)
    choose("measure", work=LONG)
    assert set(read_costs("torch")) == set(precisions)


def test_one_installed_backend_is_measured_only_to_choose_a_precision(machine, monkeypatch):
    monkeypatch.setattr(backend_choice, "_is_installed", lambda module: module == "torch")
    why = choose("auto", FLOAT32, work=LONG).why
    assert why.startswith("backend torch (the only one installed), precision float32 (as asked); expected: about ")
    assert machine.measured == []
    choose(work=LONG)
    assert machine.measured == ["torch"]
    monkeypatch.setattr(backend_choice, "has_bfloat16", lambda: False)
    monkeypatch.setattr(machine_cache, "_version", lambda name: "2")
    assert picked(work=LONG) == ("torch", FLOAT32) and machine.measured == ["torch"]


def test_measure_measures_again_for_20_seconds_each_and_the_result_serves_from_then_on(known):
    assert picked(work=SHORT)[0] == "torch" and known.measured == []
    known.results["jax"] = {FLOAT32: costs(0.01), BFLOAT16: costs(0.01)}
    choice = choose("measure", work=SHORT)
    assert (choice.backend, choice.precision) == ("jax", FLOAT32)
    assert sorted(known.measured) == ["jax", "tensorflow", "torch"] and known.limits == [20.0] * 3
    assert picked(work=SHORT) == ("jax", FLOAT32) and len(known.measured) == 3
    assert choose("measure").seconds is None and len(known.measured) == 6


@pytest.mark.parametrize("precision", ["auto", FLOAT32])
def test_with_keras_backend_that_backend_alone_is_measured_again(machine, monkeypatch, precision):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    for _ in range(2):
        choice = choose("measure", precision)
        assert (choice.backend, choice.precision) == ("jax", FLOAT32)
        assert choice.why.startswith("backend jax (from KERAS_BACKEND), precision float32")
    assert machine.measured == ["jax", "jax"]


def test_a_backend_that_fails_is_not_chosen_and_tried_again(known):
    known.results["torch"] = "ImportError: no libtorch"
    choice = choose("measure", work=LONG)
    assert (choice.backend, choice.precision) == ("tensorflow", BFLOAT16)
    assert "; torch could not be measured: ImportError: no libtorch; expected: about " in choice.why


def test_where_every_backend_fails_one_is_chosen(machine):
    machine.results = dict.fromkeys(MEASURED, "no")
    assert picked("measure", work=None)[0] == "torch"


def test_a_benchmark_that_measured_nothing_in_its_time_changes_nothing(machine):
    before = picked(work=SHORT)
    machine.results = {name: {} for name in MEASURED}
    assert picked(work=LONG) == before and read_costs("torch") == {}


@pytest.mark.parametrize(
    ("arguments", "installed", "message"),
    [
        (("theano", "auto"), MEASURED, "--backend 'theano' is unknown: use tensorflow, jax or torch"),
        (("auto", "float64"), MEASURED, f"--precision 'float64' is unknown: {NAMES}"),
        (("jax", "auto"), ["torch"], f"--backend 'jax' needs the extra `jax`, {INSTALL} \"slanted[jax]\""),
        (("auto", "auto"), [], f'Training needs the extra `text`, {INSTALL} "slanted[text]"'),
    ],
)
def test_refused(machine, monkeypatch, arguments, installed, message):
    monkeypatch.setattr(backend_choice, "_is_installed", lambda module: module in installed)
    with pytest.raises(InputError) as refused:
        choose(*arguments)
    assert str(refused.value) == message


def test_an_unknown_keras_backend_is_refused(machine, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    with pytest.raises(InputError) as refused:
        choose()
    assert str(refused.value) == "KERAS_BACKEND='numpy' is unknown: use tensorflow, jax or torch"


def child(monkeypatch, code):
    """Have the benchmark's child process run this code instead."""
    run = subprocess.run

    def replaced(command, **options):
        assert command[1:4] == ["-P", "-m", "slanted.text.training.backend_benchmark"]
        return run([sys.executable, "-c", code, *command[4:]], **options)

    monkeypatch.setattr(subprocess, "run", replaced)


LINE = json.dumps({"precision": FLOAT32, **asdict(costs(0.5))})


def test_the_child_runs_on_the_backend_and_its_lines_are_read(monkeypatch):
    second = json.dumps({"precision": BFLOAT16, **asdict(costs(0.25))})
    code = "import os, sys; assert os.environ['KERAS_BACKEND'] == sys.argv[1] == 'jax'; assert float(sys.argv[2])\n"
    code += f"assert sys.argv[3:] == ['float32', 'mixed_bfloat16']; print('noise'); print({LINE!r}); print({second!r})"
    child(monkeypatch, code)
    assert backend_choice.measure("jax", [FLOAT32, BFLOAT16], 20.0) == {FLOAT32: costs(0.5), BFLOAT16: costs(0.25)}


def test_a_child_that_takes_too_long_is_killed_and_its_complete_lines_count(monkeypatch):
    child(monkeypatch, f"import time; print({LINE!r}, flush=True); print('{{', end='', flush=True); time.sleep(60)")
    begun = time.perf_counter()
    assert backend_choice.measure("torch", [FLOAT32, BFLOAT16], 1.0) == {FLOAT32: costs(0.5)}
    assert time.perf_counter() - begun < 30.0


def test_a_child_that_fails_says_why(monkeypatch):
    child(monkeypatch, "raise ImportError('no libtorch')")
    assert backend_choice.measure("torch", [FLOAT32], 20.0) == "ImportError: no libtorch"


def test_choosing_does_not_import_keras():
    heavy = "{'keras', 'tensorflow', 'jax', 'torch'}"
    code = f"import sys, slanted.runtime.backend_choice; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_file_of_the_current_folder_is_not_taken_for_keras(tmp_path, monkeypatch):
    (tmp_path / "keras.py").write_text("open('taken', 'w').close()\nraise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    assert backend_choice.measure("torch", [], 60.0) == {}
    assert not (tmp_path / "taken").exists()
