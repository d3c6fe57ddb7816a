"""What is private of Keras's layers, trainers and random numbers still means what slanted takes it to mean."""

import math

import keras
import keras_hub
import numpy as np
import pytest
from applied import fit, model
from plain_keras import changed

from slanted.keras_private import layers_and_trainers

# -- the model ---------------------------------------------------------------------------------------------------------


def test_initial_epoch_of_the_model_is_where_fit_starts():
    trained, epochs = model(), []
    assert trained._initial_epoch is None, changed("_initial_epoch", "it is None but for BackupAndRestore")
    trained._initial_epoch = 2
    noting = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    fit(trained, 1, epochs=4, callbacks=[noting])
    assert epochs == [2, 3], changed("_initial_epoch", "`fit` starts from it")


def test_making_the_train_function_again_in_fit_is_taken_up():
    trained, steps = model(), []

    class MakeAgain(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            before = self.model.train_function
            self.model.make_train_function(force=True)
            steps.append(self.model.train_function is not before)

    fit(trained, 2, epochs=2, callbacks=[MakeAgain()])
    assert steps == [True, True], changed(
        "make_train_function", "`force=True` replaces `train_function`, also in `fit`"
    )


class Shrinking(keras.utils.PyDataset):
    """Two batches in the first epoch, five in those after; `fit` is told of five at the start."""

    def __init__(self):
        super().__init__()
        self.left, self.given = 5, []

    def __len__(self):
        return self.left

    def __getitem__(self, index):
        self.given.append(index)
        return np.ones((1, 1), "float32"), np.ones((1, 1), "float32")


def test_epochs_are_as_long_as_their_data():
    """`_enumerate_iterator` takes `_num_batches` from the adapter when an epoch begins."""
    data, steps = Shrinking(), []
    count = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(data, "left", 5 if epoch else 2),
        on_train_batch_end=lambda batch, logs: steps.append(batch),
    )
    trained = model()
    with layers_and_trainers.epochs_as_long_as_their_data():
        trained.fit(data, epochs=2, verbose=0, shuffle=False, callbacks=[count])
    meant = "an epoch's length is read from `_num_batches` in `_enumerate_iterator`"
    assert steps == [0, 1, 0, 1, 2, 3, 4], changed("EpochIterator", meant)
    assert layers_and_trainers.EpochIterator._enumerate_iterator.__name__ == "_enumerate_iterator"


# -- layers ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def nested():
    inner = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()], name="inner")
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(1, name="head")(inner(inputs)))


def test_flatten_layers(nested):
    direct = [layer.name for layer in nested._flatten_layers(include_self=False, recursive=False)]
    assert direct[-2:] == ["inner", "head"], changed("_flatten_layers", "it lists the layers held directly, in order")


def test_lists_of_a_layer(nested):
    dense, normalisation = nested.get_layer("inner").layers
    meant = "they are a layer's own variables, without its sublayers'"
    assert len(dense._trainable_variables) == 2, changed("_trainable_variables", meant)
    assert len(normalisation._non_trainable_variables) == 2, changed("_non_trainable_variables", meant)
    assert not nested._trainable_variables, changed("_trainable_variables", meant)
    assert "_layers" in vars(nested), changed("_layers", "it is Keras's own list of the sublayers")


def test_call_has_training_arg(nested):
    layers = keras.layers.Flatten(), nested.get_layer("inner").layers[1]
    meant = "it says whether `call` takes `training`"
    assert [layer._call_has_training_arg for layer in layers] == [False, True], changed("_call_has_training_arg", meant)


def test_keras_history(nested):
    operation = nested.output._keras_history.operation
    assert operation is nested.get_layer("head"), changed("_keras_history", "it names the layer that made the tensor")


def test_a_scope_without_a_type_has_variables_read_as_they_are():
    class Reads(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(1,))

        def call(self, x):
            self.seen = [self.kernel.value]
            with layers_and_trainers.weights_as_they_are():
                self.seen.append(self.kernel.value)
            return x

    layer = Reads(dtype="mixed_bfloat16")
    layer(np.ones((1, 1)))
    assert [keras.backend.standardize_dtype(value.dtype) for value in layer.seen] == ["bfloat16", "float32"]


