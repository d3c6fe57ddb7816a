"""Faster training and prediction with a KerasHub BERT classifier: same variables, same results up to rounding.

fast_bert.apply(classifier)      # before `fit` or `predict`; in place
fast_bert.unapply(classifier)    # restores KerasHub's own `call`
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import keras

from slanted.acceleration import switch
from slanted.keras_private.layers_and_trainers import all_layers, parts_of_a_block, weights_as_they_are

_ENCODERS = {
    "torch": "slanted.acceleration.fast_bert_torch",
    "tensorflow": "slanted.acceleration.fast_bert_ops",
    "jax": "slanted.acceleration.fast_bert_ops",
}


@dataclass(frozen=True, eq=False)
class Block:
    """The variables of one transformer block, in the order of their use, and its dropout seed generator."""

    attention: list[Any]
    feed_forward: list[Any]
    seed: Any


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a backbone that a fast encoder uses."""

    embeddings: list[Any]
    blocks: list[Block]
    epsilon: float
    seed: Any


def apply(classifier: Any, *, every_token: bool = False) -> bool:
    """Replace the encoder of `classifier` by a fast one, in place, if it is supported.

    Call it before `fit` or `predict` compile a step. Until `unapply`, the sequence output of the backbone has the first
    token only if the classifier is that of KerasHub, which does not read it. Each text must have a token that is not
    padding. With SLANTED_FAST=0 in the environment nothing is replaced.

    Args:
        classifier: A KerasHub classifier, or one whose `pooling` is "mean".
        every_token: Whether the sequence output has all tokens in any case.

    Returns:
        Whether the fast encoder is in use.
    """
    if not switch.is_on() or not _is_supported(classifier):
        return False
    backbone = classifier.backbone
    if "call" not in vars(backbone):
        module = import_module(_ENCODERS[keras.config.backend()])
        first_only = not every_token and not _reads_every_token(classifier)
        vars(backbone)["call"] = _uncast(module.BertEncoder(backbone, _parts(backbone), first_only))
    return True


def unapply(classifier: Any) -> None:
    """Restore KerasHub's encoder."""
    vars(classifier.backbone).pop("call", None)


@contextmanager
def unapplied(classifier: Any) -> Iterator[None]:
    """Restore KerasHub's encoder within a `with` block."""
    was_applied = "call" in vars(classifier.backbone)
    unapply(classifier)
    try:
        yield
    finally:
        if was_applied:
            apply(classifier)


@contextmanager
def all_tokens(classifier: Any) -> Iterator[None]:
    """Compute the sequence output of all tokens within a `with` block."""
    before = vars(classifier.backbone).pop("call", None)
    apply(classifier, every_token=True)
    try:
        yield
    finally:
        unapply(classifier)
        if before is not None:
            vars(classifier.backbone)["call"] = before


def _uncast(encode: Any) -> Any:
    """Disable Keras's autocasting of variables within `encode`, which casts each weight itself."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with weights_as_they_are():
            return encode(*args, **kwargs)

    return call


def _is_supported(classifier: Any) -> bool:
    """Return whether the classifier is an unmodified BERT of KerasHub, on a supported device and dtype policy."""
    import keras_hub

    if type(classifier) is not keras_hub.models.BertTextClassifier and not _reads_every_token(classifier):
        return False
    backbone = classifier.backbone
    if type(backbone) is not keras_hub.models.BertBackbone or backbone.compute_dtype not in ("float32", "bfloat16"):
        return False
    if keras.config.backend() == "torch" and not _is_on_cpu(backbone):
        return False
    layers = [layer for layer in all_layers(backbone) if layer.weights]
    return all(
        layer.dtype_policy == backbone.dtype_policy and not getattr(layer, "lora_enabled", False) for layer in layers
    )


def _reads_every_token(classifier: Any) -> bool:
    return getattr(classifier, "pooling", None) == "mean"


def _is_on_cpu(backbone: Any) -> bool:
    return backbone.token_embedding.embeddings.value.device.type == "cpu"


def _parts(backbone: Any) -> Parts:
    norm = backbone.embeddings_layer_norm
    tables = [backbone.token_embedding.embeddings, backbone.position_embedding.position_embeddings]
    return Parts(
        embeddings=[*tables, backbone.segment_embedding.embeddings, norm.gamma, norm.beta],
        blocks=[_block(layer) for layer in backbone.transformer_layers],
        epsilon=norm.epsilon,
        seed=_seed(backbone.embeddings_dropout),
    )


def _block(layer: Any) -> Block:
    attention, feed_forward, norms, dropout = parts_of_a_block(layer)
    return Block(
        attention=[v for part in attention for v in (part.kernel, part.bias)] + [norms[0].gamma, norms[0].beta],
        feed_forward=[v for part in feed_forward for v in (part.kernel, part.bias)] + [norms[1].gamma, norms[1].beta],
        seed=_seed(dropout),
    )


def _seed(dropout: Any) -> Any:
    """Return the seed generator of a dropout layer; None if its rate is 0."""
    return getattr(dropout, "seed_generator", None)
