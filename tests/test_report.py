"""What a report says, taken apart: numbers against the rows they come from, texts that stay texts, the command."""

import base64
import hashlib
import json
import re
import shlex
import shutil
import tracemalloc
from dataclasses import asdict, replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import fake_runs
import numpy as np
import pytest

from slanted.cli import files_of, main, parser, settings_of
from slanted.errors import InputError
from slanted.report import collect, markup
from slanted.report import predicted as predicted_rows
from slanted.report.collect import _sample
from slanted.report.excerpts import excerpt, pieces
from slanted.report.folder import command, course, read_report
from slanted.report.mistakes import describe, worst_mistakes
from slanted.report.page import SCRIPTS, page
from slanted.report.predicted import Predicted, predict_parts, read_predicted
from slanted.report.quality import calibration, confusion, length_bins, outcomes, quality_of, scatter
from slanted.report.suspects import suspect_classes, suspects_of
from slanted.text import artefacts
from slanted.text.data import DataFiles, Part
from slanted.text.metrics import expected_calibration_error
from slanted.text.predictions import write_predictions
from slanted.text.settings import Settings
from slanted.text.targets import Target

pytestmark = pytest.mark.once

COLORS = Target("single", ("red", "blue"))
draw = np.random.default_rng(0)
MOST_BYTES_A_ROW = 160


class Counting:
    """Says red by the words `red`, blue by the words `blue`; counts how often it is asked."""

    cuts = 0.5

    def __init__(self, kind="single"):
        self.kind, self.calls = kind, 0

    def predict(self, texts, texts_b):
        self.calls += 1
        both = [f"{text} {text_b}" for text, text_b in zip(texts, texts_b or [""] * len(texts), strict=True)]
        counts = np.array([[text.split().count(name) for name in COLORS.labels] for text in both], "float64")
        if self.kind == "regression":
            return counts
        odds = np.exp(counts)
        return odds / odds.sum(axis=1, keepdims=True) if self.kind == "single" else odds / (2.0 + odds)


def rows(texts, y, texts_b=None):
    return Part(texts, texts_b, np.array(y), fake_runs.places_of(len(texts)))


def predicted(texts, y, kind="single", texts_b=None):
    model = Counting(kind)
    target = Target(kind, COLORS.labels)
    return predict_parts(model, [rows(texts, y, texts_b)], target)[0], target, model


# the numbers


def test_the_confusion_matrix_counts_every_row():
    y, said = draw.integers(0, 5, 300), draw.integers(0, 5, 300)
    cells = confusion(y, said)
    assert sum(count for *_, count in cells) == 300
    for true, predicted_as, count in cells:
        assert count == np.sum((y == true) & (said == predicted_as))


def test_the_labels_outcomes():
    truth = np.array([[1, 0], [1, 1], [0, 0]])
    given = np.array([[1, 1], [0, 1], [0, 1]])
    assert outcomes(truth, given) == [{"found": 1, "missed": 1, "wrong": 0}, {"found": 1, "missed": 0, "wrong": 2}]


def test_calibration_bins_are_those_of_the_calibration_error():
    confidence = draw.random(500)
    outcome = draw.random(500) < confidence**2
    bins = calibration(confidence, outcome)
    error = sum(one["rows"] / 500 * abs(one["share"] - one["confidence"]) for one in bins)
    assert error == pytest.approx(expected_calibration_error(confidence, outcome))
    assert sum(one["rows"] for one in bins) == 500


def test_scatter_keeps_the_pairs_and_is_bounded():
    y = draw.normal(size=(2000, 15)).astype("float32")
    points = scatter(y, y + 1.0)
    assert (len(points), len(points[0])) == (12, 500)
    np.testing.assert_allclose([predicted - true for true, predicted in points[3]], 1.0, rtol=1e-4)


def test_length_bins_count_every_text():
    lengths = draw.integers(3, 129, 1000)
    bins = length_bins(lengths, lengths == 128)
    assert len(bins) <= 32 and sum(whole + cut for *_, whole, cut in bins) == 1000
    assert sum(cut for *_, cut in bins) == np.sum(lengths == 128)
    for low, high, whole, cut in bins:
        assert whole + cut == np.sum((lengths >= low) & (lengths <= high))


@pytest.mark.parametrize(("kind", "keys"), [("single", {"confusion", "calibration"}), ("regression", {"scatter"})])
def test_quality_by_task(kind, keys):
    y = [0, 1] if kind == "single" else [[1.0, 0.0], [0.0, 1.0]]
    said, target, _ = predicted(["red", "blue"], y, kind)
    assert quality_of(said, target).keys() == keys


