"""Whole files are read only if they are regular and of a bounded size: nothing waits for ever or fills the memory."""

import os

import pytest

from slanted.common import regular_files
from slanted.common.regular_files import is_folder, is_regular, read_regular
from slanted.errors import InputError
from slanted.recipe.named import recipe_named
from slanted.report.collect.predicted_rows import read_predicted
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.pretrained.model_files import check_folder
from slanted.text.runs.history import read_history
from slanted.text.runs.own_files import require_own
from slanted.text.runs.run_folder import read_json
from slanted.text.tokens.sentencepiece_unigram import unigram
from slanted.text.tokens.vocabulary_files import read_model_file, word_piece

pytestmark = pytest.mark.once


def test_a_regular_file_is_read_also_through_a_link(tmp_path):
    (tmp_path / "a").write_bytes(b"one\r\n\xff")
    (tmp_path / "link").symlink_to("a")
    assert read_regular(tmp_path / "a") == read_regular(tmp_path / "link") == b"one\r\n\xff"
    assert is_regular(tmp_path / "a") and not is_regular(tmp_path / "link")
    (tmp_path / "folder").symlink_to(tmp_path)
    assert is_folder(tmp_path) and not is_folder(tmp_path / "folder")
    assert not any(kind(tmp_path / "missing") for kind in (is_regular, is_folder))


@pytest.fixture(params=["device", "pipe"])
def endless(tmp_path, request):
    """Put something in place of a file that is never read to its end."""

    def put(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if request.param == "device":
            path.symlink_to("/dev/zero")
        else:
            os.mkfifo(path)
        return path

    return put


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("recipe.json", read_json),
        ("history.csv", read_history),
        ("model/config.json", lambda path: check_folder(path.parent)),
        ("vocabulary.txt", lambda path: word_piece(path, True, None)),
        ("spiece.model", lambda path: unigram(path, "albert")),
        ("tokenizer.json", read_model_file),
        ("predictions.csv", lambda path: read_predicted(path, Examples(["a"]), Target("single", ("x", "y")))),
    ],
)
def test_readers_of_a_stranger_s_folder_refuse_devices_and_pipes_by_name(endless, name, read):
    path = endless(name)
    with pytest.raises(InputError, match="it is no regular file") as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}: ")


def test_what_only_decides_is_no_run_and_no_recipe(endless, tmp_path):
    path = endless("recipe.json")
    with pytest.raises(InputError, match=r"holds 'recipe\.json', which is not a run's"):
        require_own(tmp_path)
    with pytest.raises(InputError, match="there is no such recipe or file"):
        recipe_named(str(path))


def test_a_file_that_would_fill_the_memory_is_refused_by_its_size(tmp_path):
    with (tmp_path / "recipe.json").open("wb") as file:
        file.truncate(regular_files.MOST_BYTES + 1)  # without data: it takes no place on the disk
    with pytest.raises(InputError, match=r"recipe\.json: cannot be read as JSON \(its 268,435,457 bytes are more than"):
        read_json(tmp_path / "recipe.json")
