"""A setting that is added to `Settings`, in one place, is found in everything that is made of the settings."""

import json
import subprocess
import sys

import pytest
import tiny

pytestmark = pytest.mark.once

ADDED = '''
import dataclasses
from functools import partial
from slanted.common.argument_checks import whole
from slanted.common.setting_fields import documented, setting
from slanted.text import settings


@documented
@dataclasses.dataclass(frozen=True)
class Settings(settings.Settings):
    """With one more."""

    patience: int = setting(3, "epochs to wait for a better score", check=partial(whole, least=0), before=0)


settings.Settings = Settings  # before any other file imports it
'''

USED = """
import contextlib, inspect, io, json, pathlib, sys
from sklearn.base import clone
import slanted
from slanted.cli import main

rows, model, out, earlier = sys.argv[1:]
printed = io.StringIO()
with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
    main(["train", "--help"])
options = ["--model", model, "--max-tokens", "8", "--epochs", "1", "--precision", "float32", "--quiet"]
status = main(["train", rows, "--out", out, *options, "--patience", "7"])
refused = io.StringIO()
with contextlib.redirect_stderr(refused):
    again = main(["train", rows, "--out", out, *options, "--patience", "8", "--resume"])
    wrong = main(["train", rows, "--out", out, *options, "--patience", "-1"])
estimator = clone(slanted.TextClassifier(patience=5)).set_params(seed=1)
print(json.dumps({
    "help": " ".join(printed.getvalue().split()),
    "statuses": [status, again, wrong],
    "refused": refused.getvalue().splitlines(),
    "saved": json.loads(pathlib.Path(out, "recipe.json").read_text())["patience"],
    "report": pathlib.Path(out, "report.html").read_text(),
    "default": inspect.signature(slanted.TextRegressor).parameters["patience"].default,
    "cloned": estimator.get_params()["patience"],
    "fitted": estimator._settings().patience,
    "loaded": slanted.TextClassifier.load(out).patience,
    "docs": [slanted.TextClassifier.__doc__, slanted.TextRegressor.__doc__, settings.Settings.__doc__],
    "before": settings.Settings.from_dict(json.loads(pathlib.Path(earlier).read_text())).patience,
}))
"""


def test_adds_a_setting_in_one_place_and_finds_it_in_all(tiny_model, tmp_path):
    rows = tiny.write_rows(tmp_path / "t.csv", *tiny.examples(24))
    earlier = tmp_path / "earlier.json"
    earlier.write_text(json.dumps({"recipe": {"epochs": 2}}))
    words = [sys.executable, "-c", ADDED + USED, rows, tiny_model, str(tmp_path / "run"), str(earlier)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert "--patience N epochs to wait for a better score (default: 3)" in found["help"]
    assert found["statuses"] == [0, 2, 2]
    differs, negative = found["refused"]
    assert "was started with --patience 7, not 8; give the same again" in differs
    assert negative.startswith("error: --patience -1: must be a whole number >= 0; see slanted train --help")
    assert found["saved"] == found["loaded"] == 7
    assert "<dt>patience</dt><dd>7</dd>" in found["report"]
    assert (found["default"], found["cloned"], found["fitted"]) == (3, 5, 5)
    assert all("patience: Epochs to wait for a better score." in text for text in found["docs"])
    assert found["before"] == 0