def test_several_sets_of_rows_are_predicted_at_once():
    model = Counting()
    parts = [rows(["red", "blue"], [0, 1]), rows(["blue"], [0])]
    first, second = predict_parts(model, parts, COLORS)
    assert model.calls == 1
    assert first.decided.tolist() == [0, 1] and second.decided.tolist() == [1]
    assert second.values.shape == (1, 2)


class Asked(Counting):
    """Keeps what it is asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def predict(self, texts, texts_b):
        self.asked.append(texts)
        return super().predict(texts, texts_b)


def test_many_rows_are_predicted_a_set_at_a_time_and_stay_where_they_are(monkeypatch):
    parts = [rows(["red", "blue"], [0, 1]), rows(["blue"], [0])]
    at_once = predict_parts(Counting(), parts, COLORS)
    monkeypatch.setattr(predicted_rows, "ROWS_AT_ONCE", 2)
    model = Asked()
    for one, other in zip(predict_parts(model, parts, COLORS), at_once, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.decided, other.decided)
    assert [texts is part.texts for texts, part in zip(model.asked, parts, strict=True)] == [True, True]


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_predictions_are_read_as_they_were_written(kind, tmp_path):
    target = Target(kind, COLORS.labels)
    part = rows(["red", "blue", "red blue blue"], [0, 1, 1] if kind == "single" else [[1.0, 0.0]] * 3)
    [said] = predict_parts(Counting(kind), [part], target)
    write_predictions(tmp_path / "p.csv", target, said.values, 0.5)
    read = read_predicted(tmp_path / "p.csv", part, target)
    np.testing.assert_allclose(read.values, said.values, atol=1e-6)
    np.testing.assert_array_equal(read.decided, said.decided)


def test_a_large_file_of_predictions_is_read_without_its_cells(tmp_path):
    labels = tuple(f"class {number}" for number in range(10))
    target, count = Target("single", labels), 5_000
    write_predictions(tmp_path / "p.csv", target, np.full((count, 10), 0.1), 0.5)
    part = Part(["x"] * count, None, np.zeros(count, "int32"))
    tracemalloc.start()
    read_predicted(tmp_path / "p.csv", part, target)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * count * 11 * 8  # its numbers take 8 bytes each


# mistakes and the words that drove them


def test_the_worst_mistake_and_the_word_that_drove_it():
    texts = ["the blue door", "a red blue red blue blue car", "red sky", "blue blue blue sea of trouble"]
    said, target, model = predicted(texts, [0, 0, 0, 0])
    worst = worst_mistakes(said, target)
    assert [one.row for one in worst] == [3, 0, 1]  # by confidence; the row that is right is not there
    shown = describe(worst, said, target, model)
    assert model.calls == 2  # the rows, and all variants of all mistakes
    assert shown[0]["predicted"] == "blue" and shown[0]["true"] == "red" and shown[0]["place"] == "t.csv, line 5"
    assert shown[0]["confidence"] == pytest.approx(np.e**3 / (np.e**3 + 1))
    weights = dict(map(tuple, shown[1]["text"]["pieces"]))
    odds = np.e / (np.e + 1)
    assert weights == {"the": 0.0, "blue": pytest.approx(odds - 0.5, abs=1e-6), "door": 0.0}
    red = [weight for word, weight in shown[2]["text"]["pieces"] if word == "red"]
    assert all(weight < 0.0 for weight in red)


def test_a_pair_s_second_text_has_weights_of_its_own():
    said, target, model = predicted(["a red one"], [0], texts_b=["blue blue thing"])
    [shown] = describe(worst_mistakes(said, target), said, target, model)
    assert all(weight > 0.0 for word, weight in shown["text_b"]["pieces"] if word == "blue")
    assert dict(map(tuple, shown["text"]["pieces"]))["red"] < 0.0


def test_a_label_that_was_not_given_is_driven_by_what_spoke_against_it():
    said, target, model = predicted(["red red sky"], [[1.0, 1.0]], "multilabel")
    [shown] = describe(worst_mistakes(said, target), said, target, model)
    assert (shown["label"], shown["predicted"], shown["true"]) == ("blue", False, True)
    assert shown["confidence"] == pytest.approx(1 - 1 / 3)


def test_of_numbers_the_largest_error_in_deviations():
    said, target, model = predicted(["red", "red blue", "blue"], [[1.0, 0.0], [1.0, 9.0], [0.0, 1.0]], "regression")
    first, *_ = describe(worst_mistakes(said, target), said, target, model)
    assert (first["target"], first["predicted"], first["true"]) == ("blue", 1.0, 9.0)
    assert dict(map(tuple, first["text"]["pieces"]))["blue"] == 1.0


def test_without_a_mistake_nothing_is_asked():
    said, target, model = predicted(["red"], [0])
    assert describe(worst_mistakes(said, target), said, target, model) == [] and model.calls == 1


def test_mistakes_and_words_are_bounded():
    texts = [" ".join(["blue"] * 200), "x" * 10_000, "  ", "blue " * 3] * 10
    said, target, model = predicted(texts, [0] * 40)
    shown = describe(worst_mistakes(said, target), said, target, model)
    assert len(shown) == 10
    assert all(len(one["text"]["pieces"]) <= 30 for one in shown)
    assert all(sum(len(word) + 1 for word, _ in one["text"]["pieces"]) <= 401 for one in shown)
    assert shown[0]["text"]["goes_on"]


def test_pieces_cover_the_beginning_of_a_text():
    text = " ".join(f"word{number}" for number in range(500))
    spans = pieces(text)
    assert len(spans) <= 30 and spans[0][0] == 0 and spans[-1][1] == 400
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text[:400].replace(" ", "")


@pytest.mark.parametrize("text", ["a\ud800b", "\x00\x1b[31m", "\u202eevil", "x" * 10_000, "\U0001f600" * 500])
def test_an_excerpt_can_be_written_and_is_short(text):
    made = excerpt(text)
    made.encode("utf-8")
    assert len(made) <= 400 and not set(made) & set("\x00\x1b")


# labels that are likely wrong


def test_planted_wrong_labels_are_found_first():
    true = draw.integers(0, 4, 400)
    probabilities = np.full((400, 4), 0.05)
    probabilities[np.arange(400), true] = 0.85
    given = true.copy()
    planted = draw.choice(400, 20, replace=False)
    given[planted] = (true[planted] + 1 + draw.integers(0, 3, 20)) % 4
    found, better = suspect_classes(given, probabilities)
    assert set(found) == set(planted)
    np.testing.assert_array_equal(better, true[found])


def test_a_class_that_the_model_never_is_sure_of_has_a_low_threshold():
    probabilities = np.array([[0.7, 0.3], [0.68, 0.32], [0.95, 0.05], [0.9, 0.1], [0.55, 0.45]])
    found, better = suspect_classes(np.array([1, 1, 0, 0, 0]), probabilities)
    assert found.tolist() == [4] and better.tolist() == [1]  # though the model says 0 of every row


def test_right_labels_are_no_suspects():
    said, target, _ = predicted(["red red", "blue blue"] * 20, [0, 1] * 20)
    assert suspects_of([said], target) == {"rows": 40, "found": 0, "listed": []}


def test_suspects_of_two_sets_name_their_places():
    first, target, _ = predicted(["red red red", "blue blue blue"] * 10, [0, 1] * 10)
    second, _, _ = predicted(["red red", "blue blue blue blue"], [0, 0])
    found = suspects_of([first, second], target)
    assert (found["rows"], found["found"]) == (22, 1)
    [one] = found["listed"]
    assert one["place"] == "t.csv, line 3" and one["text"] == "blue blue blue blue"
    assert (one["given"], one["suggested"]) == ("red", "blue")


def test_suspects_among_several_labels():
    texts = ["red red red red", "sky"] * 10
    y = np.tile([[1.0, 0.0], [0.0, 0.0]], (10, 1))
    y[1] = [1.0, 0.0]
    said, target, _ = predicted(texts, y, "multilabel")
    first = suspects_of([said], target)["listed"][0]
    assert (first["label"], first["given"], first["place"]) == ("red", "with", "t.csv, line 3")


def test_a_number_far_from_its_prediction():
    y = np.column_stack([np.arange(30) % 3 + draw.normal(scale=0.1, size=30), np.zeros(30)])
    y[7, 0] += 5.0
    said, target, _ = predicted([" ".join(["red"] * (at % 3)) or "x" for at in range(30)], y, "regression")
    found = suspects_of([said], target)
    assert found["found"] >= 1
    assert found["listed"][0]["place"] == "t.csv, line 9" and found["listed"][0]["target"] == "red"


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_suspects_take_little_memory_however_many_they_are(kind):
    count = 30_000
    y = np.tile([0, 1, 1], count // 3)
    values = np.eye(2)[np.tile([0, 1, 0], count // 3)] + draw.normal(scale=0.01, size=(count, 2))
    said = Predicted(rows(["x"] * count, y if kind == "single" else np.eye(2)[y]), values, values)
    target = Target(kind, COLORS.labels)
    tracemalloc.start()
    found = suspects_of([said, said], target)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["found"] > count // 4 and len(found["listed"]) == 10
    assert most / (2 * count) < MOST_BYTES_A_ROW


@pytest.mark.parametrize(("count", "epochs", "expected"), [(100, 3, 30), (100, 20, 100), (1, 1, 1), (4, 1, 1)])
def test_how_many_training_rows_are_looked_at(count, epochs, expected):
    assert len(_sample(rows(["red"] * count, [0] * count), epochs, seed=0)) == expected


def test_the_rows_that_are_looked_at_are_bounded(monkeypatch, tmp_path):
    monkeypatch.setattr(collect, "MOST_ROWS", 7)
    data, model = fake_runs.data_of(COLORS, ("red", "blue"), rows=(180, 20, 30))
    assert len(_sample(data.train, 3, seed=0)) == 7
    alone = collect.predictions_of(replace(data, test=None), 3, 0, model, Path())
    assert (alone["suspects"]["train"]["rows"], alone["suspects"]["held_out"]["rows"]) == (7, 20)  # 20 are scored
    write_predictions(tmp_path / "predictions.csv", COLORS, model.predict(data.test.texts, None), 0.5)
    tested = collect.predictions_of(data, 3, 0, model, tmp_path)
    assert tested["suspects"]["held_out"]["rows"] == 7 + 30


# the run's folder


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


MISSING = object()
JUNK = (None, {}, [], "<x>", -1, 1e300, [[]], {"a": 1})
FILES = ("report.json", "metrics.json", "recipe.json", "labels.json")


def places(value, path=()):
    """Return the way to every value inside one of JSON's types."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(way for key, one in inside for way in places(one, (*path, key)))]


