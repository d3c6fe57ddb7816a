"""The frozen encoder: the vectors that the last layer receives, the head that starts from them, and the baseline."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny
from resumable import LABELS, PLAIN, Place, assert_same, resumed_from

from slanted.recipe.recipe import Recipe
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import infer_target
from slanted.text.progress.progress import Progress
from slanted.text.settings import Settings
from slanted.text.training import frozen_encoder
from slanted.text.training.fine_tuning import FineTuningRun

LINEAR = f"{PLAIN} --head-start linear"
SETTINGS = Settings(recipe=Recipe(lr_max=0.01, epochs=2), max_tokens=16, batch_size=8, precision="float32")


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model):
    """Where to train."""
    return Place(tmp_path_factory.mktemp("frozen"), tiny_model)


def examples(count, kind="single", seed=0):
    texts, names = tiny.examples(count, LABELS, seed)
    if kind == "single":
        return texts, names
    numbers = np.array([LABELS.index(name) for name in names])
    if kind == "multilabel":
        return texts, np.stack([numbers == 0, numbers < 2, numbers == 5], axis=1).astype(int)
    return texts, 50.0 + 10.5 * numbers


def prepared(tiny_model, kind="single", count=90, **changes):
    """Return a run that is ready to train, and its validation rows."""
    texts, labels = examples(count, kind)
    target = infer_target(labels, kind)
    train = Examples(texts, None, target.encode(labels))
    texts, labels = examples(24, kind, seed=5)
    valid = Examples(texts, None, target.encode(labels))
    settings = replace(SETTINGS, model=tiny_model, **changes)
    return FineTuningRun(target, train, valid, settings, Progress(quiet=True)), valid


@pytest.mark.parametrize("kind", ["single", "multilabel", "regression"])
def test_the_started_head_gives_the_scaled_outputs_of_the_linear_model(tiny_model, kind):
    run, valid = prepared(tiny_model, kind)
    random = run.classifier.output_dense.get_weights()
    assert run.start_head() > 0.0
    head = run.frozen._linear[0]
    assert head.scale >= frozen_encoder.SMALLEST_SCALE
    kernel, bias = run.classifier.output_dense.get_weights()
    assert np.abs(kernel - random[0]).max() > 0.01
    np.testing.assert_allclose(kernel, head.scale * head.kernel, rtol=1e-5, atol=1e-6)
    received = run.frozen._vectors(valid)[:, : len(kernel)]
    np.testing.assert_allclose(run.valid.selecting.outputs(run.model), received @ kernel + bias, rtol=1e-3, atol=1e-4)


def test_a_head_that_the_vectors_tell_little_of_stays_random(tiny_model, monkeypatch):
    monkeypatch.setattr(frozen_encoder, "SMALLEST_SCALE", 5.0)
    run, _ = prepared(tiny_model)
    random = run.classifier.output_dense.get_weights()
    run.start_head()
    assert all(map(np.array_equal, random, run.classifier.output_dense.get_weights()))


@pytest.mark.once
@pytest.mark.parametrize("few", [91, 90])
def test_the_scale_of_few_rows_is_not_too_small(tiny_model, monkeypatch, few):
    monkeypatch.setattr(frozen_encoder, "FEW_ROWS", few)
    run, _ = prepared(tiny_model)
    head, mean = run.frozen._linear
    run.frozen.__dict__["_linear"] = replace(head, scale=0.0), mean
    random = run.classifier.output_dense.get_weights()[0]
    run.start_head()
    expected = 0.3 * head.kernel if few > 90 else random
    np.testing.assert_allclose(run.classifier.output_dense.get_weights()[0], expected, rtol=1e-5, atol=1e-6)
    assert run.frozen.has_started == (few > 90)


def test_a_random_head_runs_no_encoder(tiny_model, monkeypatch):
    run, _ = prepared(tiny_model, recipe=Recipe(lr_max=0.01, epochs=1, head_start="random"))
    monkeypatch.setattr(run.frozen, "_vectors", None)
    assert run.start_head() == 0.0
    assert run.fit().history.start is None


def test_epoch_0_is_the_start_and_is_restored_if_it_is_the_best(tiny_model):
    run, _ = prepared(tiny_model, best_by="accuracy")
    run._validate = lambda model: {"loss": 1.0, "accuracy": 0.5 - 0.1 * (len(seen) > 0)} | {"at": seen.append(1)}
    seen = []
    result = run.fit()
    assert (result.kept_epoch, result.history.start["accuracy"]) == (0, 0.5)
    assert [scores["accuracy"] for scores in result.history.epochs] == [0.4, 0.4]
    head = run.frozen._linear[0]
    np.testing.assert_allclose(run.classifier.output_dense.get_weights()[0], head.scale * head.kernel, atol=1e-6)


@pytest.mark.once
def test_the_baseline_is_the_linear_model_of_the_better_vectors(tiny_model):
    run, valid = prepared(tiny_model)
    scores, size = run.frozen.scores(valid)["frozen_encoder"], run.encoder.hidden_dim
    head, mean = run.frozen._linear
    assert mean.quality > head.quality  # in this model the mean tells more
    vectors = run.frozen._vectors(valid)[:, size:]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    assert scores["accuracy"] == (mean.outputs(vectors).argmax(axis=1) == valid.y).mean() > 0.7
    assert scores["seconds"] >= run.frozen.seconds > 0.0


def test_padding_and_batches_do_not_change_the_vectors(tiny_model):
    run, valid = prepared(tiny_model)
    together = run.frozen._vectors(valid)
    alone = np.concatenate([run.frozen._vectors(valid.take(np.array([row]))) for row in (0, 7)])
    np.testing.assert_allclose(together[[0, 7]], alone, atol=1e-5)


@pytest.mark.once
def test_many_rows_are_sampled_with_a_row_of_every_class(monkeypatch):
    monkeypatch.setattr(frozen_encoder, "FROZEN_ROWS", 20)
    target = infer_target(["a"] * 150 + ["b"] * 49 + ["c"], "single")
    y = np.array([0] * 150 + [1] * 49 + [2])
    rows = frozen_encoder._sample(target, y)
    assert np.bincount(y[rows]).tolist() == [15, 5, 1]


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_run_from_a_linear_start_is_the_same_after_a_kill(place, pooling):
    """The first process has no checkpoint yet, and the second has one."""
    options, whole = f"{LINEAR} --pooling {pooling}", place.folder / f"whole-{pooling}"
    assert place.run(whole.name, options) == 0
    for at, begun_from in ((3, None), (9, 5)):
        killed = place.folder / f"killed-{pooling}-{at}"
        place.killed(killed.name, options, at)
        assert place.run(killed.name, f"{options} --resume") == 0
        assert resumed_from(killed) == begun_from
        assert_same(killed, whole)
    metrics = json.loads((whole / "metrics.json").read_text())
    assert metrics["kept_epoch"] == 0  # in these runs the earliest is the best
    assert metrics["baselines"]["frozen_encoder"].keys() >= {"accuracy", "macro_f1", "loss", "seconds"}


@pytest.mark.parametrize("options", ["--class-weight balanced", "--long chunk", "--freeze embeddings,block_0"])
def test_it_goes_with_other_options(place, options, capsys):
    assert place.run(options.split()[1], f"{LINEAR} --epochs 1 {options}") == 0
    assert "head start: a linear model of 81 training rows" in capsys.readouterr().out
