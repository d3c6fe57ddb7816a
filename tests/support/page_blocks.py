"""The code blocks of a page, in order, executed as its reader would: commands, Python, files to save, and their output.

A comment in front of a block says what it is where its language does not:

- `<!-- not run: REASON -->`: the tests do not execute it, and why;
- `<!-- file NAME -->`: the reader saves it under that name;
- `<!-- output -->`: what the block before it prints. A line `...` stands for any number of lines.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from slanted.cli import main

BLOCK = re.compile(r"(?:^<!-- ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
ANY = "<any lines>"
NOT_RUN, FILE, OUTPUT = "not run: ", "file ", "output"
# Later options win: a command of a page trains a few steps.
FEWER = {
    "train": ["--epochs", "1"],
    "compare": ["--epochs", "1", "--seeds", "1"],
    "find-lr": ["--epochs", "1"],
}


@dataclass(frozen=True)
class Block:
    """A code block.

    Attributes:
        comment: The comment in front of it, or "".
        language: The language of its fence, or "" for commands.
        content: Its lines.
    """

    comment: str
    language: str
    content: str

    @property
    def is_run(self):
        """Whether the tests execute it."""
        return self.language in ("", "python") and not self.comment.startswith(NOT_RUN)

    @property
    def commands(self):
        """Its commands, each as its words."""
        lines = self.content.replace("\\\n", " ").splitlines()
        return [shlex.split(line) for line in lines if line]


def blocks_of(text):
    """Return the code blocks of a page."""
    return [Block(comment or "", language, content) for comment, language, content in BLOCK.findall(text)]


class Reader:
    """Executes the blocks of one page in the current folder; Python blocks share their names.

    Args:
        fewer: The options that are added to each command, by its name.
        tolerance: The largest difference between a score on the page and the printed one.
    """

    def __init__(self, fewer, tolerance):
        self.names = {"__name__": "__main__"}
        self.fewer, self.tolerance = fewer, tolerance
        self.printed = ""

    def read(self, block):
        """Execute a block, save it, or compare it with what was printed last."""
        if block.comment == OUTPUT:
            same = same_output(block.content, self.printed, self.tolerance)
            assert same, f"printed:\n{self.printed}\nthe page has:\n{block.content}"
        elif block.comment.startswith(FILE):
            Path(block.comment.removeprefix(FILE)).write_text(block.content, encoding="utf-8")
        elif block.is_run:
            output = io.StringIO()
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
                failed = self._python(block.content) if block.language else self._commands(block.commands)
            self.printed = output.getvalue()
            assert not failed, f"{failed}:\n{self.printed}"

    def _python(self, code):
        exec(compile(code, "example", "exec"), self.names)

    def _commands(self, commands):
        """Run commands and return the first that fails."""
        for program, command, *words in commands:
            assert program == "slanted", f"{program}: mark the block as one that is not run, with the reason"
            words = [command, *words, *self.fewer.get(command, [])]
            if (self._process if "--backend" in words else main)(words) != 0:
                return words
        return None

    def _process(self, words):
        """Run a command in a process of its own, for another backend, and return its exit status."""
        environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
        command = [sys.executable, "-m", "slanted.cli", *words, "--model", "my-bert"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        print(done.stdout, done.stderr)
        return done.returncode


def same_output(expected, printed, tolerance):
    """Tell whether a page's lines are those that were printed; `...` in the first stands for any lines.

    Two lines are the same if they begin with the same words, up to their first number.

    Args:
        expected: The text on the page.
        printed: What was printed.
        tolerance: The largest difference of two scores, that is of two decimal numbers between -1 and 1.
    """
    lines = [" ".join(line.split()) for line in expected.strip().splitlines()]
    pattern = "\n".join(map(_pattern, lines)).replace(ANY + "\n", "(?:.*\n)*?").replace("\n" + ANY, "(?:\n.*)*")
    found = re.fullmatch(pattern, "\n".join(" ".join(line.split()) for line in printed.strip().splitlines()))
    if found is None:
        return False
    pairs = zip([line for line in lines if line != "..."], found.groups(), strict=True)
    return all(_are_close(_scores(a), _scores(b), tolerance) for a, b in pairs)


def _pattern(line):
    """Return a pattern of a line, which captures the line."""
    if line == "...":
        return ANY
    before, *after = re.split(NUMBER, line)
    if before:
        return f"({re.escape(before)}{'.*' * bool(after)})"
    return f"({NUMBER.join(map(re.escape, [before, *after]))})"


def _scores(line):
    return [float(number) for number in re.findall(NUMBER, line) if "." in number and abs(float(number)) <= 1]


def _are_close(expected, printed, tolerance):
    return all(abs(a - b) <= tolerance for a, b in zip(expected, printed, strict=False))
