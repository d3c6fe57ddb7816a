"""`slanted watch`: show a running or finished run on the terminal, from the files in its folder."""

import io
import os
import shutil
import time
from pathlib import Path
from typing import TextIO

from slanted.common.messages import plural
from slanted.common.regular_files import open_regular
from slanted.common.strict_json import NUMBER
from slanted.errors import InputError, printable_line
from slanted.report.read.checks import faults_of
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
_PLACES = (".", f"{FOLDER}/{run_folder.FOLD}*", "runs/*")  # a run, the folds of a run, the runs of a comparison


def watch(folder: Path, progress: Progress | None = None, once: bool = False) -> None:
    """Show the run in `folder` until it ends, and then its result.

    Args:
        folder: The folder of `slanted train --out` or `slanted compare --out`.
        progress: Shows the run; None: on standard output.
        once: Whether to show the current progress of a running run, and not to wait for its end.

    Raises:
        InputError: The folder has no running or finished run, or a damaged one.
    """
    progress = progress or Progress()
    try:
        if _follow_all(folder, progress, once):
            return
    except KeyboardInterrupt:  # stops watching; the run continues
        return
    finally:
        progress.end()
    for line in finished(folder):
        progress.say(printable_line(line))  # names in a stranger's files could be several lines


def _follow_all(folder: Path, progress: Progress, once: bool) -> bool:
    """Follow the run, or several runs in sequence; return whether they are still running."""
    while True:
        live = _live_file(folder)
        if live is not None:
            _follow(live, folder, progress, once)
        elif not _is_locked(folder / folder_lock.LOCK):
            return False
        elif once:
            progress.say(f"{folder}: a process is writing to it, but no run is training now")
        if once or not progress.views:  # nobody sees it any more
            return True
        if live is None:
            time.sleep(SECONDS_BETWEEN_LOOKS)


def _live_file(folder: Path) -> Path | None:
    """Return live.jsonl of the running run, fold, or run of a comparison; None if there is none."""
    files = []
    for place in _PLACES:
        try:
            paths = list(folder.glob(f"{place}/{run_folder.PARTIAL}/{LIVE}"))
            files += [(path.stat().st_mtime, path) for path in paths]
        except FileNotFoundError:
            continue  # the run ended meanwhile
    return max(files)[1] if files else None


def _is_locked(lock: Path) -> bool:
    """Return whether a process has locked the run folder; the lock of a killed process is released."""
    if os.name != "posix":
        return lock.exists()
    import fcntl

    try:
        with open_regular(lock) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ValueError):  # none, or nothing that a process locks
        return False
    return False


def _follow(live: Path, folder: Path, progress: Progress, once: bool) -> None:
    """Show events as they are written, until the run has ended."""
    try:
        file = io.TextIOWrapper(open_regular(live), "utf-8", "replace")
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        raise InputError(f"{live}: cannot be read ({error}); this run cannot be watched") from None
    with file, faults_of(live):
        player = Player(progress)
        player.catch_up(read_events(file, live))
        is_over = once
        while not is_over and progress.views:
            if player.is_dead() and not _is_locked(folder / folder_lock.LOCK):
                raise InputError(f"{folder}: the process of this run has ended; {_remedy(folder)}")
            time.sleep(SECONDS_BETWEEN_LOOKS)
            is_over = not _is_there(file, live)  # checked before the last events are read
            for event in read_events(file, live):
                player.show(event)


def _is_there(file: TextIO, path: Path) -> bool:
    """Return whether `path` is still the open file, and not that of another run."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _remedy(folder: Path) -> str:
    from slanted.compare.folder import COMPARISON

    again = "run the command of the comparison again"
    return again if (folder / COMPARISON).exists() else "continue it with `slanted train --resume`"


def finished(folder: Path) -> list[str]:
    """Return the result of a finished run as lines: rate and loss over the steps, and the scores; or of a comparison.

    Raises:
        InputError: The folder has no finished run, or a file is missing or damaged.
    """
    from slanted.compare.folder import COMPARISON

    if (folder / COMPARISON).is_file():
        return _finished_comparison(folder / COMPARISON)
    run_folder.settle(folder)
    path = folder / run_folder.METRICS
    if not path.is_file():
        problem, remedy = "no run in it is running or finished", "give the folder that `slanted train --out` names"
        if progress := run_folder.RunFolder(folder).state.progress:
            problem = f"its run was stopped at {progress}"
            remedy = "to continue, add --resume to the training command"
        raise InputError(f"{folder}: {problem}; {remedy}")
    metrics = read_object(path, total_steps=int, train_seconds=NUMBER, epochs=int)
    recipe = read_object(folder / run_folder.RECIPE, recipe=dict)["recipe"]
    epoch = f"; saved epoch {metrics['kept_epoch']} of {metrics['epochs']}" if "kept_epoch" in metrics else ""
    steps, seconds = plural(metrics["total_steps"], "step"), duration(metrics["train_seconds"])
    scores = {where: metrics[where] for where in ("valid", "out_of_fold", "test") if metrics.get(where)}
    if not all(isinstance(part, dict) for part in scores.values()):
        raise InputError(f"{path}: has no scores of a run; {RESTORE}")
    return [
        f"finished: recipe {recipe.get('name')}, {steps} in {seconds}{epoch}",
        *_drawn(folder / run_folder.HISTORY),
        *(line for where, part in scores.items() for line in _scores(where.replace("_", " "), part)),
    ]


def _finished_comparison(path: Path) -> list[str]:
    from slanted.compare.folder import REPLACED

    if "verdicts" not in read_object(path):
        remedy = "to continue, run its command again"
        if (path.parent / REPLACED).exists():
            remedy += f"; the comparison that it replaces is in {REPLACED}"
        raise InputError(f"{path.parent}: its comparison is not finished; {remedy}")
    verdicts = read_object(path, verdicts=dict)["verdicts"]
    return [f"finished: {path.parent}", *(f"{name}: {verdict}" for name, verdict in verdicts.items())]


def _drawn(path: Path) -> list[str]:
    """Return rate and loss over the steps as lines; an empty list for a cross-validation, which has no history."""
    if not path.exists():
        return []
    losses, rates = read_history(path)[:, 2:].T.tolist()
    width = min(MOST_WIDTH, shutil.get_terminal_size().columns - 24)
    return [
        f"rate  {sparkline(rates, width)}  highest {max(rates):.3g}",
        f"loss  {sparkline(losses, width)}  {losses[0]:.3g} to {losses[-1]:.3g}",
    ]


def _scores(where: str, scores: dict[str, object]) -> list[str]:
    shown = "  ".join(f"{name} {score:.4f}" for name, score in scores.items() if isinstance(score, float))
    return [f"{where}: {shown}"] if shown else []
