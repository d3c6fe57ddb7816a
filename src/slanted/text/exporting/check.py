"""Check an export: its own script predicts rows, and its predictions and scores stand beside those of the model."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slanted.errors import ExportRefused, InputError
from slanted.text.exporting.check_rows import CheckRows
from slanted.text.exporting.formats import FLOAT32, ExportFormat
from slanted.text.labels.targets import Target
from slanted.text.models.predictions_csv import prediction_columns
from slanted.text.scoring.headline import HEADLINE
from slanted.text.scoring.metrics import score_predictions

SCRIPT = "predict.py"
MOST_DIFFERENCE = 1e-4  # of a probability in float32; of a number, as a share of the largest
MOST_REASON = 300  # characters of a script's last line


@dataclass(frozen=True)
class Original:
    """The model that was exported, and how its predictions are scored.

    Attributes:
        target: The target, with names of labels as strings.
        predicted: Its predictions for the rows, float64 (rows, labels).
        thresholds: The decision thresholds of several labels.
        positive: The class of `f1`, or None.
    """

    target: Target
    predicted: np.ndarray
    thresholds: float | np.ndarray
    positive: str | None

    def scores(self, y: np.ndarray, predicted: np.ndarray) -> dict[str, Any]:
        """Return the scores of predictions, (rows, labels), against labels as `Target.encode` returns them."""
        return score_predictions(self.target, y, predicted, self.positive, self.thresholds)

    def decisions(self, predicted: np.ndarray) -> np.ndarray:
        """Return the number of the predicted class, (rows,), or 0 and 1, (rows, labels), or the numbers."""
        if self.target.kind == "single":
            return predicted.argmax(axis=1)
        return (predicted >= self.thresholds).astype(int) if self.target.kind == "multilabel" else predicted


def check(place: Path, rows: CheckRows, original: Original, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run the script of an export on rows with labels; return the result for export.json.

    It has the number and the source of the rows, the agreement with the model, the scores of both, and the speed.

    Args:
        place: The folder of the export.
        rows: The rows.
        original: The model.
        environment: More variables of the environment for the script.

    Raises:
        ExportRefused: The script fails.
    """
    examples, target = rows.examples, original.target
    lines = _lines(examples.texts, examples.texts_b)
    printed, speed = _run(place, lines, environment)
    predicted, decided = _parsed(printed, target, len(examples))
    scores = {
        "export": original.scores(examples.y, predicted),
        "model": original.scores(examples.y, original.predicted),
    }
    agreement: dict[str, Any] = {"largest_difference": float(np.abs(predicted - original.predicted).max(initial=0.0))}
    if target.kind != "regression":
        same = decided == original.decisions(original.predicted)
        agreement["equal_labels"] = int(same.all(axis=1).sum() if same.ndim > 1 else same.sum())
    kept = {name: {key: value for key, value in one.items() if key != "per_class"} for name, one in scores.items()}
    return {
        "rows": len(examples),
        "part": rows.part,
        "source": rows.source,
        **agreement,
        "scores": kept,
        "speed": speed,
    }


def drop_of(checked: Mapping[str, Any], task: str) -> float | None:
    """Return by how many points the headline score of the export is lower than the model's; None if it is undefined."""
    name = HEADLINE[task][0]
    scores = checked["scores"]
    if name not in scores["export"] or name not in scores["model"]:
        return None
    return 100.0 * (scores["model"][name] - scores["export"][name])


def refuse_loss(
    checked: Mapping[str, Any], wanted: ExportFormat, task: str, allowed: float, largest_number: float
) -> None:
    """Raise unless the export predicts as the model does.

    Args:
        checked: The result of `check`.
        wanted: The format. In float32 no probability may differ by more than 1e-4, and no number by more than 1e-4
            times the largest.
        task: The task of the model.
        allowed: By how many points the headline score may be lower.
        largest_number: The largest absolute number that the model predicts, in regression.

    Raises:
        ExportRefused: It loses too much.
    """
    name, drop = HEADLINE[task][0], drop_of(checked, task)
    most = MOST_DIFFERENCE * (max(1.0, largest_number) if task == "regression" else 1.0)
    if wanted.precision == FLOAT32 and not checked["largest_difference"] <= most:
        found = f"its predictions differ from those of the model by up to {checked['largest_difference']:.2g}"
        raise ExportRefused(f"--format {wanted.name}: {found}, more than {most:.2g}; give another format")
    if drop is None and wanted.precision != FLOAT32:
        problem = f"{name} is undefined on these rows, so that the loss is unknown"
        raise ExportRefused(f"--format {wanted.name}: {problem}; give other rows with --test FILE")
    if drop is not None and drop > allowed:
        before, after = (checked["scores"][key][name] for key in ("model", "export"))
        found = f"{name} falls from {before:.4f} to {after:.4f}, by {drop:.2f} points, more than {allowed:g}"
        remedy = "give another format, or --allow-drop with more points"
        raise ExportRefused(f"--format {wanted.name}: {found}; nothing was written: {remedy}")


