"""A cross-validation's result: its scores beside the baselines', then fold by fold with mean and deviation."""

from collections.abc import Mapping
from typing import Any

from slanted.report.render import html
from slanted.report.render.result import (
    LINEAR_IS_BETTER,
    baselines_of,
    columns_in,
    duplicates,
    interval,
    others_reach,
    score_cell,
    score_table,
    what_next,
    worth,
)
from slanted.text.runs import run_folder
from slanted.text.scoring.headline import COLUMNS, TITLES


def folds_result(report: Mapping[str, Any]) -> str:
    """Return the section of the out-of-fold scores, and those of the test rows where there are any."""
    said = [html.paragraph(_held_sentence(report), "lead")]
    if "test" in report["metrics"]:
        said.append(html.paragraph(_test_sentence(report), "lead"))
    return html.section("result", "Result", *said, _verdict(report), *_tables(report), what_next(report))


def _held_sentence(report: Mapping[str, Any]) -> str:
    metrics, rows = report["metrics"], report["data"]["rows"]["train"]
    task, own = metrics["task"], metrics["out_of_fold"]
    key, count = COLUMNS[task][0], len(report["folds"])
    others = f"as means over the folds, {others_reach(task, report['baselines'])}."
    model = f"<strong>{worth(own, key)}</strong>"
    on = f"the {rows:,} training rows"
    if task == "single":
        unseen = "each by the one that has not seen it"
        return f"The {count} models label {model} of {on} correctly, {unseen} ({interval(own, rows)}); {others}"
    reached = f"a {TITLES[key]} score of {model} on {on}, each predicted by the one that has not seen it"
    return f"The {count} models reach {reached} (mean of the folds: {worth(metrics['mean'], key)}); {others}"


def _test_sentence(report: Mapping[str, Any]) -> str:
    metrics, rows = report["metrics"], report["data"]["rows"]["test"]
    task, own = metrics["task"], metrics["test"]
    key, models = COLUMNS[task][0], f"The mean of the {len(report['folds'])} models"
    others = f"{others_reach(task, metrics['baselines'])}."
    if task == "single":
        right = f"labels <strong>{worth(own, key)}</strong> of the {rows:,} test rows correctly"
        return f"{models} {right} ({interval(own, rows)}); {others}"
    on = f"a {TITLES[key]} score of <strong>{worth(own, key)}</strong> on {rows:,} test rows"
    return f"{models} reaches {on}; {others}"


def _verdict(report: Mapping[str, Any]) -> str:
    metrics, tested = report["metrics"], "test" in report["metrics"]
    key = COLUMNS[metrics["task"]][0]
    own, others = (metrics["test"], metrics["baselines"]) if tested else (metrics["mean"], report["baselines"])
    notes = [LINEAR_IS_BETTER] if others["tfidf"].get(key, -1.0) > own.get(key, -1.0) else []
    notes += duplicates(metrics)
    return html.paragraph(" ".join(notes), "note") if notes else ""


def _tables(report: Mapping[str, Any]) -> list[str]:
    """Return the tables of the out-of-fold and of the test scores."""
    metrics, task = report["metrics"], report["metrics"]["task"]
    held = {"Out of fold, all rows": metrics["out_of_fold"], "Mean of the folds": metrics["mean"]}
    held |= baselines_of(task, report["baselines"], ", mean of the folds")
    made = [score_table(task, held, "Scores on the training rows, out of fold")]
    if "test" in metrics:
        tested = {f"Mean of {len(report['folds'])} models": metrics["test"], **baselines_of(task, metrics["baselines"])}
        made.append(score_table(task, tested, "Scores on the test rows"))
    return made


def folds(report: Mapping[str, Any]) -> str:
    """Return the section of each fold's scores on the rows it holds out, then their mean and deviation."""
    metrics = report["metrics"]
    said = (
        "Each fold's model is scored on the rows that it holds out, which had no say in its epoch or its thresholds. "
        "Its name leads to its own report."
    )
    keys = columns_in(metrics["task"], metrics["folds"])
    rows = [
        [_link(at), _rows(fold), *(score_cell(scores, key) for key in keys), _kept(scores, fold)]
        for at, (fold, scores) in enumerate(zip(report["folds"], metrics["folds"], strict=True))
    ]
    rows += [[name, "", *(score_cell(metrics[name], key) for key in keys), ""] for name in ("mean", "deviation")]
    header = ["fold", "rows", *(TITLES[key] for key in keys), "kept epoch"]
    table = html.table(header, rows, "Scores of each fold on the rows it holds out", "numbers")
    return html.section("folds", "Fold by fold", html.paragraph(said), table)


def _link(at: int) -> str:
    return f'<a href="{run_folder.fold_name(at)}/{run_folder.REPORT}">fold {at + 1}</a>'


def _rows(fold: Mapping[str, Any]) -> str:
    return f"{fold['data']['rows']['test']:,}"


def _kept(scores: Mapping[str, Any], fold: Mapping[str, Any]) -> str:
    return f"{scores['kept_epoch']} of {fold['metrics']['epochs']}"
