"""What a run computes, against the batches that it then has, and by hand where the tokenizer is not there yet."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tiny

from slanted.preview.range_test import SearchOptions
from slanted.recipe.named import recipe_named
from slanted.recipe.recipe import Recipe
from slanted.text.batching import length_buckets
from slanted.text.batching.length_buckets import LengthPlan
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.pretrained.model_files import ModelFiles
from slanted.text.settings import Settings
from slanted.text.tokens.tokenizer import TextTokenizer
from slanted.text.training import workload
from slanted.text.training.workload import fit_work, run_work, search_work

pytestmark = pytest.mark.once


@pytest.fixture
def settings(tiny_model):
    return Settings(Recipe(epochs=2), tiny_model, batch_size=8, max_tokens=16)


@pytest.fixture
def parts():
    train, valid, test = (labelled(tiny.examples(count, seed=count)[0]) for count in (90, 10, 30))
    return train, valid, test


def labelled(texts, texts_b=None, classes=2):
    return Examples(texts, texts_b, np.arange(len(texts)) % classes)


def test_steps_and_tokens_are_those_of_the_batches(settings, parts):
    work = fit_work(parts, settings)
    lengths = [TextTokenizer.load(settings.model).encode(one.texts, None, 16).lengths for one in parts]
    batches = LengthPlan(lengths[0], 8).batches(0)
    assert work.steps == 2 * len(batches) == 24
    assert work.tokens == 2 * sum(len(batch.rows) * batch.length for batch in batches)
    compiled = LengthPlan(lengths[0], 8, shape_tokens=3_000.0).batches(0)  # 6,000 in two epochs
    assert work.lengths == len({(len(batch.rows), batch.length) for batch in compiled}) == 2
    assert work.predicted_lengths == 2  # one batch of 10 rows, one of 30
    # The frozen encoder reads the training and the test rows once, the model the validation rows after each epoch.
    assert work.predicted == pytest.approx(lengths[0].sum() + lengths[2].sum() + 2 * lengths[1].sum())
    assert work.scored == pytest.approx(lengths[1].sum() + lengths[2].sum())
    assert work.models == 1


def test_each_stage_of_unfreezing_compiles_again_so_that_it_has_fewer_lengths(settings, parts, monkeypatch):
    monkeypatch.setattr(length_buckets, "TOKENS_A_COMPILATION", 60)
    staged = replace(settings, recipe=replace(settings.recipe, unfreezing="top-down"))
    assert fit_work(parts, staged).lengths < fit_work(parts, settings).lengths


def test_auto_epochs_of_few_rows_are_as_many_as_give_enough_steps_of_small_batches(settings, parts):
    work = fit_work(parts, replace(settings, recipe=Recipe(), batch_size="auto"))
    batches = LengthPlan(TextTokenizer.load(settings.model).encode(parts[0].texts, None, 16).lengths, 16).batches(0)
    assert work.steps == -(-300 // len(batches)) * len(batches)


def test_many_rows_are_estimated_from_a_sample(settings, parts, monkeypatch):
    whole = fit_work(parts, settings)
    monkeypatch.setattr(workload, "SAMPLE_ROWS", 45)
    sampled = fit_work(parts, settings)
    assert sampled.steps == whole.steps and sampled.scored == pytest.approx(whole.scored, rel=0.2)
    monkeypatch.setattr(workload, "MOST_ROWS", 45)
    assert fit_work(parts, settings).tokens == pytest.approx(whole.tokens, rel=0.2)


def test_without_a_tokenizer_4_3_characters_are_a_token(monkeypatch, settings):
    monkeypatch.setattr(workload, "locate_model", lambda name: ModelFiles(name, None, None, name))
    work = fit_work((labelled(["a" * 43] * 8), labelled(["a" * 43, "a" * 999]), None), settings)
    assert work.tokens == 2 * 8 * 12 and work.scored == 12 + 16
    pairs = fit_work((labelled(["a" * 20] * 8, ["b" * 23] * 8), None, None), settings)
    assert pairs.tokens == work.tokens and (pairs.predicted, pairs.scored) == (8 * 12, 0.0)


def test_linear_models_take_time_by_rows_labels_and_characters(settings):
    texts = ["alpha beta"] * 90
    train = labelled(texts, classes=3)
    started = fit_work((train, None, None), settings)
    assert started.linear == pytest.approx((0.6 + 0.06 * 3) * 90 / 4_000)
    scored = fit_work((train, None, labelled(texts[:5])), settings)
    assert scored.linear - started.linear == pytest.approx(900 * 1.2e-6 + 3 * 90 * 1e-5)
    random = replace(settings, recipe=replace(settings.recipe, head_start="random"))
    assert fit_work((train, None, None), random).linear == fit_work((train, None, None), random).predicted == 0.0
    numbers = Examples(texts, None, np.linspace(0.0, 1.0, 90))
    assert fit_work((numbers, None, None), settings).linear == pytest.approx((0.6 + 0.06) * 90 / 4_000)
    large = labelled(["alpha"] * 40_000, classes=1_001)
    assert fit_work((large, None, None), settings).linear == 0.0


def test_chunks_are_examples_of_their_own(settings):
    train = labelled([" ".join(["alpha"] * 40)] * 10)
    chunked = fit_work((train, None, None), replace(settings, long="chunk"))
    assert chunked.steps > fit_work((train, None, None), settings).steps


def test_folds_and_comparisons_are_several_models(settings, parts):
    train, valid, test = parts
    data = SimpleNamespace(folds=(), train=train, valid=valid, test=test, target=Target("single", ("x", "y")))
    assert run_work(data, settings) == fit_work(parts, settings)
    assert run_work(data, settings, models=6).models == 6
    folds = SimpleNamespace(folds=("fold",) * 5, of_fold=lambda fold: data, target=data.target)
    assert run_work(folds, settings) == replace(fit_work(parts, settings), models=5)
    several = train.take(np.resize(np.arange(len(train)), 1000))
    one = SimpleNamespace(folds=(), train=several, valid=None, test=test, target=data.target)
    assert run_work(one, settings).models == 1.8  # a second model learns four fifths, to calibrate the first
    assert run_work(one, replace(settings, calibrate="none")).models == 1.0


def test_a_search_has_its_own_number_of_steps(settings, parts):
    data = SimpleNamespace(train=parts[0])
    work = search_work(data, settings, SearchOptions(steps=100, verify_steps=20))
    run = fit_work((parts[0], None, None), settings)
    assert (
        work.steps == 160
        and work.linear == work.predicted == 0.0
        and work.tokens / 160 == pytest.approx(run.tokens / run.steps)
    )


SIZES = {  # of BERT-base: 12 blocks of 768
    "transformers": {"num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072, "vocab_size": 30522},
    "distilbert": {"n_layers": 12, "dim": 768, "hidden_dim": 3072, "vocab_size": 30522},
    "kerashub": {"config": {"num_layers": 12, "hidden_dim": 768, "intermediate_dim": 3072, "vocabulary_size": 30522}},
}


@pytest.mark.parametrize("kind", SIZES)
def test_the_size_of_a_model_is_read_from_its_configuration(tmp_path, kind):
    (tmp_path / "config.json").write_text(json.dumps(SIZES[kind]))
    assert workload._sizes(ModelFiles("x", tmp_path, tmp_path, "x")) == (12, 768, 3072, 30522)


def test_costs_are_relative_to_minilm(settings, parts):
    ours = fit_work(parts, replace(settings, model="minilm"))
    assert (ours.weights, ours.block_weights, ours.trained) == (1.0, 1.0, 1.0)
    assert 0.0 < fit_work(parts, settings).weights < 0.1
    assert workload._block_weights(12, 768, 3072) / workload._block_weights(6, 384, 1536) == 8.0
    assert workload._sizes(ModelFiles("hf://x", None, None, "hf://x")) == (6, 384, 1536, 30522)


def test_frozen_groups_save_their_backward_pass():
    assert recipe_named("quick").freeze == ("embeddings", "block_0")
    assert workload._trained_share(6, ("embeddings", "block_0")) == pytest.approx((1 + 2 * 5 / 6) / 3)
    assert workload._trained_share(6, ()) == workload._trained_share(6, ("block_3",)) == 1.0
    assert np.isclose(workload._trained_share(6, ("embeddings",)), 1.0)