def _lines(texts: Sequence[str], texts_b: Sequence[str] | None) -> list[str]:
    """Return the lines for the script, each text as a JSON string."""
    columns = [texts] if texts_b is None else [texts, texts_b]
    return ["\t".join(json.dumps(text) for text in row) for row in zip(*columns, strict=True)]


def _run(place: Path, lines: Sequence[str], environment: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Run the script of an export in a process of its own, in the folder above; return its output and its speed."""
    command = [sys.executable, "-B", str(place.resolve() / SCRIPT), "--csv", "--speed"]
    variables = os.environ | {"PYTHONIOENCODING": "utf-8", "HF_HUB_OFFLINE": "1"} | dict(environment)
    content = "".join(f"{line}\n" for line in lines).encode()
    done = subprocess.run(
        command, input=content, env=variables, cwd=place.resolve().parent, capture_output=True, check=False
    )
    printed = done.stderr.decode(errors="replace").strip().splitlines()
    if done.returncode:
        reason = printed[-1][:MOST_REASON] if printed else f"exit status {done.returncode}"
        raise ExportRefused(f"{SCRIPT} of the export fails: {reason}; give another format")
    return done.stdout.decode("utf-8"), json.loads(printed[-1]) if lines else {}


def _parsed(printed: str, target: Target, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities or numbers that the script prints, (rows, labels), and its decisions.

    Raises:
        ExportRefused: It prints something else.
    """
    header, *rows = list(csv.reader(io.StringIO(printed, newline=""))) or [[]]
    expected = ["row", *prediction_columns(target)]
    if header != expected or len(rows) != count:
        found = f"{len(rows)} rows with the columns {header[:4]}"
        raise ExportRefused(f"{SCRIPT} of the export must print {count} rows of predictions.csv: found {found}")
    size = len(target.labels)
    values = np.array([[float(cell) for cell in row[-size:]] for row in rows], "float64").reshape(count, size)
    if not np.isfinite(values).all():
        raise ExportRefused(f"{SCRIPT} of the export predicts a value that is not finite; give another format")
    if target.kind == "single":
        numbers = {name: number for number, name in enumerate(target.names)}
        return values, np.array([numbers.get(row[1], -1) for row in rows], int)
    if target.kind == "multilabel":
        return values, np.array([[int(cell) for cell in row[1 : 1 + size]] for row in rows], int).reshape(count, size)
    return values, values


def describe(checked: Mapping[str, Any], task: str) -> list[str]:
    """Return lines with the result of a check for the user to read."""
    count, name = checked["rows"], HEADLINE[task][0]
    equal = f"{checked['equal_labels']:,} of {count:,} labels equal; " if "equal_labels" in checked else ""
    differ = "numbers" if task == "regression" else "probabilities"
    lines = [
        f"checked: on {count:,} rows ({checked['part']}: {checked['source']})",
        f"  {equal}{differ} differ by at most {checked['largest_difference']:.2g}",
    ]
    scores = checked["scores"]
    if name in scores["export"] and name in scores["model"]:
        lines.append(f"  {name} {scores['export'][name]:.4f}, that of the model {scores['model'][name]:.4f}")
    speed = checked["speed"]
    if speed:
        one = speed["one_text"]
        alone = f"{one['milliseconds_p50']:.1f} ms a text alone (99 of 100 within {one['milliseconds_p99']:.1f} ms)"
        lines.append(f"  speed: {alone}; {speed['texts_per_second']:,.0f} texts a second in batches")
    return lines


def check_allowed(points: float) -> None:
    """Raise unless a number of points is one that may be lost.

    Raises:
        InputError: It is negative, not finite or more than 100.
    """
    if not 0.0 <= points <= 100.0:
        raise InputError(f"--allow-drop {points:g}: must be a number of points from 0 to 100; give 0.5, for instance")
