"""The folder of a comparison: what may lie in it, its lock, and how one comparison replaces another."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slanted.common.atomic_files import disk_errors, is_of_the_system, part_of
from slanted.common.regular_files import is_folder, is_regular
from slanted.errors import InputError
from slanted.text.progress.jsonl import LIVE
from slanted.text.runs import folder_lock, run_folder
from slanted.text.runs.own_files import stray

COMPARISON, TABLE, PAGE, RUNS = "compare.json", "compare.csv", "compare.html", "runs"
REMEDY = "give another --out, or --overwrite to start again"
FAILED = ".failed.json"  # beside the run's folder, which a run that failed does not leave
REPLACING, REPLACED = ".replacing", ".replaced"  # the comparison that is replaced: as it moves away, and once all has
FILES, FOLDERS = (COMPARISON, TABLE, PAGE), (RUNS, REPLACING, REPLACED)
FILES_OF_A_RUN = (
    *(run_folder.RECIPE, run_folder.LABELS, run_folder.HISTORY, run_folder.METRICS, run_folder.PREDICTIONS),
    *(run_folder.BAD_ROWS, folder_lock.LOCK, LIVE),
)  # which has no model


def check_place(out: Path, overwrite: bool) -> None:
    """Raise unless a comparison may be written to the folder; touches nothing.

    Args:
        out: The folder.
        overwrite: Whether a comparison that it holds may be deleted.

    Raises:
        InputError: It is a file, or holds what is not a comparison's, or runs of nobody knows what, or cannot be
            written to.
    """
    folder_lock.require_place(out)
    names = sorted(entry.name for entry in out.iterdir()) if out.is_dir() else []
    held = [part_of(name) or name for name in names if not is_of_the_system(name)]
    if links := _links_in(out):
        found = f"holds the link {str(links[0].relative_to(out))!r}, to whose target a comparison would write"
        raise InputError(f"--out {out}: {found}; put a folder in its place, or give another --out")
    foreign = [name for name in held if name not in (*FILES, *FOLDERS, folder_lock.LOCK)]
    foreign += [name for name in FOLDERS if (out / name).exists() and not is_folder(out / name)]
    foreign += [name for name in FILES if (out / name).exists() and not (out / name).is_file()]
    if foreign:
        raise InputError(f"--out {out}: holds {foreign[0]!r}, which is not a comparison's; give a new or empty folder")
    if COMPARISON not in held and REPLACING not in held and RUNS in held and any((out / RUNS).iterdir()):
        found = f"holds runs without {COMPARISON}, which says of what"
        raise InputError(f"--out {out}: {found}; give another --out, or move them away")
    _require_own(out, *([out] if overwrite else []), out / REPLACING, out / REPLACED)


def _links_in(out: Path) -> list[Path]:
    """Return the links in place of folders that a comparison writes to or deletes from."""
    places = [out / name for name in FOLDERS]
    return [path for path in (*places, *((out / RUNS).glob("*"))) if path.is_symlink()]


def _require_own(out: Path, *places: Path) -> None:
    """Raise if a place holds what no comparison wrote, and what would be deleted with the comparison.

    Args:
        out: The folder.
        places: `out` itself, and the folders of a comparison that is replaced.

    Raises:
        InputError: Something else is there; the message names it.
    """
    listed = {name for place in (out, *places) for name in run_names(place)}
    for path in (path for place in places for path in _strays(place, listed, is_all=place != out)):
        found = f"holds {str(path.relative_to(out))!r}, which is not this comparison's and would be deleted"
        raise InputError(f"--out {out}: {found}; move it away, or give another --out")


def _strays(place: Path, listed: Collection[str], is_all: bool) -> Iterator[Path]:
    """Yield what no comparison wrote.

    Args:
        place: The folder.
        listed: The names of the comparison's runs.
        is_all: Whether all files of the folder would be deleted, not only those with the names of a comparison's.
    """
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        is_own = is_regular(path) and (path.name in FILES or is_of_the_system(path.name))
        if not is_own and (path.name in FILES or (is_all and path.name != RUNS)):
            yield path
    for path in sorted((place / RUNS).iterdir()) if is_folder(place / RUNS) else ():
        if path.name in listed and is_folder(path):
            yield from _strays_in_run(path)
        elif not is_regular(path) or not (_is_note(path.name, listed) or is_of_the_system(path.name)):
            yield path


def _is_note(name: str, listed: Collection[str]) -> bool:
    name = part_of(name) or name
    return name.endswith(FAILED) and name.removesuffix(FAILED) in listed


def _strays_in_run(run: Path) -> Iterator[Path]:
    """Yield what no run of a comparison wrote: among the user's own runs, those with a model."""
    for path in sorted(run.rglob("*")):
        name, is_work = part_of(path.name) or path.name, path.name in (run_folder.PARTIAL, REPLACING, REPLACED)
        is_own_file = is_regular(path) and (name in FILES_OF_A_RUN or is_of_the_system(name))
        if not (is_folder(path) if is_work else is_own_file):
            yield path
    if found := stray(run):
        yield found[0]


