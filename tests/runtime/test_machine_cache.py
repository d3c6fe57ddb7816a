"""The cache of this machine: its folder, valid and damaged entries, and the processor's products of bfloat16."""

import errno
import json
import os
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from slanted.common import atomic_files
from slanted.runtime import machine_cache
from slanted.runtime.machine_cache import add_costs, cache_file, cache_folder, costs_of, has_bfloat16, read_costs
from slanted.runtime.run_costs import BFLOAT16, FLOAT32, Costs

pytestmark = pytest.mark.once

COSTS = Costs(startup=5.0, compile=1.0, step=0.25, token=0.001, predict=0.0001)


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path))
    return tmp_path


def test_costs_are_read_again_for_their_backend_and_precision_alone():
    assert read_costs("torch") == {}
    assert add_costs("torch", {FLOAT32: COSTS})
    assert add_costs("jax", {BFLOAT16: COSTS.times(2.0)})
    assert add_costs("torch", {BFLOAT16: COSTS.times(3.0)})
    assert read_costs("torch") == {FLOAT32: COSTS, BFLOAT16: COSTS.times(3.0)}
    assert read_costs("jax") == {BFLOAT16: COSTS.times(2.0)} and read_costs("tensorflow") == {}


def test_the_file_is_replaced_and_nothing_else_stays(folder):
    add_costs("torch", {FLOAT32: COSTS})
    before = cache_file().stat().st_ino
    add_costs("torch", {FLOAT32: COSTS.times(2.0)})
    assert [path.name for path in folder.iterdir()] == ["machine.json"] and cache_file().stat().st_ino != before


def test_another_version_processor_or_number_of_threads_has_other_costs(monkeypatch):
    add_costs("jax", {FLOAT32: COSTS})
    for name, value in (("_version", lambda _: "99"), ("_processor", lambda: "Z80"), ("threads_of", lambda _: 64)):
        with monkeypatch.context() as other:
            other.setattr(machine_cache, name, value)
            assert read_costs("jax") == {}
    assert read_costs("jax") == {FLOAT32: COSTS}


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"x": 1}', "\x00", "null"])
def test_a_damaged_file_has_no_costs_and_is_replaced(folder, content):
    (folder / "machine.json").write_text(content)
    assert read_costs("torch") == {}
    assert add_costs("torch", {FLOAT32: COSTS}) and read_costs("torch") == {FLOAT32: COSTS}


@pytest.mark.parametrize(
    "entry",
    [
        {"float32": 3.5, "mixed_bfloat16": 5.0},  # steps per second, of an earlier version
        {"float32": {**asdict(COSTS), "step": "1"}},
        {"float32": {**asdict(COSTS), "step": -1.0}},
        {"float32": {**asdict(COSTS), "step": float("nan")}},
        {"float32": {"startup": 5.0}},
        {"float64": asdict(COSTS)},
        [1.0],
        None,
    ],
)
def test_an_entry_of_another_format_is_ignored(entry):
    add_costs("torch", {FLOAT32: COSTS})
    add_costs("jax", {FLOAT32: COSTS})
    entries = json.loads(cache_file().read_text())
    cache_file().write_text(json.dumps({key: entry if "torch" in key else one for key, one in entries.items()}))
    assert read_costs("torch") == {} and read_costs("jax") == {FLOAT32: COSTS}


def test_a_cost_that_is_no_finite_number_is_refused():
    assert costs_of(asdict(COSTS)) == COSTS and costs_of({**asdict(COSTS), "precision": "float32"}) == COSTS
    assert costs_of({**asdict(COSTS), "token": None}) is costs_of([]) is None


def test_a_folder_that_cannot_be_written_is_no_error(monkeypatch, folder):
    (folder / "file").write_text("")
    monkeypatch.setenv("SLANTED_CACHE", str(folder / "file" / "below"))
    assert not add_costs("torch", {FLOAT32: COSTS}) and read_costs("torch") == {}


def test_a_full_disk_leaves_the_costs_that_were_there_and_nothing_else(monkeypatch, folder):
    add_costs("torch", {FLOAT32: COSTS})

    def full(*arguments, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(atomic_files.json, "dump", full)
        assert not add_costs("torch", {BFLOAT16: COSTS})
    assert read_costs("torch") == {FLOAT32: COSTS}
    assert [path.name for path in cache_file().parent.iterdir()] == ["machine.json"]


@pytest.mark.parametrize(
    ("cpuinfo", "answer"),
    [
        ("model name\t: Xeon\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("model name\t: bf16\nflags\t\t: fpu avx2 fma\n", False),
        ("processor\t: 0\n", None),
    ],
)
def test_products_of_bfloat16(monkeypatch, folder, cpuinfo, answer):
    (folder / "cpuinfo").write_text(cpuinfo)
    monkeypatch.setattr(machine_cache, "_accelerators", lambda: 0)
    monkeypatch.setattr(machine_cache, "_CPUINFO", folder / "cpuinfo")
    assert has_bfloat16() is answer
    monkeypatch.setattr(machine_cache, "_accelerators", lambda: 1)
    assert has_bfloat16() is None


def test_without_cpuinfo_it_is_unknown(monkeypatch, folder):
    monkeypatch.setattr(machine_cache, "_accelerators", lambda: 0)
    monkeypatch.setattr(machine_cache, "_CPUINFO", folder / "missing")
    assert has_bfloat16() is None


def test_the_file_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("SLANTED_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert machine_cache.cache_file() == tmp_path / "slanted" / "machine.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert machine_cache.cache_file() == tmp_path / ".cache" / "slanted" / "machine.json"


@pytest.mark.parametrize("name", ["", "jax"])
def test_a_cache_that_others_can_write_to_is_not_used_and_said_once(monkeypatch, tmp_path, capsys, name):
    machine_cache._warn.cache_clear()
    monkeypatch.setenv("SLANTED_CACHE", str(tmp_path / "cache"))
    assert machine_cache.cache_folder(name) == tmp_path / "cache" / name
    assert stat.S_IMODE((tmp_path / "cache" / name).stat().st_mode) == 0o700
    (tmp_path / "cache" / name).chmod(0o777)
    assert machine_cache.cache_folder(name) is machine_cache.cache_folder(name) is None
    problem = "is not used as a cache: other users own it or can write to it"
    note = f"note: {tmp_path / 'cache' / name} {problem}; make it yours with mode 700, or set SLANTED_CACHE\n"
    assert capsys.readouterr().err == note
    (tmp_path / "cache" / name).chmod(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert machine_cache.cache_folder(name) is None


def test_without_a_home_folder_nothing_is_cached(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    for name in ("SLANTED_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert cache_folder("jax") is cache_file() is None
    assert not add_costs("torch", {FLOAT32: COSTS}) and read_costs("torch") == {}
