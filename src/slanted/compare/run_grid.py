"""The runs of a comparison: which there are, which are finished, and training those that are not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slanted.common import atomic_files
from slanted.common.strict_json import NUMBER
from slanted.compare.folder import FAILED, REMEDY, RUNS
from slanted.compare.recipe_variants import Rate, Variant
from slanted.errors import InputError, TrainingFailed
from slanted.text.labels.examples import Examples
from slanted.text.progress.progress import Progress
from slanted.text.runs import run_folder
from slanted.text.runs.history import RESTORE, read_history, read_object
from slanted.text.runs.resume_check import differing_options, read_unchanged, require_unchanged
from slanted.text.runs.run_data import DataFiles, RunData
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.scoring.headline import HEADLINE
from slanted.text.settings import Settings, with_missing


@dataclass(frozen=True)
class Run:
    """One training: a recipe at a rate with a seed.

    Attributes:
        variant: Which recipe.
        rate: The peak tried; None: the recipe's own.
        settings: All of them; `slanted train` with the same gives the same.
        folder: Where its scores and history are kept.
    """

    variant: Variant
    rate: Rate | None
    settings: Settings
    folder: Path

    @property
    def seed(self) -> int:
        """Of the held-out rows, the order, the new layers and dropout."""
        return self.settings.seed

    @property
    def title(self) -> str:
        """The run in a few words."""
        return self.variant.name + ("" if self.rate is None else f" lr {self.rate}") + f" seed {self.seed}"

    @property
    def failure(self) -> str | None:
        """Why it failed, if it did."""
        path = self._failed
        return read_object(path, failed=str)["failed"] if path.is_file() else None

    @property
    def _failed(self) -> Path:
        return self.folder.with_name(self.folder.name + FAILED)

    def keep_failure(self, reason: str) -> None:
        """Note that it failed: it would fail again."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        atomic_files.write_json(self._failed, {"failed": reason, **self.settings.to_dict()})

    def metrics(self) -> dict[str, Any] | None:
        """Return what metrics.json holds, None where the run is not finished.

        Raises:
            InputError: It is damaged.
        """
        path = self.folder / run_folder.METRICS
        if not path.is_file():
            return None
        held = read_object(path, task=str, train_seconds=NUMBER, baselines=dict)
        scores = [held.get("valid", {}), held.get("test", {}), *map(held["baselines"].get, ("tfidf", "majority"))]
        if held["task"] not in HEADLINE or not all(isinstance(part, dict) for part in scores):
            raise InputError(f"{path}: holds no scores of a run; {RESTORE}")
        return held

    def peak_rate(self) -> float:
        """Return the peak of the curve of a finished run."""
        return read_object(self.folder / run_folder.RECIPE, peak_rate=NUMBER)["peak_rate"]

    def history(self) -> tuple[list[float], list[float]]:
        """Return the loss and the curve's rate at each step of a finished run."""
        return read_history(self.folder / run_folder.HISTORY)

    @property
    def is_finished(self) -> bool:
        """Whether it need not be trained: it has its scores, or has failed."""
        return (self.folder / run_folder.METRICS).is_file() or self._failed.is_file()

    def check_same(self, out: Path) -> None:
        """Raise unless what the folder holds, if anything, was trained with these settings.

        Raises:
            InputError: It was trained with others, and the text says which.
        """
        path = self._failed if self._failed.is_file() else self.folder / run_folder.RECIPE
        if not path.is_file():
            return
        saved, wanted = with_missing(read_object(path, recipe=dict)), self.settings.to_dict()
        for before, after in ((saved["recipe"], wanted.pop("recipe")), (saved, wanted)):
            known = {name: before[name] for name in after}
            if differing := differing_options(known, after):
                raise InputError(f"--out {out}: holds {self.title!r} with {'; '.join(differing)}; {REMEDY}")


def runs_of(out: Path, shared: Settings, variants: Sequence[Variant], rates: Sequence[Rate], seeds: int) -> list[Run]:
    """Return all runs, those of one seed together.

    Args:
        out: The comparison's folder.
        shared: What is the same for all; its seed is the first.
        variants: The recipes.
        rates: The peaks to try for each; none: the recipes' own.
        seeds: How many.
    """
    made = []
    for seed in range(shared.seed, shared.seed + seeds):
        for variant in variants:
            for rate in (None,) if variant.has_own_rate or not rates else rates:
                recipe = variant.recipe if rate is None else rate.of(variant.recipe)
                settings = replace(shared, recipe=recipe, seed=seed)
                named = variant.folder_name + ("" if rate is None else f"_lr{rate}") + f"_seed{seed}"
                made.append(Run(variant, rate, settings, out / RUNS / named))
    return made


class Runner:
    """Trains runs one after the other in this process, in which Keras starts once.

    Args:
        files: The data.
        progress: Is told of every run.
    """

    def __init__(self, files: DataFiles, progress: Progress) -> None:
        self.files, self.progress = files, progress
        self._data: dict[int, RunData] = {}
        self._sums: dict[str, list[str]] = {}
        self._baselines: dict[int | None, dict[str, Any]] = {}

    def data_of(self, settings: Settings) -> RunData:
        """Return the rows, split by the settings' seed; the runs of one seed share them.

        Raises:
            InputError: As `read_data`, or a file is not the one that was read for the seeds before.
        """
        if settings.seed not in self._data:
            data = read_unchanged(self.files, settings)
            self._sums = self._sums or data.sha256 or {}
            require_unchanged(self.files, self._sums, data.sha256 or {})
            self._data = {settings.seed: data}
        return self._data[settings.seed]

    def train(self, run: Run) -> None:
        """Train a run as `slanted train` would, and keep its scores and history; or keep why it failed."""
        import keras

        from slanted.runtime.random_state import preserved_random_state
        from slanted.text.training.train_run import train_here

        data = self.data_of(run.settings)
        quiet = self.progress.steps_only(run.title)
        request = RunRequest(self.files, run.settings, RunFolder(run.folder))
        try:
            with preserved_random_state():
                keras.backend.clear_session()  # the model before is let go, and layers have the names of a new process
                train_here(request, data, quiet, keep_model=False, baselines=self._scores)
        except TrainingFailed as failed:
            run.keep_failure(str(failed))
        finally:
            quiet.end()

    def _scores(self, data: RunData, scored: Examples, settings: Settings) -> dict[str, Any]:
        """Return the baselines' scores, fitted once a split."""
        from slanted.text.training.train_run import baselines_of

        splits = self.files.valid is None and settings.valid_share > 0.0
        key = settings.seed if splits else None
        if key not in self._baselines:
            self._baselines[key] = baselines_of(data, scored, settings)
        return self._baselines[key]
