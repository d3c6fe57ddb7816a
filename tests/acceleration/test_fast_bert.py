"""The fast encoder against KerasHub's: the same outputs, the same training, the same dropout in distribution."""

import keras
import keras_hub
import numpy as np
import pytest

from slanted.acceleration import fast_bert
from slanted.text.pretrained.classifier_network import plain_model

ROWS, LENGTH, VOCABULARY = 6, 12, 50


def classifier(dtype="float32", dropout=0.0, seed=0):
    keras.utils.set_random_seed(seed)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=VOCABULARY,
        num_layers=2,
        num_heads=4,
        hidden_dim=32,
        intermediate_dim=64,
        max_sequence_length=LENGTH + 3,
        dropout=dropout,
        dtype=dtype,
    )
    model = keras_hub.models.BertTextClassifier(backbone, num_classes=3, dropout=0.0, dtype=dtype)
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:  # initial biases of 0 and gammas of 1 would hide mistakes
        variable.assign(variable.numpy() + 0.2 * rng.normal(size=variable.shape))
    return model


def batch(length=LENGTH, padded=True, seed=1):
    rng = np.random.default_rng(seed)
    mask = np.ones((ROWS, length), "int32")
    if padded:
        mask[1, length // 2 :] = 0
        mask[3, 1:] = 0
    return {
        "token_ids": rng.integers(0, VOCABULARY, (ROWS, length)).astype("int32"),
        "segment_ids": rng.integers(0, 2, (ROWS, length)).astype("int32"),
        "padding_mask": mask,
    }


def outputs(model, inputs, training=False):
    return keras.ops.convert_to_numpy(keras.ops.cast(model(inputs, training=training), "float32"))


def trained(model, rate, *batches, eagerly=False):
    """Train on each batch once, by SGD, so that the steps are the gradients; return the weights by path."""
    model.compile(
        optimizer=keras.optimizers.SGD(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=eagerly and keras.config.backend() == "tensorflow",  # which traces for longer than it trains
    )
    for inputs in batches:
        keras.Model.fit(model, inputs, np.arange(ROWS) % 3, batch_size=ROWS, shuffle=False, verbose=0)
    return {variable.path: np.array(variable.numpy()) for variable in model.variables}


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("mixed_bfloat16", 5e-2)])
@pytest.mark.parametrize("inputs", [batch(), batch(padded=False), batch(length=7)])
def test_outputs_are_those_of_kerashub(dtype, tolerance, inputs):
    model = classifier(dtype)
    plain = outputs(model, inputs)
    assert fast_bert.apply(model)
    np.testing.assert_allclose(outputs(model, inputs), plain, atol=tolerance)
    np.testing.assert_allclose(outputs(model, inputs, training=True), plain, atol=tolerance)
    fast_bert.unapply(model)
    np.testing.assert_array_equal(outputs(model, inputs), plain)


def test_the_fast_encoder_is_what_runs():
    model = classifier()
    sequence = model.backbone(batch())["sequence_output"]
    fast_bert.apply(model)
    first = model.backbone(batch())["sequence_output"]
    assert sequence.shape == (ROWS, LENGTH, 32) and first.shape == (ROWS, 1, 32)
    assert fast_bert.apply(model)
    fast_bert.unapply(model)
    fast_bert.unapply(model)
    assert model.backbone(batch())["sequence_output"].shape == (ROWS, LENGTH, 32)


@pytest.mark.parametrize(("dtype", "share"), [("float32", 1e-4), ("mixed_bfloat16", 5e-2)])
def test_gradients_are_those_of_kerashub_in_float32(dtype, share):
    """A step of SGD at rate 1 moves every weight by its gradient."""
    before = {variable.path: np.array(variable.numpy()) for variable in classifier().variables}
    plain = trained(classifier(), 1.0, batch())
    model = classifier(dtype)
    fast_bert.apply(model)
    quick = trained(model, 1.0, batch())
    for path in (variable.path for variable in model.trainable_variables):
        gradient, difference = plain[path] - before[path], quick[path] - plain[path]
        if "key/bias" in path:  # it moves all scores of a query alike: its gradient is 0 but for rounding
            assert abs(difference).max() < 1e-2
        else:
            assert np.linalg.norm(difference) <= share * np.linalg.norm(gradient), path
            assert np.linalg.norm(gradient) > 0.0, path


