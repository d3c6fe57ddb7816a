"""A function that is called once a module is imported: by whoever imports it, and once."""

import subprocess
import sys

import pytest

MODULE_ONCE_IMPORTED = """
import importlib.util, sys
from slanted.runtime.patches import once_imported
calls, finders = [], list(sys.meta_path)
once_imported("colorsys", lambda: calls.append(sys.modules["colorsys"].rgb_to_hsv))
assert importlib.util.find_spec("colorsys").name == "colorsys" and not calls  # a look is no import
import colorsys, inspect
assert calls == [colorsys.rgb_to_hsv] and sys.meta_path == finders
assert "def rgb_to_hsv" in inspect.getsource(colorsys) and "exec_module" not in vars(colorsys.__loader__)
once_imported("colorsys", lambda: calls.append("again"))
assert calls[1:] == ["again"]
once_imported("no_such_module", lambda: calls.append("never"))
try:
    import no_such_module
except ModuleNotFoundError:
    assert len(calls) == 2


class Shared:
    create_module = staticmethod(lambda spec: None)
    exec_module = staticmethod(lambda module: vars(module).update(is_done=True))

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name in ("first", "second") else None


sys.meta_path.append(Shared())
once_imported("first", lambda: calls.append("first"))
importlib.util.find_spec("first")
import second
assert second.is_done and "first" not in calls
import first
assert first.is_done and calls.count("first") == 1
"""


@pytest.mark.once
def test_a_function_is_called_once_a_module_is_imported():
    done = subprocess.run([sys.executable, "-c", MODULE_ONCE_IMPORTED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
