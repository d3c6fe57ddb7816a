"""Which scores a task is known by: their order, their titles, and the note where the baseline does better."""

import pytest

from slanted.text.scoring.headline import COLUMNS, ERROR, HEADLINE, TITLES, headline, notes_on_baselines

pytestmark = pytest.mark.once

BETTER = "note: TF-IDF with a linear model has the higher {} here; it is also cheaper to run"


@pytest.mark.parametrize(
    ("task", "model", "linear", "higher"),
    [
        ("single", {"accuracy": 0.7, "macro_f1": 0.6}, {"accuracy": 0.7, "macro_f1": 0.6}, None),
        ("single", {"accuracy": 0.7, "macro_f1": 0.6}, {"accuracy": 0.8, "macro_f1": 0.5}, "accuracy"),
        ("single", {"accuracy": 0.7, "macro_f1": 0.6}, {"accuracy": 0.8, "macro_f1": 0.7}, "accuracy and macro_f1"),
        ("multilabel", {"micro_f1": 0.5, "accuracy": 0.1}, {"micro_f1": 0.6, "accuracy": 0.9}, "micro_f1"),
        ("multilabel", {"micro_f1": 0.5}, {"micro_f1": 0.4, "macro_f1": 0.2}, "macro_f1"),
        ("regression", {"spearman": 0.5, "mae": 0.9}, {"spearman": 0.4, "mae": 1.5}, None),
        ("regression", {"spearman": 0.5, "mae": 0.9}, {"mae": 0.1}, None),
        ("regression", {"mae": 0.9}, {"spearman": -0.5, "mae": 0.1}, "spearman"),
    ],
)
def test_a_better_baseline_is_noted(task, model, linear, higher):
    assert notes_on_baselines(task, model, {"tfidf": linear}) == ([] if higher is None else [BETTER.format(higher)])


def test_a_better_frozen_encoder_is_noted_with_a_remedy():
    baselines = {"tfidf": {"accuracy": 0.7}, "frozen_encoder": {"accuracy": 0.8}, "majority": {"accuracy": 0.9}}
    assert notes_on_baselines("single", {"accuracy": 0.75}, baselines) == [
        "note: the frozen encoder with a linear model has the higher accuracy here; more or fewer --epochs, a "
        "smaller --lr, or --head-start linear if it was random, may reach it"
    ]


def test_the_headline_has_the_scores_that_are_defined_in_the_task_s_order():
    assert headline({"macro_f1": 0.25, "loss": 1.0, "accuracy": 0.5}, "single") == "accuracy 0.5000  macro_f1 0.2500"
    assert headline({"mae": 1.23456}, "regression") == "mae 1.2346"
    assert headline({"accuracy": 0.5}, "multilabel") == ""


def test_every_score_that_is_shown_has_a_title():
    assert HEADLINE.keys() == COLUMNS.keys()
    for task, scores in HEADLINE.items():
        assert set(scores) <= set(COLUMNS[task]) <= TITLES.keys()
    assert ERROR in HEADLINE["regression"]


def test_no_linear_model_with_f1_0_beats_a_model_without_mistakes():
    assert notes_on_baselines("multilabel", {}, {"tfidf": {"micro_f1": 0.0, "macro_f1": 0.0}}) == []
    assert notes_on_baselines("regression", {}, {"tfidf": {"spearman": -0.1}}) != []
