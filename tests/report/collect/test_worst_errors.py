"""The mistakes a model is surest of, and the words that drove them."""

import numpy as np
import pytest
from counting_model import predicted

from slanted.report.collect.worst_errors import describe, worst_mistakes

pytestmark = pytest.mark.once


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


@pytest.mark.parametrize(("texts", "listed"), [(0, 1), (8, 1), (9, 2), (12, 2), (13, 3), (np.inf, 3)])
def test_mistakes_that_there_is_no_time_for_are_left_out(texts, listed):
    said, target, model = predicted(["blue blue blue", "blue blue it is", "blue on it"], [0, 0, 0])
    worst = worst_mistakes(said, target)
    shown = describe(worst, said, target, model, most_texts=texts)  # of 4, 5 and 4 texts
    assert shown == describe(worst, said, target, model)[:listed]