def test_weights_are_read_as_they_are_whatever_model_the_backbone_is_called_in():
    """A model under the float32 policy has the backbone, and no other layer, choose the precision of its variables."""
    weights = []
    for wrapped in (False, True):
        model = classifier("mixed_bfloat16")
        fast_bert.apply(model)
        outer = plain_model(model) if wrapped else model
        weights.append(trained(outer, 1.0, batch()))
    for path, expected in weights[0].items():
        np.testing.assert_array_equal(weights[1][path], expected, err_msg=path)


def test_closed_lower_layers_stay_and_the_others_train_as_in_kerashub():
    weights = []
    for quick in (False, True):
        model = classifier()
        for layer in model.backbone.layers:
            layer.trainable = layer.name == "transformer_layer_1" or "dense" in layer.name
        if quick:
            assert fast_bert.apply(model)
        weights.append(trained(model, 0.5, batch(), batch(), eagerly=True))
    before = {variable.path: np.array(variable.numpy()) for variable in classifier().variables}
    for path, plain in weights[0].items():
        np.testing.assert_allclose(weights[1][path], plain, atol=2e-5, err_msg=path)
    closed = [path for path in before if "embedding" in path or "transformer_layer_0" in path]
    assert len(closed) > 16
    for path in closed:
        np.testing.assert_array_equal(weights[1][path], before[path])


def test_rows_of_batches_before_leave_no_gradient_behind():
    """The second batch has other tokens than the first: those of the first must not move again."""
    model, plain = classifier(), classifier()
    fast_bert.apply(model)
    low, high = batch(), batch(seed=2)
    low["token_ids"] %= 10
    high["token_ids"] = 20 + high["token_ids"] % 10
    quick_weights, plain_weights = (trained(each, 0.1, low, high, low, eagerly=True) for each in (model, plain))
    path = model.backbone.token_embedding.embeddings.path
    np.testing.assert_allclose(quick_weights[path], plain_weights[path], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_dropout_has_the_distribution_of_kerashubs(dtype):
    """Mean and spread of the outputs over many draws, the rows of one large batch being the draws."""
    draws = 3000
    inputs = {name: np.repeat(values[1:2], draws, axis=0) for name, values in batch().items()}
    statistics = []
    for quick in (False, True):
        model = classifier(dtype, dropout=0.3)
        if quick:
            fast_bert.apply(model)
        drawn = outputs(model, inputs, training=True)
        statistics.append((drawn.mean(0), drawn.std(0)))
    (plain_mean, plain_std), (mean, std) = statistics
    assert plain_std.min() > 0.05
    np.testing.assert_allclose(mean, plain_mean, atol=float(6.0 * plain_std.max() / np.sqrt(draws)))
    np.testing.assert_allclose(std, plain_std, rtol=0.12)


def test_dropout_differs_from_call_to_call_and_repeats_with_the_seed():
    def drawn():
        model = classifier(dropout=0.5, seed=3)
        fast_bert.apply(model)
        return outputs(model, batch(), training=True), outputs(model, batch(), training=True)

    (first, second), (again, _) = drawn(), drawn()
    assert abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(first, again)


def test_weights_saved_under_the_fast_encoder_load_into_kerashubs(tmp_path):
    model, fresh = classifier(), classifier(seed=5)
    fast_bert.apply(model)
    quick = outputs(model, batch())
    model.save_weights(tmp_path / "model.weights.h5")
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(outputs(fresh, batch()), quick, atol=1e-5)


def test_other_models_and_precisions_are_left_alone():
    backbone = keras_hub.models.DistilBertBackbone(
        vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4, max_sequence_length=8
    )
    assert not fast_bert.apply(keras_hub.models.DistilBertTextClassifier(backbone, num_classes=2))
    assert not fast_bert.apply(classifier("mixed_float16"))
    adapted = classifier()
    adapted.backbone.transformer_layers[0]._self_attention_layer.query_dense.enable_lora(2)
    assert not fast_bert.apply(adapted)
