"""The classes of slanted in saved files, in whatever order slanted and Keras are imported."""

import os
import subprocess
import sys
from importlib import import_module

import keras
import pytest

from slanted.keras_private.saved_classes import HOMES, register

pytestmark = pytest.mark.once


def run(code):
    quick = {**os.environ, "KERAS_BACKEND": "numpy"}  # which imports no other library
    done = subprocess.run([sys.executable, "-c", code], env=quick, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_name_is_that_of_a_registered_class_in_its_module():
    for name, module in HOMES.items():
        saved = getattr(import_module(f"slanted.{module}"), name)
        assert keras.saving.get_registered_name(saved) == f"slanted>{name}"
    registered = {name for name in keras.saving.get_custom_objects() if name.startswith("slanted>")}
    assert registered - {"slanted>GroupedOptimizer"} == {f"slanted>{name}" for name in HOMES}  # a base of tests alone


def test_registering_replaces_no_class():
    before = dict(keras.saving.get_custom_objects())
    register()
    assert keras.saving.get_custom_objects() == before


LOAD = """
curve = {"module": "slanted.curves.warmup", "class_name": "LinearWarmup", "registered_name": "slanted>LinearWarmup",
         "config": {"lr_max": 1.0, "total_steps": 4, "warmup": 0.5}}
print(keras.saving.deserialize_keras_object(curve))
"""


LOOKED_FOR = "import slanted, sys; assert 'keras' not in sys.modules; import importlib.util; "


@pytest.mark.parametrize(
    "imports",
    [
        "import keras, slanted, sys; assert 'slanted.layerwise' not in sys.modules",
        LOOKED_FOR + "importlib.util.find_spec('keras'); import keras",
    ],
)
def test_a_saved_curve_loads_in_any_order_of_imports(imports):
    assert run(imports + LOAD).startswith("LinearWarmup(lr_max=1.0")
