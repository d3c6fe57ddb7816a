"""What the tests of all views share."""

import pytest

from slanted.text.progress import view


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    now = [100.0]
    monkeypatch.setattr(view.time, "monotonic", lambda: now[0])
    return now
