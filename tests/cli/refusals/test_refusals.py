"""Every input that the command line refuses, with its whole message: one line, before Keras is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import refused_columns
import refused_comparisons
import refused_exports
import refused_files
import refused_labels
import refused_models
import refused_options
import refused_paths
import refused_predictions
import refused_recipes
import refused_runs
from refusal_cases import make, snapshot

from slanted.cli import main

pytestmark = pytest.mark.once

TABLES = (
    refused_options,
    refused_recipes,
    refused_files,
    refused_columns,
    refused_labels,
    refused_models,
    refused_paths,
    refused_comparisons,
    refused_runs,
    refused_predictions,
    refused_exports,
)
REFUSED = [row for table in TABLES for row in table.ROWS]


@pytest.mark.parametrize(("files", "command", "message"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED])
def test_refused_in_one_line_and_nothing_is_changed(files, command, message, tiny_model, finished_run, capsys):
    make(files, tiny_model, finished_run)
    before = snapshot()
    assert main(command.split()) == 2
    printed = capsys.readouterr()
    assert printed.err == f"error: {message}\n"
    assert printed.out == ""
    assert snapshot() == before


def test_every_message_is_another_of_its_command():
    found = [(arguments.split()[:1], message) for _, _, arguments, message in REFUSED]
    repeated = [one for one in found if found.count(one) > 1]
    assert not repeated


def test_nothing_is_refused_late(tiny_model, finished_run):
    for number, (_, files, _, _) in enumerate(REFUSED):
        Path(str(number)).mkdir()
        os.chdir(str(number))
        make(files, tiny_model, finished_run)
        os.chdir("..")
    Path("cases.json").write_text(json.dumps([command.split() for _, _, command, _ in REFUSED]))
    script = (
        "import json, os, sys\n"
        "from slanted.cli import main\n"
        "for number, command in enumerate(json.load(open('cases.json'))):\n"
        "    os.chdir(str(number))\n"
        "    assert main(command) == 2, command\n"
        "    os.chdir('..')\n"
        "for module in ('keras', 'keras_hub', 'tensorflow', 'jax', 'torch'):\n"
        "    assert module not in sys.modules, module\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [f"error: {message}" for *_, message in REFUSED]