def run_names(out: Path) -> list[str]:
    """Return the names of the runs that compare.json lists; where it lists none, of what looks like its runs."""
    try:
        held = run_folder.read_json(out / COMPARISON)
    except InputError:
        held = None
    listed = held.get(RUNS) if isinstance(held, dict) else None
    if isinstance(listed, list):
        return [name for name in listed if _is_plain(name)]
    entries = (out / RUNS).iterdir() if (out / RUNS).is_dir() else ()
    return sorted({entry.name.removesuffix(FAILED) for entry in entries if _looks_like_a_run(entry)})


def _is_plain(name: Any) -> bool:
    """Return whether a name is that of an entry, not a path that leads elsewhere: the list may be a stranger's."""
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name


def _looks_like_a_run(entry: Path) -> bool:
    """Return whether an entry is scores without a model, or a note on a failed run: nothing else leaves such."""
    if entry.name.endswith(FAILED) and entry.is_file():
        return True
    names = {path.name for path in entry.iterdir()} if entry.is_dir() and not entry.is_symlink() else set()
    return {run_folder.RECIPE, run_folder.METRICS} <= names and run_folder.MODEL not in names


def set_aside(out: Path) -> None:
    """Move a comparison aside, to be deleted by `forget_replaced` once another is whole; undone by `settle`.

    One that was set aside before, by a command that was stopped, stays: what takes its place now is deleted.
    """
    _require_own(out, out, out / REPLACED)  # again, since the rows were read
    with disk_errors(out):
        if (out / REPLACED).exists():
            _delete(out)
            return
        (out / REPLACING / RUNS).mkdir(parents=True, exist_ok=True)
        for name in [f"{RUNS}/{name}" for name in _run_entries(out)] + [TABLE, PAGE, COMPARISON]:
            if (out / name).exists():
                (out / name).rename(out / REPLACING / name)
        (out / REPLACING).rename(out / REPLACED)


def settle(out: Path) -> None:
    """Undo a `set_aside` that was cut short."""
    _require_own(out, out / REPLACING)
    with disk_errors(out):
        if not (out / REPLACING).exists():
            return
        (out / RUNS).mkdir(exist_ok=True)
        entries = [*(out / REPLACING / RUNS).iterdir()] if (out / REPLACING / RUNS).is_dir() else []
        for path in [*entries, *(path for path in (out / REPLACING).iterdir() if path.name != RUNS)]:
            path.rename(out / path.relative_to(out / REPLACING))
        shutil.rmtree(out / REPLACING)


def forget_replaced(out: Path) -> None:
    """Delete the comparison that was set aside."""
    _require_own(out, out / REPLACED)
    with disk_errors(out):
        if (out / REPLACED).exists():
            shutil.rmtree(out / REPLACED)


def _run_entries(out: Path) -> list[str]:
    names = run_names(out)
    return [name for name in (*names, *(f"{name}{FAILED}" for name in names)) if (out / RUNS / name).exists()]


def _delete(out: Path) -> None:
    for name in _run_entries(out):
        path = out / RUNS / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in (TABLE, PAGE, COMPARISON):
        (out / name).unlink(missing_ok=True)


@contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Hold the folder, which is made, for one comparison alone; the lock dies with the process.

    Raises:
        InputError: Another process is writing to it, or it cannot be written to.
    """
    with folder_lock.made(out), folder_lock.locked(out):
        settle(out)
        yield
