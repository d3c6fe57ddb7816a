"""Every curve at several settings, and what each must be: its formula written again, one step at a time.

The formulas share no code with the curves.
"""

import math

import numpy as np
import pytest

import slanted

RUN_LENGTHS = (1, 2, 9, 10, 11, 19, 100, 109, 119, 279, 10**6)
CURVES = (
    slanted.SlantedTriangular(2e-5),
    slanted.SlantedTriangular(2e-5, rounding="floor"),
    slanted.SlantedTriangular(0.3, cut_frac=0.0, ratio=1.0),
    slanted.SlantedTriangular(0.3, cut_frac=1.0, ratio=1000.0),
    slanted.SlantedTriangular(0.3, cut_frac=0.37),
    slanted.LinearWarmup(2e-5),
    slanted.LinearWarmup(0.3, warmup=0.0),
    slanted.LinearWarmup(0.3, warmup=1.0),
    slanted.LinearWarmup(0.3, warmup=0.5),
    slanted.CosineWarmup(2e-5),
    slanted.CosineWarmup(0.3, warmup=0.0, lr_min=0.1),
    slanted.CosineWarmup(0.3, warmup=1.0),
    slanted.OneCycle(2e-5),
    slanted.OneCycle(0.3, rise_frac=0.0),
    slanted.OneCycle(0.3, rise_frac=1.0, start_div=1.0, final_div=1.0),
    slanted.WarmupStableDecay(2e-5),
    slanted.WarmupStableDecay(0.3, warmup=0.0, decay=0.0),
    slanted.WarmupStableDecay(0.3, warmup=0.5, decay=0.5),
    slanted.WarmupStableDecay(0.3, warmup=0.0, decay=1.0),
    slanted.ConstantWarmup(2e-5),
    slanted.ConstantWarmup(0.3, warmup=0.25),
    slanted.ConstantWarmup(0.3, warmup=1.0),
)


def steps_to_check(total):
    """Return all steps of a short run, else ends, neighbourhoods of bends and a spread; and steps past the end."""
    if total <= 1000:
        return np.arange(2 * total + 3)
    bends = [share * total for share in (0.0, 0.1, 0.2, 0.25, 0.37, 0.5, 0.8, 1.0)]
    near = [int(bend) + offset for bend in bends for offset in range(-3, 4)]
    spread = np.random.default_rng(0).integers(0, total, 300)
    return np.unique(np.clip([*near, *spread, total + 1, 2 * total], 0, None))


def triangular(curve, t, total):
    cut = total * curve.cut_frac
    if curve.rounding == "floor":
        cut = max(1, math.floor(cut + 1e-9))
    if t < cut:
        height = t / cut
    elif t >= total or cut == total:
        height = 0.0
    else:
        height = 1 - (t - cut) / (total - cut)
    return curve.lr_max * (1 + height * (curve.ratio - 1)) / curve.ratio


def warm(curve, t, total, after):
    rise = math.ceil(round(curve.warmup * total, 6))
    if t < rise:
        return curve.lr_max * t / rise
    return after(min(1.0, (t - rise) / (total - rise)) if total > rise else 1.0)


def linear(curve, t, total):
    return warm(curve, t, total, lambda done: curve.lr_max * (1 - done))


def half_cosine(start, end, done):
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def cosine(curve, t, total):
    return warm(curve, t, total, lambda done: half_cosine(curve.lr_max, curve.lr_min, done))


def constant(curve, t, total):
    return warm(curve, t, total, lambda done: curve.lr_max)


def one_cycle(curve, t, total):
    """Compute fastai's combined cosine schedules at the share t / T of the run."""
    done, rise = min(t / total, 1.0), curve.rise_frac
    if done < rise:
        return half_cosine(curve.lr_max / curve.start_div, curve.lr_max, done / rise)
    fallen = (done - rise) / (1 - rise) if rise < 1 else 1.0
    return half_cosine(curve.lr_max, curve.lr_max / curve.final_div, fallen)


def stable(curve, t, total):
    rise, fall = (math.ceil(round(share * total, 6)) for share in (curve.warmup, curve.decay))
    up = t / rise if t < rise else 1.0
    left = max(total - t, 0)
    down = left / fall if left < fall else 1.0
    return curve.lr_max * min(up, down)


FORMULAS = {
    slanted.SlantedTriangular: triangular,
    slanted.LinearWarmup: linear,
    slanted.CosineWarmup: cosine,
    slanted.ConstantWarmup: constant,
    slanted.OneCycle: one_cycle,
    slanted.WarmupStableDecay: stable,
}


def transformers_rates(scheduler, total):
    return [scheduler.lr_lambdas[0](t) for t in range(total + 3)]


def refusal(make, arguments):
    """Return the message with which a curve refuses its arguments."""
    with pytest.raises(ValueError) as raised:
        make(**{"lr_max": 0.1, **arguments})
    return str(raised.value)
