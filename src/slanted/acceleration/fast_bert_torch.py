"""BERT's encoder for PyTorch on a CPU: forward and backward pass on matrices of (tokens, hidden).

The function of the variables is that of KerasHub's layers, with fewer passes over memory: weights are cast once per
step; the scales of attention and dropout are multiplied into the weights; dropout draws sixteen random bits per element
in place of PyTorch's slow Bernoulli generator; the last block is computed for the classified token only; and the
gradient of the token embeddings is a buffer in which only the rows of the previous batch are cleared.
"""

import math
from typing import Any

import keras
import torch

from slanted.acceleration.torch_kernels import (
    RandomBits,
    Shape,
    cast_weight,
    first_tokens,
    heads_first,
    linear,
    product,
    softmax,
    softmax_backward,
    tokens_first,
    weight_gradient,
)

_layer_norm_backward = torch.ops.aten.native_layer_norm_backward


class Attention(torch.autograd.Function):
    """Self-attention, dropout, residual and layer normalisation: (batch * length, hidden) to the same shape.

    With `first_only` the result is that of the first tokens: (batch, hidden). Dropped probabilities are saved with
    their sign set, so that one tensor stores both probabilities and mask.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, bias: Any, shape: Shape, epsilon: float, first_only: bool, *weights: Any) -> Any:
        """Return the output of the first half of the block."""
        wq, bq, wk, bk, wv, bv, wo, bo, gamma, beta = weights
        scale_q, scale_v = 1.0 / math.sqrt(shape.head_width), 1.0 / (1.0 - shape.rate)
        wq_, wo_ = cast_weight(wq, shape, scale_q), cast_weight(wo, shape)
        wkv = torch.cat((cast_weight(wk, shape), cast_weight(wv, shape, scale_v)), 1)
        bkv = torch.cat((cast_weight(bk, shape), cast_weight(bv, shape, scale_v)))
        xq = first_tokens(x, shape).contiguous() if first_only else x

        (q,) = heads_first(linear(xq, wq_, cast_weight(bq, shape, scale_q)), shape, 1)
        k, v = heads_first(linear(x, wkv, bkv), shape, 2)
        scores = torch.bmm(q, k.transpose(1, 2))
        if bias is not None:
            scores.view(shape.batch, -1, shape.length).add_(bias)
        p, keep = softmax(scores), None
        if shape.rate:
            bits = RandomBits(p.numel() + xq.numel())
            bits.mark(shape.rate, p)
            keep = bits.keep(shape.rate, xq.shape, shape.dtype)
        heads = tokens_first(torch.bmm(torch.relu(p) if shape.rate else p, v), shape, 1)
        out = linear(heads, wo_, cast_weight(bo, shape))
        total = xq + out if keep is None else torch.addcmul(xq, out, keep)
        y, mean, inverse = torch.native_layer_norm(total, (shape.hidden,), gamma, beta, epsilon)
        ctx.shape, ctx.first_only, ctx.scales = shape, first_only, (scale_q, scale_v)
        ctx.save_for_backward(x, xq, wq_, wkv, wo_, q, k, v, p, heads, keep, total, mean, inverse, *weights)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        """Return the gradients of `x` and the weights."""
        x, xq, wq_, wkv, wo_, q, k, v, p, heads, keep, total, mean, inverse, *weights = ctx.saved_tensors
        wq, bq, wk, bk, wv, bv, wo, bo, gamma, beta = weights
        shape, hidden, (scale_q, scale_v) = ctx.shape, ctx.shape.hidden, ctx.scales
        dtotal, dgamma, dbeta = _layer_norm_backward(
            dy, total, (hidden,), mean, inverse, gamma, beta, [True, True, True]
        )
        dout = dtotal if keep is None else dtotal * keep
        (dheads,) = heads_first(product(dout, wo_.t()), shape, 1)
        dv = torch.bmm((p if keep is None else torch.relu(p)).transpose(1, 2), dheads)
        dp = torch.bmm(dheads, v.transpose(1, 2))
        if keep is not None:
            dp, p = torch.ops.aten.threshold_backward(dp, p, 0.0), p.abs()
        dscores = softmax_backward(dp, p)
        dq = tokens_first(torch.bmm(dscores, k), shape, 1)
        dkv = tokens_first(torch.stack((torch.bmm(dscores.transpose(1, 2), q), dv)), shape, 2)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = product(dkv, wkv.t())
            (first_tokens(dx, shape) if ctx.first_only else dx).add_(product(dq, wq_.t()).add_(dtotal))
        dwkv, dbkv = product(x.t(), dkv), dkv.sum(0)
        return (
            dx, None, None, None, None,
            weight_gradient(product(xq.t(), dq), wq, scale_q), weight_gradient(dq.sum(0), bq, scale_q),
            weight_gradient(dwkv[:, :hidden], wk), weight_gradient(dbkv[:hidden], bk),
            weight_gradient(dwkv[:, hidden:], wv, scale_v), weight_gradient(dbkv[hidden:], bv, scale_v),
            weight_gradient(product(heads.t(), dout), wo), weight_gradient(dout.sum(0), bo), dgamma, dbeta,
        )  # fmt: skip


class FeedForward(torch.autograd.Function):
    """Feed-forward layers, dropout, residual and layer normalisation: (tokens, hidden) to the same shape."""

    @staticmethod
    def forward(ctx: Any, x: Any, shape: Shape, epsilon: float, *weights: Any) -> Any:
        """Return the output of the block."""
        w1, b1, w2, b2, gamma, beta = weights
        w1_, w2_ = w1.to(shape.dtype), w2.to(shape.dtype)
        inner = linear(x, w1_, b1.to(shape.dtype))
        active = torch.nn.functional.gelu(inner, approximate="tanh")
        out = linear(active, w2_, b2.to(shape.dtype))
        keep = RandomBits(x.numel()).keep(shape.rate, x.shape, shape.dtype) if shape.rate else None
        total = x + out if keep is None else torch.addcmul(x, out, keep)
        y, mean, inverse = torch.native_layer_norm(total, (shape.hidden,), gamma, beta, epsilon)
        ctx.shape = shape
        ctx.save_for_backward(x, w1_, w2_, inner, active, keep, total, mean, inverse, *weights)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        """Return the gradients of `x` and the weights."""
        x, w1_, w2_, inner, active, keep, total, mean, inverse, *weights = ctx.saved_tensors
        w1, b1, w2, b2, gamma, beta = weights
        dtotal, dgamma, dbeta = _layer_norm_backward(
            dy, total, (ctx.shape.hidden,), mean, inverse, gamma, beta, [True, True, True]
        )
        dout = dtotal if keep is None else dtotal * keep
        dinner = torch.ops.aten.gelu_backward(product(dout, w2_.t()), inner, approximate="tanh")
        dx = product(dinner, w1_.t()).add_(dtotal) if ctx.needs_input_grad[0] else None
        dw1, db1 = weight_gradient(product(x.t(), dinner), w1), weight_gradient(dinner.sum(0), b1)
        dw2, db2 = weight_gradient(product(active.t(), dout), w2), weight_gradient(dout.sum(0), b2)
        return dx, None, None, dw1, db1, dw2, db2, dgamma, dbeta


class RowGradient:
    """The dense gradient of an embedding table, reused between steps: only the rows of the last step are cleared."""

    def __init__(self) -> None:
        self._buffer = torch.empty(0)
        self._rows = torch.empty(0, dtype=torch.int64)

    def put(self, table: torch.Tensor, rows: torch.Tensor, values: torch.Tensor) -> None:
        """Set `table.grad` to the sum of `values` in each of `rows`, and to zero elsewhere."""
        if self._buffer.shape != table.shape:
            self._buffer = torch.zeros_like(table)
        else:
            self._buffer[self._rows] = 0.0
        self._buffer.scatter_add_(0, rows[:, None].expand(-1, values.shape[1]), values)
        self._rows = rows
        table.grad = self._buffer


class Embeddings(torch.autograd.Function):
    """The sum of token, position and segment embeddings, normalised, with dropout: (batch * length, hidden)."""

    @staticmethod
    def forward(
        ctx: Any, ids: Any, segments: Any, shape: Shape, epsilon: float, rows: RowGradient, *weights: Any
    ) -> Any:
        """Return the input of the first block."""
        tokens, positions, kinds, gamma, beta = weights
        lookup = torch.nn.functional.embedding
        total = lookup(ids, tokens).view(shape.batch, shape.length, -1).add_(positions[: shape.length])
        total = total.view(-1, shape.hidden).add_(lookup(segments, kinds))
        y, mean, inverse = torch.native_layer_norm(total, (shape.hidden,), gamma, beta, epsilon)
        y = y.to(shape.dtype)
        keep = RandomBits(y.numel()).keep(shape.rate, y.shape, shape.dtype) if shape.rate else None
        ctx.shape, ctx.rows, ctx.tables = shape, rows, (tokens, positions, kinds)
        ctx.save_for_backward(ids, segments, total, mean, inverse, gamma, beta, keep)
        return y if keep is None else y * keep

    @staticmethod
    def backward(ctx: Any, dy: Any) -> Any:
        """Return the gradients of the weights; that of the token embeddings is written to `grad` directly."""
        ids, segments, total, mean, inverse, gamma, beta, keep = ctx.saved_tensors
        shape, (tokens, positions, kinds) = ctx.shape, ctx.tables
        dy = (dy if keep is None else dy * keep).float()
        dtotal, dgamma, dbeta = _layer_norm_backward(
            dy, total, (shape.hidden,), mean, inverse, gamma, beta, [True, True, True]
        )
        if ctx.needs_input_grad[5]:
            ctx.rows.put(tokens, ids, dtotal)
        dpositions = torch.zeros_like(positions)
        dpositions[: shape.length] = dtotal.view(shape.batch, shape.length, -1).sum(0)
        one_hot = torch.nn.functional.one_hot(segments, kinds.shape[0]).float()
        return None, None, None, None, None, None, dpositions, torch.mm(one_hot.t(), dtotal), dgamma, dbeta


_embed: Any = Embeddings.apply
_attend: Any = Attention.apply
_feed_forward: Any = FeedForward.apply


class BertEncoder:
    """Replaces the `call` of a KerasHub BertBackbone; `first_only`: the last block has the first tokens alone."""

    def __init__(self, backbone: Any, parts: Any, first_only: bool) -> None:
        self._backbone, self._parts, self._first_only = backbone, parts, first_only
        self._rows = RowGradient()

    def __call__(self, inputs: Any, training: bool | None = None, mask: Any = None) -> dict[str, torch.Tensor]:
        """Return the pooled output, and the sequence output, of the first token or of all."""
        backbone, parts = self._backbone, self._parts
        names = ("token_ids", "segment_ids", "padding_mask")
        ids, segments, padding_mask = (_tensor(inputs[name]) for name in names)
        dtype = torch.bfloat16 if backbone.compute_dtype == "bfloat16" else torch.float32
        rate = backbone.dropout if training else 0.0
        batch, length = ids.shape
        shape = Shape(batch, length, backbone.num_heads, backbone.hidden_dim, dtype, rate)
        ids, segments = ids.reshape(-1).long(), segments.reshape(-1).long()
        x = _embed(ids, segments, shape, parts.epsilon, self._rows, *_values(parts.embeddings))
        bias = _padding_bias(padding_mask, shape)
        for block in parts.blocks:
            first_only = self._first_only and block is parts.blocks[-1]
            x = _attend(x, bias, shape, parts.epsilon, first_only, *_values(block.attention))
            x = _feed_forward(x, shape, parts.epsilon, *_values(block.feed_forward))
        x = x[:, None] if self._first_only else x.reshape(batch, length, -1)
        return {"sequence_output": x, "pooled_output": backbone.pooled_dense(x[:, 0])}


def _tensor(value: Any) -> Any:
    return keras.ops.convert_to_tensor(value)


def _values(variables: list[Any]) -> list[torch.Tensor]:
    return [variable.value for variable in variables]


def _padding_bias(padding_mask: torch.Tensor, shape: Shape) -> torch.Tensor | None:
    """Return the bias of the attention scores, (batch, 1, length); None if there is no padding."""
    padding = padding_mask == 0
    return padding[:, None].to(shape.dtype) * -1e9 if padding.any() else None
