"""The curves: golden numbers, other people's formulas, both ends, float32 against float64, refusals, serialisation."""

import json
import math

import keras
import numpy as np
import pytest

import slanted
from slanted.curves.curve import Curve
from slanted.errors import InputError

RUN_LENGTHS = (1, 2, 9, 10, 11, 19, 100, 109, 119, 279, 10**6)
BEYOND_FLOAT32 = 50_000_000

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


# -- formulas written again, one step at a time -----------------------------------------------------------------------


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


@pytest.mark.once
@pytest.mark.parametrize("total", RUN_LENGTHS)
@pytest.mark.parametrize("curve", CURVES, ids=repr)
def test_every_curve_is_its_formula_at_every_run_length(curve, total):
    steps = steps_to_check(total)
    expected = [FORMULAS[type(curve)](curve, int(t), total) for t in steps]
    np.testing.assert_allclose(curve.at(steps, total), expected, rtol=1e-9, atol=1e-15 * curve.lr_max)


@pytest.mark.once
@pytest.mark.parametrize("curve", CURVES, ids=repr)
def test_no_rate_is_negative_infinite_or_above_the_peak(curve):
    for total in range(1, 301):
        rates = curve.at(np.arange(3 * total + 5), total)
        assert np.isfinite(rates).all()
        assert (rates >= 0.0).all()
        assert (rates <= curve.lr_max * (1 + 1e-12)).all()


# -- SlantedTriangular's golden numbers -------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("rounding", ["none", "floor"])
def test_golden_numbers_of_a_run_of_100(rounding):
    rates = slanted.SlantedTriangular(1.0, rounding=rounding).simulate(100)
    golden = {0: 0.03125, 5: 0.515625, 9: 0.903125, 10: 1.0, 50: 0.569444, 99: 0.042014}
    assert rates.shape == (100,)
    assert rates.dtype == np.float64
    for step, rate in golden.items():
        assert rates[step] == pytest.approx(rate, abs=5e-7)
    assert rates.argmax() == 10


@pytest.mark.once
@pytest.mark.parametrize("cut_frac", [0.0, 0.06, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("rounding", ["none", "floor"])
def test_triangle_never_leaves_its_band_and_has_one_peak(cut_frac, rounding):
    curve = slanted.SlantedTriangular(1.0, cut_frac=cut_frac, rounding=rounding)
    for total in range(1, 301):
        rates = curve.at(np.arange(3 * total), total)
        assert rates.min() >= 1 / 32 - 1e-15
        assert rates.max() <= 1.0
        run = rates[:total]
        first, *_, last = 2 * list(np.flatnonzero(run == run.max()))
        assert last - first <= 1  # a fractional cut can lie just so that two steps tie
        assert (np.diff(run[: first + 1]) > 0).all()
        assert (np.diff(run[last:]) < 0).all()
        assert (rates[total:] == 1 / 32).all()


@pytest.mark.once
def test_both_ends_of_the_triangle():
    starts = {cut_frac: slanted.SlantedTriangular(1.0, cut_frac=cut_frac).simulate(50)[0] for cut_frac in (0.0, 0.1, 1)}
    assert starts == {0.0: 1.0, 0.1: 1 / 32, 1: 1 / 32}
    never_decays = slanted.SlantedTriangular(1.0, cut_frac=1.0).simulate(50)
    assert (np.diff(never_decays) > 0).all()
    assert never_decays[-1] == pytest.approx((1 + 49 / 50 * 31) / 32)


@pytest.mark.once
@pytest.mark.parametrize(("cut_frac", "peak"), [(0.29, 29), (0.57, 57), (0.1, 10), (0.009, 1), (0.0, 1), (0.999, 99)])
def test_floor_is_safe_from_binary_fractions(cut_frac, peak):
    curve = slanted.SlantedTriangular(1.0, cut_frac=cut_frac, rounding="floor")
    assert curve.knots(100) == (peak, 100 - peak)
    assert curve.simulate(100)[peak] == 1.0


@pytest.mark.once
def test_the_paper_s_formula_where_its_own_is_right():
    for total in range(10, 300, 10):
        cut = math.floor(total / 10)
        paper = [t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.1 - 1)) for t in range(total)]
        rates = 0.01 * (1 + np.array(paper) * 31) / 32
        curve = slanted.SlantedTriangular(0.01, rounding="floor")
        np.testing.assert_allclose(curve.simulate(total), rates, rtol=1e-12)


