"""The folder of a comparison: what may lie in it, its lock, and how one comparison replaces another."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slanted.common.atomic_files import disk_errors, is_of_the_system, part_of
from slanted.errors import InputError
from slanted.text.runs import folder_lock, run_folder

COMPARISON, TABLE, PAGE, RUNS = "compare.json", "compare.csv", "compare.html", "runs"
REMEDY = "give another --out, or --overwrite to start again"
FAILED = ".failed.json"  # beside the run's folder, which a run that failed does not leave
REPLACING, REPLACED = ".replacing", ".replaced"  # the comparison that is replaced: as it moves away, and once all has


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
    known = (COMPARISON, TABLE, PAGE, RUNS, folder_lock.LOCK, REPLACING, REPLACED)
    if links := _links_in(out):
        found = f"holds the link {str(links[0].relative_to(out))!r}, to whose target a comparison would write"
        raise InputError(f"--out {out}: {found}; put a folder in its place, or give another --out")
    foreign = [name for name in held if name not in known]
    if foreign:
        raise InputError(f"--out {out}: holds {foreign[0]!r}, which is not a comparison's; give a new or empty folder")
    if COMPARISON not in held and REPLACING not in held and RUNS in held and any((out / RUNS).iterdir()):
        found = f"holds runs without {COMPARISON}, which says of what"
        raise InputError(f"--out {out}: {found}; give another --out, or move them away")
    if overwrite and (strangers := _not_ours(out)):
        found = f"holds {f'{RUNS}/{strangers[0]}'!r}, which is not this comparison's and would be deleted"
        raise InputError(f"--out {out}: {found}; move it away, or give another --out")
    for name in run_names(out) if overwrite else ():
        run_folder.RunFolder(out / RUNS / name, overwrite=True).require_writable()


def _links_in(out: Path) -> list[Path]:
    """Return the links in place of folders that a comparison writes to or deletes from."""
    places = [out / name for name in (RUNS, REPLACING, REPLACED)]
    return [path for path in (*places, *((out / RUNS).glob("*"))) if path.is_symlink()]


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


def _not_ours(out: Path) -> list[str]:
    """Return the entries of `runs` that are neither the comparison's runs nor notes on failed ones."""
    ours = set(run_names(out))
    names = sorted(entry.name for entry in (out / RUNS).iterdir()) if (out / RUNS).is_dir() else []
    return [name for name in names if name.removesuffix(FAILED) not in ours and not is_of_the_system(name)]


def set_aside(out: Path) -> None:
    """Move a comparison aside, to be deleted by `forget_replaced` once another is whole; undone by `settle`.

    One that was set aside before, by a command that was stopped, stays: what takes its place now is deleted.
    """
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