def damaged(value, way, junk):
    """Return a copy in which what stands at the end of a way is replaced, or left out where junk is `MISSING`."""
    if not way:
        return junk
    copy = value.copy()
    if len(way) == 1 and junk is MISSING:
        del copy[way[0]]
    else:
        copy[way[0]] = damaged(value[way[0]], way[1:], junk)
    return copy


def check_damages(folder, file, read_folder, most):
    """Damage values of a JSON file one at a time: the page is refused in one line, or is harmless."""
    held = json.loads((folder / file).read_text(encoding="utf-8"))
    ways = [way for way in places(held) if not any(isinstance(step, int) and step > 1 for step in way)]
    refused = 0
    for at in np.random.default_rng(0).permutation(len(ways))[:most]:
        for junk in (*JUNK, MISSING):
            if junk is MISSING and not ways[at]:
                continue
            (folder / file).write_text(json.dumps(damaged(held, ways[at], junk)), encoding="utf-8")
            try:
                made = page(read_folder(folder))
            except InputError as error:
                refused += 1
                assert str(error).startswith(str(folder)) and "\n" not in str(error)
            else:
                assert "<x>" not in made
    assert refused > 5


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


class Reader(HTMLParser):
    """Reads a page as a browser does: its elements, its addresses, the text of each section."""

    def __init__(self, page_text):
        super().__init__()
        self.elements, self.addresses, self.sections, self.scripts, self._inside = [], [], {}, [], []
        self.feed(page_text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        given = dict(attrs)
        self.addresses += [given[name] for name in ("src", "href", "action", "srcset") if given.get(name)]
        if tag == "section":
            self.sections[given["id"]] = ""
        self._inside.append(tag)

    def handle_endtag(self, tag):
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "script" in self._inside:
            self.scripts.append(data)
        elif self.sections:
            last = next(reversed(self.sections))
            self.sections[last] += data


def reader(path):
    return Reader(path.read_text(encoding="utf-8"))


ORDER = ["result", "rates", "epochs", "confusion", "classes", "calibration", "mistakes", "suspects", "lengths", "cost"]
ORDER.append("repeat")


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
        assert unescape(markup.label(label)).removeprefix("<bdi>").removesuffix("</bdi>") in shown
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
    made = markup.script_json({label: label for label in fake_runs.NASTY})
    assert not set("<>&") & set(made) and made.isascii()
    assert json.loads(made) == {label: label for label in fake_runs.NASTY}


def test_the_policy_names_the_scripts_by_their_sum(pages):
    text = pages["single"].read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1)
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe-eval" not in policy
    for script in re.findall(r"<script>(.*?)</script>", text, re.DOTALL):
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert policy.count("sha256-") == len(SCRIPTS)


def test_predicted_rows_know_their_truth():
    part = rows(["red", "blue"], [0, 1])
    assert Predicted(part, np.zeros((2, 2)), np.zeros(2)).truth.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert Predicted(Part(["a"], None, np.array([0])), np.zeros((1, 2)), np.zeros(1)).place(0) == "row 0"


def test_names_of_the_run_s_files():
    assert {artefacts.REPORT, artefacts.REPORT_DATA} <= set(artefacts.OURS)
