"""Say where PyTorch's time goes in training steps of minilm; print one JSON line, kind of work -> seconds a step.

Usage: KERAS_BACKEND=torch where_time_goes.py [--length 128] [--steps 8]

The steps are those of steps.py's kind `layerwise`. Times are those of the operations themselves on the thread that
calls them, from PyTorch's profiler; `outside` is what is left of the clock: Keras, Python and the profiler.
"""

import argparse
import json
import re
from collections import defaultdict

import torch
from steps import Steps, Trainee

KINDS = {
    "matrix products": r"aten::(mm|addmm|bmm|baddbmm)$|linear_pointwise|mkldnn_linear",
    "softmax": r"softmax",
    "normalisation": r"layer_norm",
    "GELU": r"gelu",
    "AdamW": r"fused_adam",
    "clipping": r"vector_norm|foreach|clip",
    "dropout's masks": r"::(lt|ge|bitwise_or_|random_)$",
    "random bits and Python of the encoder's fast way": r"^(Attention|FeedForward|Embeddings|LastBlock)",
    "copies and casts": r"copy|clone|::cat$|stack",
    "embeddings": r"embedding|index|scatter",
}


def kind_of(operation: str) -> str:
    """Return which of the kinds an operation of PyTorch is.

    >>> kind_of("aten::addmm"), kind_of("aten::native_layer_norm_backward"), kind_of("aten::mul")
    ('matrix products', 'normalisation', 'other operations')
    """
    return next((kind for kind, names in KINDS.items() if re.search(names, operation)), "other operations")


def main() -> None:
    """Warm up, profile, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--steps", type=int, default=8)
    given = parser.parse_args()
    trainee, batches = Trainee("layerwise", "mixed_bfloat16"), Steps(given.steps, given.length)
    trainee.seconds(batches)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        wall, _ = trainee.seconds(batches)
    seconds: dict[str, float] = defaultdict(float)
    for event in profiler.key_averages():
        seconds[kind_of(event.key)] += event.self_cpu_time_total / 1e6 / given.steps
    seconds["outside"] = wall - sum(seconds.values())
    print(json.dumps({"step": wall, "seconds": dict(sorted(seconds.items(), key=lambda item: -item[1]))}))


if __name__ == "__main__":
    main()
