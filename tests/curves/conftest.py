"""What tests of the curves share."""

import pytest


@pytest.fixture(scope="module")
def torch_optimizer():
    import torch

    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
