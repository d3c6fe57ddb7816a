"""Checkpoint files: whole or not at all, two kept, a flipped byte found, a full disk said."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from slanted.errors import InputError, SettingError
from slanted.text.runs import checkpoints
from slanted.text.runs.checkpoints import CheckpointPace, Checkpoints, Damaged, Snapshot, read_snapshot, steps_of

pytestmark = pytest.mark.once

ARRAYS = {
    "model/0": np.arange(12, dtype=np.float32).reshape(3, 4),
    "model/1": np.float32(1e-42).reshape(()),  # a denormal
    "optimizer/0": np.array([2**31 - 1], np.int32),
    "optimizer/1": np.array([], np.float64),
    "random/torch": np.arange(7, dtype=np.uint8),
    "seeds": np.array([0, 2**32 - 1], np.uint32),
    "flag": np.array([True, False]),
    "counts": np.array([0, 2**64 - 1], np.uint64),
    "turned": np.arange(6, dtype=np.float64).reshape(2, 3).T,
    "every other": np.arange(6, dtype=np.int64)[::2],
    "brain": np.arange(6).astype(ml_dtypes.bfloat16).reshape(2, 3),
}
FACTS = {"scores": [{"loss": 0.1 + 0.2, "per_class": {"ü": {"f1": 1.0}}}], "best": float("-inf"), "seconds": 1e-9}


def snapshot(step):
    return Snapshot(step, FACTS, {**ARRAYS, "step": np.array([step])})


@pytest.fixture
def kept(tmp_path):
    """The checkpoints of three steps, of which two are kept."""
    made = Checkpoints(tmp_path, CheckpointPace())
    for step in (3, 20, 100):
        made.write(snapshot(step))
    return made


def path_of(kept, step):
    return kept.folder / f"checkpoint-{step:010}"


def never(text):
    raise AssertionError(text)


def flip(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def test_what_is_written_comes_back_to_the_last_bit(kept):
    read = kept.latest(never)
    assert (read.step, read.facts) == (100, FACTS)
    assert list(read.arrays) == [*ARRAYS, "step"]
    for name, array in ARRAYS.items():
        assert (read.arrays[name].dtype, read.arrays[name].shape) == (array.dtype, array.shape)
        assert read.arrays[name].tobytes() == array.tobytes()
        assert read.arrays[name].flags.aligned


def test_facts_that_are_not_finite_come_back(tmp_path):
    made = Checkpoints(tmp_path, CheckpointPace())
    made.write(Snapshot(1, {"best": float("nan"), "name": "a \ud800 \x00"}, {}))
    read = made.latest(never)
    assert np.isnan(read.facts["best"]) and read.facts["name"] == "a \ud800 \x00" and read.arrays == {}


def test_safetensors_itself_reads_the_arrays(kept):
    read = load_file(path_of(kept, 100))
    assert {name: array.tolist() for name, array in read.items()} == {
        name: array.tolist() for name, array in snapshot(100).arrays.items()
    }


def test_a_file_is_as_readable_as_its_folder(kept, tmp_path):
    for mode in (0o755, 0o700, 0o770):
        kept.folder.chmod(mode)
        kept.write(snapshot(200))
        assert path_of(kept, 200).stat().st_mode & 0o777 == mode & 0o666


def test_what_a_killed_process_left_is_removed(kept):
    (kept.folder / ".part").mkdir()
    (kept.folder / ".part" / ".tmp1234").write_bytes(b"half a checkpoint")
    kept.write(snapshot(200))
    assert sorted(path.name for path in kept.folder.iterdir()) == ["checkpoint-0000000100", "checkpoint-0000000200"]


def test_a_checkpoint_of_an_earlier_version_is_refused_and_stays(kept):
    path = path_of(kept, 100)
    path.write_bytes(b"slanted checkpoint 1\n" + bytes(100))
    with pytest.raises(InputError) as refused:
        kept.latest(never)
    remedy = "finish the run with that version, or start again with --overwrite"
    assert str(refused.value) == f"{path}: an earlier version of slanted wrote this checkpoint; {remedy}"
    assert path.exists()


@pytest.mark.parametrize("metadata", [None, {"crc32": "0"}])
def test_another_safetensors_file_is_no_checkpoint(kept, metadata):
    save_file({"a": np.zeros(3)}, path_of(kept, 100), metadata)
    with pytest.raises(Damaged, match="its checksum is wrong"):
        read_snapshot(path_of(kept, 100))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[" * 100_000, '{"arrays": 5}', '{"arrays": [["a", "float64", [3]]]}']
)
def test_a_header_that_no_run_writes_is_damage(kept, text):
    arrays = {"a": np.zeros(3)}
    save_file(arrays, path_of(kept, 100), {"snapshot": text, "crc32": checkpoints._checksum(text, arrays)})
    with pytest.raises(Damaged, match="its header is wrong"):
        read_snapshot(path_of(kept, 100))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_is_no_checkpoint(kept):
    path_of(kept, 100).unlink()
    os.mkfifo(path_of(kept, 100))
    with pytest.raises(Damaged, match="it is no regular file"):
        read_snapshot(path_of(kept, 100))


def test_two_are_kept_and_nothing_else(kept, tmp_path):
    assert steps_of(tmp_path) == [20, 100]
    assert sorted(path.name for path in kept.folder.iterdir()) == ["checkpoint-0000000020", "checkpoint-0000000100"]


def test_a_file_is_synced_before_an_older_one_goes(kept, monkeypatch):
    done, sync, unlink = [], os.fsync, Path.unlink
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(os.readlink(f"/proc/self/fd/{file}")), sync(file)))
    monkeypatch.setattr(Path, "unlink", lambda path, **named: (done.append(path), unlink(path, **named)))
    kept.write(snapshot(200))
    part = kept.folder / ".part" / path_of(kept, 200).name
    assert done[:3] == [str(part), str(kept.folder), path_of(kept, 20)]


def test_a_folder_without_checkpoints(tmp_path):
    assert steps_of(tmp_path) == [] and Checkpoints(tmp_path, CheckpointPace()).latest(never) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", [0, 21, 29, 40, 0.3, 0.6, 0.9, -5, -4, -1])
def test_a_flipped_byte_anywhere_takes_the_older_one_and_says_so(kept, tmp_path, where):
    path, said = path_of(kept, 100), []
    flip(path, where if isinstance(where, int) else int(where * path.stat().st_size))
    assert kept.latest(said.append).step == 20
    (line,) = said
    assert line.startswith(f"checkpoint: {path} is damaged (it")
    assert line.endswith("); the older one, of step 20, is taken")
    assert steps_of(tmp_path) == [20]  # or the next one written would push the good one out


def test_every_single_byte_is_covered(kept):
    path = path_of(kept, 20)
    whole = path.read_bytes()
    for position in range(len(whole)):
        flip(path, position)
        with pytest.raises(Damaged):
            read_snapshot(path)
        path.write_bytes(whole)
    assert read_snapshot(path).step == 20


@pytest.mark.parametrize("length", [0, 5, 25, 200, -1])
def test_a_file_cut_short(kept, length):
    path, said = path_of(kept, 100), []
    path.write_bytes(path.read_bytes()[:length])
    assert kept.latest(said.append).step == 20 and len(said) == 1


def test_both_damaged(kept):
    for step in (20, 100):
        flip(path_of(kept, step), 50)
    with pytest.raises(InputError) as refused:
        kept.latest([].append)
    expected = f"{path_of(kept, 20)}: is damaged (its checksum is wrong); start again with --overwrite"
    assert str(refused.value) == expected


def full(descriptor):
    raise OSError(28, os.strerror(28))


def test_a_full_disk_is_one_error_and_the_last_checkpoints_stay(kept, tmp_path, monkeypatch):
    before = {path.name: path.read_bytes() for path in kept.folder.iterdir()}
    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(InputError) as refused:
        kept.write(snapshot(200))
    found = "the checkpoint of step 200 cannot be written (No space left on device)"
    assert str(refused.value) == f"--out {tmp_path}: {found}; free space and add --resume to go on from step 100"
    assert {path.name: path.read_bytes() for path in kept.folder.iterdir()} == before


def test_a_file_size_limit(kept, tmp_path):
    """The system's own refusal in the midst of a file, not one that is played."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(InputError, match=r"of step 200 cannot be written \(File too large\)"):
            kept.write(Snapshot(200, FACTS, {"big": np.zeros(100_000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert steps_of(tmp_path) == [20, 100] and len(list(kept.folder.iterdir())) == 2
    assert kept.latest(never).step == 100


def test_no_place_to_write(tmp_path):
    (tmp_path / "taken").write_text("a file where the folder should be")
    with pytest.raises(InputError) as refused:
        Checkpoints(tmp_path / "taken", CheckpointPace()).write(snapshot(1))
    found = "the checkpoint of step 1 cannot be written (Not a directory)"
    assert str(refused.value) == f"--out {tmp_path / 'taken'}: {found}; free space and start again"


def test_the_folder_of_a_run_that_was_deleted_is_not_made_again(tmp_path):
    with pytest.raises(InputError, match=r"of step 1 cannot be written \(No such file or directory\)"):
        Checkpoints(tmp_path / "gone", CheckpointPace()).write(snapshot(1))
    assert not (tmp_path / "gone").exists()


WRITER = """
import sys
from pathlib import Path
import numpy as np
from slanted.text.runs.checkpoints import Checkpoints, CheckpointPace, Snapshot
kept = Checkpoints(Path(sys.argv[1]), CheckpointPace())
arrays = {"model/0": np.zeros(4_000_000, np.float32)}
for step in range(1, 10_000):
    arrays["model/0"][:] = step
    kept.write(Snapshot(step, {}, arrays))
    print(step, flush=True)
"""


@pytest.mark.parametrize("pause", [0.0, 0.004, 0.009])
def test_killed_while_writing(tmp_path, pause):
    import time

    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 4:
                break
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
    read = Checkpoints(tmp_path, CheckpointPace()).latest(never)
    assert read is not None and read.step >= 4
    assert (read.arrays["model/0"] == read.step).all()


@pytest.mark.parametrize(("name", "given"), [("steps", 0), ("steps", 1.5), ("seconds", 0.0), ("seconds", float("nan"))])
def test_a_pace_out_of_its_range(name, given):
    with pytest.raises(SettingError) as refused:
        CheckpointPace(**{name: given})
    assert refused.value.name == f"checkpoint_{name}"


def test_checkpoints_take_two_percent_of_the_time_at_most():
    pace = CheckpointPace(steps=1000, seconds=20.0)
    assert not pace.due(999, 49.0, 1.0) and pace.due(999, 50.0, 1.0)
    assert not pace.due(999, 19.0, 0.1) and pace.due(999, 20.0, 0.1)
    assert pace.due(1000, 1.0, 10.0)


def test_batches_that_nobody_asked_for_give_way_to_the_cost():
    """At 5 ms a step 1000 of them take 5 s: a checkpoint of 1.5 s each time would be 30 %."""
    pace = CheckpointPace()
    assert not pace.due(1000, 5.0, 1.5) and not pace.due(14_999, 74.9, 1.5) and pace.due(15_000, 75.0, 1.5)
    assert pace.due(1000, 5.0, 0.1) and not pace.due(999, 19.9, 0.1)
