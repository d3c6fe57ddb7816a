"""Start Keras: the compilation cache between runs."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import keras
import keras_hub
import pytest
import tiny
from applied import BACKEND

from slanted.errors import InputError
from slanted.runtime import keras_startup
from slanted.runtime.keras_startup import _drop_half_written, start_keras

PROGRAM = """
import sys
from slanted.cli import main
sys.exit(main(sys.argv[1:]))
"""

LOADED = """
import sys
from slanted.cli import main
status = main()
loaded = sys.modules.get("tensorflow") is not None
unneeded = ("jax", "matplotlib", "torch._dynamo.config")
others = [name for name in unneeded if sys.modules.get(name) is not None]
sys.exit(status or (f"tensorflow is{'' if loaded else ' not'} there, others: {others}"))
"""


def test_a_run_imports_one_backend_and_nothing_that_it_does_not_need(tmp_path, tiny_model):
    train = tiny.write_rows(tmp_path / "train.csv", *tiny.examples(24))
    options = ["--model", tiny_model, "--precision", "float32", "--epochs", "1", "--max-tokens", "32"]
    command = [sys.executable, "-c", LOADED, "train", train, *options, "--out", str(tmp_path / "run")]
    environment = os.environ | {"KERAS_BACKEND": BACKEND}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    there = "" if BACKEND == "tensorflow" else " not"
    others = ["jax"] if BACKEND == "jax" else []
    assert done.stderr.splitlines()[-1] == f"tensorflow is{there} there, others: {others}"
    model = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "run" / "model"))  # here TensorFlow may be
    assert model.predict(["a text"], verbose=0).shape == (1, 2)


def test_programs_that_were_never_marked_as_used_are_dropped_once_they_are_old(tmp_path):
    for name in ("whole-cache", "whole-atime", "half-cache", "young-cache"):
        (tmp_path / name).write_bytes(b"x")
    for name in ("whole-cache", "half-cache"):
        os.utime(tmp_path / name, (0, 0))
    _drop_half_written(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"whole-cache", "whole-atime", "young-cache"}
    _drop_half_written(tmp_path / "none")


@pytest.mark.once
def test_jax_compiles_nothing_anew_in_a_second_run_of_the_same_command(tmp_path, tiny_model):
    train = tiny.write_rows(tmp_path / "train.csv", *tiny.examples(40))
    machine = ["--backend", "jax", "--precision", "float32"]
    options = ["--model", tiny_model, *machine, "--epochs", "1", "--max-tokens", "32"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "KERAS_"))}
    environment |= {"SLANTED_CACHE": str(tmp_path / "cache")}

    def compiled(out):
        command = [sys.executable, "-c", PROGRAM, "train", train, *options, "--out", str(tmp_path / out)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return {path.name for path in (tmp_path / "cache" / "jax").iterdir() if not path.name.endswith("-atime")}

    first = compiled("first")
    half = next((tmp_path / "cache" / "jax").glob("jit_train_step*-atime"))
    half.unlink()  # as after a kill between JAX's two writes; the next run keeps its programs all the same
    for path in (tmp_path / "cache" / "jax").iterdir():
        os.utime(path, (0, 0))
    assert any("train_step" in name for name in first)
    assert compiled("second") == first


def test_a_signal_waits_until_the_libraries_are_imported(monkeypatch):
    imported = []

    @contextmanager
    def interrupted():
        signal.raise_signal(signal.SIGINT)
        yield
        imported.append(True)

    monkeypatch.setattr(keras_startup, "captured_standard_error", interrupted)
    with pytest.raises(KeyboardInterrupt):
        start_keras(BACKEND)
    assert imported


def test_keras_that_runs_already_keeps_its_backend():
    running = keras.config.backend()
    other = next(name for name in ("torch", "jax", "tensorflow") if name != running)
    start_keras(running)
    with pytest.raises(InputError) as refused:
        start_keras(other)
    assert str(refused.value) == (
        f"--backend {other}: Keras runs on {running} in this process already, and keeps its backend; "
        f"start a new process, or give --backend {running}"
    )
    assert os.environ["KERAS_BACKEND"] == running


@pytest.mark.parametrize("asked", ["auto", "jax"])
def test_a_command_called_from_python_runs_where_keras_does_or_says_that_it_cannot(asked, tmp_path, tiny_model):
    """Else recipe.json would name a backend that the run was not trained on."""
    rows = tiny.write_rows(tmp_path / "t.csv", *tiny.examples(12))
    options = ["--epochs", "1", "--max-tokens", "8", "--precision", "float32", "--quiet"]
    words = ["train", rows, "--out", "run", "--model", tiny_model, *options]
    code = f"import keras, sys\nfrom slanted.cli import main\nsys.exit(main({[*words, '--backend', asked]}))"
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    (tmp_path / "keras").mkdir()
    (tmp_path / "keras" / "keras.json").write_text('{"backend": "torch"}')
    environment |= {"KERAS_HOME": str(tmp_path / "keras")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    if asked == "auto":
        assert done.returncode == 0, done.stderr
        recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
        assert recipe["backend"] == "torch"
    else:
        assert done.returncode == 2
        assert done.stderr.endswith("start a new process, or give --backend torch\n")
