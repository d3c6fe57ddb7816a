"""One training as it was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from slanted.runtime.run_costs import Expectation
from slanted.text.runs.checkpoints import CheckpointPace, Checkpoints
from slanted.text.runs.run_data import DataFiles, RunData
from slanted.text.runs.run_folder import RunFolder
from slanted.text.settings import Settings


@dataclass(frozen=True)
class RunRequest:
    """One training as it was asked for: what it reads, how it trains, and where it writes.

    Args:
        files: The files, and how they are read.
        settings: Recipe, model, batches, backend, precision, threads and seed.
        folder: Where the run is written, and what may be done with a run that is there.
        pace: How often a checkpoint is written; None: never.
        expected: The expected time of the run; None: unknown, as for a run that is resumed.
        decided: The settings that were "auto" when it was asked for.
        model_sums: The result of `model_sums` before any run of the command: the model must not change until it is
            loaded; None: not compared.
    """

    files: DataFiles
    settings: Settings
    folder: RunFolder
    pace: CheckpointPace | None = None
    expected: Expectation | None = None
    decided: tuple[str, ...] = ()
    model_sums: Mapping[str, str] | None = None

    @property
    def out(self) -> Path:
        """The run's folder."""
        return self.folder.path

    def with_settings(self, settings: Settings) -> "RunRequest":
        """Return the same request with other settings."""
        return replace(self, settings=settings)

    def of_fold(self, number: int) -> "RunRequest":
        """Return the request for one fold of a cross-validation, from 0, which is continued if it was begun.

        All folds are calibrated together once they are trained.
        """
        settings = replace(self.settings, folds=0, calibrate="none")
        return replace(self, settings=settings, folder=self.folder.fold(number), expected=None)

    def checkpoints(self, data: RunData) -> Checkpoints | None:
        """Return the checkpoints of the run; None where none are written, or the rows can be read only once."""
        return None if self.pace is None or data.sha256 is None else self.folder.checkpoints(self.pace)
