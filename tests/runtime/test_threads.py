"""The number of threads: cores and their limits, the environment, a process where Keras runs; how threads wait."""

import os
import sys
import types

import pytest

from slanted.errors import InputError, SettingError
from slanted.runtime import threads

pytestmark = pytest.mark.once


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Return a function that writes the files of a machine with four allowed cores, and an empty environment."""

    def write(files, cgroup="0::/group\n"):
        for name, text in {"self/cgroup": cgroup, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    for names in (*threads.VARIABLES.values(), threads.WAITING):
        for name in names:
            monkeypatch.setenv(name, "")  # so that it is restored
            monkeypatch.delenv(name)
    monkeypatch.setattr(threads, "_CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(threads, "_CPUS", tmp_path / "cpu")
    monkeypatch.setattr(threads, "_STAT", tmp_path / "stat")
    monkeypatch.setattr(threads, "_OWN_CGROUPS", tmp_path / "self/cgroup")
    monkeypatch.setattr(threads, "_allowed", lambda: {0, 1, 2, 3})
    monkeypatch.setattr(threads, "_SAMPLE_SECONDS", 0.0)
    return write


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 4),
        ({"cgroup/group/cpu.max": "max 100000\n"}, 4),
        ({"cgroup/group/cpu.max": "150000 100000\n"}, 2),
        ({"cgroup/cpu.max": "100000 100000\n", "cgroup/group/cpu.max": "300000 100000\n"}, 1),
        ({"cgroup/group/cpu.max": "1000 100000\n"}, 1),
        ({f"cpu/cpu{n}/topology/thread_siblings_list": f"{n % 2},{n % 2 + 2}\n" for n in range(4)}, 2),
    ],
)
def test_cores_are_the_least_of_allowed_physical_and_paid_for(machine, files, cores):
    machine(files)
    assert threads.usable_cores() == cores


def test_limits_of_the_first_version_of_control_groups_are_read(machine):
    limit = {"cgroup/cpu/g/cpu.cfs_quota_us": "250000\n", "cgroup/cpu/g/cpu.cfs_period_us": "100000\n"}
    machine(limit, cgroup="3:cpuset:/g\n2:cpu,cpuacct:/g\n0::/\n")
    assert threads.usable_cores() == 3
    machine({"cgroup/cpu/g/cpu.cfs_quota_us": "-1\n"}, cgroup="2:cpu,cpuacct:/g\n")
    assert threads.usable_cores() == 4


def test_the_user_s_variables_win_over_auto_but_not_over_a_number(machine, monkeypatch):
    machine({"cgroup/group/cpu.max": "200000 100000\n"})
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setitem(sys.modules, "torch", None)
    threads.set_threads("auto")
    assert {name: threads.threads_of(name) for name in threads.VARIABLES} == {"torch": 3, "tensorflow": 2, "jax": 2}
    assert "MKL_NUM_THREADS" not in os.environ
    threads.set_threads(1)
    assert {threads.threads_of(name) for name in threads.VARIABLES} == {1}
    threads.set_threads(0)
    assert os.environ["MKL_NUM_THREADS"] == "1"


def test_a_running_backend_changes_its_number_or_refuses(machine, monkeypatch):
    machine({})
    counts = []
    torch = types.SimpleNamespace(set_num_threads=counts.append, get_num_threads=lambda: 4)
    monkeypatch.setitem(sys.modules, "torch", torch)
    threads.set_threads("auto", "torch")
    threads.set_threads(2, "torch")
    assert counts == [2]
    threads.set_threads("auto", "jax")
    threads.set_threads(4, "jax")
    with pytest.raises(InputError) as refused:
        threads.set_threads(3, "jax")
    problem = "--threads 3: jax runs with 4 threads in this process already, and keeps that number"
    assert str(refused.value) == f"{problem}; start a new process"
    with pytest.raises(SettingError):
        threads.set_threads(-1)
    assert not any(name in os.environ for names in threads.VARIABLES.values() for name in names)


def test_the_text_of_the_option_is_auto_or_a_whole_number():
    assert [threads.parse_threads(text) for text in ("auto", "2", "-1")] == ["auto", 2, -1]
    with pytest.raises(InputError, match=r"must be auto or a whole number, not '1\.5'"):
        threads.parse_threads("1.5")


@pytest.mark.parametrize(("busy", "expected"), [(0, (None, "10000")), (1, ("passive", None))])
def test_threads_sleep_at_once_on_a_busy_machine_and_spin_shortly_on_an_idle_one(machine, monkeypatch, busy, expected):
    stat = [{n: (0, 0) for n in range(4)}, {n: (95 * (n >= busy), 100) for n in range(4)}]
    monkeypatch.setattr(threads, "_ticks", lambda: stat.pop(0))
    threads.limit_spinning()
    assert (os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT")) == expected


@pytest.mark.parametrize("name", threads.WAITING)
def test_threads_wait_as_the_user_says(machine, monkeypatch, name):
    monkeypatch.setenv(name, "7")
    threads.limit_spinning()
    assert {one: os.environ[one] for one in threads.WAITING if one in os.environ} == {name: "7"}


def test_a_busy_machine_is_noted_once_on_torch_alone(machine, monkeypatch):
    stat = [{n: (0, 0) for n in range(4)}, {n: (90 * (n > 0), 100) for n in range(4)}] * 4
    monkeypatch.setattr(threads, "_ticks", lambda: stat.pop(0))
    monkeypatch.setattr(threads, "_noted", False)
    monkeypatch.setattr(threads, "threads_of", lambda backend: 4)
    lines = []
    threads.note_if_busy("jax", lines.append)
    monkeypatch.setenv("GOMP_SPINCOUNT", "1")
    threads.note_if_busy("torch", lines.append)
    assert not lines
    monkeypatch.delenv("GOMP_SPINCOUNT")
    for _ in range(2):
        threads.note_if_busy("torch", lines.append)
    assert lines == [threads._NOTE]


def test_idle_cores_are_counted_from_ticks(machine):
    machine({"stat": "cpu 1 1 1 1\ncpu0 5 0 5 80 10 0 0 0\ncpu1 100 0 0 0 0 0 0 0\nintr 5\n"})
    assert threads._ticks() == {0: (90, 100), 1: (0, 100)}
    assert threads._idle_share((90, 100), (140, 200)) == 0.5
