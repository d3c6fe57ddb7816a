"""Folders damaged at random: bytes flipped, files cut, lengthened or removed, replaced by links or pipes, other JSON.

`Bounds` compares the time and the memory of reading them with those of the undamaged folder.
"""

import json
import os
import random
import time
from pathlib import Path

OTHER_VALUES = (None, True, -1, 0, 1.5, "512", [], {}, 10**9, "x", 10**400, "x" * 10**6, [0] * 10**5)
LINKS = ("absent", "", "config.json", "recipe.json", "/dev/zero")  # the second is the folder itself
LEAST_SECONDS, LEAST_BYTES = 0.5, 2**25  # of the undamaged folder: below, the rest of the process counts for more


def damage(folder, seed):
    """Damage one file of a folder and return what was done."""
    draw = random.Random(seed)
    path = draw.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
    kinds = ["flip", "cut", "empty", "remove", "link", "pipe", "sparse"] + ["json"] * (3 * (path.suffix == ".json"))
    how = draw.choice(kinds)
    content = path.read_bytes()
    if how == "flip":
        changed = bytearray(content)
        for _ in range(draw.randint(1, 20)):
            within = len(changed) if draw.random() < 0.5 else min(len(changed), 4000)
            changed[draw.randrange(within)] = draw.randrange(256)
        path.write_bytes(bytes(changed))
    elif how == "cut":
        path.write_bytes(content[: draw.randrange(len(content))])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "sparse":
        os.truncate(path, 2**36)  # without data: it takes no place on the disk
    elif how == "json":
        path.write_text(json.dumps(_with_another_value(json.loads(content), draw)))
    else:
        path.unlink()
        if how == "link":
            path.symlink_to(folder / draw.choice(LINKS))
        elif how == "pipe":
            os.mkfifo(path)
    return f"{how} {path.name}"


def _with_another_value(content, draw):
    places = []

    def walk(value):
        keys = value if isinstance(value, dict) else range(min(len(value), 30)) if isinstance(value, list) else ()
        for key in keys:
            places.append((value, key))
            walk(value[key])

    walk(content)
    holder, key = draw.choice(places)
    holder[key] = draw.choice(OTHER_VALUES)
    return content


class Bounds:
    """At most ten times the processor time and the memory of the first call, which reads the undamaged folder."""

    def __init__(self):
        self.most = None

    def check(self, read, how="undamaged"):
        """Return the result of `read`, which takes no arguments, or raise AssertionError if it takes too much."""
        before, began = _memory("VmRSS", reset=True), time.process_time()
        try:
            return read()
        finally:
            spent = time.process_time() - began, _memory("VmHWM") - before
            if self.most is None:
                self.most = [
                    10 * max(one, least) for one, least in zip(spent, (LEAST_SECONDS, LEAST_BYTES), strict=True)
                ]
            assert spent[0] <= self.most[0] and spent[1] <= self.most[1], (how, spent, self.most)


def _memory(name, reset=False):
    """Return the memory of this process, now or at its peak since the last reset, in bytes; 0 if it is unknown."""
    if not Path("/proc/self/clear_refs").exists():
        return 0
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
