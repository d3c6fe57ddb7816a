"""The runs of a comparison, one per recipe, peak rate and seed, and the runner that trains them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slanted.common import atomic_files
from slanted.common.strict_json import NUMBER
from slanted.compare.folder import FAILED, REMEDY, RUNS
from slanted.compare.recipe_variants import Rate, Variant
from slanted.errors import InputError, TrainingFailed
from slanted.recipe.choices import AUTO
from slanted.text.labels.examples import Examples
from slanted.text.progress.progress import Progress
from slanted.text.runs import run_folder
from slanted.text.runs.history import RESTORE, read_history, read_object
from slanted.text.runs.resume_check import DECIDED, differing_options, read_unchanged, require_unchanged
from slanted.text.runs.run_data import DataFiles, RunData
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.scoring.headline import HEADLINE
from slanted.text.settings import Settings, with_missing


@dataclass(frozen=True)
class Run:
    """One run: a recipe with a peak rate and a seed.

    Attributes:
        variant: The recipe.
        rate: The peak rate to try; None: that of the recipe.
        settings: All settings of the run; `slanted train` with the same settings has the same result.
        folder: The folder of its scores and history.
        decided: The settings that were "auto" and have a number now, because another run decided it.
    """

    variant: Variant
    rate: Rate | None
    settings: Settings
    folder: Path
    decided: tuple[str, ...] = ()

    @property
    def seed(self) -> int:
        """The random seed of the validation split, the batch order, the new layers and dropout."""
        return self.settings.seed

    @property
    def title(self) -> str:
        """The name of the run in messages."""
        return self.variant.name + ("" if self.rate is None else f" lr {self.rate}") + f" seed {self.seed}"

    @property
    def failure(self) -> str | None:
        """The error message of a failed run, else None."""
        path = self._failed
        return read_object(path, failed=str)["failed"] if path.is_file() else None

    @property
    def _failed(self) -> Path:
        return self.folder.with_name(self.folder.name + FAILED)

    def save_failure(self, reason: str) -> None:
        """Save the error message, so that the run is not trained again: it would fail again."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        decided = [*self.decided, *self.settings.undecided]
        atomic_files.write_json(self._failed, {"failed": reason, **self.settings.to_dict(), DECIDED: decided})

    def metrics(self) -> dict[str, Any] | None:
        """Return the content of metrics.json; None if the run is not finished.

        Raises:
            InputError: The file is damaged.
        """
        path = self.folder / run_folder.METRICS
        if not path.is_file():
            return None
        metrics = read_object(path, task=str, train_seconds=NUMBER, baselines=dict)
        baselines = map(metrics["baselines"].get, ("tfidf", "majority"))
        scores = [metrics.get("valid", {}), metrics.get("test", {}), *baselines]
        if metrics["task"] not in HEADLINE or not all(isinstance(part, dict) for part in scores):
            raise InputError(f"{path}: has no scores of a run; {RESTORE}")
        return metrics

    def peak_rate(self) -> float:
        """Return the peak of the curve of a finished run."""
        return read_object(self.folder / run_folder.RECIPE, peak_rate=NUMBER)["peak_rate"]

    def history(self) -> tuple[list[float], list[float]]:
        """Return the loss and the learning rate at each step of a finished run."""
        losses, rates = read_history(self.folder / run_folder.HISTORY)[:, 2:].T.tolist()
        return losses, rates

    @property
    def is_finished(self) -> bool:
        """Whether the run needs no training: it has scores, or it failed."""
        return (self.folder / run_folder.METRICS).is_file() or self._failed.is_file()

    def with_epochs(self, epochs: int | None) -> "Run":
        """Return the run with this number of epochs, if its recipe has none of its own and the number is known."""
        recipe = self.settings.recipe
        if epochs is None or recipe.epochs != AUTO:
            return self
        settings = replace(self.settings, recipe=recipe.with_settings(epochs=epochs))
        return replace(self, settings=settings, decided=self.settings.undecided)

    def check_same(self, out: Path) -> None:
        """Check that a run in the folder, if there is one, was trained with these settings.

        Raises:
            InputError: The settings differ, and the message lists them.
        """
        run_folder.settle(self.folder)
        path = self._failed if self._failed.is_file() else self.folder / run_folder.RECIPE
        if not path.is_file():
            return
        saved, current = with_missing(read_object(path, recipe=dict)), self.settings.to_dict()
        decided = saved.get(DECIDED)
        for before, after in ((saved["recipe"], current.pop("recipe")), (saved, current)):
            compared = {name: value for name, value in after.items() if value != AUTO or name not in (decided or ())}
            if differing := differing_options({name: before[name] for name in compared}, compared):
                raise InputError(f"--out {out}: contains {self.title!r} with {'; '.join(differing)}; {REMEDY}")


