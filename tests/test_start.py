"""Starting Keras: what is kept on disk between runs."""

import os
import subprocess
import sys

import pytest
import tiny

PROGRAM = """
import sys
from slanted.cli import main
sys.exit(main(sys.argv[1:]))
"""


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
    assert any("train_step" in name for name in first)
    assert compiled("second") == first
