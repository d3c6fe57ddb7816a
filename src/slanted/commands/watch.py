"""`slanted watch`: a run drawn in the terminal from what it writes while it goes on, or has left at its end."""

import os
import shutil
import time
from pathlib import Path
from typing import TextIO

from slanted.common.messages import plural
from slanted.common.strict_json import NUMBER
from slanted.errors import InputError
from slanted.text.progress.jsonl import LIVE
from slanted.text.progress.progress import Progress
from slanted.text.progress.replay import Player, read_events
from slanted.text.progress.sparkline import sparkline
from slanted.text.progress.view import duration
from slanted.text.runs import folder_lock, run_folder
from slanted.text.runs.checkpoints import FOLDER
from slanted.text.runs.history import RESTORE, read_history, read_object

SECONDS_BETWEEN_LOOKS = 0.5
MOST_WIDTH = 72
_PLACES = (".", f"{FOLDER}/{run_folder.FOLD}*", "runs/*")  # of a run, of the folds of one, of the runs of a comparison


def watch(folder: Path, progress: Progress | None = None, once: bool = False) -> None:
    """Show the run in `folder`: until it ends if it is going on, and then what it left.

    Args:
        folder: What `slanted train --out` or `slanted compare --out` names.
        progress: Shows it; None: on standard output.
        once: Whether a run that is going on is shown as it stands, and not waited for.

    Raises:
        InputError: The folder holds no run that is going on or finished, or a damaged one.
    """
    progress = progress or Progress()
    try:
        if _follow_all(folder, progress, once):
            return
    except KeyboardInterrupt:  # ends the watching, not the run
        return
    finally:
        progress.end()
    for line in finished(folder):
        progress.say(line)


def _follow_all(folder: Path, progress: Progress, once: bool) -> bool:
    """Follow the run, or one after the other if there are several; return whether it goes on."""
    while True:
        live = _live_file(folder)
        if live is not None:
            _follow(live, folder, progress, once)
        elif not _is_held(folder / folder_lock.LOCK):
            return False
        elif once:
            progress.say(f"{folder}: is being written to, and no run of it is training now")
        if once:
            return True
        if live is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _live_file(folder: Path) -> Path | None:
    """Return the file of the run, fold or run of a comparison that is going on."""
    found = []
    for place in _PLACES:
        try:
            paths = list(folder.glob(f"{place}/{run_folder.PARTIAL}/{LIVE}"))
            found += [(path.stat().st_mtime, path) for path in paths]
        except FileNotFoundError:
            continue  # it ended meanwhile
    return max(found)[1] if found else None


def _is_held(lock: Path) -> bool:
    """Return whether a process holds the lock of a run's folder: that of a process that was killed is free."""
    if os.name != "posix":
        return lock.exists()
    import fcntl

    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _follow(live: Path, folder: Path, progress: Progress, once: bool) -> None:
    """Show events as they come, until the run has ended."""
    try:
        file = live.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    with file:
        player = Player(progress)
        player.catch_up(read_events(file, live))
        is_over = once
        while not is_over:
            if player.is_dead() and not _is_held(folder / folder_lock.LOCK):
                raise InputError(f"{folder}: the process of this run is gone; {_remedy(folder)}")
            time.sleep(SECONDS_BETWEEN_LOOKS)
            is_over = not _is_there(file, live)  # asked before the last events are read, not after
            for event in read_events(file, live):
                player.show(event)


def _is_there(file: TextIO, path: Path) -> bool:
    """Return whether the open file still has its name, which another run may have taken."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remedy(folder: Path) -> str:
    from slanted.compare.folder import COMPARISON

    again = "give the command of the comparison again"
    return again if (folder / COMPARISON).exists() else "go on with `slanted train --resume`"


def finished(folder: Path) -> list[str]:
    """Return a finished run in a few lines: rate and loss over the steps, and the scores; or what a comparison showed.

    Raises:
        InputError: There is none, or a file of it is missing or broken.
    """
    from slanted.compare.folder import COMPARISON

    if (folder / COMPARISON).is_file():
        return _finished_comparison(folder / COMPARISON)
    path = folder / run_folder.METRICS
    if not path.is_file():
        found, remedy = "holds no run that is going on or finished", "give what `slanted train --out` names"
        if progress := run_folder.RunFolder(folder).state.progress:
            found = f"holds a run that was stopped at {progress}"
            remedy = "to go on, add --resume to the command that trains it"
        raise InputError(f"{folder}: {found}; {remedy}")
    metrics = read_object(path, total_steps=int, train_seconds=NUMBER, epochs=int)
    recipe = read_object(folder / run_folder.RECIPE, recipe=dict)["recipe"]
    kept = f"; kept epoch {metrics['kept_epoch']} of {metrics['epochs']}" if "kept_epoch" in metrics else ""
    steps, seconds = plural(metrics["total_steps"], "step"), duration(metrics["train_seconds"])
    scores = {where: metrics[where] for where in ("valid", "out_of_fold", "test") if metrics.get(where)}
    if not all(isinstance(part, dict) for part in scores.values()):
        raise InputError(f"{path}: holds no scores of a run; {RESTORE}")
    return [
        f"finished: recipe {recipe.get('name')}, {steps} in {seconds}{kept}",
        *_drawn(folder / run_folder.HISTORY),
        *(line for where, part in scores.items() for line in _scores(where.replace("_", " "), part)),
    ]


def _finished_comparison(path: Path) -> list[str]:
    held = read_object(path)
    if "verdicts" not in held:
        raise InputError(f"{path.parent}: is a comparison that is not finished; to go on, give its command again")
    verdicts = read_object(path, verdicts=dict)["verdicts"]
    return [f"finished: {path.parent}", *(f"{name}: {verdict}" for name, verdict in verdicts.items())]


def _drawn(path: Path) -> list[str]:
    """Return rate and loss over the steps as lines; a cross-validation has none of its own."""
    if not path.exists():
        return []
    losses, rates = read_history(path)
    width = min(MOST_WIDTH, shutil.get_terminal_size().columns - 24)
    return [
        f"rate  {sparkline(rates, width)}  highest {max(rates):.3g}",
        f"loss  {sparkline(losses, width)}  {losses[0]:.3g} to {losses[-1]:.3g}",
    ]


def _scores(where: str, scores: dict[str, object]) -> list[str]:
    shown = "  ".join(f"{name} {score:.4f}" for name, score in scores.items() if isinstance(score, float))
    return [f"{where}: {shown}"] if shown else []
