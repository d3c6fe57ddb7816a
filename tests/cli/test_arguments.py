"""Parsers: what they refuse, with the nearest option or command and the right help; and what their help shows."""

import argparse
import re

import pytest

import slanted
from slanted.cli.arguments import Parser, whole
from slanted.cli.entry import main
from slanted.cli.parsers import parser
from slanted.errors import InputError

pytestmark = pytest.mark.once

COMMANDS = ("train", "evaluate", "predict", "export", "plan", "find-lr", "report", "compare", "watch")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train t.csv --out o --epoch 3", "unknown option --epoch, the nearest is --epochs; see slanted train --help"),
        ("train --epoch=3", "unknown option --epoch, the nearest is --epochs; see slanted train --help"),
        (
            "plan t.csv --learning-rate 1e-4",
            "unknown option --learning-rate, the nearest is --lr; see slanted plan --help",
        ),
        ("predict r t.csv --kep id", "unknown option --kep, the nearest is --keep; see slanted predict --help"),
        ("predict r t.csv --zzz", "unknown option --zzz; see slanted predict --help"),
        ("predict r t.csv -o p.csv", "unknown option -o; see slanted predict --help"),
        ("report a b", "unexpected argument 'b'; see slanted report --help"),
        ("--vers", "unknown option --vers, the nearest is --version; see slanted --help"),
        (
            "trian t.csv --epoch 3",
            f"unknown command 'trian', the nearest is train; commands are {', '.join(COMMANDS)}; see slanted --help",
        ),
        ("fly", f"unknown command 'fly'; commands are {', '.join(COMMANDS)}; see slanted --help"),
    ],
)
def test_an_unknown_option_or_command_is_answered_by_the_nearest(words, message, capsys):
    assert main(words.split()) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


def test_numbers_below_zero_and_values_after_an_equals_sign_are_no_options():
    command = Parser(prog="slanted train")
    command.add_argument("--decay", type=float)
    command.add_argument("file")
    for words in (["--decay", "-0.5", "-"], ["--decay=-0.5", "--", "--odd"]):
        assert command.parse_args(words).decay == -0.5
    assert command.parse_args(words).file == "--odd"


def test_the_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"slanted {slanted.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_goes_in(name, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    text = capsys.readouterr().out
    command = parser()._subparsers._group_actions[0].choices[name]  # pyright: ignore
    assert text.startswith(f"usage: slanted {name} ") and "[options]" in text.split("\n\n")[0]
    for action in command._actions:
        for option in action.option_strings:
            assert action.nargs == 0 or action.metavar, f"{option} shows its own name in place of a value"
            assert option in text and action.help
    grouped = [action.option_strings for group in command._action_groups[2:] for action in group._group_actions]
    assert len(grouped) > len(command._actions) / 2 or name in ("report", "watch")


def test_help_shows_the_defaults(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = re.sub(r"(?<=\S)(\n {20})? +", " ", capsys.readouterr().out)
    for line in (
        "--batch-size N|auto texts per batch, at most 1000000; auto: 16, or 32 from 4000 rows on (default: auto)",
        "--bad-rows fail|skip bad training and validation rows; fail: stop at the first; skip: list them in "
        "bad_rows.csv (default: fail)",
        "--seed N random seed of the split, the batch order, the new layers and dropout (default: 0)",
        "--cut-frac X slanted-triangular: share of the run that rises (default: 0.1)",
        "--no-weight-decay A,B regular expressions between commas: paths that do not decay; vectors never do "
        "(default: bias,norm,gamma,beta)",
        "--long truncate|chunk longer texts; chunk: split into chunks and pool their outputs (default: truncate)",
    ):
        assert f" {line}\n" in text
    titles = ["positional arguments", "options", "data", "model and task", "training", "validation", "machine"]
    assert re.findall(r"^(\w[\w ]*):$", text, re.MULTILINE) == [*titles, "recipe", "output"]


def test_an_error_of_argparse_is_one_of_the_command_line_s_own():
    with pytest.raises(InputError, match=r"^--epochs: expected one argument; see slanted train --help$"):
        Parser(prog="slanted train").error("argument --epochs: expected one argument")


def test_what_is_no_number_is_refused():
    assert (whole("-3"), parser().parse_args(["plan", "t.csv", "--max-minutes", "1e-3"]).max_minutes) == (-3, 0.001)
    with pytest.raises(argparse.ArgumentTypeError, match=r"^must be a whole number, not '1\.5'$"):
        whole("1.5")
    with pytest.raises(InputError, match=r"^--max-minutes: must be a number, not 'fast'; see slanted plan --help$"):
        parser().parse_args(["plan", "t.csv", "--max-minutes", "fast"])
