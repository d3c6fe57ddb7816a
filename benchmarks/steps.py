"""What a step costs: rates for the layers against the plain optimizer, two open groups against all, use of the peak."""

from statistics import median
from typing import Any

from benchmarks import peers, processes, results
from benchmarks.processes import CHILDREN, PYTHON

BACKENDS = ("tensorflow", "jax", "torch")
KINDS = ("plain", "layerwise", "top")
PARTS = ("forward", "sgd", "clipped", "plain")
LENGTH_FOR_PEAK = 128
BLOCK_PARAMETERS, BLOCKS, HIDDEN, BATCH_SIZE = 1_774_464, 6, 384, 32


def measure(rounds: int = 3) -> dict[str, Any]:
    """Time steps on each backend, and the matrix-product peak before and after."""
    peak = [_peak()]
    found = {}
    for backend in BACKENDS:
        found[backend] = _timed(backend, KINDS, 32, 4 * rounds, 6)
        found[backend]["parts"] = _timed(backend, PARTS, 16, 2 * rounds, 6)
        found[backend]["long"] = _timed(backend, ("plain",), LENGTH_FOR_PEAK, 2 * rounds, 3)["plain"]
        print(f"{backend}: {_shares(found[backend])}", flush=True)
    where = processes.run([PYTHON, CHILDREN / "where_time_goes.py"], {"KERAS_BACKEND": "torch"}).result
    return {"backends": found, "peak": [*peak, _peak()], "where": where}


def _timed(backend: str, kinds: tuple[str, ...], length: int, rounds: int, steps: int) -> dict[str, Any]:
    options = ["--length", str(length), "--rounds", str(rounds), "--steps", str(steps)]
    command = [PYTHON, CHILDREN / "steps.py", ",".join(kinds), *options]
    return processes.run(command, {"KERAS_BACKEND": backend}).result["seconds"]


def _peak() -> float:
    return processes.run([peers.python(), CHILDREN / "peak.py"]).result["mixed_bfloat16"]


def _shares(one: dict[str, Any]) -> dict[str, str]:
    return {kind: results.ratio(one[kind]["wall"], one["plain"]["wall"]) for kind in KINDS[1:]}


def useful_flops(length: int) -> float:
    """Return the operations of a training step: 6 a block parameter and token, and attention's products.

    Attention multiplies (length, hidden) with its transpose and its weights with the values, forward once and backward
    twice: 12 * length * hidden operations a token and block.
    """
    tokens = BATCH_SIZE * length
    return BLOCKS * tokens * (6.0 * BLOCK_PARAMETERS + 12.0 * length * HIDDEN)


def computed_flops(length: int) -> float:
    """Return the same without what the last block need not compute: slanted does it for the classified token alone.

    Keys and values, a sixth of the block's parameters, are computed for all tokens.
    """
    tokens, last = BATCH_SIZE * length, BATCH_SIZE
    keys_and_values = 2 * (HIDDEN * HIDDEN + HIDDEN)
    saved = 6.0 * (BLOCK_PARAMETERS - keys_and_values) * (tokens - last) + 12.0 * length * HIDDEN * (tokens - last)
    return useful_flops(length) - saved


def page(figures: dict[str, Any]) -> str:
    """Return the part's section of docs/benchmarks.md."""
    lines = [
        "### Steps",
        "",
        "minilm, batches of 32 texts of 32 tokens, mixed_bfloat16, all kinds in turn in one process.",
    ]
    lines += ["A rate for each of 8 layer groups under a slanted triangular curve, against AdamW at a constant rate;"]
    lines += ["and with only the head and the top block of six open.", ""]
    lines += [
        "| backend | a step of AdamW, ms | layer rates, times that | two groups open, times a full step |",
        "|---|---|---|---|",
    ]
    for backend, one in figures["backends"].items():
        top = results.ratio(one["top"]["wall"], one["layerwise"]["wall"])
        layerwise = results.ratio(one["layerwise"]["wall"], one["plain"]["wall"])
        lines.append(f"| {backend} | {1000 * median(one['plain']['wall']):.0f} | {layerwise} | {top} |")
    peak = max(figures["peak"])
    lines += [
        "",
        f"Share of the matrix-product peak ({peak / 1e9:.0f} GFLOP/s, bfloat16, PyTorch) at {LENGTH_FOR_PEAK} tokens:",
    ]
    lines += [
        "",
        "| backend | a step, ms | of the model as it is published | of what is computed |",
        "|---|---|---|---|",
    ]
    for backend, one in figures["backends"].items():
        seconds = median(one["long"]["wall"])
        shares = [flops(LENGTH_FOR_PEAK) / seconds / peak for flops in (useful_flops, computed_flops)]
        lines.append(f"| {backend} | {1000 * seconds:.0f} | {shares[0]:.0%} | {shares[1]:.0%} |")
    said = "The last block is computed for the classified token alone: the first share counts it as if for all tokens."
    return "\n".join([*lines, "", said, *_where(figures), *_parts(figures["backends"])])


def _where(figures: dict[str, Any]) -> list[str]:
    """Return where PyTorch's time goes at the length for the peak, products first."""
    found = figures.get("where")
    if not found:
        return []
    shares = [f"{kind} {seconds / found['step']:.0%}" for kind, seconds in found["seconds"].items()]
    heading = f"Of a PyTorch step at {LENGTH_FOR_PEAK} tokens, by its profiler: "
    return ["", f"{heading}{', '.join(shares)}. `outside` is Keras, Python and the profiler itself."]


def _parts(backends: dict[str, Any]) -> list[str]:
    """Return what each part of a step takes, by leaving it out."""
    lines = ["", "Parts of a step at 16 tokens, milliseconds, each by leaving it out; forward is without dropout:", ""]
    lines += [
        "| backend | forward | backward, dropout, SGD | clipping | AdamW in place of SGD |",
        "|---|---|---|---|---|",
    ]
    for backend, one in backends.items():
        if "parts" in one:
            forward, sgd, clipped, plain = (1000 * median(one["parts"][kind]["wall"]) for kind in PARTS)
            cells = [forward, sgd - forward, clipped - sgd, plain - clipped]
            lines.append(f"| {backend} | {' | '.join(f'{cell:.0f}' for cell in cells)} |")
    return lines if len(lines) > 5 else []
