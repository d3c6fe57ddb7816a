"""The code of README, Guide and examples runs, page by page, in the order and with the files of their reader.

The default model is a tiny one here, and commands train for few steps. A slow test takes the figures of the competition
again, with the real model.
"""

import hashlib
import re
import sys
from pathlib import Path

import page_files
import pytest
from page_blocks import BLOCK, FEWER, NOT_RUN, Reader, blocks_of, same_output

from slanted.cli import main
from slanted.cli.parsers import parser
from slanted.text.pretrained import model_files

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FOLDERS = ("guide", "keras", "examples")
FIRST = (ROOT / "README.md", DOCS / "index.md", DOCS / "coming-from.md")
PAGES = [*FIRST, *(page for one in FOLDERS for page in sorted(DOCS.glob(f"{one}/*.md")))]
# Many runs, or a process of their own: together they take more time than the tests of a backend may.
LONG = ("compare.md", "competition.md", "files.md", "folds.md", "keras-script.md", "machine.md", "targets.md")
# Without a pretrained model: the figures on these pages are taken again.
REAL = {"images.md": 0.2, "keras-script.md": 0.2, "custom-loops.md": 1e-5, "coming-from.md": 1e-5}
FIRST_RUN = ["train", "train.csv", "--test", "test.csv", "--out", "runs/first"]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder of a package with the name of the default model's, which has a tiny model."""
    folder = tmp_path_factory.mktemp("packages")
    page_files.write_package(folder)
    return folder


@pytest.fixture
def desk(package, tmp_path, monkeypatch, fresh_keras):
    """The current folder: the reader's files, and the tiny model as the default one."""
    page_files.write_files(tmp_path, package / page_files.PACKAGE / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(package))
    weights = package / page_files.PACKAGE / "model" / "model.safetensors"
    monkeypatch.setattr(model_files, "SHA256", hashlib.sha256(weights.read_bytes()).hexdigest())
    for name in (page_files.PACKAGE, "my_curves"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in (page_files.PACKAGE, "my_curves"):
        sys.modules.pop(name, None)


def page(path):
    return pytest.param(path, id=name_of(path), marks=[pytest.mark.slow] if path.name in LONG else [])


@pytest.mark.parametrize("path", [page(path) for path in PAGES])
def test_the_blocks_of_a_page_run_in_order(path, desk):
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    commands = [command for block in blocks if block.is_run and not block.language for command in block.commands]
    if any("runs/first" in one for one in commands) and not any(one[1:] == FIRST_RUN for one in commands):
        assert main([*FIRST_RUN, *FEWER["train"]]) == 0
    reader = Reader(FEWER, REAL.get(path.name, 1.0))
    for block in blocks:
        reader.read(block)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_each_block_is_run_or_has_its_reason(path):
    text = path.read_text(encoding="utf-8")
    blocks = blocks_of(text)
    assert text.count("\n```") == 2 * len(blocks)
    assert not re.search(r"\n\n {4}\S", BLOCK.sub("", text)), "a block without a fence"
    for block in blocks:
        assert block.language in ("", "python", "text"), block
        assert block.is_run or block.language == "text" or len(block.comment) > len(NOT_RUN), block
        for words in block.commands if not block.language and not block.is_run else ():
            if words[0] == "slanted":
                parser().parse_args(words[1:])


@pytest.mark.slow
def test_the_competition_has_its_figures_with_the_real_model(tmp_path, monkeypatch, fresh_keras):
    page_files.copy_examples(tmp_path)
    monkeypatch.chdir(tmp_path)
    reader = Reader({}, tolerance=0.05)
    for block in blocks_of((DOCS / "examples" / "competition.md").read_text(encoding="utf-8")):
        reader.read(block)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("accuracy 0.91", "accuracy 0.95"),
        ("...\nmodel: a\n...", "data: x\nmodel: a, and more\nreport: r"),
        ("2 rows", "rows"),
    ],
)
def test_output_that_differs_is_noticed(expected, printed):
    assert not same_output(expected, printed, tolerance=0.01)
    assert same_output(expected, expected.replace("...", "any\nlines"), tolerance=0.0)
