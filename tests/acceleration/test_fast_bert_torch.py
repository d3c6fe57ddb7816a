"""The halves of a block on PyTorch against autograd through the plain formula, and the buffer of embedding rows."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from slanted.acceleration import fast_bert_torch  # noqa: E402
from slanted.acceleration.fast_bert_torch import Attention, Embeddings, FeedForward, RowGradient  # noqa: E402
from slanted.acceleration.torch_kernels import Shape  # noqa: E402

pytestmark = pytest.mark.once

BATCH, LENGTH, HEADS, HIDDEN, INNER, EPSILON = 2, 3, 2, 4, 6, 1e-6
SHAPE = Shape(BATCH, LENGTH, HEADS, HIDDEN, torch.float32, 0.0)
WIDTH = HIDDEN // HEADS
MASK = torch.tensor([[1, 1, 1], [1, 1, 0]])


def normal(*shapes):
    random = np.random.default_rng(0)
    return [torch.from_numpy(random.normal(size=shape).astype("float32")).requires_grad_() for shape in shapes]


def normalised(x, gamma, beta):
    return torch.nn.functional.layer_norm(x, (HIDDEN,), gamma, beta, EPSILON)


def assert_same_with_gradients(ours, theirs, tensors):
    """Check two results, and the gradients of all that went into them by a weighted sum."""
    weights = torch.arange(ours.numel(), dtype=torch.float32).view(ours.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=1e-5)
    gradients = [torch.autograd.grad((weights * result).sum(), tensors) for result in (ours, theirs)]
    for got, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(got.numpy(), expected.numpy(), atol=2e-3, rtol=1e-3)


def attended(x, bias, first_only, weights):
    """Return self-attention as the papers write it."""
    wq, bq, wk, bk, wv, bv, wo, bo, gamma, beta = weights

    def heads(weight, shift):
        split = (x @ weight.reshape(HIDDEN, HIDDEN) + shift.reshape(-1)).view(BATCH, LENGTH, HEADS, WIDTH)
        return split.transpose(1, 2)

    scores = heads(wq, bq) @ heads(wk, bk).transpose(2, 3) / WIDTH**0.5 + bias[:, None]
    mixed = (torch.softmax(scores, -1) @ heads(wv, bv)).transpose(1, 2).reshape(-1, HIDDEN)
    y = normalised(x + mixed @ wo.reshape(HIDDEN, HIDDEN) + bo, gamma, beta)
    return y.view(BATCH, LENGTH, HIDDEN)[:, 0] if first_only else y


@pytest.mark.parametrize("first_only", [False, True])
def test_attention_and_its_gradients(first_only):
    projection = [(HIDDEN, HEADS, WIDTH), (HEADS, WIDTH)]
    shapes = [*projection * 3, (HEADS, WIDTH, HIDDEN), (HIDDEN,), (HIDDEN,), (HIDDEN,)]
    x, *weights = normal((BATCH * LENGTH, HIDDEN), *shapes)
    bias = fast_bert_torch._padding_bias(MASK, SHAPE)
    ours = Attention.apply(x, bias, SHAPE, EPSILON, first_only, *weights)
    assert_same_with_gradients(ours, attended(x, bias, first_only, weights), [x, *weights])


def test_the_feed_forward_half_and_its_gradients():
    x, *weights = normal(
        (BATCH * LENGTH, HIDDEN), (HIDDEN, INNER), (INNER,), (INNER, HIDDEN), (HIDDEN,), (HIDDEN,), (HIDDEN,)
    )
    w1, b1, w2, b2, gamma, beta = weights
    inner = torch.nn.functional.gelu(x @ w1 + b1, approximate="tanh")
    theirs = normalised(x + inner @ w2 + b2, gamma, beta)
    assert_same_with_gradients(FeedForward.apply(x, SHAPE, EPSILON, *weights), theirs, [x, *weights])


def test_embeddings_and_their_gradients_of_which_the_tokens_is_put_in_its_place():
    tokens, positions, kinds, gamma, beta = weights = normal(
        (7, HIDDEN), (5, HIDDEN), (2, HIDDEN), (HIDDEN,), (HIDDEN,)
    )
    ids, segments = torch.tensor([0, 3, 3, 6, 0, 1]), torch.tensor([0, 0, 1, 1, 0, 1])

    def plain():
        return normalised(tokens[ids] + positions[:LENGTH].repeat(BATCH, 1) + kinds[segments], gamma, beta)

    def quick():
        return Embeddings.apply(ids, segments, SHAPE, EPSILON, RowGradient(), *weights)

    assert_same_with_gradients(quick(), plain(), [positions, kinds, gamma, beta])
    (expected,) = torch.autograd.grad((plain() ** 2).sum(), [tokens])
    tokens.grad = None
    (quick() ** 2).sum().backward()
    np.testing.assert_allclose(tokens.grad.numpy(), expected.numpy(), atol=1e-4)


def test_rows_of_a_table_are_summed_and_those_of_the_step_before_cleared():
    table, rows = torch.zeros(5, 2, requires_grad=True), RowGradient()
    rows.put(table, torch.tensor([1, 3, 1]), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    assert table.grad.tolist() == [[0, 0], [6, 8], [0, 0], [3, 4], [0, 0]]
    first = table.grad
    rows.put(table, torch.tensor([0]), torch.tensor([[7.0, 8.0]]))
    assert table.grad.tolist() == [[7, 8], [0, 0], [0, 0], [0, 0], [0, 0]]
    assert table.grad is first, "one buffer serves all steps"


def test_padding_is_shut_out_and_nothing_is_added_where_there_is_none():
    bias = fast_bert_torch._padding_bias(MASK, SHAPE)
    assert bias.shape == (BATCH, 1, LENGTH) and bias.dtype == torch.float32
    assert (bias < -1e8).tolist() == [[[False, False, False]], [[False, False, True]]]
    assert not bias[0].any()
    assert fast_bert_torch._padding_bias(torch.ones(2, 3), SHAPE) is None
