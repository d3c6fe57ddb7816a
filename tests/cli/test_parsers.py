"""The parsers of the commands: what their options are by default, what they hand on, and what a signal leaves."""

from pathlib import Path

import pytest

from slanted.cli.entry import main
from slanted.cli.parsers import parser
from slanted.errors import InputError

pytestmark = pytest.mark.once

COMMANDS = {
    "train": ["t.csv", "--out", "o"],
    "evaluate": ["r", "t.csv"],
    "predict": ["r", "t.csv", "--out", "p.csv"],
    "plan": ["t.csv"],
    "find-lr": ["t.csv"],
    "report": ["r"],
    "compare": ["t.csv", "--out", "o", "--recipes", "constant,stlr"],
    "watch": ["r"],
}


def test_every_option_of_train_says_what_it_does(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = capsys.readouterr().out
    for option in (
        "--valid-share",
        "--gradient-accumulation",
        "--layer-decay",
        "--best-by",
        "--positive",
        "--truncate",
    ):
        assert option in text
    command = parser()._subparsers._group_actions[0].choices["train"]  # pyright: ignore
    assert all(action.help for action in command._actions)


@pytest.mark.parametrize(("name", "words"), COMMANDS.items())
def test_every_command_knows_its_name_and_what_it_runs(name, words):
    options = parser().parse_args([name, *words])
    assert options.command == f"slanted {name}" and callable(options.run)


@pytest.mark.parametrize(("name", "words"), COMMANDS.items())
def test_options_cannot_be_abbreviated(name, words):
    whole = {"report": "--help", "watch": "--once"}.get(name, "--encoding")
    short = whole[:-1]
    assert whole in parser()._subparsers._group_actions[0].choices[name].format_help()
    with pytest.raises(InputError, match=f"^unknown option {short}"):
        parser().parse_args([name, *words, short, "utf-8"])


def test_options_of_several_values_may_be_given_several_times(monkeypatch):
    from slanted.cli.options import files_of

    def files(*words):
        return files_of(parser().parse_args(["train", "t.csv", "--out", "o", *words]))

    assert files("--label", "a", "--label", "b").label == files("--label", "a", "b").label == ("a", "b")
    assert files("--text", "a", "--text", "b").text == files("--text", "a", "b").text == ("a", "b")
    assert files("--text", "a").text == "a" and files().label == ()
    assert files("--no-header", "--columns", "text, label").columns == ("text", "label")
    assert [files(*words).header for words in (["--no-header"], ["--header"], [])] == [False, True, None]
    assert files("--separator", "tab").separator == "\t"


@pytest.mark.parametrize("option", ["--test", "--valid", "--text-b", "--encoding", "--separator", "--quotes"])
def test_an_option_of_one_file_or_column_is_refused_where_it_is_given_twice(option, capsys):
    assert main(["train", "t.csv", "--out", "o", option, "none", option, "csv"]) == 2
    assert capsys.readouterr().err == f"error: {option}: is given twice; give it once; see slanted train --help\n"


def test_train_has_a_pace_and_neither_replaces_nor_resumes_by_default():
    options = parser().parse_args(["train", *COMMANDS["train"]])
    assert (options.checkpoint_steps, options.checkpoint_seconds) == (None, 20.0)
    assert (options.overwrite, options.resume, options.quiet, options.json_lines) == (False, False, False, False)
    assert options.train == ["t.csv"] and options.lr is None and options.tensorboard is None


def test_find_lr_hands_on_only_the_search_options_that_are_given(monkeypatch):
    from slanted.commands import plan_and_find_lr
    from slanted.preview.range_test import SearchOptions

    asked = []
    monkeypatch.setattr(plan_and_find_lr, "show_search", lambda *given, as_json: asked.append((given[2:], as_json)))
    words = ["--lr-start", "1e-5", "--steps", "50", "--picture", "p.png", "--json"]
    for more in ([], words):
        options = parser().parse_args(["find-lr", "t.csv", *more])
        options.run(options)
    given = SearchOptions(lr_start=1e-5, steps=50)
    assert asked == [((SearchOptions(), None), False), ((given, Path("p.png")), True)]


def test_watch_is_told_whether_to_wait(monkeypatch):
    from slanted.commands import watch

    asked = []
    monkeypatch.setattr(watch, "watch", lambda folder, once: asked.append((folder, once)))
    for more in ([], ["--once"]):
        options = parser().parse_args(["watch", "r", *more])
        options.run(options)
    assert asked == [(Path("r"), False), (Path("r"), True)]
