"""What `slanted train` says of the folder once a signal has ended it."""

import pytest

from slanted.commands.train import RunBefore
from slanted.text.runs.run_data import DataFiles

pytestmark = pytest.mark.once


def test_a_signal_before_anything_was_made_leaves_nothing(tmp_path):
    assert RunBefore(tmp_path / "o", DataFiles("t.csv")).what_survives() == "nothing was saved"


def test_a_signal_leaves_the_run_that_was_there_or_the_one_that_took_its_place(tmp_path):
    empty = RunBefore(tmp_path, DataFiles("t.csv"))
    (tmp_path / "recipe.json").write_text("{}")
    as_before = RunBefore(tmp_path, DataFiles("t.csv")).what_survives()
    assert as_before == f"nothing was saved; the earlier run in {tmp_path} is unchanged"
    assert empty.what_survives() == f"the run in {tmp_path} is finished"


@pytest.mark.parametrize(
    ("train", "remedy"),
    [
        ("t.csv", "; to write it, add --resume to the command"),
        ("-", ", which needs the rows again"),
    ],
)
def test_a_signal_before_the_report_of_a_cross_validation(train, remedy, tmp_path):
    before = RunBefore(tmp_path, DataFiles(train))
    for name in ("recipe.json", "fold_1/report.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    assert before.what_survives() == f"the run in {tmp_path} is finished, except its report{remedy}"


def test_a_signal_after_a_file_is_gone_is_answered_all_the_same(tmp_path):
    """The training file may be a folder now, or its link broken: the message says what survives, and no more."""
    out = tmp_path / "run"
    before = RunBefore(out, DataFiles(str(tmp_path / "*.none")))
    (out / "fold_1").mkdir(parents=True)
    for name in ("recipe.json", "metrics.json", "fold_1/report.json"):
        (out / name).write_text("{}")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere" / "gone.csv")
    assert before.what_survives() == (f"the run in {out} is finished, except its report, which needs the rows again")
