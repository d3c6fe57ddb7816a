"""`slanted compare`: train the runs that are not finished, then compare their scores."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slanted._version import __version__
from slanted.commands.console import choose_machine
from slanted.common import atomic_files
from slanted.common.argument_checks import whole
from slanted.common.messages import plural, printable_json
from slanted.compare.folder import (
    COMPARISON,
    PAGE,
    REMEDY,
    RUNS,
    TABLE,
    check_place,
    claimed,
    forget_replaced,
    run_names,
    set_aside,
)
from slanted.compare.page import page
from slanted.compare.recipe_variants import Rate, Variant
from slanted.compare.request import read_comparison, request_of
from slanted.compare.results import Comparison, Measured, compared
from slanted.compare.run_grid import Run, Runner, runs_of
from slanted.compare.text_table import table, verdicts
from slanted.errors import InputError, SettingError
from slanted.recipe.choices import AUTO
from slanted.runtime import backend_choice, threads
from slanted.runtime.keras_startup import check_installed, start_keras
from slanted.runtime.run_costs import Work
from slanted.text.formats.input_paths import require_apart, source_name
from slanted.text.pretrained.hub import is_pinned, pinned
from slanted.text.progress.progress import Progress, duration
from slanted.text.runs.resume_check import paths_read, read_once
from slanted.text.runs.run_data import SCORES_OF, DataFiles, RunData
from slanted.text.scoring.headline import HEADLINE
from slanted.text.settings import Settings
from slanted.text.training.workload import run_work


@dataclass(frozen=True)
class CompareOptions:
    """The options of a comparison, other than the data and the settings that all runs share.

    Attributes:
        variants: The recipes; the others are compared with the first.
        rates: The peak rates to try for each recipe; empty: those of the recipes.
        seeds: The number of seeds that each recipe is trained with.
        score: The name of the score to compare; None: the first score of the task.
        overwrite: Whether to delete another comparison in the folder.
        as_json: Whether to print the result as JSON.
    """

    variants: Sequence[Variant]
    rates: Sequence[Rate] = ()
    seeds: int = 3
    score: str | None = None
    overwrite: bool = False
    as_json: bool = False


def compare(
    files: DataFiles, shared: Settings, options: CompareOptions, out: Path, progress: Progress | None = None
) -> Comparison:
    """Train every recipe at every peak rate with every seed, write the scores to `out`, and print the comparison.

    The seeds are `shared.seed`, `shared.seed + 1` and so on. A seed determines the validation split, the batch order,
    the new layers and dropout; they are the same for every recipe, so that the differences are paired by seed. Finished
    runs in `out` are not trained again.

    Args:
        files: The data files.
        shared: The settings that all runs share.
        options: The recipes, peak rates and seeds.
        out: The folder of the comparison.
        progress: Receives every message and event; None: printed on standard output.

    Returns:
        The result of the comparison.

    Raises:
        InputError: The files, the options or the folder are invalid.
    """
    progress = progress or Progress(quiet=options.as_json)
    check_installed("slanted compare")
    check_options(files, shared, options)
    shared = replace(shared, valid_share=shared.held_out_share)  # the same rows for all recipes
    check_place(out, options.overwrite)
    require_apart("--out", out, paths_read(files, shared.model))
    runner = Runner(files, progress)
    data = runner.data_of(shared)
    _check_rows(data, options)
    score = _score(data, options.score)
    request = request_of(files, shared, data.sha256)
    runner.model_sums = request["sha256"]["model"]
    with claimed(out):
        saved = None if options.overwrite else read_comparison(out, request)
        of_first = replace(shared, recipe=options.variants[0].recipe)
        count = len(options.variants) * max(1, len(options.rates)) * options.seeds
        work = run_work(data, of_first, count) if saved is None else None
        machine = _machine(shared, saved, out, progress, work)
        runs = runs_of(out, replace(shared, **machine), options.variants, options.rates, options.seeds)
        if options.overwrite:
            set_aside(out)
        for run in runs:
            run.check_same(out)
        for line in data.summary:
            progress.say(line)
        names = {*run_names(out), *(run.folder.name for run in runs)}
        facts = {"asked": request, "machine": machine, "slanted": __version__, RUNS: sorted(names)}
        atomic_files.write_json(out / COMPARISON, {**facts, **(saved or {}), "machine": machine, RUNS: facts[RUNS]})
        _train(runs, runner, out, progress)
        comparison = compared([Measured.of(run) for run in runs], score, "valid" if data.test is None else "test")
        _write(out, comparison, facts)
        forget_replaced(out)
    if options.as_json:
        print(printable_json(_written(comparison), 2, sys.stdout.encoding))
    progress.result(_written(comparison))
    progress.say(table(comparison))
    progress.say(f"all runs, curves and scores: {out / PAGE}, {out / TABLE}, {out / COMPARISON}")
    return comparison


def check_options(files: DataFiles, shared: Settings, options: CompareOptions) -> None:
    """Check the options of a comparison.

    Raises:
        InputError: `seeds` is less than 1, or the files can be read only once or are to be split into folds.
    """
    if once := read_once(files):
        rule = "compare reads the rows once for each seed; save them to a file and give its path"
        raise InputError(f"{source_name(once[0])}: {rule}")
    whole("seeds", options.seeds)
    if shared.folds:
        raise InputError(f"--folds {shared.folds}: compare splits the rows by seed, not into folds; leave it out")


def _check_rows(data: RunData, options: CompareOptions) -> None:
    """Check that there are rows to choose a peak rate by, and to score.

    Raises:
        InputError: There are none.
    """
    if len(options.rates) > 1 and data.valid is None:
        raise InputError(
            "--lr: choosing from several rates needs validation rows; give --valid or a --valid-share above 0"
        )
    if data.valid is None and data.test is None:
        raise InputError("--valid-share 0.0: there are no rows to score; give --valid, --test or a share above 0")


def _score(data: RunData, score: str | None) -> str:
    """Return the checked name of the score to compare."""
    kind = data.target.kind
    two = kind == "single" and len(data.target.labels) == 2
    known = [name for name in SCORES_OF[kind] if name != "f1" or two]
    if score is not None and score not in known:
        raise SettingError("score", f"a score of this task: {', '.join(known)}", score)
    return score or HEADLINE[kind][0]


def _machine(
    shared: Settings, saved: dict[str, Any] | None, out: Path, progress: Progress, work: Work | None
) -> dict[str, Any]:
    """Return backend, precision, threads and a hub's model, for all runs: those of earlier runs, else new ones."""
    if saved is None:
        choice, count = choose_machine(shared, progress, work)
        model = pinned(shared.model)
        version = {} if model == shared.model else {"model": model}
        return {"backend": choice.backend, "precision": choice.precision, "threads": count, **version}
    machine = {name: saved["machine"][name] for name in ("backend", "precision")}
    machine["threads"] = saved["machine"].get("threads", threads.AS_LIBRARIES)  # an earlier version has none
    if is_pinned(model := str(saved["machine"].get("model")), shared.model):
        machine["model"] = model
    variable = os.environ.get("KERAS_BACKEND")
    if shared.backend in ("auto", backend_choice.MEASURE) and variable and variable != machine["backend"]:
        problem = f"--out {out}: contains runs with backend {machine['backend']}, but KERAS_BACKEND is {variable}"
        raise InputError(f"{problem}; unset it, or {REMEDY}")
    return machine