def runs_of(out: Path, shared: Settings, variants: Sequence[Variant], rates: Sequence[Rate], seeds: int) -> list[Run]:
    """Return the runs of a comparison, sorted by seed.

    Args:
        out: The folder of the comparison.
        shared: The settings that all runs share; its seed is the first seed.
        variants: The recipes.
        rates: The peak rates to try for each recipe; empty: those of the recipes.
        seeds: The number of seeds.
    """
    runs = []
    for seed in range(shared.seed, shared.seed + seeds):
        for variant in variants:
            for rate in (None,) if variant.has_own_rate or not rates else rates:
                recipe = variant.recipe if rate is None else rate.of(variant.recipe)
                settings = replace(shared, recipe=recipe, seed=seed, **variant.of_run)
                named = variant.folder_name + ("" if rate is None else f"_lr{rate}") + f"_seed{seed}"
                runs.append(Run(variant, rate, settings, out / RUNS / named))
    return runs


class Runner:
    """Trains runs in sequence in this process.

    Args:
        files: The data files.
        progress: Receives the events of every run.

    Attributes:
        model_sums: The SHA-256 of the files of the model, which must not change between two runs; None: not compared.
    """

    def __init__(self, files: DataFiles, progress: Progress) -> None:
        self.files, self.progress = files, progress
        self.model_sums: dict[str, str] | None = None
        self._data: dict[int, RunData] = {}
        self._sums: dict[str, list[str]] = {}
        self._baselines: dict[bytes, dict[str, Any]] = {}

    def data_of(self, settings: Settings) -> RunData:
        """Return the rows, split by the seed of the settings; runs with the same seed share them.

        Raises:
            InputError: The files are invalid, or one has changed since it was read for another seed.
        """
        if settings.seed not in self._data:
            data = read_unchanged(self.files, settings)
            self._sums = self._sums or data.sha256 or {}
            require_unchanged(self.files, self._sums, data.sha256 or {})
            self._data = {settings.seed: data}
        return self._data[settings.seed]

    def train(self, run: Run) -> None:
        """Train a run like `slanted train`; save its scores and history, or its error message if it fails."""
        import keras

        from slanted.runtime.random_state import preserved_random_state
        from slanted.text.training.train_run import train_here

        data = self.data_of(run.settings)
        quiet = self.progress.steps_only(run.title)
        decided = (*run.decided, *run.settings.undecided)
        folder = RunFolder(run.folder)
        request = RunRequest(self.files, run.settings, folder, decided=decided, model_sums=self.model_sums)
        try:
            with preserved_random_state():
                keras.backend.clear_session()  # frees the previous model, and restarts the numbering of layer names
                train_here(request, data, quiet, keep_model=False, baselines=self._scores)
        except TrainingFailed as failed:
            run.save_failure(str(failed))
        finally:
            quiet.end()

    def _scores(self, data: RunData, scored: Examples, settings: Settings) -> dict[str, Any]:
        """Return the scores of the baselines, which are fitted once per split."""
        from slanted.text.training.train_run import baselines_of

        assert data.train.locations is not None
        key = data.train.locations.lines.tobytes() + data.train.locations.file.tobytes()
        if key not in self._baselines:
            self._baselines[key] = baselines_of(data, scored, settings)
        return self._baselines[key]
