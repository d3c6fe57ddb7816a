"""The options that several commands share: the settings, the files and the views that they make."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from slanted.cli.options import files_of, progress_of, settings_of
from slanted.cli.parsers import parser
from slanted.errors import InputError
from slanted.recipe.named import recipes
from slanted.text.progress.jsonl import JsonLinesView
from slanted.text.progress.tensorboard import TensorBoardView
from slanted.text.runs.run_data import DataFiles
from slanted.text.settings import Settings

pytestmark = pytest.mark.once


def options(*words):
    return parser().parse_args(["train", "t.csv", "--out", "o", *words])


def test_without_options_the_settings_are_the_defaults():
    assert settings_of(options()) == Settings(recipe=recipes()["stlr"])


def test_options_override_the_recipe():
    given = settings_of(
        options("--recipe", "linear", "--epochs", "7", "--lr", "0.5", "--warmup", "0.25", "--seed", "3")
    )
    expected = replace(recipes()["linear"], epochs=7, lr_max=0.5, warmup=0.25)
    assert given == Settings(recipe=expected, seed=3)


def test_clip_norm_zero_is_no_clipping():
    assert settings_of(options()).recipe.clip_norm == 1.0
    assert settings_of(options("--clip-norm", "0")).recipe.clip_norm is None


def test_a_run_s_recipe_json_gives_every_setting_back(tmp_path):
    words = "--recipe linear --lr 0.125 --clip-norm 0 --batch-size 4 --gradient-accumulation 2 --max-tokens 9 --seed 5"
    words += " --model ./m --precision float32 --backend jax --valid-share 0.5 --best-by accuracy --truncate tail"
    settings = settings_of(options(*words.split()))
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({**settings.to_dict(), "files": {"train": "t.csv"}, "peak_rate": 0.125}))
    assert settings_of(options("--recipe", str(path))) == settings
    assert settings_of(options("--recipe", str(path), "--seed", "6")) == replace(settings, seed=6)


def test_a_file_of_a_recipe_s_name_does_not_take_its_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("linear").write_text("{}")
    assert settings_of(options("--recipe", "linear")).recipe == recipes()["linear"]


def test_the_files_that_the_options_name():
    assert files_of(options()) == DataFiles("t.csv")
    words = "--valid v.csv --test e.csv --text a --text-b b --label x y --label-separator ; --encoding cp1252"
    given = files_of(options(*words.split(), "--bad-rows", "skip"))
    reading = {"encoding": "cp1252", "label_separator": ";", "bad_rows": "skip"}
    assert given == DataFiles("t.csv", "v.csv", "e.csv", text="a", text_b="b", label=("x", "y"), **reading)
    several = parser().parse_args(["train", "a.csv", "b.csv", "--out", "o"])
    assert files_of(several).train == ("a.csv", "b.csv")


def test_a_setting_with_a_spelling_of_its_own_is_parsed_or_refused_by_its_rule():
    given = options("--multipliers", "head=1,embeddings=0.5").multipliers
    assert dict(given) == {"head": 1.0, "embeddings": 0.5}
    with pytest.raises(InputError, match=r"^--multipliers: must be GROUP=FACTOR between commas, .*; see slanted train"):
        options("--multipliers", "head")


def test_the_views_that_a_run_is_shown_to():
    assert progress_of(options("--quiet")).views == []
    [view] = progress_of(options("--json-lines")).views
    assert isinstance(view, JsonLinesView)
    with pytest.raises(InputError, match=r"^--json-lines: cannot be combined with --json; give one of them$"):
        progress_of(argparse.Namespace(quiet=False, json_lines=True, json=True))


@pytest.mark.parametrize(("words", "folder"), [([], "tensorboard/a"), (["logs"], "logs")])
def test_tensorboard_has_a_folder_beside_the_run_unless_one_is_given(words, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = parser().parse_args(["train", "t.csv", "--out", "runs/a", "--tensorboard", *words])
    *_, view = progress_of(given).views
    expected = Path(folder) if words else Path("runs") / folder
    assert isinstance(view, TensorBoardView) and view._folder == expected
    assert capsys.readouterr().out == f"tensorboard: {expected}\n"
