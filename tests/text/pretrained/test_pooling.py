"""Which pooling a checkpoint names, and what is refused."""

import json
from types import SimpleNamespace

import pytest

from slanted.errors import InputError, SettingError
from slanted.text.pretrained.pooling import pooling_of, with_pooling
from slanted.text.settings import Settings

pytestmark = pytest.mark.once
TYPE = "sentence_transformers.models.Pooling"


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    ("module", "content", "expected"),
    [
        ("1_Pooling", {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ("1_Pooling", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ("1_Pooling", {"pooling_mode_max_tokens": True}, "cls"),
        ("1_Pooling", {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}, "cls"),
        ("3_Own", {"pooling_mode": "mean"}, "mean"),
        ("3_Own", {"pooling_mode": "cls"}, "cls"),
        ("1_Pooling", ["no object"], "cls"),
    ],
)
def test_modules_of_sentence_transformers_name_the_pooling(tmp_path, module, content, expected):
    write(tmp_path / "modules.json", [{"path": "", "type": "x.Transformer"}, {"path": module, "type": TYPE}])
    write(tmp_path / module / "config.json", content)
    assert pooling_of(tmp_path) == expected


@pytest.mark.parametrize(("path", "place"), [("../other", "other"), ("..", "."), ("", "model"), (".", "model")])
def test_no_file_outside_of_the_folder_of_a_module_is_read(tmp_path, path, place):
    write(tmp_path / place / "config.json", {"pooling_mode_mean_tokens": True})
    write(tmp_path / "model" / "modules.json", [{"path": path, "type": TYPE}])
    assert pooling_of(tmp_path / "model") == "cls"


def test_a_folder_that_says_nothing_reads_the_first_token(tmp_path):
    assert pooling_of(tmp_path) == "cls"


@pytest.mark.parametrize(("mode", "expected"), [("mean", "mean"), ("cls", "cls"), ("max", "cls")])
def test_the_task_of_a_kerashub_embedder_names_it(tmp_path, mode, expected):
    write(tmp_path / "task.json", {"class_name": "BertTextEmbedder", "config": {"pooling_mode": mode}})
    assert pooling_of(tmp_path) == expected


def test_a_run_whose_head_read_the_mean_is_continued_with_it(tmp_path):
    write(tmp_path / "model.keras", "")
    assert pooling_of(tmp_path) == "mean"


def test_a_damaged_file_is_refused_by_name(tmp_path):
    write(tmp_path / "modules.json", "[{")
    with pytest.raises(InputError, match=r"modules\.json"):
        pooling_of(tmp_path)


def test_auto_becomes_what_the_folder_names_and_a_given_value_stays(tmp_path):
    write(tmp_path / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    encoder = SimpleNamespace(folder=tmp_path, family="Bert", input_names=("token_ids", "padding_mask"))
    assert with_pooling(Settings(), encoder).pooling == "mean"
    assert with_pooling(Settings(pooling="cls"), encoder).pooling == "cls"


def test_without_a_padding_mask_the_mean_is_refused(tmp_path):
    write(tmp_path / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    encoder = SimpleNamespace(folder=tmp_path, family="FNet", input_names=("token_ids", "segment_ids"))
    assert with_pooling(Settings(), encoder).pooling == "cls"
    with pytest.raises(SettingError, match="`pooling` must be cls for a model of type FNet, without a padding mask"):
        with_pooling(Settings(pooling="mean"), encoder)
