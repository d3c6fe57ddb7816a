"""A request for a run, and those for the folds of a cross-validation."""

from types import SimpleNamespace

import pytest

from slanted.text.runs.checkpoints import CheckpointPace
from slanted.text.runs.run_data import DataFiles
from slanted.text.runs.run_folder import RunFolder
from slanted.text.runs.run_request import RunRequest
from slanted.text.settings import Settings

pytestmark = pytest.mark.once


@pytest.fixture
def request_of_folds(tmp_path):
    """A cross-validation that replaces what is there."""
    return RunRequest(
        DataFiles("t.csv"), Settings(folds=3, seed=5), RunFolder(tmp_path, overwrite=True), CheckpointPace(7)
    )


def test_a_fold_is_an_ordinary_run_that_is_continued_if_it_was_begun(request_of_folds, tmp_path):
    fold = request_of_folds.of_fold(1)
    assert fold.settings == Settings(folds=0, seed=5, calibrate="none") and fold.files == request_of_folds.files
    assert fold.folder == RunFolder(tmp_path / ".checkpoints" / "fold_2", overwrite=False, resume=True)
    assert fold.pace == CheckpointPace(7)


def test_other_settings_leave_the_rest(request_of_folds, tmp_path):
    decided = request_of_folds.with_settings(Settings(backend="jax"))
    assert decided.settings.backend == "jax" and decided.out == tmp_path and decided.folder.overwrite
    assert request_of_folds.settings == Settings(folds=3, seed=5)


def test_checkpoints_are_written_where_a_pace_is_given_and_the_rows_can_be_read_again(request_of_folds, tmp_path):
    again, once = SimpleNamespace(sha256={"train": ["0"]}), SimpleNamespace(sha256=None)
    checkpoints = request_of_folds.checkpoints(again)
    assert checkpoints is not None and (checkpoints.out, checkpoints.pace) == (tmp_path, CheckpointPace(7))
    assert request_of_folds.checkpoints(once) is None
    assert RunRequest(DataFiles("t.csv"), Settings(), RunFolder(tmp_path)).checkpoints(again) is None
