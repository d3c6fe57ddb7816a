"""The two rows every score is read against: the majority class, and TF-IDF with a linear model."""

import numpy as np
import pytest

from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.scoring import baselines
from slanted.text.scoring.baselines import baseline_scores
from slanted.text.scoring.thresholds import best_thresholds

pytestmark = pytest.mark.once

COLOURS = Target("single", ("blue", "green", "red"))
SIGNS = Target("single", ("bad", "good"))
TOPICS = Target("multilabel", ("food", "rooms", "never"))
STARS = Target("regression", ("stars",))

GOOD = ["good film", "a really good one", "good and good again", "so good", "good fun"]
BAD = ["bad film", "a really bad one", "bad and bad again", "so bad"]
TEXTS, LABELS = GOOD + BAD, np.array([1] * len(GOOD) + [0] * len(BAD), np.int32)


def single(texts, y, eval_texts, eval_y, target=SIGNS, **options):
    train = Examples(texts, labels=np.array(y, np.int32))
    return baseline_scores(train, Examples(eval_texts, labels=np.array(eval_y, np.int32)), target, **options)


def test_majority_predicts_the_class_shares():
    scores = single(["a", "b", "c", "d"], [2, 2, 2, 0], ["e", "f", "g", "h"], [2, 2, 0, 0], COLOURS)["majority"]
    assert scores["accuracy"] == 0.5
    assert scores["loss"] == pytest.approx(-(2 * np.log(0.75) + 2 * np.log(0.25)) / 4)
    assert scores["per_class"]["red"] == {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 2}
    assert scores["per_class"]["blue"]["recall"] == 0.0


def test_a_class_unseen_in_training_costs_a_finite_loss():
    scores = single(["a", "b"], [0, 2], ["c"], [1], COLOURS)
    assert scores["majority"]["loss"] == scores["tfidf"]["loss"] == pytest.approx(-np.log(1e-15))


def test_tfidf_learns_the_words():
    scores = single(TEXTS, LABELS, ["a good day", "bad luck", "what a bad day"], [1, 0, 0])
    assert scores["tfidf"]["accuracy"] == 1.0
    assert scores["tfidf"]["loss"] < 0.3
    assert scores["majority"]["accuracy"] == pytest.approx(1 / 3)


def test_both_rows_have_the_same_keys():
    scores = single(TEXTS, LABELS, TEXTS, LABELS, positive="bad")
    assert list(scores) == ["majority", "tfidf"]
    assert scores["majority"].keys() == scores["tfidf"].keys()
    assert scores["majority"]["f1"] == 0.0


def test_the_same_on_every_call():
    assert single(TEXTS, LABELS, TEXTS, LABELS) == single(TEXTS, LABELS, TEXTS, LABELS)


def test_two_rows_a_class():
    scores = single(["yes please", "yes", "no thanks", "no"], [1, 1, 0, 0], ["no way", "yes sir"], [0, 1])
    assert scores["tfidf"]["accuracy"] == 1.0


def test_texts_without_words_are_read_by_characters():
    scores = single(["😀😀", "😀!", "😡😡", "😡?"], [1, 1, 0, 0], ["😡", "😀"], [0, 1])
    assert scores["tfidf"]["accuracy"] == 1.0


def test_one_letter_words_count():
    scores = single(["x", "x x", "y", "y y"], [1, 1, 0, 0], ["y", "x"], [0, 1])
    assert scores["tfidf"]["accuracy"] == 1.0


def test_word_order_within_two_words_counts():
    texts = ["dog bites man", "big dog bites man", "man bites dog", "big man bites dog"]
    assert single(texts, [0, 0, 1, 1], texts, [0, 0, 1, 1])["tfidf"]["accuracy"] == 1.0


def test_pairs_are_compared():
    # Each word stands alike in both classes: only whether the two segments agree tells them apart.
    words = ["tea", "jam", "rye", "oat", "fig", "nut"]
    pairs = [(a, b) for a in words for b in words]
    a, b = ([pair[side] for pair in pairs] for side in (0, 1))
    y = np.array([first == second for first, second in pairs], np.int32)
    scores = baseline_scores(Examples(a, b, y), Examples(a, b, y), SIGNS)
    assert scores["tfidf"]["accuracy"] == 1.0


def test_several_labels_one_of_them_constant_in_training():
    texts = ["good food", "food again", "clean rooms", "big rooms", "food and rooms", "nothing"]
    y = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]], np.float32)
    others = Examples(["food", "rooms"], labels=np.array([[1, 0, 0], [0, 1, 1]], np.float32))
    scores = baseline_scores(Examples(texts, labels=y), others, TOPICS)
    assert scores["tfidf"]["accuracy"] == 0.5
    assert scores["tfidf"]["per_class"]["food"]["f1"] == scores["tfidf"]["per_class"]["rooms"]["f1"] == 1.0
    assert scores["tfidf"]["per_class"]["never"]["recall"] == 0.0
    assert scores["majority"]["roc_auc"] == 0.5


RARE = Target("multilabel", ("spam", "never"))


def rare(count, seed):
    """Rows of which few are spam; one word in three of those tells it."""
    draw = np.random.default_rng(seed)
    spam = draw.random(count) < 0.15
    texts = [" ".join(draw.choice(["the", "a", "note", *(["prize"] * 2 if one else [])], 3)) for one in spam]
    return Examples(texts, None, np.stack([spam, np.zeros(count)], axis=1).astype("float32"))


def scored(train, evaluation, choosing):
    return baseline_scores(train, evaluation, RARE, choosing=choosing)


