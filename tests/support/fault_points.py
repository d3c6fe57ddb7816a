"""Kill a command, or fail its writes, at one point after another, and see what is left; a program of its own.

Usage: fault_points.py FOLDER killed|full one|NUMBER|all COMMAND ...

Each command runs in a fork of this process, which has imported everything and computed nothing. The first, which runs
to its end, counts the points: before each rename and fsync for `killed`; the first byte, the middle and the end of
each file that it writes for `full`. With a NUMBER only so many points are tried, spread evenly. One line of JSON is
printed for each command: how many points were tried, and what was wrong at which of them.
"""

import io
import json
import os
import pickle
import resource
import shutil
import signal
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

import h5py
import keras_hub  # noqa: F401
import numpy as np
import safetensors.numpy
import tiny

from slanted.cli import main
from slanted.common.atomic_files import part_of
from slanted.compare.folder import COMPARISON
from slanted.errors import InputError
from slanted.text.estimators import TextClassifier
from slanted.text.models.fold_ensemble import load_model
from slanted.text.progress.jsonl import LIVE
from slanted.text.runs.run_folder import read_json
from slanted.text.training import cross_validation, train_run  # noqa: F401

TEXTS = ["the apple is here", "my old saw", "a pear"]
KILLED = -signal.SIGKILL


class Scene:
    """A folder in which a command is given again and again, always from the same start."""

    def __init__(self, folder):
        self.folder, self.start, self.place = folder, folder / "start", folder / "place"
        self.start.mkdir(parents=True)
        model = tiny.write_checkpoint(folder / "tiny")
        train = tiny.write_rows(folder / "train.csv", *tiny.examples(40, ("alpha", "beta")))
        self.test = tiny.write_rows(folder / "test.csv", *tiny.examples(8, ("alpha", "beta"), seed=5))
        self.more = tiny.write_rows(folder / "more.csv", *tiny.examples(60, ("alpha", "beta")))
        self.shared = [train, "--model", model, *tiny.RUN_OPTIONS]

    def words(self, command):
        """Return the command line."""
        out = str(self.place / "out")
        train = ["train", *self.shared, "--test", self.test, "--out", out, "--checkpoint-steps", "2"]
        compare = ["compare", *self.shared, "--recipes", "constant,linear", "--seeds", "1", "--out", out]
        return {
            "train": train,
            "overwrite": [*train, "--overwrite", "--seed", "1"],
            "folds": ["train", self.more, *train[2:], "--folds", "2"],  # of enough rows to be calibrated
            "mean": [*train, "--pooling", "mean"],
            "mean-overwrite": [*train, "--pooling", "mean", "--overwrite", "--seed", "1"],
            "compare": compare,
            "compare-overwrite": [*compare, "--overwrite", "--seed", "1"],
            "predict": ["predict", out, self.test, "--out", str(self.place / "p.csv")],
            "report": ["report", out],
        }[command]

    def prepare(self, command):
        """Write what there is before the command, in another process."""
        shutil.rmtree(self.start)
        self.restore()
        first = {"compare-overwrite": "compare", "mean-overwrite": "mean"}
        first |= dict.fromkeys(("overwrite", "predict", "report", "pickle"), "train")
        if before := first.get(command):
            assert forked(lambda: self.run(before))[0] == 0
        self.start.mkdir(exist_ok=True)
        if self.place.exists():
            (self.place / "p.csv").write_text("old")
            shutil.rmtree(self.start)
            shutil.copytree(self.place, self.start)

    def restore(self):
        shutil.rmtree(self.place, ignore_errors=True)
        if self.start.exists():
            shutil.copytree(self.start, self.place)
        else:
            self.place.mkdir()

    def run(self, command, *more):
        """Give the command and return its status."""
        if command == "pickle":
            pickle.loads(pickle.dumps(TextClassifier.load(self.place / "out")))
            return 0
        return main([*self.words(command), *more])

    def result(self, command):
        """Return what a reader reads, None where that is refused in one line."""
        try:
            if command.startswith("compare"):
                return read_json(self.place / "out" / COMPARISON)["verdicts"]
            if command == "predict":
                return (self.place / "p.csv").read_text()
            page = self.place / "out" / "report.html"  # written after the run, and by `report`; --resume makes it
            assert not page.exists() or "</html>" in page.read_text()[-20:]
            return load_model(self.place / "out").predict(TEXTS, None).round(5).tolist()
        except (InputError, KeyError, FileNotFoundError) as error:
            assert "\n" not in str(error)
            return None


