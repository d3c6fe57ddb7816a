"""BERT's encoder for TensorFlow and JAX, on matrices of (tokens, hidden).

The function of the variables is that of KerasHub's layers. It is faster because it uses plain matrix products in place
of einsums over transposed operands, draws sixteen random bits per element for dropout, casts embeddings after the
look-up instead of casting the table before, and computes the last block for the classified token only.
"""

import math
from importlib import import_module
from typing import Any

import keras

ops: Any = keras.ops


def _bits_tensorflow(seed: Any, shape: tuple[int, ...]) -> Any:
    tf: Any = import_module("tensorflow")
    count = math.prod(shape) if all(isinstance(size, int) for size in shape) else tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32)
    return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:count], shape)


def _bits_jax(seed: Any, shape: tuple[int, ...]) -> Any:
    import jax

    return jax.random.bits(jax.random.wrap_key_data(seed.astype("uint32"), impl="threefry2x32"), shape, "uint16")


class BertEncoder:
    """Replaces the `call` of a KerasHub BertBackbone; `first_only`: the last block has the first tokens alone."""

    def __init__(self, backbone: Any, parts: Any, first_only: bool) -> None:
        self._backbone, self._parts, self._first_only = backbone, parts, first_only
        self._random_bits = _bits_jax if keras.config.backend() == "jax" else _bits_tensorflow

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> dict[str, Any]:
        """Return the pooled output, and the sequence output, of the first token or of all."""
        names = ("token_ids", "segment_ids", "padding_mask")
        ids, segments, padding_mask = (ops.convert_to_tensor(inputs[name]) for name in names)
        dtype, blocks = self._backbone.compute_dtype, self._parts.blocks
        rate = self._backbone.dropout if training else 0.0
        bias = ops.cast(ops.where(padding_mask > 0, 0.0, -1e9), dtype)[:, None, None]
        x = self._embed(ids, segments, rate)
        for block in blocks:
            x = self._attend(block, x, bias, self._first_only and block is blocks[-1], rate)
            x = self._feed_forward(block, x, rate)
        x = x[:, None] if self._first_only else ops.reshape(x, (*ops.shape(ids), self._backbone.hidden_dim))
        return {"sequence_output": x, "pooled_output": self._backbone.pooled_dense(x[:, 0])}

    def _embed(self, ids: Any, segments: Any, rate: float) -> Any:
        tokens, positions, kinds, gamma, beta = self._parts.embeddings
        total = ops.take(tokens, ids, axis=0) + ops.convert_to_tensor(positions)[: ops.shape(ids)[1]]
        total = ops.reshape(total + ops.take(kinds, segments, axis=0), (-1, self._backbone.hidden_dim))
        x = ops.cast(self._normalised(total, gamma, beta), self._backbone.compute_dtype)
        return self._dropped(x, rate, self._parts.seed)

    def _attend(self, block: Any, x: Any, bias: Any, first_only: bool, rate: float) -> Any:
        wq, bq, wk, bk, wv, bv, wo, bo, gamma, beta = block.attention
        hidden, heads = self._backbone.hidden_dim, self._backbone.num_heads
        batch, length = ops.shape(bias)[0], ops.shape(bias)[3]
        xq = ops.reshape(x, (batch, length, hidden))[:, 0] if first_only else x

        def heads_first(tokens: Any) -> Any:
            return ops.transpose(ops.reshape(tokens, (batch, -1, heads, hidden // heads)), (0, 2, 1, 3))

        q = heads_first(self._linear(xq, wq, bq, 1.0 / math.sqrt(hidden // heads)))
        k, v = heads_first(self._linear(x, wk, bk)), heads_first(self._linear(x, wv, bv))
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) + bias
        p = self._dropped(ops.cast(ops.softmax(ops.cast(scores, "float32"), -1), x.dtype), rate, block.seed)
        out = self._linear(ops.reshape(ops.transpose(ops.matmul(p, v), (0, 2, 1, 3)), (-1, hidden)), wo, bo)
        return self._normalised(xq + self._dropped(out, rate, block.seed), gamma, beta)

    def _feed_forward(self, block: Any, x: Any, rate: float) -> Any:
        w1, b1, w2, b2, gamma, beta = block.feed_forward
        out = self._linear(ops.gelu(self._linear(x, w1, b1), approximate=True), w2, b2)
        return self._normalised(x + self._dropped(out, rate, block.seed), gamma, beta)

    def _linear(self, x: Any, weight: Any, bias: Any, scale: float = 1.0) -> Any:
        """Return x @ (scale * weight) + scale * bias, for a weight and a bias of any rank."""
        size = math.prod(bias.shape)
        matrix = ops.reshape(weight, (-1, size)) * scale
        vector = ops.reshape(bias, (size,)) * scale
        return ops.matmul(x, ops.cast(matrix, x.dtype)) + ops.cast(vector, x.dtype)

    def _normalised(self, x: Any, gamma: Any, beta: Any) -> Any:
        """Return the layer normalisation of `x`, computed in float32, in the dtype of `x`."""
        wide = ops.cast(x, "float32")
        mean, variance = ops.moments(wide, axes=-1, keepdims=True)
        wide = (wide - mean) * ops.rsqrt(variance + self._parts.epsilon) * gamma + beta
        return ops.cast(wide, x.dtype)

    def _dropped(self, x: Any, rate: float, seed: Any) -> Any:
        if not rate:
            return x
        bits = self._random_bits(seed.next(), ops.shape(x))
        mask = bits >= ops.cast(round(rate * 2**16), bits.dtype)
        return ops.where(mask, x * ops.cast(1.0 / (1.0 - rate), x.dtype), ops.zeros((), x.dtype))
