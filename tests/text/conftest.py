"""What tests of texts share: an empty working folder, and a classifier that is trained once a file."""

import estimator_data
import pytest


@pytest.fixture
def in_empty_folder(tmp_path, monkeypatch):
    """Make an empty folder the working folder, so that files are written and named by a plain name."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def integers(tiny_model):
    """A classifier of the integers 3 and 20."""
    from slanted import TextClassifier

    texts, labels = estimator_data.TEXTS, estimator_data.LABELS
    return TextClassifier(tiny_model, epochs=6, **estimator_data.SMALL).fit(texts, labels)
