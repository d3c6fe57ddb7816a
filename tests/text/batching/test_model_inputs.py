"""Large data sets are trained and predicted like small ones, without all of their tokens in memory."""

import numpy as np
import pytest
import tiny
from applied import BACKEND

from slanted import TextClassifier
from slanted.recipe.named import recipes
from slanted.text.batching import model_inputs
from slanted.text.batching.streaming_batches import WindowedBatches
from slanted.text.labels.examples import Examples
from slanted.text.pretrained.encoder import load_encoder
from slanted.text.settings import Settings


def fitted(tiny_model, texts, labels, **more):
    settings = {"model": tiny_model, "precision": "float32", "max_tokens": 16, "batch_size": 8, "lr": 4e-3, **more}
    return TextClassifier(**settings).fit(texts, labels)


@pytest.fixture
def examples():
    return tiny.examples(96)


def test_many_rows_are_learnt_and_predicted_in_slices_as_at_once(tiny_model, examples, monkeypatch):
    texts, labels = examples
    few = fitted(tiny_model, texts, labels, epochs=8)
    monkeypatch.setattr(model_inputs, "MANY_ROWS", 20)
    made = []
    monkeypatch.setattr(model_inputs, "WindowedBatches", lambda *a: made.append(WindowedBatches(*a)) or made[-1])
    many = fitted(tiny_model, texts, labels, epochs=8)
    assert len(made) == 1 and len(many.history_.steps) == len(few.history_.steps)
    for one in (few, many):
        assert one.score(texts, labels) > 0.8
    whole = many.predict_proba(texts)
    monkeypatch.setattr(model_inputs, "ROWS_AT_ONCE", 10)
    np.testing.assert_allclose(many.predict_proba(texts), whole, atol=1e-6)
    again = fitted(tiny_model, texts, labels, epochs=8)
    # The linear start has vectors of other slices, which differ in their last bits.
    np.testing.assert_allclose(again.predict_proba(texts), whole, atol=1e-5)


def test_a_sample_of_the_rows_is_said_to_be_one(tiny_model, monkeypatch):
    texts, labels = tiny.examples(60)
    encoder, settings = load_encoder(tiny_model, "float32"), Settings(model=tiny_model, max_tokens=16, batch_size=8)
    examples = Examples(texts, None, np.array([label == labels[0] for label in labels], "int32"))
    whole, _ = model_inputs.training_batches(encoder, examples, examples.y, settings)
    monkeypatch.setattr(model_inputs, "MANY_ROWS", 20)
    monkeypatch.setattr(model_inputs, "sampled_rows", lambda rows, seed: np.arange(0, rows, 2))
    some, _ = model_inputs.training_batches(encoder, examples, examples.y, settings)
    assert (len(whole.encoded), whole.of_sample) == (60, False)
    assert (len(some.encoded), some.of_sample) == (30, True)


def test_a_shape_costs_its_compilation_on_jax_and_again_in_each_stage():
    staged, plain = Settings(recipe=recipes()["ulmfit"]), Settings()
    costs = [model_inputs.shape_tokens(settings) * settings.recipe.least_epochs for settings in (plain, staged)]
    assert costs == ([6_000, 24_000] if BACKEND == "jax" else [0, 0])