@pytest.mark.once
def test_a_run_that_the_paper_s_formula_makes_negative():
    rates = slanted.SlantedTriangular(1.0, rounding="floor").simulate(19)
    assert rates[1] == 1.0
    assert rates[-1] == pytest.approx((1 + 31 / 18) / 32)


# -- other people's implementations -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch_optimizer():
    import torch

    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def transformers_rates(scheduler, total):
    return [scheduler.lr_lambdas[0](t) for t in range(total + 3)]


@pytest.mark.once
@pytest.mark.parametrize("total", [1, 2, 9, 10, 19, 100, 119, 279])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 1.0])
def test_transformers_schedules_agree_at_every_step(torch_optimizer, total, warmup):
    from transformers import optimization

    rise = math.ceil(warmup * total)
    steps = np.arange(total + 3)
    pairs = [
        (slanted.LinearWarmup(1.0, warmup=warmup), optimization.get_linear_schedule_with_warmup, (rise, total)),
        (slanted.CosineWarmup(1.0, warmup=warmup), optimization.get_cosine_schedule_with_warmup, (rise, total)),
        (slanted.ConstantWarmup(1.0, warmup=warmup), optimization.get_constant_schedule_with_warmup, (rise,)),
    ]
    for curve, make, arguments in pairs:
        theirs = transformers_rates(make(torch_optimizer, *arguments), total)
        # Past the end their cosine rises again; the run has no such step.
        np.testing.assert_allclose(curve.at(steps, total)[:total], theirs[:total], rtol=1e-9, atol=1e-12)


@pytest.mark.once
@pytest.mark.parametrize("total", [10, 19, 100, 119, 279])
@pytest.mark.parametrize(("warmup", "decay"), [(0.1, 0.2), (0.0, 1.0), (0.3, 0.0), (0.25, 0.5)])
def test_transformers_warmup_stable_decay_agrees(torch_optimizer, total, warmup, decay):
    from transformers.optimization import get_wsd_schedule

    theirs = get_wsd_schedule(
        torch_optimizer,
        num_warmup_steps=math.ceil(warmup * total),
        num_decay_steps=math.ceil(decay * total),
        num_training_steps=total,
        decay_type="linear",
    )
    curve = slanted.WarmupStableDecay(1.0, warmup=warmup, decay=decay)
    np.testing.assert_allclose(curve.simulate(total), transformers_rates(theirs, total)[:total], rtol=1e-9, atol=1e-12)


@pytest.mark.once
def test_optax_schedules_agree_at_every_step():
    import optax

    total, steps = 120, np.arange(120)
    pairs = [
        (slanted.OneCycle(1.0), optax.cosine_onecycle_schedule(total, 1.0, 0.25, 25.0, 1e5 / 25.0)),
        (slanted.CosineWarmup(1.0, lr_min=0.1), optax.warmup_cosine_decay_schedule(0.0, 1.0, 12, total, 0.1)),
        (slanted.ConstantWarmup(1.0, warmup=0.1), optax.warmup_constant_schedule(0.0, 1.0, 12)),
        (
            slanted.LinearWarmup(1.0),
            optax.join_schedules([optax.linear_schedule(0.0, 1.0, 12), optax.linear_schedule(1.0, 0.0, 108)], [12]),
        ),
        (
            slanted.SlantedTriangular(1.0),
            optax.join_schedules(
                [optax.linear_schedule(1 / 32, 1.0, 12), optax.linear_schedule(1.0, 1 / 32, 108)], [12]
            ),
        ),
    ]
    for curve, theirs in pairs:
        expected = [float(theirs(t)) for t in steps]
        np.testing.assert_allclose(curve.simulate(total), expected, rtol=1e-5, atol=1e-6)


