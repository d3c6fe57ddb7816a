"""What `slanted compare` makes of its options: recipes, rates and shared settings, and what a signal leaves."""

from pathlib import Path

import pytest

from slanted.cli.compare import what_survives
from slanted.cli.parsers import parser
from slanted.commands import compare as command
from slanted.compare.recipe_variants import Rate
from slanted.errors import InputError
from slanted.recipe.named import recipes
from slanted.text.runs.run_data import DataFiles
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

WORDS = ["compare", "t.csv", "--out", "o", "--recipes"]


@pytest.fixture
def asked(monkeypatch):
    """Return a function that parses and runs a command line, and returns what would have been compared."""
    calls = []
    monkeypatch.setattr(command, "compare", lambda *given: calls.append(given))

    def run(*words):
        options = parser().parse_args([*WORDS, *words])
        options.run(options)
        return calls[-1]

    return run


def test_recipes_are_compared_as_they_are_with_three_seeds(asked):
    files, shared, chosen, out, progress = asked("constant,stlr", "--quiet")
    assert (files, shared, out) == (DataFiles("t.csv"), Settings(recipe=recipes()["stlr"]), Path("o"))
    assert [(one.name, one.recipe) for one in chosen.variants] == [
        (name, recipes()[name]) for name in ("constant", "stlr")
    ]
    assert (chosen.rates, chosen.seeds, chosen.score) == ((), 3, None)
    assert (chosen.overwrite, chosen.as_json) == (False, False)
    assert progress.views == []


def test_options_are_those_of_every_recipe_and_settings_behind_colons_of_one(asked):
    _, shared, chosen, _, _ = asked("constant,stlr:epochs=2", "--epochs", "7", "--seed", "4", "--max-tokens", "9")
    assert [one.recipe.epochs for one in chosen.variants] == [7, 2]
    assert (shared.seed, shared.max_tokens) == (4, 9)


def test_rates_are_tried_and_belong_to_no_recipe(asked):
    _, shared, chosen, _, _ = asked("constant,stlr", "--lr", "x1,x3", "--seeds", "5", "--score", "macro_f1")
    assert chosen.rates == (Rate(1.0, is_factor=True), Rate(3.0, is_factor=True))
    assert (chosen.seeds, chosen.score) == (5, "macro_f1")
    assert shared.recipe.lr_max is None and all(one.recipe.lr_max is None for one in chosen.variants)


def test_a_recipe_may_be_a_file(asked, tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"recipe": {"epochs": 9}}')
    _, _, chosen, _, _ = asked(f"stlr,{path}")
    assert chosen.variants[1].recipe.epochs == 9
    with pytest.raises(InputError, match=r"^--recipes none: there is no such recipe or file\. Recipes are: "):
        asked("stlr,none")


def test_json_alone_shows_no_progress_and_a_second_kind_of_json_is_refused(asked):
    *_, chosen, _, progress = asked("constant,stlr", "--json", "--overwrite")
    assert progress is None and chosen.as_json and chosen.overwrite
    with pytest.raises(InputError, match=r"^--json-lines: cannot be combined with --json; give one of them$"):
        asked("constant,stlr", "--json", "--json-lines")


@pytest.mark.parametrize(("finished", "runs"), [(1, "1 finished run"), (2, "2 finished runs")])
def test_a_signal_leaves_the_finished_runs(finished, runs, tmp_path):
    assert what_survives(str(tmp_path)) == "nothing was saved"
    for number in range(3):
        (tmp_path / "runs" / f"run-{number}").mkdir(parents=True)
        if number < finished:
            (tmp_path / "runs" / f"run-{number}" / "metrics.json").write_text("{}")
    assert what_survives(str(tmp_path)) == f"{runs} saved; to continue, run the command again"
