"""find_learning_rate restores the model, records the loss of each batch, stops on divergence, suggests and verifies."""

import json
import random
import warnings

import keras
import numpy as np
import pytest
from applied import FAST, RELATIVE, Sum, minus

import slanted
from slanted.errors import TrainingFailed
from slanted.preview import lr_finder

once = pytest.mark.once
X = np.random.default_rng(0).normal(size=(128, 8)).astype("float32")
Y = X[:, :3].argmax(axis=1).astype("int32")
QUICK = {"lr_end": 1.0, "steps": 30, "verify_steps": 20}


def network():
    """Return a model with everything that has a state: dropout, normalisation, moments."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    made = [layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(3)]
    return keras.Sequential([keras.Input((8,)), *made])


def compiled(optimizer="adam", model=None):
    model = model or network()
    plain = keras.optimizers.AdamW(1e-3) if optimizer != "momentum" else keras.optimizers.SGD(0.1, momentum=0.9)
    made = slanted.LayerwiseOptimizer(plain, slanted.layer_groups(model), 0.5) if optimizer == "layerwise" else plain
    model.compile(made, keras.losses.SparseCategoricalCrossentropy(from_logits=True), **FAST)
    return model


def state(model):
    values = [np.array(keras.ops.convert_to_numpy(v)) for v in [*model.variables, *model.optimizer.variables]]
    return [*values, np.random.random(3), random.random(), keras.ops.convert_to_numpy(keras.random.uniform((3,)))]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("optimizer", "epochs_before"), [("adam", 1), ("momentum", 0), ("layerwise", 1)])
def test_training_after_it_gives_the_same_weights_to_the_last_bit(optimizer, epochs_before):
    ends = []
    for search in (False, True):
        model = compiled(optimizer)
        if epochs_before:
            model.fit(X, Y, epochs=epochs_before, verbose=0)
        if search:
            slanted.find_learning_rate(model, (X, Y), **QUICK)
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[slanted.SlantedTriangularScheduler(0.01)])
        ends.append(state(model))
    assert_same(*ends)


def test_a_loss_that_is_not_finite_ends_it_and_leaves_no_trace_either():
    data = [(X[:32], Y[:32].astype("float32"))] * 5 + [(X[:32] * np.float32(np.inf), Y[:32].astype("float32"))]
    model = compiled("momentum")
    before = state(model)
    keras.utils.set_random_seed(3)
    model = compiled("momentum")
    with pytest.raises(TrainingFailed, match="diverges from the start: at step 5, rate"):
        slanted.find_learning_rate(model, data, **QUICK)
    assert_same(before, state(model))


def test_the_model_s_optimizer_metrics_and_compiled_steps_are_not_touched():
    model = compiled()
    model.fit(X, Y, verbose=0)
    before = (model.optimizer, type(model.optimizer), model.train_function, int(model.optimizer.iterations))
    slanted.find_learning_rate(model, (X, Y), **QUICK)
    after = (model.optimizer, type(model.optimizer), model.train_function, int(model.optimizer.iterations))
    assert before == after


def test_an_optimizer_that_was_not_built_is_not_built_by_it():
    model = compiled()
    slanted.find_learning_rate(model, (X, Y), **QUICK)
    assert not model.optimizer.built
    model.layers[0].trainable = False
    model.compile(model.optimizer, model.loss, **FAST)
    model.fit(X, Y, verbose=0)


def test_the_rates_it_says_are_those_applied_and_the_losses_are_each_batch_s_own():
    model = keras.Sequential([keras.Input((1,)), Sum()])
    model.compile(keras.optimizers.SGD(1.0), minus, **FAST)
    inputs = np.arange(1.0, 31.0, dtype="float32")
    data = [(np.full((1, 1), value), np.ones((1, 1), "float32")) for value in inputs]
    found = slanted.find_learning_rate(model, data, lr_start=1e-4, lr_end=1e-2, steps=30, verify_steps=0)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-4, 1e-2, 30), rtol=1e-9)
    weights = np.concatenate([[0.0], np.cumsum(found.rates * inputs)[:-1]])
    np.testing.assert_allclose(found.losses, -weights * inputs, rtol=RELATIVE, atol=1e-9)
    assert (found.confidence, found.trials) == ("unverified", ())


def test_losses_of_layers_and_weights_of_losses_count():
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(4, activity_regularizer=keras.regularizers.L2(0.5))(inputs)
    outputs = {"a": keras.layers.Dense(1, name="a")(hidden), "b": keras.layers.Dense(1, name="b")(hidden)}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", {"a": "mse", "b": "mse"}, loss_weights={"a": 3.0, "b": 0.5}, **FAST)
    y = {"a": X[:, :1], "b": X[:, 1:2]}
    expected = model.evaluate(X[:32], {name: value[:32] for name, value in y.items()}, verbose=0, return_dict=True)
    data = [(X[:32], {name: value[:32] for name, value in y.items()})]
    found = slanted.find_learning_rate(model, data, steps=20, verify_steps=0)
    assert found.losses[0] == pytest.approx(expected["loss"], rel=1e-5)


def test_it_stops_where_the_loss_diverges():
    model = compiled("momentum")
    found = slanted.find_learning_rate(model, (X, Y), lr_end=1e4, steps=60, verify_steps=0)
    assert found.diverged and len(found.losses) < 60 and found.rates[-1] < 1e3
    assert np.isfinite(found.losses).all()


def test_all_kinds_of_batches_are_taken_in_their_order():
    class Numbered(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return X[index * 32 : index * 32 + 32], Y[index * 32 : index * 32 + 32]

        def on_epoch_begin(self):
            raise AssertionError("the data's epoch is not ours to begin")

    listed = [Numbered()[index] for index in range(4)]
    quick = {**QUICK, "verify_steps": 0}
    found = [slanted.find_learning_rate(compiled(), data, **quick) for data in (listed, Numbered())]
    np.testing.assert_array_equal(found[0].losses, found[1].losses)
    weighted = slanted.find_learning_rate(compiled(), (X, Y, np.full(len(X), 2.0, "float32")), **quick)
    plain = slanted.find_learning_rate(compiled(), (X, Y), **quick)
    assert weighted.losses[0] == pytest.approx(2.0 * plain.losses[0], rel=1e-5)


def test_what_cannot_be_searched_is_refused():
    def refused(message, model, data, **arguments):
        with pytest.raises(ValueError, match=message):
            slanted.find_learning_rate(model, data, **arguments)

    class Own(keras.Model):
        def train_step(self, *arguments):
            return {}

    inputs = keras.Input((8,))
    own = Own(inputs, keras.layers.Dense(3)(inputs))
    unbuilt = keras.Sequential([keras.layers.Dense(3)])
    refused(r"compile", network(), (X, Y))
    refused(r"no weights to train yet", _compiled_only(unbuilt), (X, Y))
    refused(r"Received: Own, which overrides `train_step`", _compiled_only(own), (X, Y))
    refused(r"Pass a list of its batches", compiled(), iter([(X, Y)]))
    refused(r"at least one batch", compiled(), [])
    refused(r"at least one example", compiled(), (X[:0], Y[:0]))
    refused(r"lr_end` must be greater than the first rate", compiled(), (X, Y), lr_start=1.0)
    refused(r"steps` must be a whole number >= 20", compiled(), (X, Y), steps=10)
    refused(r"verify_steps` must be a whole number >= 20", compiled(), (X, Y), verify_steps=10)
    refused(r"method` must be one of valley, steep, minimum, slide", compiled(), (X, Y), method="best")


def _compiled_only(model):
    model.compile("adam", "mse")
    return model


def test_the_result_is_said_drawn_and_written():
    found = slanted.find_learning_rate(compiled(), (X, Y), **QUICK)
    lines = str(found).splitlines()
    assert lines[0].startswith("range test: ") and "valley" in lines[0] and "slide" in lines[0]
    assert [line.startswith("short run at") for line in lines[1:4]] == [True] * 3
    assert lines[4].startswith(f"suggestion: {found.suggestion:.2g}; confidence {found.confidence}: ")
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["suggestions"] == found.suggestions
    middle = found.suggestions["valley"]
    assert [trial.rate for trial in found.trials] == pytest.approx([middle / 3, middle, middle * 3], rel=0.05)
    axes = found.plot()
    np.testing.assert_array_equal(axes.get_lines()[1].get_ydata(), found.smoothed)


NOISE = np.random.default_rng(0).normal(size=25) * 0.1


@once
@pytest.mark.parametrize(
    ("halves", "rate", "confidence", "reason"),
    [
        ((1.0, 0.5, 1.0), 0.03, "high", "a third of it and three times it did clearly worse"),
        ((1.0, 0.5, None), 0.03, "high", "clearly worse"),
        ((0.5, 0.5, 1.0), 0.03, "fair", "0.01 did about as well"),
        ((0.5, 0.5, 0.5), 0.03, "fair", "0.01 and 0.09 did about as well"),
        ((1.0, 0.5, 0.2), 0.09, "low", "0.09 did clearly better than 0.03"),
        ((0.1, 0.5, 0.2), 0.01, "low", "0.01 did clearly better"),
        ((0.2, 0.5, 0.1), 0.09, "low", "0.09 did clearly better"),
        ((0.2, None, None), 0.01, "low", "0.01 did clearly better"),
        ((None, None, None), 0.01, "low", "all short runs diverged"),
    ],
)
def test_the_verdict_of_short_runs(halves, rate, confidence, reason):
    shifted = [None if half is None else half + np.roll(NOISE, index) for index, half in enumerate(halves)]
    found = lr_finder._verdict([0.01, 0.03, 0.09], shifted)
    assert found[:2] == (rate, confidence) and reason in found[2]


@once
def test_a_loss_that_hardly_falls_is_said():
    even = np.linspace(1.0, 0.99, 50)
    assert lr_finder._hardly_falls(even + np.resize([0.1, -0.1], 50), even)
    assert not lr_finder._hardly_falls(even + np.resize([1e-4, -1e-4], 50), even)


def test_it_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        slanted.find_learning_rate(compiled(), (X, Y), **QUICK)