def test_parts_of_a_transformer_block():
    block = keras_hub.layers.TransformerEncoder(intermediate_dim=5, num_heads=2)
    block.build((None, 3, 4))
    attention, feed_forward, norms, dropout = layers_and_trainers.parts_of_a_block(block)
    parts = [*attention, *feed_forward, *norms]
    found = {id(variable) for part in parts for variable in part.variables}
    assert {id(variable) for variable in block.trainable_variables} == found, "a block has other parts"
    assert [math.prod(part.kernel.shape) for part in feed_forward] == [20, 20]
    assert isinstance(dropout, keras.layers.Dropout)
    assert all(part in layers_and_trainers.all_layers(block) for part in [*parts, block])


# -- random numbers ----------------------------------------------------------------------------------------------------


def test_the_generator_of_unseeded_random_functions_is_found_and_forgotten():
    layers_and_trainers.forget_global_seed_generator()
    assert layers_and_trainers.global_seed_generator() is None, "Keras keeps its global seed generator elsewhere"
    keras.random.uniform((1,))
    assert layers_and_trainers.global_seed_generator() is not None, "Keras keeps its global seed generator elsewhere"


def test_the_generator_of_unseeded_random_functions_is_made():
    layers_and_trainers.forget_global_seed_generator()
    made = layers_and_trainers.make_global_seed_generator()
    assert layers_and_trainers.global_seed_generator() is made
    assert tuple(made.state.shape) == (2,), changed("SeedGenerator.state", "it is a seed and a counter")


# -- what slanted makes of them ---------------------------------------------------------------------------------------


def test_frozen_statistics_stay_in_training_and_move_again_after():
    layer, inputs = keras.layers.BatchNormalization(), np.full((4, 2), 3.0, "float32")
    layer.build((None, 2))
    moved = []
    for frozen in (True, True, False):
        layers_and_trainers.freeze_statistics(layer, frozen)
        layer(inputs, training=True)
        moved.append(bool(keras.ops.convert_to_numpy(layer.moving_mean).any()))
    assert moved == [False, False, True]
    assert "call" not in vars(layer) and layer.trainable


def test_layers_that_keep_statistics_are_told_from_those_that_do_not(nested):
    dense, normalisation = nested.get_layer("inner").layers
    dropout = keras.layers.Dropout(0.5)
    assert [layers_and_trainers.keeps_statistics(layer) for layer in (dense, normalisation, dropout)] == [
        False, True, False
    ]  # fmt: skip


def test_layers_and_variables_are_those_held_directly_and_all_layers_those_at_any_depth(nested):
    inner = nested.get_layer("inner")
    assert layers_and_trainers.sublayers(nested)[-2:] == [inner, nested.get_layer("head")]
    assert layers_and_trainers.own_variables(nested) == []
    assert len(layers_and_trainers.own_variables(inner.layers[1])) == 4
    assert {id(layer) for layer in [nested, inner, *inner.layers]} <= {
        id(layer) for layer in layers_and_trainers.all_layers(nested)
    }
    assert layers_and_trainers.producer(nested.output) is nested.get_layer("head")


def test_attributes_of_a_layer_are_its_own_without_keras_s_list():
    layer = keras.layers.Layer()
    layer.parts = [keras.layers.Dense(1), keras.layers.Dense(2)]
    attributes = layers_and_trainers.own_attributes(layer)
    assert any(value is layer.parts for value in attributes)
    assert not any(value is vars(layer)["_layers"] for value in attributes)


def test_a_restored_epoch_is_forgotten_and_a_step_compiled_anew():
    trained = model()
    trained._initial_epoch = 2
    layers_and_trainers.forget_restored_epoch(trained)
    assert len(fit(trained, 1, epochs=3)) == 3
    before = trained.train_function
    layers_and_trainers.recompile_train_step(trained)
    assert trained.train_function is not before
