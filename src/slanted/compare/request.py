"""What a comparison was asked to do, kept in its folder: a second start goes on only with the same."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slanted.common.setting_fields import as_before
from slanted.compare.folder import COMPARISON, REMEDY, check_place
from slanted.errors import InputError
from slanted.text.runs import run_folder
from slanted.text.runs.resume_check import StartedWith, differing_options
from slanted.text.settings import DataFiles, Settings

CONTENTS = {"train": "training rows", "valid": "validation rows", "test": "test rows", "model": "files of the model"}
FREE = ("recipe", "seed")  # what the runs of one comparison differ in


def asked_of(files: DataFiles, settings: Settings, sums: Mapping[str, list[str]] | None = None) -> dict[str, Any]:
    """Return everything that determines a run beside recipe, rate and seed.

    Args:
        files: The files, and how they are read.
        settings: The settings that all runs share.
        sums: The SHA-256 of the files as they were read; None: computed here.
    """
    return {"sha256": StartedWith.of(files, settings, sums).sha256, "options": _options(files, settings)}


def _options(files: DataFiles, settings: Settings) -> dict[str, Any]:
    reading = {name: value for name, value in asdict(files).items() if name not in CONTENTS}
    shared = {name: value for name, value in settings.to_dict().items() if name not in FREE}
    backend = "auto" if settings.backend == "measure" else settings.backend
    return {**reading, "label": list(files.label), **shared, "backend": backend}


def read_held(out: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the folder says it holds, which is what is asked for; None where it holds nothing yet.

    Raises:
        InputError: It is something else, and the text says in what it differs, or it does not say.
    """
    check_place(out, overwrite=False)  # another process may have written to it since
    if not (out / COMPARISON).exists():
        return None
    held = run_folder.read_json(out / COMPARISON)
    kinds = {"asked": dict.fromkeys(asked, dict), "machine": {"backend": str, "precision": str}}
    if not isinstance(held, dict) or not all(_has(held.get(part), entries) for part, entries in kinds.items()):
        raise InputError(f"{out / COMPARISON}: does not say what was compared; {REMEDY}")
    _check_same(out, held["asked"], asked)
    return held


def _has(part: Any, kinds: Mapping[str, type]) -> bool:
    """Return whether a part of compare.json has entries of these kinds."""
    return isinstance(part, dict) and all(isinstance(part.get(name), kind) for name, kind in kinds.items())


def _check_same(out: Path, before: dict[str, Any], asked: dict[str, Any]) -> None:
    earlier = _options(as_before(DataFiles, train=""), as_before(Settings))  # an earlier version lacked some options
    differing = differing_options({**earlier, **before["options"]}, asked["options"])
    sums = before["sha256"], asked["sha256"]
    differing += [f"other {what}" for name, what in CONTENTS.items() if sums[0].get(name) != sums[1].get(name)]
    if differing:
        raise InputError(f"--out {out}: holds runs with {'; '.join(differing)}; {REMEDY}")
