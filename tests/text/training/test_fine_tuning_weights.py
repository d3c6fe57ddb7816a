"""Weights of rows in training: weight 2 is the row twice, weight 0 leaves it out, for every task and with all else."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import trained_runs
from run_files import read, table

from slanted import TextClassifier, TextRegressor
from slanted.errors import InputError
from slanted.recipe.named import recipes

place = trained_runs.place

RECIPE = recipes()["stlr"].with_settings(head_start="random", dropout=0.0)
SMALL = {
    "recipe": RECIPE,
    "lr": 0.01,
    "batch_size": 8,
    "max_tokens": 16,
    "precision": "float32",
    "epochs": 2,
    "valid_share": 0.0,
}
TEXTS, NAMES = tiny.examples(8)
WEIGHTS = [2, 1, 1, 1, 1, 0, 1, 1]  # of as many rows: so the mean over the batch is that of the rows written out
WRITTEN_OUT = [0, 0, 1, 2, 3, 4, 6, 7]
LABELS = np.array([[name == "alpha", at % 3 == 0] for at, name in enumerate(NAMES)], int)
NUMBERS = np.array([1.5, 2.0, 3.0, 5.0, 7.5, 900.0, 2.5, 4.0])


def outputs(model):
    return model.predict(TEXTS) if isinstance(model, TextRegressor) else model.predict_proba(TEXTS)


@pytest.mark.parametrize(
    ("estimator", "labels", "settings", "near"),
    [
        (TextClassifier, np.array(NAMES), {"class_weight": "balanced"}, 1e-4),
        # The half row in the first biases counts as half of a row of mean weight.
        pytest.param(TextClassifier, LABELS, {}, 1e-3, marks=[pytest.mark.once, pytest.mark.slow]),
        pytest.param(TextRegressor, NUMBERS, {}, 1e-4, marks=pytest.mark.once),
    ],
)
def test_weight_2_is_the_row_twice_and_weight_0_leaves_it_out(tiny_model, estimator, labels, settings, near):
    settings = {**SMALL, **settings}
    weighed = estimator(tiny_model, **settings).fit(TEXTS, labels, WEIGHTS)
    written = [TEXTS[at] for at in WRITTEN_OUT], labels[WRITTEN_OUT]
    repeated = estimator(tiny_model, **settings).fit(*written)
    losses = [[step[2] for step in model.history_.steps] for model in (weighed, repeated)]
    np.testing.assert_allclose(*losses, rtol=near)
    np.testing.assert_allclose(outputs(weighed), outputs(repeated), rtol=10 * near, atol=10 * near)


def test_batches_of_weight_0_have_the_loss_0(tiny_model):
    few = {**SMALL, "batch_size": 1, "epochs": 1}
    weights = [1.0, 1.0, 0.0, 0.0] * 2
    steps = TextClassifier(tiny_model, **few).fit(TEXTS, NAMES, weights).history_.steps
    losses = np.array([step[2] for step in steps])
    assert np.isfinite(losses).all() and (losses == 0).sum() == (losses > 0.01).sum() == 4


@pytest.fixture(scope="module")
def weighed_run(place):
    """A run with weights, and a test file without them."""
    rows = Path(place.train).read_text(encoding="utf-8").splitlines()
    file = place.folder / "weighed.csv"
    file.write_text("\n".join([f"{rows[0]},w", *(f"{row},{at % 3}" for at, row in enumerate(rows[1:]))]))
    with file.open("a", encoding="utf-8") as more:
        more.write(f"\n{rows[1]},1\nпривет,alpha,1\nмир,beta,1\nдень,alpha,1\n")
    options = ("--test", place.test, "--weight", "w", "--valid-share", "0.2", "--epochs", "1")
    out, status = place.run("weighed", *options, data=str(file))
    assert status == 0
    return file, options, out


@pytest.mark.once
def test_the_command_records_weights_and_scores_without_them(place, weighed_run, capsys):
    file, options, out = weighed_run
    recipe = read(out / "recipe.json")
    assert recipe["files"]["weight"] == recipe["columns"]["weight"] == "w"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "--weight w" in page and "The training loss has the weights of the rows and the validation loss" in page
    notes = read(out / "metrics.json")["notes"]
    assert [note.split(":")[0] for note in notes] == ["duplicates", "texts"] and all(note in page for note in notes[:1])
    assert "train_loss" not in read(out / "report.json")["epochs"][0]
    assert len(table(out / "predictions.csv")) == 16
    assert place.run("weighed", *options, "--resume", data=str(file))[1] == 0
    without = [option for option in options if option not in ("--weight", "w")]
    assert place.run("weighed", *without, "--resume", data=str(file))[1] == 2
    assert "was started with --weight w, not none" in capsys.readouterr().err


@pytest.mark.once
@pytest.mark.parametrize("estimator", [TextClassifier, TextRegressor])
def test_wrong_weights_are_refused(estimator):
    with pytest.raises(InputError) as refused:
        estimator(precision="float32").fit(["a", "b"], [0.5, 1.5] if estimator is TextRegressor else [0, 1], [1, -1])
    assert str(refused.value) == "sample_weight[1] is -1, but a weight is a finite number >= 0; correct it"
