"""What tests of the scheduler share."""

import pytest
from applied import model


@pytest.fixture(scope="module")
def shared():
    """A model that many tests train further: each `fit` from epoch 0 is a new run."""
    return model()
