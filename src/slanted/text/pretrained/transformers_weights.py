"""Read checkpoints of transformers with or without the prefix and the pooler that KerasHub expects in them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

PREFIXES = ("bert.", "roberta.", "distilbert.", "albert.")
POOLERS = ("pooler.dense.weight", "pooler.dense.bias", "pooler.weight", "pooler.bias")
_GAMMA_BETA = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}  # in early checkpoints
POSITIONS, SEGMENTS = "roberta.embeddings.position_embeddings.weight", "roberta.embeddings.token_type_embeddings.weight"
STDDEV, SEED = 0.02, 0


@contextmanager
def any_transformers_checkpoint() -> Iterator[list[str]]:
    """Load weights under each name that transformers gives them; a pooler that the checkpoint lacks is new.

    `BertModel` saves a tensor as `encoder.layer.0...`, `BertForMaskedLM` as `bert.encoder.layer.0...`, without a
    pooler. KerasHub expects a prefix for some families and a pooler for others. A new pooler has kernels from a normal
    distribution with standard deviation 0.02, as BERT's authors initialise it, and zeros as biases. RoBERTa's embedding
    of its only segment, which KerasHub leaves out, is added to those of the positions.

    Yields:
        The names of the parts that the checkpoint lacks, once it is loaded.
    """
    from keras_hub.src.utils.transformers.safetensor_utils import SafetensorLoader

    loader: Any = SafetensorLoader
    find, port = loader.get_prefixed_key, loader.port_weight
    new: list[str] = []

    def named(self: Any, key: str, tensors: Any) -> str:
        known = set(tensors.keys())
        return next((name for name in _names(key) if name in known), None) or find(self, key, tensors)

    def ported(self: Any, keras_variable: Any, hf_weight_key: str, hook_fn: Any = None) -> None:
        if _bare(hf_weight_key) in POOLERS and not _has_pooler(self):
            keras_variable.assign(_new(tuple(keras_variable.shape)))
            new.extend([] if "pooler" in new else ["pooler"])
        else:
            port(self, keras_variable, hf_weight_key, hook_fn)
        if hf_weight_key == POSITIONS:
            keras_variable.assign_add(np.broadcast_to(self.get_tensor(SEGMENTS)[:1], keras_variable.shape))

    loader.get_prefixed_key, loader.port_weight = named, ported
    try:
        yield new
    finally:
        loader.get_prefixed_key, loader.port_weight = find, port


def _bare(key: str) -> str:
    """Return the name of a tensor without the prefix of its family."""
    return next((key.removeprefix(prefix) for prefix in PREFIXES if key.startswith(prefix)), key)


def _names(key: str) -> Iterator[str]:
    """Yield the names that a tensor may have: with and without a prefix, and with the early names of its norms."""
    bare = _bare(key)
    for name in (bare, *(bare.replace(new, old) for new, old in _GAMMA_BETA.items() if bare.endswith(new))):
        yield from (name, *(f"{prefix}{name}" for prefix in PREFIXES))


def _has_pooler(loader: Any) -> bool:
    """Return whether a tensor of the checkpoint is part of a pooler."""
    if loader.safetensor_config is not None:
        names = loader.safetensor_config["weight_map"]
    else:
        names = next(iter(loader.safetensor_files.values())).keys()
    return any(name.endswith(POOLERS) for name in names)


def _new(shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    return np.random.default_rng(SEED).normal(0.0, STDDEV, shape).astype(np.float32)
