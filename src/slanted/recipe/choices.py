"""The values that a recipe's settings may have, and the defaults that depend on other settings."""

OPTIMIZERS = ("adamw", "adam", "sgd", "rmsprop", "lion", "adafactor")
CURVES = ("slanted-triangular", "linear", "cosine", "one-cycle", "warmup-stable-decay", "constant")
UNFREEZING = ("none", "top-down", "chain-thaw")
DECAYED_GROUPS = ("all", "blocks")
TRUNCATIONS = ("head", "tail", "head+tail")
HEAD_STARTS = ("linear", "random")
SMALL_HIDDEN_SIZE, SMALL_PEAK, BASE_PEAK = 512, 1e-4, 2e-5
AUTO, OWN_EPOCHS = "auto", 3
MOST_EPOCHS = 100_000
WARMUP, WARMUP_OF = 0.1, {"one-cycle": 0.25, "constant": 0.0}
ROUNDING = 1e-9
NO_DECAY = ("bias", "norm", "gamma", "beta")


def warmup_of(curve: object) -> float:
    """Return the share of a run that rises under a curve where no other is given.

    >>> warmup_of("one-cycle"), warmup_of("constant"), warmup_of("linear")
    (0.25, 0.0, 0.1)
    """
    return WARMUP_OF.get(curve, WARMUP) if isinstance(curve, str) else WARMUP
