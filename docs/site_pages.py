"""Pages of the site that are made from the program and from files of the root: commands, Python names, recipes.

Usage: make docs

MkDocs calls `on_files` and `on_page_markdown` while it builds the site (`hooks:` in mkdocs.yml). Everything else here
works without MkDocs, so that the tests check the pages without building them.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import slanted
from slanted.cli.parsers import parser
from slanted.common.setting_fields import setting_fields
from slanted.recipe.named import recipes

ROOT = Path(__file__).parents[1]

# Every public name of `slanted` has its place on one of these pages, and nowhere else.
NAMES = {
    "curves": (
        "Curves",
        "Learning rates as pure functions of the step. Each is a `keras.optimizers.schedules.LearningRateSchedule` "
        "and has the methods of [`Curve`](#slanted.Curve), such as `simulate` and `plot`.",
        (
            "SlantedTriangular",
            "LinearWarmup",
            "CosineWarmup",
            "OneCycle",
            "WarmupStableDecay",
            "ConstantWarmup",
            "join_curves",
            "Curve",
        ),
    ),
    "callbacks": (
        "Callbacks",
        "Callbacks for `fit`: they bind a curve to the run, and open layer groups during it.",
        ("SlantedTriangularScheduler", "RunScheduler", "GradualUnfreezing"),
    ),
    "layers": (
        "Layer groups",
        "The groups of a model's variables, and an optimizer with a learning rate for each.",
        ("layer_groups", "LayerGroup", "LayerwiseOptimizer"),
    ),
    "before": (
        "Before a run",
        "What a run would do, and which peak rate suits it.",
        ("plan", "Plan", "find_learning_rate", "RateSearch"),
    ),
    "recipes": (
        "Recipes",
        "All settings of a run that concern its learning rates, as one frozen dataclass.",
        ("Recipe", "recipes"),
    ),
    "text": (
        "Text estimators",
        "Fine-tuning as scikit-learn estimators. They need the extra `text`.",
        ("TextClassifier", "TextRegressor"),
    ),
}
# Their docstrings get the section Args when they are imported; the page has it as a table.
BY_SETTINGS = ("TextClassifier", "TextRegressor")
ROOT_PAGES = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md", "security.md": "SECURITY.md"}


def generated_pages() -> dict[str, str]:
    """Return the text of each generated page by its path in the site's source."""
    pages = {f"reference/python/{name}.md": names_page(name) for name in NAMES}
    pages |= {f"reference/commands/{name}.md": command_page(one) for name, one in commands().items()}
    pages["recipes.md"] = recipes_page()
    return pages | {page: (ROOT / source).read_text(encoding="utf-8") for page, source in ROOT_PAGES.items()}


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command by its name."""
    top: Any = parser()
    return dict(top.commands.choices)


def command_page(command: argparse.ArgumentParser) -> str:
    """Return the page of a command: its usage, and a table of each group of options."""
    usage = command.format_usage().removeprefix("usage: ")
    lines = [f"# {command.prog}", "", f"{_sentence(command.description or '')}", "", "```text", usage.strip(), "```"]
    for group in command._action_groups:
        if group._group_actions:
            title = "Arguments" if group.title == "positional arguments" else str(group.title).capitalize()
            lines += ["", f"## {title}", "", *([_sentence(group.description), ""] if group.description else [])]
            lines += ["| | |", "|---|---|", *(_row(command, action) for action in group._group_actions)]
    return "\n".join(lines) + "\n"


def _row(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = command._get_formatter()
    words = formatter._format_action_invocation(action)
    return f"| `{_cell(words)}` | {_cell(_escaped(formatter._expand_help(action)))} |"


def _sentence(text: str) -> str:
    """Return a text with a capital at its beginning and a full stop at its end."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _escaped(text: str) -> str:
    """Return a text without what Markdown would take for emphasis or a tag, outside code."""
    return re.sub(r"([*_<])(?![^`]*`)", r"\\\1", text)


def names_page(page: str) -> str:
    """Return the page of some public names, whose docstrings mkdocstrings inserts."""
    title, text, names = NAMES[page]
    lines = [f"# {title}", "", text, ""]
    for name in names:
        lines += [f"::: slanted.{name}", ""]
        if name in BY_SETTINGS:
            lines[-1:] = ["    options: { inherited_members: true }", ""]
            lines += [f"**Parameters of `{name}`**", "", *_settings_table(getattr(slanted, name)), ""]
    return "\n".join(lines)


def _settings_table(cls: Any) -> Iterator[str]:
    yield from ("| parameter | default | |", "|---|---|---|")
    for field in setting_fields(cls):
        default = "" if field.default is MISSING else f"`{field.default!r}`"
        yield f"| `{field.name}` | {default} | {_cell(_escaped(field.metadata['help']))} |"


def recipes_page() -> str:
    """Return the page of the named recipes: their sources, and what each sets otherwise than `stlr`."""
    named, default = recipes(), recipes()["stlr"]
    lines = [
        "# Recipes",
        "",
        "A recipe is all settings of a run that concern its learning rates. `--recipe NAME` or `recipe=` selects one,",
        "and each option overrides one setting. [How to choose](how-to-choose.md) says when to use which.",
    ]
    for name, recipe in named.items():
        lines += ["", f"## {name}", "", f"Source: {_escaped(recipe.source)}.", ""]
        lines += [_escaped(recipe.notes), ""] if recipe.notes else []
        changed = [f for f in setting_fields(type(recipe)) if getattr(recipe, f.name) != getattr(default, f.name)]
        rows = [f"| `{f.name}` | `{_cell(str(getattr(recipe, f.name)))}` |" for f in changed]
        lines += ["| setting | value |", "|---|---|", *rows] if rows else ["The settings are the defaults of `Recipe`."]
    return "\n".join(lines) + "\n"


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages, as MkDocs's hook of this name."""
    from mkdocs.structure.files import File

    for path, content in generated_pages().items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return a page with its links to files of the root, and from them, as links within the site."""
    if page.file.src_uri in ROOT_PAGES:
        markdown = re.sub(r"\]\(docs/", "](", markdown)
    for target, source in ROOT_PAGES.items():
        up = "../" * page.file.src_uri.count("/")
        markdown = re.sub(rf"\]\((\.\./)*{re.escape(source)}", f"]({up}{target}", markdown)
    return markdown
