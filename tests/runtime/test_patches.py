"""Every change to the process has its effect, and is undone where it should be."""

import csv
import gc
import importlib.util
import json
import os
import platform
import random
import subprocess
import sys

import keras
import numpy as np
import pytest

from slanted.runtime import patches
from slanted.runtime.patches import (
    current_folder_importable,
    faster_imports,
    float32_policy,
    long_csv_fields,
    recorded_calls,
    retained_heap,
    seeded_generators,
    uninitialized_weights,
    without_packages,
)
from slanted.runtime.random_state import preserved_random_state

# -- retained_heap ----------------------------------------------------------------------------------------------------


COUNT = """
import json, resource
from slanted.runtime.patches import retained_heap

def faults():  # how often the system supplies a page for ten blocks larger than the C library ever keeps by itself
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        block = b"1" * 2**26
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults()
with retained_heap():
    with retained_heap():
        pass
    faults()
    kept = faults()
print(json.dumps([usual, kept, faults()]))
"""


def counted(**environment):
    """Return the page faults before, within and after, in a process of their own: what others left would be taken."""
    options = {"capture_output": True, "text": True, "check": True, "timeout": 300}
    process = subprocess.run([sys.executable, "-c", COUNT], env={**os.environ, **environment}, **options)
    return json.loads(process.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library alone")
def test_freed_memory_is_kept_within_and_given_back_after():
    usual, kept, after = counted()
    if keras.config.backend() != "jax":
        assert kept < usual / 3
    else:
        assert kept > usual / 3
    assert after > usual / 3


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library alone")
def test_the_user_s_own_settings_of_the_library_stay():
    usual, kept, _ = counted(MALLOC_ARENA_MAX="4")
    assert kept > usual / 3


# -- without_packages -------------------------------------------------------------------------------------------------


def test_what_is_imported_already_is_not_left_out(monkeypatch):
    monkeypatch.setattr(sys, "modules", {"there": json})
    without_packages(("there", "absent"))
    assert sys.modules == {"there": json, "absent": None}


def test_a_package_left_out_is_as_if_not_installed(monkeypatch, tmp_path):
    (tmp_path / "left_out.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.util.find_spec("left_out") is not None
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    without_packages(["left_out"])
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("left_out")
    assert importlib.util.find_spec("left_out") is None


# -- faster_imports ---------------------------------------------------------------------------------------------------


def test_packages_look_uninstalled_only_while_keras_is_imported(monkeypatch, tmp_path):
    (tmp_path / "hidden_one.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with faster_imports(["hidden_one", "json"]):
        assert not gc.isenabled() and sys.modules["json"] is json
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("hidden_one")
    assert gc.isenabled() and importlib.import_module("hidden_one").__name__ == "hidden_one"
    gc.unfreeze()


def test_an_exception_leaves_nothing_hidden():
    with pytest.raises(KeyError), faster_imports(["hidden_two"]):
        raise KeyError
    assert gc.isenabled() and "hidden_two" not in sys.modules
    gc.unfreeze()


# -- postponed_torch_compiler -----------------------------------------------------------------------------------------


@pytest.mark.once
def test_the_compiler_of_pytorch_is_loaded_when_it_is_used():
    program = """
import sys
from slanted.runtime.patches import postponed_torch_compiler
postponed_torch_compiler()
import torch, torch._dynamo as dynamo
marked = dynamo.disable()(len), dynamo.disable(len)
dynamo.reset()
assert marked == (len, len) and "torch._dynamo.config" not in sys.modules
assert torch._dynamo.config.suppress_errors is False  # loads it
assert type(sys.modules["torch._dynamo"]).__name__ == "module"
compiled = torch.compile(lambda x: x + 1, backend="eager")
print(compiled(torch.ones(2)).tolist())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[2.0, 2.0]\n", "")


# -- uninitialized_weights --------------------------------------------------------------------------------------------


def kernel(initializer):
    layer = keras.layers.Dense(3, kernel_initializer=initializer)
    layer.build((None, 2))
    return keras.ops.convert_to_numpy(layer.kernel)


def test_kernels_are_nan_while_a_checkpoint_is_loaded_and_drawn_after():
    drawing = keras.initializers.TruncatedNormal.__call__
    with uninitialized_weights():
        inside = kernel(keras.initializers.TruncatedNormal(0.0, 0.02))
        assert kernel("ones").tolist() == [[1.0] * 3] * 2
    assert inside.shape == (2, 3) and np.isnan(inside).all()
    assert keras.initializers.TruncatedNormal.__call__ is drawing
    assert np.isfinite(kernel(keras.initializers.TruncatedNormal(0.0, 0.02))).all()


# -- recorded_calls ---------------------------------------------------------------------------------------------------


def test_every_call_of_a_layer_is_recorded_with_its_arguments_and_its_output():
    calls, inputs = [], np.ones((4, 2), "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="low"), keras.layers.Dense(1, name="top")])

    def record(layer, operands, output):
        calls.append((layer.name, [tuple(operand.shape) for operand in operands], tuple(output.shape)))

    with recorded_calls(record):
        model(inputs)
    assert calls[:2] == [("low", [(4, 2)], (4, 3)), ("top", [(4, 3)], (4, 1))]
    assert [name for name, *_ in calls[2:]] == [model.name]
    model(inputs)
    assert len(calls) == 3


# -- float32_policy ---------------------------------------------------------------------------------------------------


def test_layers_are_built_under_float32_and_the_policy_that_was_is_set_again():
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        with float32_policy():
            assert keras.layers.Dense(1).compute_dtype == "float32"
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
    finally:
        keras.config.set_dtype_policy(before)


# -- all that are undone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "patched", [uninitialized_weights, lambda: recorded_calls(print), float32_policy, retained_heap]
)
def test_what_is_in_force_for_a_while_is_undone_after_an_exception_too(patched):
    def in_force():
        calls = (keras.initializers.TruncatedNormal.__call__, keras.layers.Layer.__call__)
        return (*calls, keras.config.dtype_policy().name, patches._users)

    before = in_force()
    with pytest.raises(ZeroDivisionError), patched():
        raise ZeroDivisionError
    assert in_force() == before


# -- seeded_generators ------------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_numbers_again_from_every_generator():
    def drawn(seed):
        seeded_generators(seed)
        keras_s = keras.ops.convert_to_numpy(keras.random.uniform((2,), seed=keras.random.SeedGenerator()))
        return [random.random(), np.random.random(), *keras_s.tolist()]

    with preserved_random_state():
        first, other, again = drawn(7), drawn(8), drawn(7)
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


# -- long_csv_fields --------------------------------------------------------------------------------------------------


@pytest.mark.once
def test_csv_reads_longer_fields_from_then_on_and_never_shorter_ones():
    before = csv.field_size_limit(10)
    try:
        with pytest.raises(csv.Error):
            list(csv.reader(["x" * 11]))
        long_csv_fields(20)
        assert list(csv.reader(["x" * 20])) == [["x" * 20]]
        long_csv_fields(15)
        assert csv.field_size_limit() == 20
    finally:
        csv.field_size_limit(before)


# -- tokenizer_threads ------------------------------------------------------------------------------------------------

FORKED = """
import os
from slanted.runtime.patches import tokenizer_threads
tokenizer_threads()
print(os.environ["TOKENIZERS_PARALLELISM"], flush=True)
if os.fork() == 0:
    print(os.environ["TOKENIZERS_PARALLELISM"], flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="of systems that fork")
@pytest.mark.parametrize(("set_before", "there"), [(None, "true false"), ("false", "false false"), ("1", "1 1")])
def test_tokenizers_use_every_core_but_in_forked_processes_unless_the_user_has_said_otherwise(set_before, there):
    environment = {name: value for name, value in os.environ.items() if name != "TOKENIZERS_PARALLELISM"}
    environment |= {} if set_before is None else {"TOKENIZERS_PARALLELISM": set_before}
    done = subprocess.run([sys.executable, "-c", FORKED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == there.split()


def test_the_current_folder_is_the_last_place_that_imports_look_into_for_a_while(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    with current_folder_importable():
        assert sys.path == [*before, ""]
        sys.path.insert(0, "added by the module")
    assert sys.path == ["added by the module", *before]
    sys.path.remove("added by the module")
    with pytest.raises(ZeroDivisionError), current_folder_importable():
        raise ZeroDivisionError
    assert sys.path == before
