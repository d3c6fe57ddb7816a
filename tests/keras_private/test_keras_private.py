"""Each private name of Keras that slanted uses is tested in this folder, on plain Keras, and used in one folder only.

When a test here fails with "Keras changed", mend src/slanted/keras_private before anything else.
"""

import ast
import re
from pathlib import Path

import keras
import pytest

from slanted import keras_private

PRIVATE = Path(keras_private.__file__).parent


def private_names_of_keras():
    """Return the private attributes that keras_private reads or overrides and does not itself introduce."""
    tree = ast.parse("".join(path.read_text() for path in PRIVATE.glob("*.py")))
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    read |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    keras_source = Path(keras.__file__).parent / "src"
    files = ["optimizers/base_optimizer.py", "optimizers/optimizer.py", "layers/layer.py", "trainers/trainer.py"]
    known = set(re.findall(r"\b_[a-z]\w+", "".join((keras_source / name).read_text() for name in files)))
    return {name for name in read if re.fullmatch(r"_[a-z]\w+", name)} & known


@pytest.mark.once
def test_every_private_name_in_use_is_tested_here():
    tested = "".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    untested = sorted(name for name in private_names_of_keras() if not re.search(rf"\b{name}\b", tested))
    assert not untested, f"keras_private uses private names of Keras without a test here: {untested}"


@pytest.mark.once
def test_no_other_module_imports_keras_s_private_packages():
    sources = PRIVATE.parent.rglob("*.py")
    importing = re.compile(r"^\s*(from|import) keras\.src", re.MULTILINE)
    found = {path for path in sources if importing.search(path.read_text())}
    assert found and {path.parent for path in found} == {PRIVATE}
