"""The choice of backend and precision: what is asked for, KERAS_BACKEND, and a measurement kept in a file."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from slanted.errors import InputError
from slanted.runtime import backend_choice
from slanted.runtime.backend_choice import Choice, choose

pytestmark = pytest.mark.once

SPEEDS = {
    "tensorflow": {"float32": 3.0, "mixed_bfloat16": 4.5},
    "jax": {"float32": 3.5, "mixed_bfloat16": 3.8},
    "torch": {"float32": 2.0, "mixed_bfloat16": 5.0},
}


@pytest.fixture
def probed(monkeypatch, tmp_path):
    """Three installed backends whose probe answers from `SPEEDS`; returns the list of backends probed."""
    asked = []

    def probe(backend):
        asked.append(backend)
        return SPEEDS[backend]

    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path))
    monkeypatch.setattr(backend_choice, "measure", probe)
    monkeypatch.setattr(backend_choice, "running_backend", lambda: None)  # as before Keras is imported
    monkeypatch.setattr(backend_choice, "_is_installed", lambda module: module in SPEEDS)
    return asked


def picked(*arguments):
    choice = choose(*arguments)
    return choice.backend, choice.precision


def test_both_open_takes_the_fastest_measured(probed, tmp_path):
    assert choose() == Choice(
        "torch",
        "mixed_bfloat16",
        "backend torch (measured), precision mixed_bfloat16 (measured); steps/s here: tensorflow float32 3 bfloat16 "
        f"4.5, jax float32 3.5 bfloat16 3.8, torch float32 2 bfloat16 5; kept in {tmp_path}/machine.json",
    )
    assert probed == ["tensorflow", "jax", "torch"]


def test_bfloat16_must_be_a_tenth_faster(probed):
    assert picked("jax", "auto") == ("jax", "float32")
    assert picked("tensorflow", "auto") == ("tensorflow", "mixed_bfloat16")


def test_a_precision_asked_for_decides_which_backend_is_fastest(probed):
    assert picked("auto", "float32") == ("jax", "float32")
    assert picked("auto", "mixed_bfloat16") == ("torch", "mixed_bfloat16")
    assert picked("auto", "mixed_float16") == ("torch", "mixed_float16")


def test_what_is_asked_for_is_taken_without_measuring(probed):
    choice = choose("jax", "mixed_float16")
    assert choice == Choice("jax", "mixed_float16", "backend jax (as asked), precision mixed_float16 (as asked)")
    assert probed == []


def test_keras_backend_wins_over_auto_and_not_over_an_option(probed, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert choose("auto", "float32").why == "backend jax (from KERAS_BACKEND), precision float32 (as asked)"
    assert picked("tensorflow", "float32") == ("tensorflow", "float32")
    assert probed == []


def test_a_machine_is_measured_once(probed):
    lines = []
    choose(say=lines.append)
    assert choose(say=lines.append) == choose()
    assert probed == ["tensorflow", "jax", "torch"]
    assert lines == [
        f"measuring {name} on this machine, {number} of 3, once (about 15 seconds)"
        for number, name in enumerate(SPEEDS, start=1)
    ]


def test_a_backend_of_another_version_is_measured_anew(probed, monkeypatch):
    choose()
    monkeypatch.setattr(backend_choice, "_version", lambda name: "99" if name == "jax" else "1")
    choose()
    monkeypatch.setattr(backend_choice, "_version", lambda name: "100" if name == "jax" else "1")
    choose()
    assert probed == ["tensorflow", "jax", "torch"] * 2 + ["jax"]


@pytest.mark.parametrize("held", ["", "{", "[]", "7", '{"x": 1}', "\x00", "null"])
def test_a_corrupt_file_is_measured_anew(probed, tmp_path, held):
    (tmp_path / "machine.json").write_text(held)
    assert picked() == ("torch", "mixed_bfloat16")
    assert picked() == ("torch", "mixed_bfloat16")
    assert len(probed) == 3


@pytest.mark.parametrize("speeds", [{}, {"float32": 1.0}, {"float32": "1", "mixed_bfloat16": 2.0}, [1.0, 2.0], None])
def test_an_entry_that_makes_no_sense_is_measured_anew(probed, tmp_path, speeds):
    choose()
    path = tmp_path / "machine.json"
    path.write_text(
        json.dumps({key: speeds if "jax" in key else kept for key, kept in json.loads(path.read_text()).items()})
    )
    assert picked() == ("torch", "mixed_bfloat16")
    assert probed == ["tensorflow", "jax", "torch", "jax"]


def test_measure_measures_again_and_the_result_serves_from_then_on(probed, monkeypatch, tmp_path):
    three = ["tensorflow", "jax", "torch"]
    assert picked("measure", "auto") == ("torch", "mixed_bfloat16")
    monkeypatch.setitem(SPEEDS, "jax", {"float32": 9.0, "mixed_bfloat16": 9.0})
    assert picked() == ("torch", "mixed_bfloat16") and probed == three
    choice = choose("measure")
    assert (choice.backend, choice.precision) == ("jax", "float32") and probed == three * 2
    assert choice.why.startswith("backend jax (measured), precision float32 (measured); steps/s here: ")
    assert picked() == ("jax", "float32") and probed == three * 2


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_with_keras_backend_that_backend_alone_is_measured_again(probed, monkeypatch, precision):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    for _ in range(2):
        choice = choose("measure", precision)
        assert (choice.backend, choice.precision) == ("jax", "float32")
        assert choice.why.startswith("backend jax (from KERAS_BACKEND), precision float32")
    assert probed == ["jax", "jax"]
    assert "steps/s here: jax float32 3.5 bfloat16 3.8; kept in " in choice.why


def test_what_an_earlier_version_measured_on_a_busy_machine_is_measured_anew(probed, tmp_path):
    choose()
    path = tmp_path / "machine.json"
    busy = {key: {**speeds, "busy": 1.0} for key, speeds in json.loads(path.read_text()).items()}
    path.write_text(json.dumps(busy))
    for _ in range(2):
        assert picked() == ("torch", "mixed_bfloat16")
    assert probed == ["tensorflow", "jax", "torch"] * 2


def test_a_folder_that_cannot_be_written_is_no_error(probed, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path / "file" / "below"))
    assert choose().why.endswith("; this cannot be written, so not kept in " + str(backend_choice.cache_file()))


def test_the_file_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("SLANTED_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert backend_choice.cache_file() == tmp_path / "slanted" / "machine.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert backend_choice.cache_file() == tmp_path / ".cache" / "slanted" / "machine.json"


def test_a_failed_probe_counts_out_its_backend_and_is_tried_again(probed, monkeypatch):
    monkeypatch.setitem(SPEEDS, "torch", "ImportError: no libtorch")
    choice = choose()
    assert (choice.backend, choice.precision) == ("tensorflow", "mixed_bfloat16")
    assert "; torch could not be measured: ImportError: no libtorch; kept in " in choice.why
    choose()
    assert probed == ["tensorflow", "jax", "torch", "torch"]


def test_where_every_probe_fails_the_first_backend_trains_in_float32(probed, monkeypatch):
    for name in list(SPEEDS):
        monkeypatch.setitem(SPEEDS, name, "no")
    assert picked() == ("tensorflow", "float32")
    assert picked("auto", "mixed_bfloat16") == ("tensorflow", "mixed_bfloat16")


def test_one_installed_backend_needs_no_measurement_for_a_given_precision(probed, monkeypatch):
    monkeypatch.setattr(backend_choice, "_is_installed", lambda module: module == "torch")
    assert choose("auto", "float32").why == "backend torch (the only one installed), precision float32 (as asked)"
    assert probed == []


@pytest.mark.parametrize(
    ("arguments", "installed", "message"),
    [
        (("theano", "auto"), SPEEDS, "--backend 'theano' is unknown: use tensorflow, jax or torch"),
        (
            ("auto", "float64"),
            SPEEDS,
            "--precision 'float64' is unknown: use auto, float32, mixed_bfloat16 or mixed_float16",
        ),
        (
            ("jax", "auto"),
            ["torch"],
            "--backend 'jax' needs the extra `jax`, which is not installed: pip install \"slanted[jax]\"",
        ),
        (("auto", "auto"), [], 'Training needs the extra `text`, which is not installed: pip install "slanted[text]"'),
    ],
)
def test_refused(probed, monkeypatch, arguments, installed, message):
    monkeypatch.setattr(backend_choice, "_is_installed", lambda module: module in installed)
    with pytest.raises(InputError) as refused:
        choose(*arguments)
    assert str(refused.value) == message


def test_an_unknown_keras_backend_is_refused(probed, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    with pytest.raises(InputError) as refused:
        choose()
    assert str(refused.value) == "KERAS_BACKEND='numpy' is unknown: use tensorflow, jax or torch"


def test_measuring_trains_in_a_process_of_its_own():
    speeds = backend_choice.measure("tensorflow")
    assert set(speeds) == {"float32", "mixed_bfloat16"} and min(speeds.values()) > 0.0


def test_a_probe_that_fails_says_why():
    assert "theano" in backend_choice.measure("theano")


def test_a_probe_that_takes_too_long_says_so(monkeypatch):
    monkeypatch.setattr(backend_choice, "_PROBE_SECONDS", 0.2)
    assert backend_choice.measure("tensorflow") == "it took longer than 0 seconds"


def test_choosing_does_not_import_keras():
    heavy = "{'keras', 'tensorflow', 'jax', 'torch'}"
    code = f"import sys, slanted.runtime.backend_choice; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_file_of_the_current_folder_is_not_taken_for_keras(tmp_path, monkeypatch):
    (tmp_path / "keras.py").write_text("open('taken', 'w').close()\nraise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    assert set(backend_choice.measure("torch")) == {"float32", "mixed_bfloat16"}
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("name", ["", "jax"])
def test_a_cache_that_others_can_write_to_is_not_used_and_said_once(monkeypatch, tmp_path, capsys, name):
    backend_choice._warn.cache_clear()
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path / "cache"))
    assert backend_choice.cache_folder(name) == tmp_path / "cache" / name
    assert stat.S_IMODE((tmp_path / "cache" / name).stat().st_mode) == 0o700
    (tmp_path / "cache" / name).chmod(0o777)
    assert backend_choice.cache_folder(name) is backend_choice.cache_folder(name) is None
    problem = "is not used as a cache: other users own it or can write to it"
    note = f"note: {tmp_path / 'cache' / name} {problem}; make it yours with mode 700, or set SLANTED_CACHE\n"
    assert capsys.readouterr().err == note
    (tmp_path / "cache" / name).chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert backend_choice.cache_folder(name) is None


def test_without_a_home_folder_the_machine_is_measured_and_nothing_is_cached(probed, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("SLANTED_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert choose().why.endswith("; not kept") and probed == ["tensorflow", "jax", "torch"]
    assert backend_choice.cache_folder("jax") is None
