"""What a report says of rows, taken apart: numbers, mistakes, doubtful labels against the rows they come from."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import fake_runs
import numpy as np
import pytest

from slanted.report.collect import predicted_rows as predicted_rows
from slanted.report.collect import report_data
from slanted.report.collect.excerpts import excerpt, pieces
from slanted.report.collect.label_issues import suspect_classes, suspects_of
from slanted.report.collect.plot_data import calibration, confusion, length_bins, outcomes, quality_of, scatter
from slanted.report.collect.predicted_rows import Predicted, predict_parts, read_predicted
from slanted.report.collect.report_data import _sample
from slanted.report.collect.worst_errors import describe, worst_mistakes
from slanted.text.labels.examples import Part
from slanted.text.labels.targets import Target
from slanted.text.models.predictions_csv import write_predictions
from slanted.text.scoring.metrics import expected_calibration_error

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
    monkeypatch.setattr(report_data, "MOST_ROWS", 7)
    data, model = fake_runs.data_of(COLORS, ("red", "blue"), rows=(180, 20, 30))
    assert len(_sample(data.train, 3, seed=0)) == 7
    alone = report_data.predictions_of(replace(data, test=None), 3, 0, model, Path())
    assert (alone["suspects"]["train"]["rows"], alone["suspects"]["held_out"]["rows"]) == (7, 20)  # 20 are scored
    write_predictions(tmp_path / "predictions.csv", COLORS, model.predict(data.test.texts, None), 0.5)
    tested = report_data.predictions_of(data, 3, 0, model, tmp_path)
    assert tested["suspects"]["held_out"]["rows"] == 7 + 30


def test_predicted_rows_know_their_truth():
    part = rows(["red", "blue"], [0, 1])
    assert Predicted(part, np.zeros((2, 2)), np.zeros(2)).truth.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert Predicted(Part(["a"], None, np.array([0])), np.zeros((1, 2)), np.zeros(1)).place(0) == "row 0"
