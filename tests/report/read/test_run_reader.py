"""A report of a run's folder: what it draws, the command, damaged files, and the page with texts that stay texts."""

import base64
import hashlib
import json
import re
import shlex
import shutil
from dataclasses import asdict
from html import unescape
from pathlib import Path

import fake_runs
import numpy as np
import pytest
from report_pages import ORDER, Reader, check_damages, reader

from slanted.cli.entry import main
from slanted.cli.options import files_of, settings_of
from slanted.cli.parsers import parser
from slanted.report.read.run_reader import command, course, read_report
from slanted.report.render import html
from slanted.report.render.page import SCRIPTS, page
from slanted.text.runs import run_folder
from slanted.text.runs.run_data import DataFiles
from slanted.text.settings import Settings

pytestmark = pytest.mark.once

draw = np.random.default_rng(0)


def test_lines_of_one_rate_are_one_and_closed_groups_are_none():
    groups = [{"name": name, "multiplier": factor} for name, factor in (("low", 0.5), ("mid", 0.5), ("head", 1.0))]
    history = np.array([[step, 1 + step // 2, 1.0, 0.1] for step in range(4)])
    lines = course(history, groups, [[0, ["head"]], [2, ["low", "mid", "head"]]])["lines"]
    assert lines == [
        {"name": "low to mid", "rates": [None, None, 0.05, 0.05]},
        {"name": "head", "rates": [0.1, 0.1, 0.1, 0.1]},
    ]
    assert course(history, groups[2:], [[0, ["head"]]])["lines"][0]["name"] == "all layers"


def test_a_long_run_is_drawn_with_means():
    total = 123_457
    losses = draw.random(total)
    history = np.column_stack([np.arange(total), 1 + np.arange(total) // 50_000, losses, np.full(total, 1e-4)])
    made = course(history, [{"name": "head", "multiplier": 1.0}], [[0, ["head"]]])
    assert made["every"] == 124 and made["total"] == total and made["epochs"] == [0, 50_000, 100_000]
    assert len(made["step"]) == len(made["loss"]) == len(made["lines"][0]["rates"]) <= 1000
    assert made["loss"][1] == pytest.approx(losses[124:248].mean(), rel=1e-4)


def test_a_run_of_one_step():
    made = course(np.array([[0.0, 1.0, 0.7, 1e-3]]), [{"name": "head", "multiplier": 1.0}], [[0, ["head"]]])
    assert (made["step"], made["loss"], made["smooth"]) == ([0], [0.7], [0.7])


@pytest.mark.parametrize(
    "files",
    [
        DataFiles("t.csv"),
        DataFiles("my data.csv", test="te'st.csv", valid="v.csv", text="a text", label=("x", "y z")),
        DataFiles(("a.csv", "b.csv"), text_b="other", encoding="latin-1", label_separator=";", bad_rows="skip"),
        DataFiles("t.csv", test="<b>.csv", label=("$HOME",)),
    ],
)
def test_the_command_gives_the_files_and_settings_back(files, tmp_path):
    settings = Settings(seed=7, max_tokens=9)
    saved = {**settings.to_dict(), "files": json.loads(json.dumps(asdict(files)))}
    (tmp_path / "recipe.json").write_text(json.dumps(saved))
    words = shlex.split(command(saved, tmp_path) or "")
    options = parser().parse_args(words[1:])
    assert words[0] == "slanted" and options.out == f"{tmp_path}-again"
    assert files_of(options) == files
    assert settings_of(options) == settings


def test_a_run_that_python_trained_has_no_command():
    assert command({"files": None}, Path("r")) is None


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of runs of every kind."""
    place = tmp_path_factory.mktemp("pages")
    return {name: make(place / name) for name, make in fake_runs.RUNS.items()}


@pytest.fixture
def run(pages, tmp_path):
    """A copy of a run's files that a test may break."""
    source = pages["single"].parent
    for path in source.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda run: (run / "report.json").unlink(), "report.json: is missing, without which there is no report"),
        (lambda run: (run / "report.json").write_text("[]"), "report.json: holds no object; restore the file"),
        (lambda run: (run / "report.json").write_text("{"), "report.json: cannot be read as JSON"),
        (lambda run: (run / "metrics.json").unlink(), "is not a finished run, metrics.json is missing"),
        (lambda run: (run / "history.csv").write_text("step\n"), "history.csv: holds no steps"),
        (lambda run: (run / "history.csv").write_text("step\nx\n"), "history.csv: cannot be read"),
        (lambda run: (run / "history.csv").write_text("s\n0,1,nan,1\n"), "history.csv: holds what is no finite number"),
    ],
)
def test_a_broken_run_is_refused_in_one_line(run, break_it, said, capsys):
    break_it(run)
    assert main(["report", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error and error.count("\n") == 1


FILES = ("report.json", "metrics.json", "recipe.json", "labels.json")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", ["single", "multilabel", "regression", "unscored"])
def test_whatever_is_damaged_is_refused_or_harmless(pages, name, file, tmp_path):
    folder = shutil.copytree(pages[name].parent, tmp_path / "run")
    check_damages(folder, file, read_report, most=15)


def test_what_is_damaged_is_named(run, capsys):
    data = json.loads((run / "report.json").read_text(encoding="utf-8"))
    data["epochs"][1]["train_loss"] = "low"
    (run / "report.json").write_text(json.dumps(data), encoding="utf-8")
    assert main(["report", str(run)]) == 2
    said = "report.json: holds no usable 'epochs[1].train_loss'; restore the file or train again"
    assert said in capsys.readouterr().err


def test_no_such_run(capsys, tmp_path):
    assert main(["report", str(tmp_path / "none")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


def test_the_page_is_made_again_from_the_run_s_files_alone(run, capsys):
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"report: {run / 'report.html'}\n"
    first = (run / "report.html").read_bytes()
    for name in ("report.html", "predictions.csv"):
        (run / name).unlink()
    assert main(["report", str(run)]) == 0
    assert (run / "report.html").read_bytes() == first


# the page


@pytest.mark.parametrize("name", ["single", "multilabel", "pairs", "nasty"])
def test_the_sections_stand_in_order(pages, name):
    assert list(reader(pages[name]).sections) == ORDER


def test_regression_and_runs_without_scores_leave_out_what_they_lack(pages):
    assert list(reader(pages["regression"]).sections) == [one for one in ORDER if one not in ("classes", "calibration")]
    shown = reader(pages["unscored"]).sections
    assert list(shown) == ["result", "rates", "epochs", "suspects", "lengths", "cost", "repeat"]
    assert "No rows were held out, so this run has no score." in shown["result"]


@pytest.mark.parametrize("name", fake_runs.RUNS)
def test_the_page_is_one_small_file_that_asks_for_nothing(pages, name):
    assert pages[name].stat().st_size < 3_000_000
    found = reader(pages[name])
    assert found.elements.count("script") == 1 + len(SCRIPTS)
    assert not {"img", "iframe", "object", "embed", "video", "audio", "form", "base"} & set(found.elements)
    assert all(address.startswith(("data:,", "#")) for address in found.addresses)


def test_hostile_labels_and_texts_stay_texts(pages):
    found = reader(pages["nasty"])
    data = json.loads(found.scripts[0])
    labels = fake_runs.hostile()[0].target.labels
    assert [name[:23] for name in data["confusion"]["names"]] == [label[:23] for label in labels]
    shown = found.sections["classes"]
    for label in labels:
        assert unescape(html.label(label)).removeprefix("<bdi>").removesuffix("</bdi>") in shown
    assert found.elements.count("h1") == 1 and found.elements.count("main") == 1
    assert "onmouseover" not in {name for name in re.findall(r"<\w+[^>]*\s(\w+)=", pages["nasty"].read_text("utf-8"))}


def test_the_result_in_one_sentence(pages):
    metrics = json.loads((pages["single"].parent / "metrics.json").read_text())
    shown = " ".join(reader(pages["single"]).sections["result"].split())
    right = metrics["test"]["accuracy"]
    assert f"The model labels {100 * right:.1f} % of the 60 test rows correctly" in shown
    linear, constant = (100 * metrics["baselines"][name]["accuracy"] for name in ("tfidf", "majority"))
    said = f"TF-IDF with logistic regression reaches {linear:.1f} %, the most frequent label alone {constant:.1f} %."
    assert said in shown
    for name in ("test", "tfidf", "majority"):
        scores = metrics[name] if name == "test" else metrics["baselines"][name]
        assert f"{scores['accuracy']:.4f}{scores['macro_f1']:.4f}" in shown.replace(" ", "")


def test_a_constant_that_cannot_be_ranked_is_said_to_have_no_score(pages):
    assert "the mean alone no score" in reader(pages["regression"]).sections["result"]


def test_rates_are_those_of_the_plan(pages):
    report = read_report(pages["single"].parent)
    lines = {line["name"]: line["rates"] for line in report["course"]["lines"]}
    history = [rate for *_, rate in fake_runs.history()]
    steps = fake_runs.STEPS
    np.testing.assert_allclose(lines["head"], history, rtol=1e-4)
    assert lines["block_5"][:steps] == [None] * steps
    np.testing.assert_allclose(np.array(lines["block_5"][steps:]), np.array(history[steps:]) / 2.6, rtol=1e-4)
    assert lines["embeddings"][: 2 * steps] == [None] * 2 * steps


def test_the_weakest_class_comes_first(pages):
    per_class = json.loads((pages["single"].parent / "metrics.json").read_text())["test"]["per_class"]
    shown = reader(pages["single"]).sections["classes"]
    order = sorted(per_class, key=lambda name: per_class[name]["f1"])
    assert [shown.index(name) for name in order] == sorted(shown.index(name) for name in order)


def test_occlusion_is_said_and_words_are_weighed(pages):
    path = pages["single"]
    shown = reader(path).sections["mistakes"]
    assert "weighed by occlusion" in shown and "points" in shown and "t.csv, line" in shown
    assert path.read_text(encoding="utf-8").count('<mark class="for" style="--w:1.00">') >= 3


def test_a_page_without_mistakes_says_so(pages):
    report = read_report(pages["single"].parent)
    report["data"]["mistakes"] = []
    assert "There is none." in Reader(page(report)).sections["mistakes"]


def edited(pages, name="single", **values):
    """Return the page of a run with some values of its dict replaced, each named by its way."""
    report = json.loads(json.dumps(read_report(pages[name].parent)))
    for way, value in values.items():
        *outer, last = way.split("__")
        place = report
        for key in outer:
            place = place[key]
        place[last] = value
    return page(report)


def test_what_comes_from_files_is_escaped_beside_numbers(pages):
    tagged = {"recipe__max_tokens": "<x1>", "recipe__batch_size": "<x2>", "recipe__best_by": "<x3>"}
    report = read_report(pages["multilabel"].parent)
    suspect = {"place": "t.csv, line 2", "text": "t", "label": "spam", "given": "<x4>", "probability": 0.9}
    listed = {**report["data"]["suspects"], "train": {"rows": 9, "found": 1, "listed": [suspect]}}
    made = edited(pages, "multilabel", data__suspects=listed, metrics__kept_epoch="<x5>", **tagged)
    for number in range(1, 6):
        assert f"<x{number}>" not in made and f"&lt;x{number}&gt;" in made


def test_lengths_of_a_sample_are_said_to_be_estimated(pages):
    whole = Reader(edited(pages)).sections
    assert "estimated" not in whole["lengths"] and "about" not in whole["cost"]
    sample = Reader(edited(pages, data__lengths__estimated_on=10_000)).sections
    assert "All of this is estimated on 10,000 of them, drawn at random." in sample["lengths"]
    tokens = read_report(pages["single"].parent)["data"]["cost"]["tokens_an_epoch"]
    assert f"about {tokens:,}" in sample["cost"]


def test_settings_that_change_the_run_are_listed(pages):
    shown = Reader(edited(pages, recipe__long="chunk", recipe__class_weight="balanced")).sections["repeat"]
    assert "longchunk" in shown and "class weightbalanced" in shown and "fold" not in shown


def test_the_weighted_training_loss_stands_not_beside_the_other(pages):
    epochs = [{"epoch": 1, "valid": {"loss": 0.5}}]
    made = edited(pages, data__epochs=epochs, recipe__class_weight="balanced")
    assert "The training loss weighs the classes, the validation loss does not" in made
    assert '<li class="c-train">' not in made and '<li class="c-train">' in edited(pages)


FOLDERS = {"fold_2": True, "fold_3": False, "other": False, "fold_x": False}


@pytest.mark.parametrize(("name", "is_fold"), FOLDERS.items())
def test_only_a_fold_has_the_command_of_the_cross_validation(run, name, is_fold, tmp_path_factory):
    whole = tmp_path_factory.mktemp("whole")
    saved = json.loads((run / "recipe.json").read_text(encoding="utf-8"))
    (whole / "recipe.json").write_text(json.dumps({**saved, "folds": 2}), encoding="utf-8")
    report = read_report(run.rename(whole / name))
    assert report["fold"] == ("2 of 2" if is_fold else None)
    repeated = whole if is_fold else whole / name
    assert f"--recipe {repeated}/recipe.json" in report["command"]
    assert ("fold2 of 2" in Reader(page(report)).sections["repeat"]) == is_fold


def test_script_json_has_nothing_that_ends_a_script():
    made = html.script_json({label: label for label in fake_runs.NASTY})
    assert not set("<>&") & set(made) and made.isascii()
    assert json.loads(made) == {label: label for label in fake_runs.NASTY}


def test_the_policy_names_the_scripts_by_their_sum(pages):
    text = pages["single"].read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe-eval" not in policy
    for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert policy.count("sha256-") == len(SCRIPTS)


def test_names_of_the_run_s_files():
    assert {run_folder.REPORT, run_folder.REPORT_DATA} <= set(run_folder.OURS)
