"""Kernels of the fast BERT encoder on PyTorch: matrix products, softmax, layouts, and random bits for dropout."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

_BITS_OF = {torch.bfloat16: torch.int16, torch.float32: torch.int32}


_SHORT = 64


@dataclass(frozen=True)
class Shape:
    """The sizes, the dtype and the dropout rate of one call of the encoder."""

    batch: int
    length: int
    heads: int
    hidden: int
    dtype: torch.dtype
    rate: float
    """The dropout rate; 0 outside training."""

    @property
    def head_width(self) -> int:
        """The width of one attention head."""
        return self.hidden // self.heads


class RandomBits:
    """16-bit random numbers from NumPy, seeded by PyTorch's generator: 0.4 ns each, against 7 ns of `bernoulli_`.

    Args:
        count: The number of random numbers that will be drawn in total.
    """

    def __init__(self, count: int) -> None:
        seed = int(torch.empty((), dtype=torch.int64).random_())
        self._words = torch.from_numpy(np.random.SFC64(seed).random_raw(-(-count // 4)).view(np.int16))
        self._used = 0

    def _drawn(self, count: int) -> torch.Tensor:
        self._used += count
        return self._words[self._used - count : self._used]

    def keep(self, rate: float, shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
        """Return a dropout mask: 1 / (1 - rate) with probability 1 - rate, else 0."""
        scale = torch.tensor(1.0 / (1.0 - rate), dtype=dtype).view(_BITS_OF[dtype])
        mask = torch.empty(shape.numel(), dtype=_BITS_OF[dtype])
        torch.ge(self._drawn(shape.numel()), _threshold(rate), out=mask)
        return mask.mul_(scale).view(dtype).view(shape)

    def mark(self, rate: float, x: torch.Tensor) -> None:
        """Set the sign bit of each element of `x`, which has no negative element, with probability `rate`."""
        bits = _BITS_OF[x.dtype]
        dropped = torch.empty(x.numel(), dtype=bits)
        torch.lt(self._drawn(x.numel()), _threshold(rate), out=dropped)
        x.view(bits).view(-1).bitwise_or_(dropped.mul_(torch.iinfo(bits).min))


def _threshold(rate: float) -> int:
    """Return the threshold that a random int16 is below with probability `rate`."""
    return round(rate * 2**16) - 2**15


def _is_intel() -> bool:
    """Return whether the processor is Intel's; False where /proc/cpuinfo cannot be read."""
    try:
        return "GenuineIntel" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _by_onednn(dtype: torch.dtype) -> bool:
    if not torch.backends.mkldnn.is_available():
        return False
    return _onednn_is_faster_in_float32() if dtype == torch.float32 else torch.ops.mkldnn._is_mkldnn_bf16_supported()


@cache
def _onednn_is_faster_in_float32() -> bool:
    """Return whether this processor has AVX-512 and is not Intel's: PyTorch's default, MKL, then uses AVX2 alone."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX512") and not _is_intel()


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Return x @ weight + bias."""
    if _by_onednn(x.dtype):  # in bfloat16 the bias costs no pass
        return torch.ops.mkldnn._linear_pointwise(x, weight.t(), bias, "none", [], "")
    return torch.addmm(bias, x, weight)


def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return a @ b."""
    if a.dtype == torch.float32 and _by_onednn(a.dtype):
        return torch.ops.mkldnn._linear_pointwise(a, b.t(), None, "none", [], "")
    return torch.mm(a, b)


def heads_first(x: torch.Tensor, shape: Shape, parts: int) -> torch.Tensor:
    """(tokens, parts * hidden) -> (parts, batch * heads, length, head width), contiguous."""
    split = x.view(shape.batch, -1, parts, shape.heads, shape.head_width).permute(2, 0, 3, 1, 4)
    return split.reshape(parts, shape.batch * shape.heads, -1, shape.head_width)


def tokens_first(x: torch.Tensor, shape: Shape, parts: int) -> torch.Tensor:
    """The inverse of `heads_first`."""
    split = x.view(parts, shape.batch, shape.heads, -1, shape.head_width).permute(1, 3, 0, 2, 4)
    return split.reshape(-1, parts * shape.hidden)


def first_tokens(x: torch.Tensor, shape: Shape) -> torch.Tensor:
    """(tokens, hidden) -> (batch, hidden): the first token of each text, a view."""
    return x.view(shape.batch, shape.length, shape.hidden)[:, 0]


def cast_weight(weight: torch.Tensor, shape: Shape, scale: float = 1.0) -> torch.Tensor:
    """Return a weight or bias times `scale`, in the computation's dtype, as (hidden, hidden) or (hidden,)."""
    flat = weight.reshape(shape.hidden, shape.hidden) if weight.numel() > shape.hidden else weight.reshape(-1)
    return (flat if scale == 1.0 else flat * scale).to(shape.dtype)


def weight_gradient(gradient: torch.Tensor, like: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """Return the gradient of a weight times `scale`, in the dtype and shape of the weight."""
    if scale == 1.0 and gradient.dtype == like.dtype and gradient.is_contiguous():
        return gradient.view(like.shape)
    out = torch.empty(gradient.shape, dtype=like.dtype)
    return (out.copy_(gradient) if scale == 1.0 else torch.mul(gradient, scale, out=out)).view(like.shape)


def softmax(scores: torch.Tensor) -> torch.Tensor:
    """Return the softmax of each row, in the dtype of `scores`."""
    if scores.shape[-1] >= _SHORT:
        return torch.softmax(scores, -1)
    return torch.softmax(scores.float(), -1).to(scores.dtype)  # PyTorch's softmax of bfloat16 is slow on short rows


def softmax_backward(gradient: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the scores, of which `p` is the softmax."""
    if p.shape[-1] >= _SHORT:
        return torch.ops.aten._softmax_backward_data(gradient, p, -1, p.dtype)
    return torch.ops.aten._softmax_backward_data(gradient.float(), p.float(), -1, torch.float32).to(p.dtype)
