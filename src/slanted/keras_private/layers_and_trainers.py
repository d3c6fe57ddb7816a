"""Layers, trainers and random numbers of Keras."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from keras.src.backend.common import global_state
from keras.src.backend.common.variables import AutocastScope
from keras.src.random import seed_generator
from keras.src.trainers.epoch_iterator import EpochIterator


def recompile_train_step(model: Any) -> None:
    """Compile the training step again; may be called while `fit` is running."""
    model.make_train_function(force=True)


@contextmanager
def epochs_as_long_as_their_data() -> Iterator[None]:
    """Make `fit` read the number of batches before every epoch; Keras reads it once, before the first epoch."""
    enumerate_once: Any = EpochIterator._enumerate_iterator

    def enumerate_anew(self: Any) -> Any:
        self._num_batches = self.data_adapter.num_batches
        return enumerate_once(self)

    patched: Any = EpochIterator
    patched._enumerate_iterator = enumerate_anew
    try:
        yield
    finally:
        patched._enumerate_iterator = enumerate_once


def forget_restored_epoch(model: Any) -> None:
    """Clear the epoch that BackupAndRestore restored; a later `fit` would start from it."""
    model._initial_epoch = None


def sublayers(layer: Any) -> list[Any]:
    """Return the direct sublayers of `layer`, in the order of its graph, or of their creation if it has none."""
    return layer._flatten_layers(include_self=False, recursive=False)


def own_attributes(layer: Any) -> list[Any]:
    """Return the attribute values of `layer`, without Keras's list of its sublayers."""
    return [value for name, value in vars(layer).items() if name != "_layers"]


def own_variables(layer: Any) -> list[Any]:
    """Return the variables of `layer` without those of its sublayers."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def keeps_statistics(layer: Any) -> bool:
    """Return whether a call of `layer` in training may update its non-trainable variables."""
    return bool(layer._non_trainable_variables) and layer._call_has_training_arg


def freeze_statistics(layer: Any, frozen: bool) -> None:
    """With `frozen=True`, run `layer` with `training=False` always; with `frozen=False`, restore its own `call`.

    `layer.trainable` does not serve: a model saved meanwhile would store it, and JAX's trainer sorts its state by it.
    """
    vars(layer).pop("call", None)
    if frozen:
        original = layer.call

        def call(*args: Any, training: Any = None, **kwargs: Any) -> Any:
            return original(*args, training=False, **kwargs)

        vars(layer)["call"] = call


def weights_as_they_are() -> AbstractContextManager[None]:
    """Return a context in which variables are read in their own dtype, not in the compute dtype of a layer."""
    return AutocastScope(None)


def producer(tensor: Any) -> Any:
    """Return the layer that produced a symbolic tensor."""
    return tensor._keras_history.operation


def all_layers(layer: Any) -> list[Any]:
    """Return `layer` and all layers inside it, at any depth."""
    return list(layer._flatten_layers())


def parts_of_a_block(layer: Any) -> tuple[list[Any], list[Any], list[Any], Any]:
    """Return the layers of a KerasHub TransformerEncoder.

    Returns:
        The dense layers of attention (query, key, value, output), the dense layers of the feed-forward part (inner,
        outer), the normalisation layers after each part, and the last dropout layer.
    """
    attention = layer._self_attention_layer
    return (
        [attention.query_dense, attention.key_dense, attention.value_dense, attention.output_dense],
        [layer._feedforward_intermediate_dense, layer._feedforward_output_dense],
        [layer._self_attention_layer_norm, layer._feedforward_layer_norm],
        layer._feedforward_dropout,
    )


def global_seed_generator() -> Any:
    """Return the generator of Keras's random functions without a seed, or None before their first call."""
    return global_state.get_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR)


def make_global_seed_generator() -> Any:
    """Return the generator of Keras's random functions, created if there is none."""
    return seed_generator.global_seed_generator()


def forget_global_seed_generator() -> None:
    """Delete the generator of Keras's random functions; Keras creates another at the next call."""
    global_state.set_global_attribute(seed_generator.GLOBAL_SEED_GENERATOR, None)
