"""The files of a model, in a folder or on a hub, are those that a run was started with."""

import hashlib
import json
import shutil

import pytest
import tiny_models
from resumable import PLAIN, Killed, Place

from slanted.errors import InputError
from slanted.text.runs.resume_check import StartedWith, settings_to_resume
from slanted.text.runs.run_data import DataFiles
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

COMMITS = ("a" * 40, "b" * 40)


@pytest.fixture
def hub(tmp_path, tiny_model, monkeypatch):
    """A hub with a model of two commits. Returns the list of its newest commit, and the revisions asked for."""
    import huggingface_hub

    newest, asked = [COMMITS[0]], []
    for commit in COMMITS:
        shutil.copytree(tiny_model, tmp_path / "snapshots" / commit)
    (tmp_path / "snapshots" / COMMITS[1] / "more.json").write_text("{}")

    def snapshot_download(repository, allow_patterns, revision=None):
        asked.append(revision)
        return str(tmp_path / "snapshots" / (revision or newest[0]))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return newest, asked


def test_a_run_goes_on_with_the_commit_that_it_began_with(hub, tmp_path):
    newest, asked = hub
    place, name = Place(tmp_path, "hf://owner/name"), f"hf://owner/name@{COMMITS[0]}"
    with pytest.raises(Killed):
        place.run("run", PLAIN, 6)
    newest[0] = COMMITS[1]
    asked.clear()
    assert place.run("run", f"{PLAIN} --resume") == 0
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    config = (tmp_path / "snapshots" / COMMITS[0] / "config.json").read_bytes()
    assert recipe["model"] == name and recipe["sha256"]["model"]["config.json"] == hashlib.sha256(config).hexdigest()
    assert set(asked) == {COMMITS[0]}


def test_another_commit_is_another_model(hub, tmp_path):
    place = Place(tmp_path, f"hf://owner/name@{COMMITS[0]}")
    with pytest.raises(Killed):
        place.run("run", PLAIN, 6)
    files = DataFiles(place.train, test=place.test)
    started = StartedWith.read(tmp_path / "run" / ".checkpoints" / "run.json")
    other = Settings.from_dict({**started.settings, "model": f"hf://owner/name@{COMMITS[1]}"})
    with pytest.raises(InputError, match=f"--model hf://owner/name@{COMMITS[0]}, not hf://owner/name@{COMMITS[1]}"):
        settings_to_resume(RunRequest(files, other, RunFolder(tmp_path / "run", resume=True)))


def test_the_files_in_folders_of_a_preset_are_summed(tmp_path):
    preset = tiny_models.write_preset(tmp_path / "preset", "Bert")
    (tmp_path / "t.csv").write_text("text,label\na,x\nb,y\n")
    before = StartedWith.of(DataFiles(str(tmp_path / "t.csv")), Settings(model=str(preset)))
    vocabulary = preset / "assets" / "tokenizer" / "vocabulary.txt"
    assert before.sha256["model"]["assets/tokenizer/vocabulary.txt"]
    vocabulary.write_text(vocabulary.read_text().replace("cat", "dot"))
    after = StartedWith.of(DataFiles(str(tmp_path / "t.csv")), Settings(model=str(preset)))
    with pytest.raises(InputError, match="other files of the model"):
        before.check_same(after, tmp_path)
