"""The site's pages: every command, option and public name has one, and what they print is what the program takes.

`make docs` builds the site strictly; these tests build nothing. test_pages.py
executes the code.
"""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest
import tiny
import yaml

import slanted
from slanted.cli import main
from slanted.cli.parsers import parser

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("*/*.md"))]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[\w-]*)?\)")


def names_of(paths):
    return [path.relative_to(ROOT).as_posix() for path in paths]


@pytest.fixture(scope="module")
def site_pages():
    spec = importlib.util.spec_from_file_location("site_pages", DOCS / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(site_pages):
    """Return the text of every page of the site by its path, generated pages included."""
    written = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    generated = site_pages.generated_pages()
    assert not written.keys() & generated.keys()
    return written | generated


def in_navigation(entry):
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in in_navigation(part)]


def test_every_page_is_in_the_navigation_once(pages):
    listed = in_navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(listed) == sorted(pages)


def test_every_command_and_option_has_its_page(pages):
    commands = parser().commands.choices
    assert len(commands) >= 8
    for name, command in commands.items():
        page = pages[f"reference/commands/{name}.md"]
        for action in command._actions:
            for word in action.option_strings or [action.metavar]:
                assert re.search(rf"`[^`\n]*(?<![\w-]){re.escape(word)}(?![\w-])", page), f"{name} {word}"


def test_every_command_is_in_the_guide(pages):
    guide = "\n".join(text for page, text in pages.items() if page.startswith("guide/"))
    assert not [name for name in parser().commands.choices if f"slanted {name} " not in guide]


def test_every_public_name_has_its_page_and_a_docstring(site_pages, pages):
    listed = [name for _, _, names in site_pages.NAMES.values() for name in names]
    assert sorted(listed) == sorted(slanted.__all__)
    for page, (_, _, names) in site_pages.NAMES.items():
        assert all(f"::: slanted.{name}\n" in pages[f"reference/python/{page}.md"] for name in names)
    assert not [name for name in slanted.__all__ if not (getattr(slanted, name).__doc__ or "").strip()]


def test_every_recipe_is_on_its_page(pages):
    assert not [name for name in slanted.recipes() if f"\n## {name}\n" not in pages["recipes.md"]]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: names_of([p])[0])
def test_links_lead_to_a_page_or_a_file(path, pages):
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        end = (path.parent / target).resolve()
        assert end.exists() or end.relative_to(DOCS).as_posix() in pages, f"{path.name}: {target}"


def test_errors_are_quoted_as_they_are_printed(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "cli" / "refusals"))
    names = [path.stem for path in (ROOT / "tests" / "cli" / "refusals").glob("refused_*.py")]
    tables = {name: importlib.import_module(name) for name in names}
    for name in ("refusal_cases", *names):
        monkeypatch.delitem(sys.modules, name, raising=False)
    printed = {row[3] for table in tables.values() for row in table.ROWS}
    quoted = re.findall(r"^error: (.+)$", (DOCS / "reference" / "errors.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(quoted) > 20
    assert not [message for message in quoted if message not in printed]


def names_in(folder):
    """Return the names of a run's files, of their columns, and of the fields of their JSON objects and scores."""
    names = {path.name + "/" * path.is_dir() for path in folder.iterdir() if not path.name.startswith((".", "fold_"))}
    for path in folder.glob("*.csv"):
        header = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
        names |= {re.sub(r"^(probability|prediction)_.*", r"\1_<label>", name) for name in header}
    for path in folder.glob("*.json"):
        if path.name != "tokenizer.json":
            values = json.loads(path.read_text(encoding="utf-8"))
            names |= values.keys()
            for part in ("valid", "test", "mean", "baselines"):
                names |= (values.get(part) or {}).keys() if path.name == "metrics.json" else set()
    return names


def test_every_file_column_and_field_of_a_run_has_its_line(tmp_path, tiny_model, fresh_keras, capsys):
    page = (DOCS / "reference" / "run-folder.md").read_text(encoding="utf-8")
    texts, labels = tiny.examples(44, ("alpha", "beta"))
    rows = tiny.write_rows(tmp_path / "rows.csv", texts, labels)
    numbers, columns = tmp_path / "numbers.csv", tmp_path / "columns.csv"
    numbers.write_text("text,a,b\n" + "".join(f"{text},{at / 7:.3f},{at % 5}\n" for at, text in enumerate(texts)))
    columns.write_text("text,a,b\n" + "".join(f"{text},{at % 2},{at % 3 // 2}\n" for at, text in enumerate(texts)))
    bad = tmp_path / "bad.csv"
    bad.write_text(Path(rows).read_text(encoding="utf-8") + "one field\n", encoding="utf-8")
    options = ["--model", tiny_model, "--epochs", "1", "--batch-size", "8", "--max-tokens", "16", "--quiet"]
    runs = {
        "classes": [str(bad), "--bad-rows", "skip", "--test", rows],
        "scores": [str(numbers), "--task", "regression", "--label", "a", "b", "--test", str(numbers)],
        "several labels": [str(columns), "--test", str(columns)],
        "folds": [rows, "--folds", "2"],
    }
    for name, words in runs.items():
        assert main(["train", *words, "--out", str(tmp_path / name), *map(str, options)]) == 0, capsys.readouterr().err
        assert not [one for one in sorted(names_in(tmp_path / name)) if f"`{one}`" not in page], name
