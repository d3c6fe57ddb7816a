"""The layout of the package and of its tests: sizes, mirrored paths, the map, where Keras is imported and patched."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "src" / "slanted", ROOT / "tests"
MOST_MODULES, MOST_LINES = 12, 300

# Source files without a test at their own path: the test that covers each, and why it has none of its own.
COVERED_ELSEWHERE = {
    "_version.py": ("cli/test_entry.py", "one constant"),
}

# Beside the folders that import Keras with the module: the files that do, themselves or through others.
KERAS_FOLDERS = ("acceleration", "curves", "keras_private", "layerwise", "text/batching", "text/training")
KERAS_FILES = (
    "preview/flops.py",
    "preview/lr_finder.py",
    "preview/trial_training.py",
    "recipe/build.py",
    "runtime/memory.py",
    "runtime/random_state.py",
    "text/models/fold_ensemble.py",
    "text/models/text_model.py",
    "text/pretrained/mean_classifier.py",
    "text/scoring/class_weights.py",
)

PROCESS_WIDE = re.compile(
    r"\.__call__ = |_enumerate_iterator = |field_size_limit\(|\.mallopt\(|set_random_seed\(|set_dtype_policy\("
    r"|register_at_fork\(|sys\.modules(\.update|\[)|_class\.\w+_own_variables = "
)
PATCHING = {"runtime/patches.py", "keras_private/layers_and_trainers.py", "keras_private/loss_scaling.py"}


def sources():
    """Return every module by its path in the package; `__init__` files are no modules."""
    paths = (path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    return {path.relative_to(PACKAGE).as_posix(): path for path in sorted(paths)}


def test_path(source):
    path = Path(source)
    return TESTS / path.parent / f"test_{path.name}"


test_path.__test__ = False


def test_folders_have_at_most_twelve_modules():
    folders = [Path(source).parent.as_posix() for source in sources()]
    counts = {folder: folders.count(folder) for folder in folders}
    assert not {folder: count for folder, count in counts.items() if count > MOST_MODULES}


def test_modules_have_at_most_300_lines():
    lengths = {source: len(path.read_text(encoding="utf-8").splitlines()) for source, path in sources().items()}
    assert not {source: length for source, length in lengths.items() if length > MOST_LINES}


def test_every_source_file_has_its_test_at_the_same_path():
    missing = [source for source in sources() if not test_path(source).is_file() and source not in COVERED_ELSEWHERE]
    assert not missing


@pytest.mark.parametrize("source", COVERED_ELSEWHERE)
def test_a_source_file_without_a_test_of_its_own_is_covered_by_another(source):
    covering, reason = COVERED_ELSEWHERE[source]
    assert source in sources() and reason
    assert not test_path(source).exists(), "it has a test of its own: take it off the list"
    assert (TESTS / covering).is_file()


def test_every_test_file_has_its_source_or_names_an_aspect_of_one():
    """`test_run_scheduler_restored.py` tests `run_scheduler.py`; few files test what no one source file does."""
    strays = set()
    for path in TESTS.rglob("test_*.py"):
        folder = path.parent.relative_to(TESTS)
        names = [Path(source).stem for source in sources() if Path(source).parent == folder]
        name = path.stem.removeprefix("test_")
        if not any(name == stem or name.startswith(f"{stem}_") for stem in names):
            strays.add(path.relative_to(TESTS).as_posix())
    whole_folders = {stray for stray in strays if stray.startswith(("end_to_end/", "cli/refusals/"))}
    assert strays - whole_folders == {"test_structure.py", "keras_private/test_keras_private.py"}


def test_the_map_has_every_folder():
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = {Path(source).parent.as_posix() for source in sources()} - {"."}
    named = {name.strip("/") for name in re.findall(r"`([a-z_/]+/)`", contributing)}
    assert not {folder for folder in folders if folder not in named and folder.split("/")[-1] not in named}


def test_keras_is_imported_with_the_modules_that_are_listed_alone():
    """The command line chooses the backend late: what it imports before that must not import Keras."""
    free = [
        f"slanted.{source.removesuffix('.py').replace('/', '.')}"
        for source in sources()
        if source not in KERAS_FILES and not source.startswith(tuple(f"{folder}/" for folder in KERAS_FOLDERS))
    ]
    assert len(free) > 80
    code = (
        "import importlib, sys\n"
        f"for name in {free}:\n"
        "    importlib.import_module(name)\n"
        "    assert 'keras' not in sys.modules, name\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_patched_for_the_whole_process_stands_in_one_file():
    patching = {source for source, path in sources().items() if PROCESS_WIDE.search(path.read_text(encoding="utf-8"))}
    assert patching == PATCHING
