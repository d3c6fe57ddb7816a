"""What all tests share: the backend, chosen once a process by KERAS_BACKEND, and a way to start from a clean Keras."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest


def pytest_report_header() -> str:
    return f"keras backend: {os.environ['KERAS_BACKEND']}"


@pytest.fixture
def fresh_keras():
    """Run the test with Keras's default dtype policy and seed 0, and leave nothing of its graph behind."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    yield
    keras.backend.clear_session()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """The folder of a BERT so small that it trains in seconds."""
    import tiny

    return tiny.write_checkpoint(tmp_path_factory.mktemp("models") / "tiny")
