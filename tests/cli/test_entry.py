"""The exit status and the one line of an error, signals, and what `slanted` imports before it is needed."""

import argparse
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import slanted
from slanted.cli import parsers
from slanted.cli.entry import main
from slanted.errors import InputError, TrainingFailed

pytestmark = pytest.mark.once

HEAVY = ("keras", "keras_hub", "tensorflow", "jax", "torch", "sklearn", "tokenizers")


def python(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize(
    "words", [["--help"], ["train", "--help"], ["evaluate", "--help"], ["predict", "--help"], ["report", "--help"]]
)
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys\n"
        "from slanted.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "assert not heavy, heavy\n"
    )
    done = python(code, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: slanted")


@pytest.fixture
def running(monkeypatch):
    """Have every command run a function instead."""

    def run_instead(function):
        monkeypatch.setattr(parsers, "_train", function)

    return run_instead


def exits(error):
    def run(options: argparse.Namespace):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (InputError("t.csv: wrong"), 2, "error: t.csv: wrong\n"),
        (InputError("two\nlines"), 2, "error: two lines\n"),
        (InputError("a \x1b]0;title\x07\r"), 2, "error: a \\x1b]0;title\\x07\\r\n"),
        (TrainingFailed("the loss is nan"), 3, "error: the loss is nan\n"),
        (
            OSError(errno.ENAMETOOLONG, "", "a\nb"),
            2,
            "error: 'a\\nb': this path, or a name in it, is too long; give a shorter one\n",
        ),
        (
            OSError(errno.ELOOP, "", Path("a")),
            2,
            "error: a: a link in this path leads back to itself; give another path\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "o"),
            2,
            "error: o: cannot be written, as the disk is full; free space\n",
        ),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '\x1b']"),
            2,
            "error: No usable temporary directory found in ['/tmp', '\\x1b']; free space, or name a folder in TMPDIR\n",
        ),
        (KeyboardInterrupt(), 130, "error: interrupted; nothing was saved\n"),
    ],
)
def test_exit_status_and_one_line(running, capsys, error, status, message):
    running(exits(error))
    assert main(["train", "t.csv", "--out", "o"]) == status
    assert capsys.readouterr().err == message


def test_an_interrupt_where_python_discards_exceptions_ends_the_command(running, capsys):
    class Dying:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    def run(options):
        Dying()
        time.sleep(30)

    running(run)
    assert main(["train", "t.csv", "--out", "o"]) == 130
    assert capsys.readouterr().err == "error: interrupted; nothing was saved\n"


def test_an_interrupt_while_the_command_line_is_imported_is_one_line():
    code = (
        "import builtins, signal, sys\n"
        "from slanted import cli\n"
        "find = builtins.__import__\n"
        "def interrupted(name, *more):\n"
        "    if name.startswith('slanted.cli'): signal.raise_signal(signal.SIGINT)\n"
        "    return find(name, *more)\n"
        "builtins.__import__ = interrupted\n"
        "sys.exit(cli.main(['--help']))\n"
    )
    done = python(code)
    assert (done.returncode, done.stderr, done.stdout) == (130, "error: interrupted; nothing was saved\n", "")


def test_sigterm_ends_the_command_and_its_handler_is_given_back(running, capsys):
    before = signal.getsignal(signal.SIGTERM)
    running(lambda options: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["train", "t.csv", "--out", "o"]) == 143
    assert capsys.readouterr().err == "error: terminated; nothing was saved\n"
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    "error", [ZeroDivisionError(), OSError(errno.EIO, "broken", "o"), OSError(errno.ENAMETOOLONG, "too long")]
)
def test_a_defect_is_not_hidden(running, error):
    running(exits(error))
    with pytest.raises(type(error)):
        main(["train", "t.csv", "--out", "o"])


