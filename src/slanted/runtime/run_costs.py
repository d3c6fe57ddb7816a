"""The expected time of a run: what it computes, times what that costs on a backend.

    seconds = startup + models * (compile * programs + steps * step + tokens * token + predicted * predict
                                  + scored * predict in float32 + linear)

`step` has the optimizer's pass over the weights, so that a step takes `step + token * tokens of its batch`. The costs
are those of a model of the size of minilm, and are multiplied by the relative size of the run's model.
"""

import time
from dataclasses import asdict, dataclass, field

FLOAT32, BFLOAT16 = "float32", "mixed_bfloat16"
COMPILING = ("jax",)  # compiles a program for each length; PyTorch none, TensorFlow one for all, which `startup` has
PREDICTION_PROGRAM = 0.25  # the time to compile a program of prediction, relative to one of training


@dataclass(frozen=True)
class Work:
    """What a run computes, for each of its models.

    Attributes:
        lengths: The number of different shapes of its training batches, where each is compiled.
        predicted_lengths: The number of different shapes of its prediction batches, likewise.
        steps: The number of training steps.
        tokens: The number of tokens of all steps, padding included.
        predicted: The number of tokens that are predicted before and while it trains: those that the linear models of
            the frozen encoder read, and the validation rows of all epochs.
        scored: The number of validation and test tokens that are predicted by the trained model, in float32.
        linear: The time in seconds of fitting linear models, on a typical machine.
        models: The number of models that are trained one after the other; one on 0.8 of the rows counts as 0.8.
        weights: The number of weights, relative to minilm.
        block_weights: The number of weights in the matrices of the blocks, relative to minilm.
        trained: The share of the computation of a step that is left where layer groups are frozen.
    """

    lengths: int = 1
    predicted_lengths: int = 1
    steps: int = 0
    tokens: float = 0.0
    predicted: float = 0.0
    scored: float = 0.0
    linear: float = 0.0
    models: float = 1
    weights: float = 1.0
    block_weights: float = 1.0
    trained: float = 1.0


@dataclass(frozen=True)
class Costs:
    """Seconds that a backend needs in one precision, for a model of the size of minilm.

    Attributes:
        startup: From the start of Keras to the first step, what is compiled once included.
        compile: To compile a training step for one length.
        step: For a training step of no tokens.
        token: For each token of a training step.
        predict: For each token of a prediction.
    """

    startup: float
    compile: float
    step: float
    token: float
    predict: float

    def training(self, work: Work) -> float:
        """Return the seconds of the training steps of one model, without compiling."""
        return work.trained * (self.step * work.weights * work.steps + self.token * work.block_weights * work.tokens)

    def times(self, factor: float) -> "Costs":
        """Return the costs on a machine that takes `factor` times as long."""
        return Costs(**{name: value * factor for name, value in asdict(self).items()})


def expected_seconds(backend: str, costs: Costs, in_float32: Costs, work: Work) -> float:
    """Return the expected time of a run.

    Args:
        backend: The backend.
        costs: Its costs in the precision of the run.
        in_float32: Its costs in float32, in which the trained model is scored.
        work: What the run computes.
    """
    programs = work.lengths + PREDICTION_PROGRAM * work.predicted_lengths if backend in COMPILING else 0.0
    predicting = work.block_weights * (costs.predict * work.predicted + in_float32.predict * work.scored)
    each = costs.compile * programs + costs.training(work) + predicting + work.linear
    return costs.startup + work.models * each


SHORT_RUN = Work(lengths=8, predicted_lengths=8, steps=100, tokens=100 * 32 * 16, predicted=5000.0, scored=10_000.0)

# Steps in bfloat16: docs/benchmarks.md, at 16 and 128 tokens. The rest: two cores of an Intel Xeon with AMX, used
# by other programs too. JAX's steps in float32 were not measured: they are taken to cost as much as in bfloat16.
TYPICAL = {
    "tensorflow": {
        FLOAT32: Costs(startup=20.9, compile=0.0, step=0.12, token=3.8e-4, predict=3.6e-4),
        BFLOAT16: Costs(startup=20.9, compile=0.0, step=0.151, token=1.43e-4, predict=7.4e-5),
    },
    "jax": {
        FLOAT32: Costs(startup=9.3, compile=16.0, step=0.16, token=3.7e-4, predict=2.2e-4),
        BFLOAT16: Costs(startup=9.3, compile=16.0, step=0.16, token=3.7e-4, predict=2.2e-4),
    },
    "torch": {
        FLOAT32: Costs(startup=7.6, compile=0.0, step=0.111, token=3.6e-4, predict=1.1e-4),
        BFLOAT16: Costs(startup=7.6, compile=0.0, step=0.102, token=1.25e-4, predict=5.0e-5),
    },
}


@dataclass(frozen=True)
class Expectation:
    """The expected time of a run that has begun, from the start of Keras to its scores.

    Attributes:
        seconds: The expected time.
        begun: When the run began, as returned by `time.monotonic`.
    """

    seconds: float
    begun: float = field(default_factory=time.monotonic)

    def facts(self) -> dict[str, float]:
        """Return the entries of metrics.json: the expected time, and the time until now."""
        return {"expected_seconds": self.seconds, "run_seconds": time.monotonic() - self.begun}
