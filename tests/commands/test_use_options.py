"""The options of `predict`: what is copied, and what contradicts each other."""

import pytest

from slanted.commands.use_options import PredictOptions
from slanted.errors import InputError
from slanted.text.rows.columns import Keep

pytestmark = pytest.mark.once


def test_the_columns_to_copy_are_those_of_the_option_that_names_them():
    assert PredictOptions().copied == Keep()
    assert PredictOptions(keep=["a", "b"]).copied == Keep(("a", "b"), "--keep")
    assert PredictOptions(submission=("id", "label")).copied == Keep(("id",), "--submission")


@pytest.mark.parametrize("names", [("id",), ("id", "id"), ("id", ""), ("id", "a", "b")])
def test_a_submission_has_two_different_names(names):
    with pytest.raises(InputError, match="must be two different names with a comma between them, such as id,label"):
        PredictOptions(submission=names)


def test_further_columns_of_a_submission_are_refused():
    with pytest.raises(InputError) as refused:
        PredictOptions(submission=("id", "label"), keep=("all",))
    message = "--submission has two columns, and --keep adds others; leave one of the two out"
    assert str(refused.value) == message
