"""Damaged run folders: the model and the report give the undamaged result or one line, in bounded time and memory."""

import shutil

import damaged_folders
import numpy as np
import pytest
import trained_runs
from run_files import drop_sums

from slanted.errors import InputError
from slanted.report.write_report import write_page
from slanted.text.models.text_model import TextModel

pytestmark = pytest.mark.once

place, run = trained_runs.place, trained_runs.run
TEXTS = ["the apple is here", "my old saw"]


def outcome(read, folder, how):
    """Return what reading gives, "refused" where that is refused in one line."""
    try:
        return read(folder)
    except InputError as error:
        assert "\n" not in str(error), how
        return "refused"


def predicted(folder):
    return TextModel.load(folder).predict(TEXTS, None)


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # of a damaged HDF5 file
@pytest.mark.parametrize("rounds", [range(12), pytest.param(range(12, 112), marks=pytest.mark.slow)], ids=["12", "100"])
@pytest.mark.parametrize("with_sums", [True, False])
def test_a_damaged_run_gives_the_same_or_is_refused(run, tmp_path, rounds, with_sums):
    predicting, reporting = damaged_folders.Bounds(), damaged_folders.Bounds()
    expected, outcomes = predicting.check(lambda: predicted(run)), set()
    reporting.check(lambda: write_page(shutil.copytree(run, tmp_path / "whole")))
    for seed in rounds:
        folder = shutil.copytree(run, tmp_path / str(seed))
        if not with_sums:
            drop_sums(folder)
        how = damaged_folders.damage(folder, seed)
        found = predicting.check(lambda read=folder, how=how: outcome(predicted, read, how), how)
        if isinstance(found, str):
            outcomes.add(found)
        elif with_sums:
            np.testing.assert_array_equal(found, expected, err_msg=how)
        reporting.check(lambda read=folder, how=how: outcome(write_page, read, how), how)
        shutil.rmtree(folder)
    assert "refused" in outcomes