# -- on the device ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [1, 2, 19, 119, 10**6, 2**24 + 3, BEYOND_FLOAT32])
def test_float32_on_the_device_agrees_with_float64(total):
    steps = steps_to_check(total)
    tensor = keras.ops.convert_to_tensor(steps.astype("int32"))
    for template in CURVES:
        curve = type(template)(**{**template.get_config(), "total_steps": total})
        rates = keras.ops.convert_to_numpy(curve(tensor))
        assert rates.dtype == np.float32
        np.testing.assert_allclose(rates, curve.at(steps), rtol=1e-5, atol=0.0, err_msg=repr(curve))


def test_one_step_at_a_time_on_the_device():
    curve = slanted.SlantedTriangular(1.0, total_steps=100)
    assert [float(keras.ops.convert_to_numpy(curve(t))) for t in (0, 10, 1000)] == [1 / 32, 1.0, 1 / 32]


def test_float32_whatever_keras_computes_in():
    before = keras.config.floatx()
    keras.config.set_floatx("float16")
    try:
        rate = keras.ops.convert_to_numpy(slanted.LinearWarmup(2e-5, total_steps=70_000)(69_999))
    finally:
        keras.config.set_floatx(before)
    assert rate.dtype == np.float32
    assert rate == pytest.approx(2e-5 / 63_000, rel=1e-5)


def test_a_plain_keras_schedule_needs_no_callback():
    from applied import assert_sums, fit, model

    curve = slanted.SlantedTriangular(1e-3, total_steps=20)
    gained = fit(model(keras.optimizers.SGD(curve)), steps=10, epochs=2)
    assert_sums(gained, curve.simulate())


# -- refusals ---------------------------------------------------------------------------------------------------------

NUMBER = "a finite number > 0"
DIVISOR = "a finite number >= 1"
REFUSED = [
    (slanted.SlantedTriangular, {"lr_max": 0.0}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": -1e-3}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": math.nan}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": math.inf}, NUMBER),
    (slanted.SlantedTriangular, {"lr_max": "0.1"}, "a number"),
    (slanted.SlantedTriangular, {"lr_max": None}, "a number"),
    (slanted.SlantedTriangular, {"total_steps": 0}, "a whole number >= 1"),
    (slanted.SlantedTriangular, {"total_steps": 10.0}, "a whole number >= 1"),
    (slanted.SlantedTriangular, {"cut_frac": -0.1}, "in [0, 1]"),
    (slanted.SlantedTriangular, {"cut_frac": 1.1}, "in [0, 1]"),
    (slanted.SlantedTriangular, {"cut_frac": math.nan}, "in [0, 1]"),
    (slanted.SlantedTriangular, {"ratio": 0.5}, DIVISOR),
    (slanted.SlantedTriangular, {"ratio": math.inf}, DIVISOR),
    (slanted.SlantedTriangular, {"rounding": "ceil"}, '"none" or "floor"'),
    (slanted.LinearWarmup, {"lr_max": 0}, NUMBER),
    (slanted.LinearWarmup, {"warmup": 2}, "in [0, 1]"),
    (slanted.CosineWarmup, {"warmup": -1}, "in [0, 1]"),
    (slanted.CosineWarmup, {"lr_min": 0.2}, "in [0, 0.1]"),
    (slanted.CosineWarmup, {"lr_min": -0.1}, "in [0, 0.1]"),
    (slanted.CosineWarmup, {"lr_min": "0"}, "a number"),
    (slanted.ConstantWarmup, {"warmup": 1.5}, "in [0, 1]"),
    (slanted.OneCycle, {"rise_frac": 1.5}, "in [0, 1]"),
    (slanted.OneCycle, {"start_div": 0.0}, DIVISOR),
    (slanted.OneCycle, {"final_div": 0.9}, DIVISOR),
    (slanted.WarmupStableDecay, {"warmup": 1.5}, "in [0, 1]"),
    (slanted.WarmupStableDecay, {"decay": -0.5}, "in [0, 1]"),
    (slanted.WarmupStableDecay, {"decay": 0.95}, "at most 1 - warmup = 0.9"),
]


