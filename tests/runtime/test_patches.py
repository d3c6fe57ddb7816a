"""Memory that a step frees stays with the process while it trains on PyTorch."""

import json
import os
import platform
import subprocess
import sys

import keras
import pytest

COUNT = """
import json, resource
from slanted.runtime.patches import kept_heap

def faults():  # how often the system supplies a page for ten blocks larger than the C library ever keeps by itself
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        block = b"1" * 2**26
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

usual = faults()
with kept_heap():
    with kept_heap():
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
    if keras.config.backend() == "torch":
        assert kept < usual / 3
    else:
        assert kept > usual / 3
    assert after > usual / 3


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library alone")
def test_the_user_s_own_settings_of_the_library_stay():
    usual, kept, _ = counted(MALLOC_ARENA_MAX="4")
    assert kept > usual / 3
