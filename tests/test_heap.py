"""Memory that a step frees stays with the process while it trains on PyTorch."""

import platform
import resource

import keras
import pytest

from slanted.text.heap import kept_heap

LARGE = 2**26  # bytes; more than the C library ever keeps by itself


def faults_of_ten_large_blocks():
    """Return how often the system had to supply a page."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        block = b"\1" * LARGE
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of the GNU C library alone")
def test_freed_memory_is_kept_within_and_given_back_after(monkeypatch):
    usual = faults_of_ten_large_blocks()
    with kept_heap():
        with kept_heap():
            pass
        faults_of_ten_large_blocks()
        kept = faults_of_ten_large_blocks()
    if keras.config.backend() == "torch":
        assert kept < usual / 3
    else:
        assert kept > usual / 3
    assert faults_of_ten_large_blocks() > usual / 3
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    with kept_heap():
        assert faults_of_ten_large_blocks() > usual / 3