@pytest.mark.once
@pytest.mark.parametrize(("make", "arguments", "rule"), REFUSED)
def test_refused_arguments_and_the_whole_message(make, arguments, rule):
    (name, value), *_ = arguments.items()
    with pytest.raises(ValueError) as raised:
        make(**{"lr_max": 0.1, **arguments})
    assert str(raised.value) == f"Argument `{name}` must be {rule}. Received: {name}={value!r}"


@pytest.mark.once
def test_shares_that_add_up_to_one_in_spite_of_binary_fractions():
    for warmup in np.linspace(0, 1, 101):
        slanted.WarmupStableDecay(1.0, warmup=warmup, decay=1.0 - warmup)
        slanted.WarmupStableDecay(1.0, warmup=round(warmup, 2), decay=round(1 - round(warmup, 2), 2))


def test_an_unbound_curve_says_both_remedies():
    message = (
        "SlantedTriangular must know the length of its run. Received: total_steps=None. "
        "Pass `total_steps`, or train with callbacks=[slanted.RunScheduler(curve)], which reads it from `fit`."
    )
    curve = slanted.SlantedTriangular(1e-3)
    for use in (curve.simulate, lambda: curve(0), lambda: curve.at([0]), curve.plot):
        with pytest.raises(InputError) as raised:
            use()
        assert str(raised.value) == message


def test_an_unbound_curve_stops_a_plain_fit_with_that_message():
    from applied import fit, model

    with pytest.raises(InputError, match="SlantedTriangular must know the length of its run"):
        fit(model(keras.optimizers.SGD(slanted.SlantedTriangular(1e-3))), steps=2)


@pytest.mark.once
def test_a_curve_without_a_formula_says_what_to_define():
    with pytest.raises(NotImplementedError, match="Curve does not say where it bends: define `knots`"):
        Curve(1.0).simulate(3)


# -- serialisation, printing, pictures --------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("template", CURVES, ids=repr)
@pytest.mark.parametrize("total", [None, 77])
def test_serialisation_gives_the_same_curve(template, total):
    curve = type(template)(**{**template.get_config(), "total_steps": total})
    written = json.dumps(keras.saving.serialize_keras_object(curve))
    for made in (
        type(curve).from_config(curve.get_config()),
        keras.saving.deserialize_keras_object(json.loads(written)),
    ):
        assert type(made) is type(curve)
        assert made.get_config() == curve.get_config()
        np.testing.assert_array_equal(made.simulate(50), curve.simulate(50))


def test_a_plain_optimizer_carries_the_curve_through_its_config():
    optimizer = keras.optimizers.Adam(slanted.OneCycle(0.1, total_steps=40, rise_frac=0.5))
    made = type(optimizer).from_config(optimizer.get_config())
    assert float(keras.ops.convert_to_numpy(made.learning_rate)) == pytest.approx(0.1 / 25)
    assert made.get_config() == optimizer.get_config()


@pytest.mark.once
def test_a_curve_prints_as_the_call_that_makes_it():
    curve = slanted.SlantedTriangular(2e-5, total_steps=100)
    assert repr(curve) == (
        "SlantedTriangular(lr_max=2e-05, total_steps=100, cut_frac=0.1, ratio=32.0, rounding='none')"
    )
    assert eval(repr(curve), vars(slanted)).get_config() == curve.get_config()


@pytest.mark.once
def test_the_seed_s_defaults():
    assert slanted.SlantedTriangular().get_config() == {
        "lr_max": 0.001,
        "total_steps": None,
        "cut_frac": 0.1,
        "ratio": 32.0,
        "rounding": "none",
    }
