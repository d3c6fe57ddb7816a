"""Measure this machine's matrix-product peak with PyTorch; print one JSON line, in FLOP a second.

Usage: peak.py
"""

import json
import time

import torch

SHAPES = ((4096, 384, 384), (4096, 384, 1536), (4096, 1536, 384), (2048, 2048, 2048))
SECONDS = 1.0


def flops_a_second(shape: tuple[int, int, int], dtype: torch.dtype) -> float:
    """Return the speed of products of (m, k) and (k, n)."""
    m, k, n = shape
    a, b = torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)
    torch.mm(a, b)
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < SECONDS:
        torch.mm(a, b)
        count += 1
    return 2.0 * m * k * n * count / (time.perf_counter() - begun)


def main() -> None:
    """Print the fastest of a few shapes for each precision."""
    kinds = {"float32": torch.float32, "mixed_bfloat16": torch.bfloat16}
    print(json.dumps({name: max(flops_a_second(shape, dtype) for shape in SHAPES) for name, dtype in kinds.items()}))


if __name__ == "__main__":
    main()
