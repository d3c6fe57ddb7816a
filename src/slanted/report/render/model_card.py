"""The model card of a run, README.md: task, data, scores, calibration, limits and the command; no text of the data."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slanted.common.messages import plural
from slanted.errors import printable_line
from slanted.text.runs.artefacts import CARD_MARK
from slanted.text.scoring.calibration import CALIBRATION
from slanted.text.scoring.headline import COLUMNS, HEADLINE, TITLES
from slanted.text.scoring.intervals import TEST_INTERVALS, wilson_interval

MOST_LABELS = 50
_TASKS = {"single": "one class", "multilabel": "any of several labels", "regression": "numbers"}
_BASELINES = {
    "majority": "the most frequent class",
    "tfidf": "TF-IDF with a linear model",
    "frozen_encoder": "the frozen encoder with a linear model",
}
_PARTS = {"train": "training", "valid": "validation", "test": "test"}
_WELL_CALIBRATED = 0.05  # of the calibration error


def model_card(report: Mapping[str, Any]) -> str:
    """Return the model card, in Markdown, for a dict that `read_report` or `read_cross_validation` returned."""
    sections = [
        ("", _introduction(report)),
        ("Data", _data(report)),
        ("Scores", _scores(report)),
        ("Limits", _limits(report)),
        ("Repeat", _repeat(report)),
    ]
    lines = [CARD_MARK, f"# Model card of {_escaped(Path(report['folder']).resolve().name)}"]
    for title, content in sections:
        lines += [*(["", f"## {title}"] if title else []), "", *content]
    return "\n".join(lines) + "\n"


def _introduction(report: Mapping[str, Any]) -> Iterator[str]:
    task, saved, labels = report["metrics"]["task"], report["recipe"], report["labels"]
    pairs = "pair of texts" if saved.get("pairs") else "text"
    source, name = _code(saved["model"]), _code(saved["recipe"]["name"])
    yield f"The model predicts {_TASKS[task]} for a {pairs}. It was fine-tuned from `{source}` with slanted,"
    yield f"by the recipe `{name}`."
    yield ""
    what = "targets" if task == "regression" else "labels"
    more = f", and {len(labels) - MOST_LABELS:,} more" if len(labels) > MOST_LABELS else ""
    yield f"{len(labels)} {what}: {', '.join(f'`{_code(str(label))}`' for label in labels[:MOST_LABELS])}{more}."


def _data(report: Mapping[str, Any]) -> Iterator[str]:
    sums = report["recipe"].get("sha256")
    sums = sums if isinstance(sums, dict) else {}
    yield from ("| part | rows | SHA-256 of the file |", "|---|---|---|")
    for part, title in _PARTS.items():
        if rows := report["data"]["rows"].get(part):
            found = sums.get(part)
            of_part = found if isinstance(found, list) else []
            yield f"| {title} | {rows:,} | {', '.join(f'`{_code(str(one))}`' for one in of_part)} |"
    duplicates = report["metrics"].get("train_test_duplicates")
    if duplicates:
        yield from ("", f"The texts of {duplicates:,} test rows are among the training rows, too.")


def _scores(report: Mapping[str, Any]) -> Iterator[str]:
    metrics = report["metrics"]
    part = _scored_part(metrics)
    if part is None:
        yield "The model was not scored: the run had no other rows than those for training."
        return
    task, scores = metrics["task"], metrics[part]
    rows = report["data"]["rows"].get("train" if part == "out_of_fold" else part)
    where = "training rows, each predicted by the model of a fold that it was held out of"
    yield f"On {rows:,} {where if part == 'out_of_fold' else f'{_PARTS[part]} rows'}:" if rows else "Scores:"
    yield from ("", "| score | value | 95 % interval |", "|---|---|---|")
    intervals = dict(metrics.get(TEST_INTERVALS) or {}) if part == "test" else {}
    if rows and task == "single" and "accuracy" in scores:
        intervals.setdefault("accuracy", wilson_interval(scores["accuracy"], rows))
    for name in COLUMNS[task]:
        if isinstance(scores.get(name), float):
            ends = "{:.4f} to {:.4f}".format(*intervals[name]) if name in intervals else ""
            yield f"| {TITLES[name]} | {scores[name]:.4f} | {ends} |"
    yield from _baselines(metrics, HEADLINE[task][0])


def _scored_part(metrics: Mapping[str, Any]) -> str | None:
    return next((part for part in ("test", "out_of_fold", "valid") if isinstance(metrics.get(part), dict)), None)


def _baselines(metrics: Mapping[str, Any], name: str) -> Iterator[str]:
    found = metrics.get("baselines")
    known = found if isinstance(found, dict) else {}
    parts = [
        f"{title} {known[key][name]:.4f}"
        for key, title in _BASELINES.items()
        if isinstance(known.get(key), dict) and isinstance(known[key].get(name), float)
    ]
    if parts:
        yield from ("", f"{TITLES[name]} of other models on these rows: {', '.join(parts)}.")


def _limits(report: Mapping[str, Any]) -> Iterator[str]:
    metrics, saved = report["metrics"], report["recipe"]
    part = _scored_part(metrics)
    if metrics["task"] == "single":
        yield "- Every text gets one of the labels above, whatever it is about."
    yield "- The scores hold for texts of the same kind as the rows above; other texts were not measured."
    if part == "valid":
        yield "- The validation rows selected the epoch, so that scores on new texts may be lower."
    yield f"- Of a text, {_reading(saved)}."
    error = metrics[part].get("ece") if part else None
    if isinstance(error, float):
        found = f"- Calibration: a probability differs from the share of correct rows by {error:.3f} on average"
        before = metrics[part].get("ece_uncalibrated")
        calibrated = CALIBRATION in metrics and isinstance(before, float)
        how = f", {before:.3f} before calibration" if calibrated else "; the model was not calibrated"
        yield f"{found}{how}.{'' if error <= _WELL_CALIBRATED else ' Do not rely on the probabilities.'}"
    yield "- The license and the training data of the pretrained model apply, too."
    for note in _notes(metrics):
        yield f"- {note}"


def _reading(saved: Mapping[str, Any]) -> str:
    """Return which tokens of a text the model reads."""
    if saved.get("long") == "chunk":
        return f"up to 16 chunks of {plural(saved['max_tokens'], 'token')} are read"
    part = {"head": "the first", "tail": "the last", "head+tail": "the first and the last"}
    return f"{part.get(saved['recipe']['truncate'], 'some')} tokens are read, {saved['max_tokens']} in all"


def _notes(metrics: Mapping[str, Any]) -> Iterator[str]:
    """Yield what has few rows for training or testing, without the notes of metrics.json, which may quote texts."""
    scores = metrics.get(_scored_part(metrics) or "")
    per_class: Mapping[str, Any] = scores.get("per_class", {}) if isinstance(scores, dict) else {}
    weak = [
        str(label)
        for label, row in per_class.items()
        if isinstance(row, dict) and isinstance(row.get("f1"), float) and row["f1"] < 0.5
    ]
    if weak:
        more = f" and {len(weak) - 10:,} more" if len(weak) > 10 else ""
        yield f"F1 is below 0.5 for {', '.join(f'`{_code(label)}`' for label in weak[:10])}{more}."


def _repeat(report: Mapping[str, Any]) -> Sequence[str]:
    command = report["command"]
    seed = f"Seed {report['recipe']['seed']}, versions in report.json."
    if command is None:
        return [f"recipe.json has the settings of the training. {seed}"]
    return ["```", printable_line(command).replace("```", ""), "```", "", seed]


def _code(text: str) -> str:
    """Return a text for code in a table: without what would end either."""
    return printable_line(text).replace("`", "'").replace("|", "¦")


def _escaped(text: str) -> str:
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>#|!" else one for one in printable_line(text))
