"""Train and predict with a KerasHub BERT classifier faster: the same variables, the same results but for rounding.

fast_bert.apply(classifier)      # before `fit` or `predict`; in place
fast_bert.unapply(classifier)    # KerasHub's own layers again
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
    """The variables of one transformer block, in the order of their use, and the seeds of its dropout."""

    attention: list[Any]
    feed_forward: list[Any]
    seed: Any


@dataclass(frozen=True, eq=False)
class Parts:
    """What a fast encoder needs of a backbone."""

    embeddings: list[Any]
    blocks: list[Block]
    epsilon: float
    seed: Any


def apply(classifier: Any) -> bool:
    """Have `classifier` run its encoder the fast way, in place; return whether there is a fast way for it.

    To be called before `fit` or `predict` compile their step. Until `unapply`, the backbone's sequence output is its
    first token's alone, which the classifier does not read. Every text must have a token that is not padding.
    SLANTED_FAST=0 in the environment leaves it as it is.
    """
    if not switch.is_on() or not _is_provided_for(classifier):
        return False
    backbone = classifier.backbone
    if "call" not in vars(backbone):
        module = import_module(_ENCODERS[keras.config.backend()])
        vars(backbone)["call"] = _uncast(module.BertEncoder(backbone, _parts(backbone)))
    return True


def unapply(classifier: Any) -> None:
    """Run the encoder of KerasHub again."""
    vars(classifier.backbone).pop("call", None)


@contextmanager
def unapplied(classifier: Any) -> Iterator[None]:
    """Run the encoder of KerasHub for a while."""
    was_applied = "call" in vars(classifier.backbone)
    unapply(classifier)
    try:
        yield
    finally:
        if was_applied:
            apply(classifier)


def _uncast(encode: Any) -> Any:
    """Have `encode` see each weight as it is, whatever layer it is called in: it casts once, where it is used."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with weights_as_they_are():
            return encode(*args, **kwargs)

    return call


def _is_provided_for(classifier: Any) -> bool:
    """Return whether the classifier is KerasHub's BERT, as it builds it, in a precision that is provided for."""
    import keras_hub

    if type(classifier) is not keras_hub.models.BertTextClassifier:
        return False
    backbone = classifier.backbone
    if type(backbone) is not keras_hub.models.BertBackbone or backbone.compute_dtype not in ("float32", "bfloat16"):
        return False
    if keras.config.backend() == "torch" and not _is_on_processor(backbone):
        return False
    layers = [layer for layer in all_layers(backbone) if layer.weights]
    return all(layer.dtype_policy == backbone.dtype_policy and not _is_adapted(layer) for layer in layers)


def _is_adapted(layer: Any) -> bool:
    return getattr(layer, "lora_enabled", False)


def _is_on_processor(backbone: Any) -> bool:
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
    """Return the seeds of a dropout layer, which it has where its rate is not 0."""
    return getattr(dropout, "seed_generator", None)