def test_thresholds_of_several_labels_are_chosen_on_validation_rows_as_the_model_s_are():
    train, valid, test = rare(200, 0), rare(100, 1), rare(300, 2)
    fixed, chosen = scored(train, test, []), scored(train, test, [(train, valid)])
    probabilities = np.full((100, 2), train.y.mean(axis=0))
    cuts = best_thresholds(valid.y, probabilities)
    assert fixed["majority"]["per_class"]["spam"]["recall"] == 0.0
    assert cuts[0] < 0.5 and chosen["majority"]["per_class"]["spam"]["recall"] == 1.0
    for name, scores in chosen.items():
        assert scores["macro_f1"] >= fixed[name]["macro_f1"] and scores["loss"] == fixed[name]["loss"]
    others = Examples(valid.texts, None, np.zeros_like(valid.y))  # no validation row has a label: 0.5
    assert scored(train, test, [(train, others)]) == fixed


def test_of_several_splits_the_thresholds_are_the_means(monkeypatch):
    train, test = rare(120, 0), rare(50, 1)
    splits = [(rare(90, seed), rare(40, seed + 5)) for seed in (2, 3)]
    monkeypatch.setattr(baselines, "best_thresholds", lambda y, said: np.array([len(y) / 100, said[:, 0].mean()]))
    given = []
    score = baselines.score_predictions
    monkeypatch.setattr(baselines, "score_predictions", lambda *args: given.append(args[-1]) or score(*args))
    scored(train, test, splits)
    shares = [rows.y[:, 0].mean(dtype="float64") for rows, _ in splits]
    np.testing.assert_allclose(given[0], [0.4, np.mean(shares)])


def test_regression_takes_the_mean_and_ridge():
    y = np.array([[5.0]] * len(GOOD) + [[1.0]] * len(BAD), np.float32)
    others = Examples(["good", "bad"], labels=np.array([[5.0], [1.0]], np.float32))
    scores = baseline_scores(Examples(TEXTS, labels=y), others, STARS)
    mean = (5 * 5 + 4 * 1) / 9
    assert scores["majority"]["mae"] == pytest.approx(2.0)
    assert scores["majority"]["loss"] == pytest.approx(((5 - mean) ** 2 + (1 - mean) ** 2) / 2)
    assert "pearson" not in scores["majority"]
    assert scores["tfidf"]["pearson"] == pytest.approx(1.0)
    assert scores["tfidf"]["mae"] < 1.0


def test_several_targets():
    y = np.array([[5.0, -1.0]] * len(GOOD) + [[1.0, 1.0]] * len(BAD), np.float32)
    train = Examples(TEXTS, labels=y)
    scores = baseline_scores(train, train, Target("regression", ("stars", "price")))
    assert list(scores["tfidf"]["per_target"]) == ["stars", "price"]
    assert scores["tfidf"]["per_target"]["price"]["pearson"] > 0.9


def test_a_sample_keeps_a_row_of_every_class(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_ROWS", 20)
    y = np.array([0] * 500 + [1] + [2] * 499, np.int32)
    train = Examples(["text"] * 1000, labels=y)
    kept = baselines._sample(train)
    assert len(kept) == 20
    assert np.all(np.diff(kept) > 0)
    assert set(y[kept]) == {0, 1, 2}
    assert np.array_equal(kept, baselines._sample(train))
    assert 5 <= np.sum(y[kept] == 0) <= 14


def test_a_sample_is_bounded_in_characters_of_both_segments(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_CHARACTERS", 1000)
    y = np.zeros((100, 1), np.float32)
    assert len(baselines._sample(Examples(["x" * 30] * 100, ["y" * 20] * 100, y))) == 20
    assert len(baselines._sample(Examples(["x" * 5] * 100, ["y" * 5] * 100, y))) == 100
    assert len(baselines._sample(Examples(["x" * 5000] * 100, labels=y))) == 1


def test_evaluation_in_parts_gives_the_same(monkeypatch):
    whole = single(TEXTS, LABELS, TEXTS, LABELS)
    monkeypatch.setattr(baselines, "ROWS_AT_ONCE", 2)
    assert single(TEXTS, LABELS, TEXTS, LABELS) == whole


def test_a_fit_that_does_not_settle_is_no_error(monkeypatch):
    monkeypatch.setattr(baselines, "MAX_ITERATIONS", 1)
    assert single(TEXTS, LABELS, TEXTS, LABELS)["tfidf"]["accuracy"] > 0.5


def test_weights_count_in_the_baselines_and_weight_0_leaves_a_row_out():
    texts = [*TEXTS, "left out entirely"]
    y = np.array([[float(at)] for at in range(len(TEXTS))] + [[1e6]])
    weights = np.float32([2.0] + [1.0] * (len(TEXTS) - 1) + [0.0])
    others = Examples(TEXTS, labels=y[:-1])
    scores = baseline_scores(Examples(texts, labels=y, weights=weights), others, STARS)
    rows = [0, *range(len(TEXTS))]
    written = baseline_scores(Examples([TEXTS[at] for at in rows], labels=y[rows]), others, STARS)
    assert scores["majority"]["mae"] == pytest.approx(written["majority"]["mae"])
    assert scores["tfidf"]["mae"] == pytest.approx(written["tfidf"]["mae"], rel=0.2)
    classes = Examples(texts, labels=np.array([0] * (len(texts) - 1) + [1], np.int32), weights=weights)
    scores = baseline_scores(classes, classes, SIGNS)
    assert scores["majority"]["loss"] == scores["tfidf"]["loss"] == pytest.approx(-np.log(1e-15) / len(texts))
