"""The kernels of the encoder on PyTorch, compared with their formulas."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from slanted.acceleration import torch_kernels  # noqa: E402
from slanted.acceleration.torch_kernels import RandomBits, Shape  # noqa: E402

pytestmark = pytest.mark.once

SHAPE = Shape(batch=2, length=3, heads=4, hidden=8, dtype=torch.float32, rate=0.0)
TYPES = [(torch.float32, 1e-5), (torch.bfloat16, 5e-2)]
MANY = 100_000


def normal(*shape, dtype=torch.float32):
    random = np.random.default_rng(len(shape))
    return torch.from_numpy(random.normal(size=shape).astype("float32")).to(dtype)


def close(got, expected, tolerance):
    np.testing.assert_allclose(got.float().numpy(), expected.float().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), TYPES)
def test_products_are_those_of_matrices(dtype, tolerance):
    x, weight, bias = normal(5, 8, dtype=dtype), normal(8, 3, dtype=dtype), normal(3, dtype=dtype)
    close(torch_kernels.linear(x, weight, bias), x.float() @ weight.float() + bias.float(), tolerance)
    close(torch_kernels.product(x, weight), x.float() @ weight.float(), tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), TYPES)
@pytest.mark.parametrize("length", [7, 64, 100])
def test_softmax_and_its_gradient_on_short_and_long_rows(dtype, tolerance, length):
    scores = normal(5, length, dtype=dtype).requires_grad_()
    p, gradient = torch_kernels.softmax(scores), normal(5, length, dtype=dtype)
    expected = torch.softmax(scores.float(), -1)
    assert p.dtype == dtype
    close(p.detach(), expected.detach(), tolerance)
    (through,) = torch.autograd.grad(expected, scores, gradient.float())
    close(torch_kernels.softmax_backward(gradient, p.detach()), through, tolerance)


@pytest.mark.parametrize("parts", [1, 2])
def test_heads_come_first_and_go_back(parts):
    x = torch.arange(2 * 3 * parts * 8, dtype=torch.float32).view(6, parts * 8)
    heads = torch_kernels.heads_first(x, SHAPE, parts)
    assert heads.shape == (parts, 2 * 4, 3, 2) and heads.is_contiguous()
    text, place, part, head = 1, 2, parts - 1, 3
    first = part * 8 + head * SHAPE.head_width
    assert torch.equal(heads[part, text * 4 + head, place], x[text * 3 + place, first : first + 2])
    assert torch.equal(torch_kernels.tokens_first(heads, SHAPE, parts), x)


def test_the_first_token_of_each_text_is_a_view():
    x = normal(6, 8)
    first = torch_kernels.first_tokens(x, SHAPE)
    assert torch.equal(first, x[[0, 3]])
    first.zero_()
    assert not x[[0, 3]].any() and x[1].any()


def test_weights_become_matrices_in_the_precision_of_the_computation_and_gradients_go_back():
    shape = Shape(2, 3, 4, 8, torch.bfloat16, 0.0)
    weight, bias = normal(4, 2, 8), normal(4, 2)
    cast = torch_kernels.cast_weight(weight, shape, 0.5)
    assert (cast.shape, cast.dtype) == ((8, 8), torch.bfloat16)
    close(cast, 0.5 * weight.view(8, 8), 1e-2)
    assert torch_kernels.cast_weight(bias, shape).shape == (8,)
    back = torch_kernels.weight_gradient(cast, weight, 2.0)
    assert (back.shape, back.dtype) == (weight.shape, torch.float32)
    close(back, 2.0 * cast.view(4, 2, 8), 1e-6)
    assert torch.equal(torch_kernels.weight_gradient(bias.view(8), bias), bias)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_its_share_scaled_so_that_the_mean_stays(dtype, rate):
    torch.manual_seed(0)
    kept = RandomBits(MANY).keep(rate, torch.Size((10, MANY // 10)), dtype)
    assert kept.shape == (10, MANY // 10) and kept.dtype == dtype
    assert set(kept.unique().tolist()) == {0.0, torch.tensor(1.0 / (1.0 - rate), dtype=dtype).item()}
    assert (kept == 0).float().mean().item() == pytest.approx(rate, abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropped_numbers_are_marked_by_their_sign_and_keep_their_size(dtype):
    torch.manual_seed(0)
    x = torch.full((MANY,), 0.25, dtype=dtype)
    RandomBits(MANY).mark(0.3, x)
    assert torch.equal(x.abs(), torch.full_like(x, 0.25))
    assert (x < 0).float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_random_bits_follow_pytorch_s_seed_and_are_drawn_once():
    torch.manual_seed(3)
    bits = RandomBits(128)
    drawn = [bits.keep(0.5, torch.Size((64,)), torch.float32) for _ in range(2)]
    torch.manual_seed(3)
    again = RandomBits(128).keep(0.5, torch.Size((128,)), torch.float32)
    assert torch.equal(torch.cat(drawn), again) and not torch.equal(*drawn)
