"""What the tests of refused inputs share: an empty working folder, and a finished run that nobody trained."""

import json
import sys
from pathlib import Path

import pytest
import tiny

from slanted.text.settings import Settings

sys.path.append(str(Path(__file__).parent))  # the tables of refused inputs are modules beside this file


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A folder like one that `slanted train` leaves, as far as it is read before Keras."""
    import h5py

    folder = tmp_path_factory.mktemp("runs") / "run"
    tiny.write_checkpoint(folder)
    for name in ("config.json", "model.safetensors"):
        (folder / name).unlink()
    (folder / "model").mkdir()
    config = {"registered_name": "keras_hub>BertBackbone", "class_name": "BertBackbone", "config": {}}
    (folder / "model" / "config.json").write_text(json.dumps(config))
    with h5py.File(folder / "model" / "model.weights.h5", "w") as file:
        file["weights"] = list(range(1000))
    columns = {"text": "text", "text_b": None, "labels": ["label"]}
    (folder / "recipe.json").write_text(json.dumps({**Settings().to_dict(), "columns": columns}))
    (folder / "labels.json").write_text(json.dumps({"task": "single", "labels": ["x", "y"]}))
    (folder / "metrics.json").write_text("{}")
    return folder
