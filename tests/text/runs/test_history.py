"""Readers of a run's metrics.json, recipe.json and history.csv, and what they say of a damaged one."""

import pytest

from slanted.errors import InputError
from slanted.text.runs.history import read_history, read_object

pytestmark = pytest.mark.once

RESTORE = "; restore the file or train again"


@pytest.fixture
def written(tmp_path):
    """Write a file of a run and return its path."""

    def write(content, name="metrics.json"):
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write


def test_an_object_has_all_its_entries_those_too_that_were_not_asked_for(written):
    path = written('{"task": "single", "seconds": 1, "more": null}')
    assert read_object(path, task=str, seconds=int | float) == {"task": "single", "seconds": 1, "more": None}
    assert read_object(path) == {"task": "single", "seconds": 1, "more": None}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "holds no JSON object"),
        ('"task"', "holds no JSON object"),
        ('{"seconds": 1}', "does not say 'task' as a run's does"),
        ('{"task": null, "seconds": 1}', "does not say 'task' as a run's does"),
        ('{"task": "single", "seconds": "1"}', "does not say 'seconds' as a run's does"),
        ("{}", "does not say 'task' as a run's does"),
    ],
)
def test_what_is_no_object_or_lacks_an_entry_is_refused_by_its_name(written, content, message):
    path = written(content)
    with pytest.raises(InputError) as refused:
        read_object(path, task=str, seconds=int | float)
    assert str(refused.value) == f"{path}: {message}{RESTORE}"


def test_what_is_no_json_is_refused(written):
    path = written('{"task"')
    with pytest.raises(InputError) as refused:
        read_object(path, task=str)
    assert str(refused.value).startswith(f"{path}: cannot be read as JSON (")
    assert str(refused.value).endswith(RESTORE)


def test_a_missing_file_is_an_unfinished_run(tmp_path):
    with pytest.raises(InputError) as refused:
        read_object(tmp_path / "metrics.json")
    assert str(refused.value) == f"{tmp_path}: is not a finished run, metrics.json is missing; train one first"


def test_steps_epochs_losses_and_rates_come_in_their_order(written):
    path = written("step,epoch,loss,learning_rate\n0,1,0.75,1e-05\n1,1,0.5,0.0001\n", "history.csv")
    assert read_history(path).tolist() == [[0, 1, 0.75, 1e-05], [1, 1, 0.5, 1e-04]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("step,epoch,loss,learning_rate\n", "has no steps"),
        ("", "has no steps"),
        ("step,loss\n0,0.5\n", "has no steps"),
        ("step,epoch,loss,learning_rate\n0,1,0.5\n1,1,0.5,1e-4\n", "cannot be read ("),
        ("step,epoch,loss,learning_rate\n0,1,half,1\n", "cannot be read (could not convert string to float: 'half')"),
        ("step,epoch,loss,learning_rate\n0,1,nan,1\n", "a value is not a finite number"),
    ],
)
def test_a_history_that_is_empty_or_broken_is_refused(written, content, message):
    path = written(content, "history.csv")
    with pytest.raises(InputError) as refused:
        read_history(path)
    assert str(refused.value).startswith(f"{path}: {message}") and str(refused.value).endswith(RESTORE)


def test_a_missing_history_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"history\.csv: cannot be read \(.*No such file"):
        read_history(tmp_path / "history.csv")
