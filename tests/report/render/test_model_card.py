"""The model card of a run: what it says of each task, and that neither texts nor labels can end its code."""

import pytest

from slanted.report.render.model_card import model_card
from slanted.text.runs.artefacts import CARD_MARK

pytestmark = pytest.mark.once


def report(**changes):
    metrics = {"task": "single", "test": {"accuracy": 0.9, "macro_f1": 0.8, "ece": 0.2}, "train_test_duplicates": 3}
    metrics["baselines"] = {"majority": {"accuracy": 0.25}, "tfidf": {"accuracy": 0.75}}
    saved = {"model": "minilm", "max_tokens": 64, "seed": 7, "pairs": False, "sha256": {"train": ["ab" * 32]}}
    saved["recipe"] = {"name": "stlr", "truncate": "head+tail"}
    made = {"folder": "/runs/first", "metrics": metrics, "recipe": saved, "labels": ["yes", "no"]}
    made |= {"data": {"rows": {"train": 1200, "test": 100}}, "command": "slanted train t.csv --out o"}
    for name, values in changes.items():
        made[name] = {**made[name], **values} if isinstance(values, dict) else values
    return made


def test_it_has_task_data_scores_limits_and_the_command():
    card = model_card(report())
    assert card.startswith(f"{CARD_MARK}\n# Model card of first\n")
    for line in (
        "The model predicts one class for a text. It was fine-tuned from `minilm` with slanted,",
        "2 labels: `yes`, `no`.",
        f"| training | 1,200 | `{'ab' * 32}` |",
        "| test | 100 |  |",
        "The texts of 3 test rows are among the training rows, too.",
        "On 100 test rows:",
        "| accuracy | 0.9000 | 0.8256 to 0.9448 |",
        "| macro F1 | 0.8000 |  |",
        "accuracy of other models on these rows: the most frequent class 0.2500, TF-IDF with a linear model 0.7500.",
        "- Of a text, the first and the last tokens are read, 64 in all.",
        "- Calibration: a probability differs from the share of correct rows by 0.200 on average; the model was not "
        "calibrated. Do not rely on the probabilities.",
        "slanted train t.csv --out o",
        "Seed 7, versions in report.json.",
    ):
        assert f"\n{line}\n" in card, line


def test_intervals_of_few_test_rows_are_those_of_metrics_json():
    card = model_card(report(metrics={"test_intervals": {"accuracy": [0.8, 0.95], "macro_f1": [0.7, 0.9]}}))
    assert "| accuracy | 0.9000 | 0.8000 to 0.9500 |\n| macro F1 | 0.8000 | 0.7000 to 0.9000 |" in card


def test_validation_rows_that_chose_the_epoch_are_a_limit():
    scores = {"spearman": 0.5, "mae": 1.25}
    made = report(metrics={"task": "regression", "valid": scores}, data={"rows": {"train": 90, "valid": 10}})
    del made["metrics"]["test"]
    card = model_card(made)
    assert "2 targets: " in card and "The model predicts numbers for a text." in card
    assert "On 10 validation rows:" in card and "| Spearman | 0.5000 |  |" in card
    assert "- The validation rows selected the epoch, so that scores on new texts may be lower." in card
    assert "Every text gets one of the labels" not in card


def test_rows_out_of_fold_are_named():
    made = report(metrics={"out_of_fold": {"accuracy": 0.8}})
    del made["metrics"]["test"]
    assert "On 1,200 training rows, each predicted by the model of a fold that it was held out of:" in model_card(made)


def test_a_run_without_scores_says_so():
    made = report(command=None)
    del made["metrics"]["test"]
    card = model_card(made)
    assert "The model was not scored: the run had no other rows than those for training." in card
    assert "recipe.json has the settings of the training. Seed 7" in card


def test_weak_labels_and_many_labels():
    per_class = {f"label {number}": {"f1": 0.1} for number in range(12)}
    made = report(labels=[f"label {number}" for number in range(60)])
    made["metrics"]["test"]["per_class"] = per_class
    card = model_card(made)
    assert "`label 49`, and 10 more." in card and "`label 9` and 2 more.\n" in card


def test_calibration_is_named():
    made = report()
    made["metrics"]["test"] |= {"ece": 0.02, "ece_uncalibrated": 0.06}
    assert "by 0.020 on average; the model was not calibrated.\n" in model_card(made)
    made["metrics"]["calibration"] = {"temperature": 1.5, "rows": 80, "source": "validation rows"}
    assert "by 0.020 on average, 0.060 before calibration.\n" in model_card(made)
    made["metrics"]["test"]["ece"] = 0.055
    assert "by 0.055 on average, 0.060 before calibration. Do not rely on the probabilities.\n" in model_card(made)


def test_chunks_are_named():
    assert "- Of a text, up to 16 chunks of 64 tokens are read." in model_card(report(recipe={"long": "chunk"}))


def test_a_label_or_a_folder_is_text_alone():
    card = model_card(report(labels=["a`|\n# b", "<b>"], folder="/runs/*x* <script>"))
    assert "`a'¦\\n# b`, `<b>`" in card and "# Model card of \\*x\\* \\<script\\>\n" in card
