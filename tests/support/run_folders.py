"""Folders with the files of a run, each of a few letters.

A file of tests takes the fixture by `run = run_folders.run`.
"""

import json
import re

import pytest

from slanted.text.runs.artefacts import CARD, CARD_MARK
from slanted.text.runs.run_folder import OURS


def recipe(text):
    """Return a recipe.json that slanted could have written."""
    return json.dumps({"recipe": {"name": text}, "model": "minilm"})


def written_as(name, text):
    """Return the content of a file of a run, of a text: in a recipe.json, or behind the mark of a model card."""
    return {"recipe.json": recipe(text), CARD: f"{CARD_MARK}{text}"}.get(name, text)


def text_of(path):
    """Return the text of a file; of a recipe.json or a model card of `written_as`, the text in it."""
    text = path.read_text().removeprefix(CARD_MARK)
    written = re.match(r'\{"recipe": \{"name": "(\w+)"\}', text)
    return written[1] if written else text


def contents(folder):
    return {str(path.relative_to(folder)): text_of(path) for path in folder.rglob("*") if path.is_file()}


def write_run(folder, text, names=OURS):
    (folder / "model").mkdir(parents=True)
    for name in names:
        path = folder / "model" / "model.weights.h5" if name == "model" else folder / name
        path.write_text(written_as(name, text))


def write(folder, texts):
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(recipe(text) if name.endswith("recipe.json") else text)


@pytest.fixture
def run(tmp_path):
    """A folder that holds a finished run."""
    write_run(tmp_path / "run", "old")
    return tmp_path / "run"
