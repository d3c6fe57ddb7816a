"""What a comparison was asked to do, kept in its folder: a second start goes on only with the same."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slanted.errors import InputError
from slanted.text import artefacts
from slanted.text.data import DataFiles
from slanted.text.resuming import StartedWith
from slanted.text.settings import Settings
from slanted.text.wording import option_of

COMPARISON, TABLE, PAGE, RUNS = "compare.json", "compare.csv", "compare.html", "runs"
REMEDY = "give another --out, or --overwrite to start again"
CONTENTS = {"train": "training rows", "valid": "validation rows", "test": "test rows", "model": "files of the model"}
FREE = ("recipe", "seed")  # what the runs of one comparison differ in


def asked_of(files: DataFiles, settings: Settings) -> dict[str, Any]:
    """Return what decides a run beside recipe, rate and seed: the files' SHA-256, how they are read, the settings."""
    reading = {name: value for name, value in asdict(files).items() if name not in CONTENTS}
    shared = {name: value for name, value in settings.to_dict().items() if name not in FREE}
    return {
        "sha256": StartedWith.of(files, settings).sha256,
        "options": {**reading, "label": list(files.label), **shared},
    }


def check_place(out: Path) -> dict[str, Any] | None:
    """Return what the folder says it holds, None where it holds nothing yet.

    Raises:
        InputError: It is a file, or holds what is not a comparison's, or cannot be written to.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; give a folder")
    parent = next(place for place in (out, *out.parents) if place.exists())
    if not parent.is_dir():
        raise InputError(f"--out {out}: {parent} is a file; give another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"--out {out}: {parent} cannot be written to; give another folder")
    held = sorted(entry.name for entry in out.iterdir()) if out.is_dir() else []
    foreign = [name for name in held if name not in (COMPARISON, TABLE, PAGE, RUNS)]
    if foreign:
        raise InputError(f"--out {out}: holds {foreign[0]!r}, which is not a comparison's; give a new or empty folder")
    return artefacts.read_json(out / COMPARISON) if COMPARISON in held else None


def check_same(out: Path, held: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise unless a comparison that is asked for is the one whose runs the folder holds.

    Raises:
        InputError: It differs, and the text says in what.
    """
    before = held.get("asked")
    if not isinstance(before, dict) or not all(isinstance(before.get(part), dict) for part in asked):
        raise InputError(f"{out / COMPARISON}: does not say what was compared; {REMEDY}")
    then, now = before["options"], asked["options"]
    differing = [
        f"{option_of(name)} {then.get(name)}, not {now.get(name)}"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    sums = before["sha256"], asked["sha256"]
    differing += [f"other {what}" for name, what in CONTENTS.items() if sums[0].get(name) != sums[1].get(name)]
    if differing:
        raise InputError(f"--out {out}: holds runs with {'; '.join(differing)}; {REMEDY}")