def forked(work):
    """Do something in a fork of this process; return its status, or minus the signal, its value and its stderr."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        value, errors = None, io.StringIO()
        with redirect_stdout(io.StringIO()), redirect_stderr(errors):
            try:
                value, status = work(), 0
                status = value if isinstance(value, int) else 0
            except BaseException:
                errors.write(traceback.format_exc())
                status = 99
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        with os.fdopen(write, "w") as pipe:
            json.dump([value, errors.getvalue()], pipe)
        os._exit(status)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    value, errors = json.loads(said) if said else (None, "")
    return code, value, errors


def kill_before(point, count_to):
    """Kill this process before its `point`-th rename or fsync; write how many there were to `count_to`."""
    done = [0]

    def wrapped(real):
        def call(*arguments, **named):
            done[0] += 1
            if done[0] == point:
                os.kill(os.getpid(), signal.SIGKILL)
            if count_to is not None:
                count_to.write_text(json.dumps(done[0]))
            return real(*arguments, **named)

        return call

    for name in ("rename", "replace", "fsync"):
        setattr(os, name, wrapped(getattr(os, name)))


def fail_writing(name, limit, seen=None):
    """Fail this process's writes beyond `limit` bytes to the files of a name; note the names of all files in `seen`."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    infinite = resource.RLIM_INFINITY

    def opened(path):
        own = part_of(Path(path).name) or Path(path).name
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit if own == name else infinite, infinite))
        if seen is not None:
            seen.add(own)

    def hook(event, arguments):
        if event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            opened(arguments[0])

    real_file, real_save = h5py.File.__init__, safetensors.numpy.save_file

    def file(self, path, mode="r", *more, **named):
        if mode != "r" and isinstance(path, (str, Path)):
            opened(path)
        real_file(self, path, mode, *more, **named)

    def save(tensors, path, *more, **named):
        opened(path)
        real_save(tensors, path, *more, **named)

    sys.addaudithook(hook)
    h5py.File.__init__, safetensors.numpy.save_file = file, save


def spread(points, which):
    """Return all points, or a number of them at even distances."""
    step = 1.0 if which == "all" else max(1.0, len(points) / int(which))
    return [points[int(at * step)] for at in range(int(len(points) / step))]


def killed(scene, command, which):
    """Try the points of a kill; return how many and the faults."""
    counter = scene.folder / "count"
    scene.restore()
    before = forked(lambda: scene.result(command))[1]
    status, _, said = forked(lambda: (kill_before(0, counter), scene.run(command))[1])
    assert status == 0, said
    after, total = forked(lambda: scene.result(command))[1], json.loads(counter.read_text())
    points = spread(range(1, total + 1), which) if which != "one" else [max(1, total - total // 4)]
    faults = []
    for point in points:
        scene.restore()
        status, _, said = forked(lambda point=point: (kill_before(point, None), scene.run(command))[1])
        left = forked(lambda: scene.result(command))[1]
        fault = None if status == KILLED else f"status {status}: {said[-300:]}"
        if left is None and before is not None and not command.startswith("compare"):
            fault = "nothing reads"
        elif left not in (None, before, after):
            fault = f"reads {left}"
        if left != after and fault is None:
            status, _, said = forked(lambda: scene.run(command))
            if status == 2 and "--resume" in said:
                status, _, said = forked(lambda: scene.run(command, "--resume"))
            again = forked(lambda: scene.result(command))[1]
            if status != 0 or again != after:
                fault = f"does not go on: {status} {again} {said[-300:]}"
        if fault:
            faults.append([point, fault])
    return len(points), faults


def full(scene, command, which):
    """Try the failing writes; return how many and the faults."""
    names = scene.folder / "names"

    def note():
        seen = set()
        fail_writing("", 0, seen)
        status = scene.run(command)
        names.write_text(json.dumps(sorted(seen)))
        return status

    scene.restore()
    before = forked(lambda: scene.result(command))[1]
    status, _, said = forked(note)
    assert status == 0, said
    after, sizes = forked(lambda: scene.result(command))[1], {}
    for path in scene.place.rglob("*"):
        if path.is_file():
            sizes[path.name] = max(sizes.get(path.name, 0), path.stat().st_size)
    points = []
    for name in json.loads(names.read_text()):
        size = sizes.get(name, 40_000 if name.startswith("checkpoint-") else 0)
        if size or name == LIVE:
            points += [(name, limit) for limit in sorted({0, size // 2, size * 9 // 10})]  # its length varies a little
    if which == "one":
        points = [point for point in points if point[0] in ("model.weights.h5", "labels.json", "p.csv")][1::3]
    else:
        points = spread(points, which)
    faults = []
    for name, limit in points:
        scene.restore()
        status, _, said = forked(lambda name=name, limit=limit: (fail_writing(name, limit), scene.run(command))[1])
        fault, wanted = None, 0 if name == LIVE else 2
        lines = [line for line in said.splitlines() if line.startswith("error: ")]
        if status != wanted or (wanted == 2 and (len(lines) != 1 or "Traceback" in said)):
            fault = f"status {status}: {said[-400:]}"
        left = [path.name for path in scene.place.rglob("*.part") if part_of(path.name)]
        found = forked(lambda: scene.result(command))[1]
        if wanted == 2 and not fault and before is not None and found is None:
            fault = "nothing reads"
            if command.startswith("compare"):  # the earlier comparison is set aside until another is whole
                status, _, said = forked(lambda: scene.run(command))
                again = forked(lambda: scene.result(command))[1]
                fault = None if status == 0 and again == after else f"does not go on: {status} {said[-300:]}"
        if fault or left:
            faults.append([f"{name} after {limit} bytes", fault or f"leaves {left}"])
    return len(points), faults


if __name__ == "__main__":
    folder, kind, which, *commands = sys.argv[1:]
    np.zeros(1)
    for command in commands:
        with suppress(FileNotFoundError):
            shutil.rmtree(Path(folder) / command)
        scene = Scene(Path(folder) / command)
        scene.prepare(command)
        tried, faults = {"killed": killed, "full": full}[kind](scene, command, which)
        print(json.dumps({"command": command, "tried": tried, "faults": faults}), flush=True)
