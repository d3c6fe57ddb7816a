"""Models on a hub are downloaded and used like any folder, or refused in one line."""

import shutil
import sys
from fnmatch import fnmatch

import httpx2
import pytest
from huggingface_hub.errors import XetDownloadError
from row_files import refusal

from slanted.errors import InputError
from slanted.text.pretrained.encoder import load_encoder
from slanted.text.pretrained.hub import WANTED, fetch, pinned


def test_unknown_preset_is_answered_with_known_ones():
    with pytest.raises(InputError) as caught:
        load_encoder("bert_tinny_en_uncased")
    assert str(caught.value).startswith("unknown model `bert_tinny_en_uncased`: use minilm, a local folder, hf://")
    assert "bert_tiny_en_uncased" in str(caught.value)


def offline(*arguments, **options):
    raise ConnectionError("no route\nto host")


@pytest.mark.parametrize("name", ["hf://owner/name", "bert_tiny_en_uncased"])
def test_model_that_cannot_be_fetched_is_one_line(name, monkeypatch):
    import huggingface_hub
    import kagglehub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    monkeypatch.setattr(kagglehub, "model_download", offline)
    with pytest.raises(InputError) as caught:
        load_encoder(name)
    assert str(caught.value) == (
        f"model `{name}` cannot be fetched (ConnectionError: no route to host): check the name and the network, "
        "or use `--model minilm` or a local folder"
    )


@pytest.mark.parametrize("name", ["hf://owner/name", "bert_tiny_en_uncased"])
def test_fetched_model_is_treated_like_a_folder(name, tiny, monkeypatch):
    import huggingface_hub
    import kagglehub

    asked = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda repo, **_: asked.append(repo) or str(tiny))
    monkeypatch.setattr(kagglehub, "model_download", lambda handle: asked.append(handle) or str(tiny))
    encoder = load_encoder(name)
    assert encoder.folder == tiny and encoder.name == name and encoder.hidden_dim == 8
    assert asked[0] == "owner/name" or asked[0].startswith("keras/bert/keras/bert_tiny_en_uncased/")
    (tiny / "config.json").unlink()
    with pytest.raises(InputError, match=r"config.json: the model folder must hold this file"):
        load_encoder(name)


once = pytest.mark.once


@once
def test_names_like_the_unknown_one_come_first():
    known = dict.fromkeys(["roberta_base_en", "bert_tiny_en_uncased", "bert_base_en"], "kaggle://x")
    assert refusal(fetch, "roberta_bse", known).split(" such as ")[1].split(", ")[0] == "roberta_base_en"
    assert refusal(fetch, "zzz", known).endswith(
        "or a KerasHub preset such as bert_tiny_en_uncased, distil_bert_base_en_uncased, roberta_base_en"
    )


@once
def test_only_files_that_cannot_run_are_fetched(tiny, monkeypatch):
    import huggingface_hub

    asked = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **more: asked.append((a, more)) or str(tiny))
    assert fetch("hf://owner/name", {}) == fetch("mine", {"mine": "hf://owner/name"}) == tiny
    assert asked == [(("owner/name",), {"allow_patterns": WANTED})] * 2
    for name in ("pytorch_model.bin", "model.pkl", "modeling.py", "weights.pt"):
        assert not any(fnmatch(name, pattern) for pattern in WANTED)


@once
@pytest.mark.parametrize(("preset", "package"), [("hf://owner/name", "huggingface_hub"), ("kaggle://x", "kagglehub")])
def test_a_hub_that_is_not_installed_is_answered_with_the_extra(preset, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    message = f'The model `{preset}` needs the extra `text`, which is not installed: pip install "slanted[text]"'
    assert refusal(fetch, preset, {}) == message


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@once
@pytest.mark.parametrize(
    "error", [httpx2.ReadTimeout("timed out"), httpx2.RemoteProtocolError("cut"), XetDownloadError()]
)
def test_a_connection_that_breaks_in_mid_download_is_one_line(error, monkeypatch):
    import huggingface_hub

    def broken(*arguments, **options):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    assert refusal(fetch, "hf://owner/name", {}).startswith(
        f"model `hf://owner/name` cannot be fetched ({type(error).__name__}"
    )


@pytest.fixture
def hub(tiny, tmp_path, monkeypatch):
    """A hub with one model; returns the revisions that were asked for, and the folder of the newest commit."""
    import huggingface_hub
    import kagglehub

    asked, newest = [], tmp_path / "snapshots" / COMMIT
    shutil.copytree(tiny, newest)

    def snapshot_download(repository, allow_patterns, revision=None):
        asked.append(revision)
        return str(newest.with_name(revision or newest.name))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    shutil.copytree(tiny, tmp_path / "4")
    monkeypatch.setattr(kagglehub, "model_download", lambda handle: asked.append(handle) or str(tmp_path / "4"))
    return asked, newest


@once
def test_the_commit_of_a_model_is_pinned(hub):
    name = pinned("hf://owner/name")
    assert name == f"hf://owner/name@{COMMIT}" == pinned(name)
    assert fetch(name, {}).name == COMMIT and hub[0] == [None, COMMIT]
    assert pinned("kaggle://o/m/keras/v") == "kaggle://o/m/keras/v/4" == pinned("kaggle://o/m/keras/v/4")
    assert pinned("minilm") == "minilm" and pinned("bert_tiny_en_uncased") == "bert_tiny_en_uncased"