def _train(runs: Sequence[Run], runner: Runner, out: Path, progress: Progress) -> None:
    """Train the runs that are not finished."""
    unfinished = [run for run in runs if not run.is_finished]
    done = len(runs) - len(unfinished)
    progress.say(f"runs: {plural(len(runs), 'run')} to compare, {done:,} of them finished before")
    if not unfinished:
        return
    threads.set_threads(unfinished[0].settings.threads, backend_choice.running_backend())
    start_keras(unfinished[0].settings.backend)
    for run in unfinished:
        runner.train(run.with_epochs(_decided_epochs(runs)))
        done += 1
        progress.say(f"run {done} of {len(runs)}: {run.title}: {_outcome(run)}")


def _decided_epochs(runs: Sequence[Run]) -> int | None:
    """Return the epochs of a finished run that decided them by its rows: the others get as many."""
    decided = [run for run in runs if run.settings.recipe.epochs == AUTO]
    return next((metrics["epochs"] for run in decided if (metrics := run.metrics())), None)


def _outcome(run: Run) -> str:
    metrics = run.metrics()
    if metrics is None:
        return f"failed: {run.failure}"
    key = HEADLINE[metrics["task"]][0]
    parts = {where: metrics[where] for where in ("valid", "test") if key in metrics.get(where, {})}
    scores = [f"{where} {key} {part[key]:.4f}" for where, part in parts.items()]
    return "  ".join([*scores, f"in {duration(metrics['train_seconds'])}"])


def _written(comparison: Comparison) -> dict[str, Any]:
    return {**comparison.to_dict(), "verdicts": verdicts(comparison)}


def _write(out: Path, comparison: Comparison, facts: dict[str, Any]) -> None:
    """Write compare.json, compare.csv and compare.html."""
    atomic_files.write_json(out / COMPARISON, {**facts, **_written(comparison)})
    header = ("recipe", "learning_rate", "seed", "epochs", "kept_epoch", "total_steps", "train_seconds")
    columns = (*header, f"valid_{comparison.score}", f"test_{comparison.score}", "chosen", "folder", "failed")
    with atomic_files.atomic_writer(out / PAGE) as file:
        file.write(page(comparison, out.resolve().name))
    atomic_files.write_rows(out / TABLE, columns, [_csv_row(one, comparison) for one in comparison.measured])


def _csv_row(one: Measured, comparison: Comparison) -> list[Any]:
    metrics, run = one.metrics or {}, one.run
    facts = [metrics.get(name) for name in ("epochs", "kept_epoch", "total_steps", "train_seconds")]
    scores = [(metrics.get(where) or {}).get(comparison.score) for where in ("valid", "test")]
    chosen = any(run.folder.name in result.folders for result in comparison.recipes)
    return [run.variant.name, one.peak_rate, run.seed, *facts, *scores, int(chosen), run.folder.name, run.failure]
