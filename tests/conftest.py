"""What all tests share: the backend, chosen once a process by KERAS_BACKEND, and a way to start from a clean Keras."""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

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

# What `make quick` leaves out: files whose tests train real runs, start processes, or are many.
LONG = (
    "cli/test_options_curve.py",
    "commands/",
    "compare/test_run_grid.py",
    "curves/test_curve.py",
    "end_to_end/",
    "layerwise/test_gradual_unfreezing_closed.py",
    "layerwise/test_layerwise_optimizer_saved.py",
    "layerwise/test_run_scheduler.py",
    "layerwise/test_run_scheduler_elsewhere.py",
    "layerwise/test_run_scheduler_restored.py",
    "report/collect/test_folds_data.py",
    "report/read/test_cross_validation_reader.py",
    "report/read/test_run_reader.py",
    "report/test_write_report",
    "runtime/test_backend_choice.py",
    "runtime/test_keras_startup.py",
    "runtime/test_memory.py",
    "runtime/test_patches.py",
    "text/exporting/test_conversion.py",
    "text/exporting/test_export.py",
    "text/exporting/test_exportable.py",
    "text/exporting/test_tokenizer_files.py",
    "text/exporting/test_transformers_folder.py",
    "text/models/test_fold_ensemble.py",
    "text/models/test_persistence.py",
    "text/models/test_text_model.py",
    "text/pretrained/test_classifier_network.py",
    "text/pretrained/test_encoder_damaged.py",
    "text/rows/test_text_storage.py",
    "text/runs/test_resume_check.py",
    "text/test_estimators",
    "text/training/",
)


def pytest_report_header() -> str:
    return f"keras backend: {os.environ['KERAS_BACKEND']}"


def pytest_collection_modifyitems(items) -> None:
    """Mark the tests of the files above."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(tests) and item.path.relative_to(tests).as_posix().startswith(LONG):
            item.add_marker("long")


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
