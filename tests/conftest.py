"""What all tests share: the backend, chosen once a process by KERAS_BACKEND, and a way to start from a clean Keras."""

import atexit
import os
import shutil
import signal
import tempfile

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tests train the same tiny model again and again: JAX compiles it once.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="slanted-jax-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# A process that a shell starts in the background ignores Ctrl-C, and Python then does not listen for it either.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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