def test_a_reader_that_goes_away_is_no_defect():
    code = (
        "import sys\n"
        "from slanted.cli import entry, parsers\n"
        "parsers._train = lambda options: [print('line', flush=True) for _ in range(100_000)]\n"
        "sys.exit(entry.main(['train', 't.csv', '--out', 'o']))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_it_runs_in_a_thread_that_takes_no_signals(running):
    statuses = []
    running(lambda options: None)
    thread = threading.Thread(target=lambda: statuses.append(main(["train", "t.csv", "--out", "o"])))
    thread.start()
    thread.join()
    assert statuses == [0]


def test_every_public_name_resolves_and_is_described():
    assert list(slanted.__all__) == sorted(set(slanted.__all__))
    assert dir(slanted) == sorted(slanted.__all__)
    undescribed = [name for name in slanted.__all__ if not (getattr(slanted, name).__doc__ or "").strip()]
    assert not undescribed
    assert {"LayerGroup", "Plan", "RateSearch"} <= set(slanted.__all__), "public functions return them"
    with pytest.raises(AttributeError, match="module 'slanted' has no attribute 'LinearDecay'"):
        _ = slanted.LinearDecay


BASE_INSTALL = """
import sys
for name in ("keras_hub", "sklearn", "tokenizers", "safetensors", "scipy", "filelock", "matplotlib"):
    sys.modules[name] = None
"""
MISSING = 'which is not installed: pip install "slanted[text]"'


def test_the_base_install_has_the_callback_and_the_optimizer():
    code = (
        f"{BASE_INSTALL}\n"
        "import slanted\n"
        "print(slanted.SlantedTriangularScheduler(lr_max=2e-5, cut_frac=0.1, ratio=32).curve.simulate(10).argmax())\n"
        "print(slanted.LayerwiseOptimizer.__name__, slanted.RunScheduler.__name__)\n"
        "try:\n"
        "    slanted.TextClassifier\n"
        "except slanted.errors.InputError as error:\n"
        "    print(error)\n"
    )
    done = python(code)
    lines = ["1", "LayerwiseOptimizer RunScheduler", f"A text classifier needs the extra `text`, {MISSING}"]
    assert done.stdout.splitlines() == lines, done.stderr


@pytest.mark.parametrize("command", ["train t.csv --out o", "evaluate r t.csv", "predict r t.csv --out p.csv"])
def test_the_base_install_says_how_to_get_the_command_line(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("text,label\na,x\nb,y\n")
    code = f"{BASE_INSTALL}\nfrom slanted.cli import main\nsys.exit(main(sys.argv[1:]))"
    done = python(code, *command.split())
    name = command.split()[0]
    assert done.stderr == f"error: slanted {name} needs the extra `text`, {MISSING}\n"
    assert done.returncode == 2 and [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("command", "words", "status"), [("_train", ["train", "t.csv", "--out", "o"], 0), ("_report", ["report", "o"], 2)]
)
def test_a_full_disk_under_standard_output(command, words, status):
    code = (
        "import sys\n"
        "from slanted.cli import entry, parsers\n"
        "def run(options):\n"
        f"    if {status} == 0: options.what_survives = None\n"
        "    print('a line')\n"
        f"parsers.{command} = run\n"
        "sys.exit(entry.main())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        command_line = [sys.executable, "-c", code, *words]
        done = subprocess.run(command_line, stdout=full, stderr=subprocess.PIPE, text=True, env=environment)
    word = "note: standard output" if status == 0 else "error: standard output or a file"
    assert done.returncode == status and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"{word} cannot be written (No space left on device)")


def test_the_command_prints_what_its_encoding_lacks_and_a_program_that_calls_it_keeps_its_streams():
    code = (
        "import sys\n"
        "from slanted.cli import entry, parsers\n"
        "parsers._report = lambda options: print('\\u0101')\n"
        "sys.exit(entry.main({}))\n"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    for given, expected in (("", "\\u0101\n"), ("sys.argv[1:]", "")):
        command_line = [sys.executable, "-c", code.format(given), "report", "o"]
        done = subprocess.run(command_line, capture_output=True, text=True, env=environment)
        assert done.stdout == expected
