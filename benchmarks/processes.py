"""Run a program to its end and learn its result, seconds and peak memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHILDREN = Path(__file__).parent / "children"
PYTHON = sys.executable


@dataclass(frozen=True)
class Outcome:
    """What a program came to.

    Attributes:
        result: The JSON object on its last line of output; empty where that is none.
        seconds: From start to end.
        peak_mb: The most memory it held at a time, in MB of 10**6 bytes.
    """

    result: dict[str, Any]
    seconds: float
    peak_mb: float


def run(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Outcome:
    """Run `command` alone and return what it came to.

    Raises:
        RuntimeError: It fails; with the end of what it printed.
    """
    with tempfile.TemporaryFile() as output:
        begun = time.perf_counter()
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **quiet, **(environment or {})},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
    if process.returncode:
        ending = "\n".join(lines[-15:])
        raise RuntimeError(f"{command[0]} {command[1]} ended with status {process.returncode}:\n{ending}")
    return Outcome(_last_object(lines), seconds, usage.ru_maxrss * 1024 / 1e6)


def _last_object(lines: list[str]) -> dict[str, Any]:
    for line in reversed(lines):
        if line.startswith("{"):
            return json.loads(line)
    return {}
