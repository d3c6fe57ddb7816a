"""join_curves: each curve over its own part of the run, at every run length, on the device as in float64; refusals."""

import itertools
import json

import keras
import numpy as np
import pytest
from curve_checks import FORMULAS, RUN_LENGTHS, steps_to_check

import slanted
from slanted.curves.joined import JoinedCurve
from slanted.errors import InputError

RISE, COSINE = slanted.LinearWarmup(0.5, warmup=1.0), slanted.CosineWarmup(0.5, warmup=0.0, lr_min=0.1)
STLR, CYCLE, FLAT = slanted.SlantedTriangular(2.0), slanted.OneCycle(0.3), slanted.ConstantWarmup(0.25)
NESTED = slanted.join_curves([CYCLE, FLAT], [0.5])
JOINED = (
    slanted.join_curves([STLR], []),
    slanted.join_curves([RISE, COSINE], [0.1]),
    slanted.join_curves([RISE, FLAT, STLR], [0.25, 0.26]),
    slanted.join_curves([RISE, COSINE], [10]),
    slanted.join_curves([STLR, CYCLE, RISE, COSINE, FLAT], [1, 9, 100, 101]),
    slanted.join_curves([FLAT, CYCLE, STLR], [3, 0.9]),
    slanted.join_curves([RISE, NESTED, COSINE], [0.2, 0.7]),
)


def starts_of(curve, total):
    """Return where each curve begins, by a reckoning of its own."""
    shares = [int(np.ceil(round(b * total, 6))) if isinstance(b, float) else b for b in curve.boundaries]
    return [0, *shares]


def formula(curve, t, total):
    """Return the rate by the definition: of the last curve that has begun, at t - b of a run of the next b - b."""
    if not isinstance(curve, JoinedCurve):
        return FORMULAS[type(curve)](curve, t, total)
    starts, t = starts_of(curve, total), min(t, total)
    at = max(i for i, start in enumerate(starts) if start <= t and (start < total or i == 0))
    end = total if at + 1 == len(starts) else starts[at + 1]
    return formula(curve.curves[at], t - starts[at], end - starts[at])


def in_order(curve, total):
    return starts_of(curve, total) == sorted(starts_of(curve, total))


@pytest.mark.once
@pytest.mark.parametrize("total", RUN_LENGTHS)
@pytest.mark.parametrize("curve", JOINED, ids=repr)
def test_every_part_is_its_own_curve_at_every_run_length(curve, total):
    if not in_order(curve, total):
        with pytest.raises(InputError, match="Boundaries must ascend"):
            curve.simulate(total)
        return
    steps = steps_to_check(total)
    expected = [formula(curve, int(t), total) for t in steps]
    np.testing.assert_allclose(curve.at(steps, total), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.once
def test_no_rate_is_negative_infinite_or_above_the_largest_peak():
    for curve, total in itertools.product(JOINED, range(1, 150)):
        if in_order(curve, total):
            rates = curve.at(np.arange(3 * total + 5), total)
            assert np.isfinite(rates).all() and (rates >= 0.0).all()
            assert (rates <= curve.lr_max * (1 + 1e-12)).all()
    assert JOINED[2].lr_max == 2.0


@pytest.mark.once
def test_boundaries_at_the_end_beyond_it_and_that_coincide():
    of_eight = RISE.simulate(8)
    np.testing.assert_array_equal(slanted.join_curves([RISE, STLR], [8]).simulate(8), of_eight)
    np.testing.assert_array_equal(slanted.join_curves([RISE, STLR], [8]).simulate(5), of_eight[:5])
    assert slanted.join_curves([RISE, STLR], [8]).at([5, 6, 100], 5).tolist() == [of_eight[5]] * 3
    assert slanted.join_curves([FLAT, RISE, STLR], [0.1, 0.2]).simulate(1).tolist() == [0.25]
    three = slanted.join_curves([FLAT, RISE, STLR], [0.3, 0.31]).simulate(3)
    assert three.tolist() == [0.25, *STLR.simulate(2)]


@pytest.mark.once
def test_optax_agrees_at_every_step():
    import optax

    pieces = [
        optax.linear_schedule(0.0, 0.5, 12),
        optax.constant_schedule(0.25),
        optax.warmup_cosine_decay_schedule(0.5, 0.5, 0, 88, 0.1),
    ]
    theirs = optax.join_schedules(pieces, [12, 32])
    ours = slanted.join_curves([RISE, FLAT, COSINE], [12, 32])
    np.testing.assert_allclose(ours.simulate(120), [float(theirs(t)) for t in range(120)], rtol=1e-5)


# -- on the device -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [1, 2, 19, 119, 10**6, 2**24 + 3, 50_000_000])
def test_float32_on_the_device_agrees_with_float64(total):
    beyond = slanted.join_curves([RISE, STLR, COSINE], [2**24 + 1, 33_333_333])
    for curve in (*JOINED, beyond):
        if not in_order(curve, total):
            continue
        starts = np.array(starts_of(curve, total))
        near = (starts[:, None] + np.arange(-3, 4)).ravel()
        steps = np.unique(np.clip([*steps_to_check(total), *near], 0, None))
        bound = JoinedCurve.from_config({**curve.get_config(), "total_steps": total})
        rates = keras.ops.convert_to_numpy(bound(keras.ops.convert_to_tensor(steps.astype("int32"))))
        assert rates.dtype == np.float32
        np.testing.assert_allclose(rates, bound.at(steps), rtol=1e-5, atol=0.0, err_msg=repr(curve))


# -- serialisation, printing -------------------------------------------------------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize("curve", JOINED, ids=repr)
def test_serialisation_and_printing_give_the_same_curve(curve):
    written = json.dumps(keras.saving.serialize_keras_object(curve))
    for made in (keras.saving.deserialize_keras_object(json.loads(written)), eval(repr(curve), vars(slanted))):
        assert made == curve and type(made.boundaries) is tuple
        np.testing.assert_array_equal(made.simulate(120), curve.simulate(120))
    assert curve.constants_count == len(curve.constants(120))


@pytest.mark.once
def test_its_picture_has_its_name():
    pytest.importorskip("matplotlib")
    (line,) = JOINED[1].plot(100).get_lines()
    assert line.get_label() == "JoinedCurve"
    np.testing.assert_array_equal(line.get_ydata(), JOINED[1].simulate(100))


# -- refusals ----------------------------------------------------------------------------------------------------------

A_LIST = "a list of curves such as slanted.LinearWarmup, at least one"
REFUSED = [
    ([RISE, FLAT], [], "`boundaries` must be one fewer than the curves, of which there are 2"),
    ([RISE], [5], "`boundaries` must be one fewer than the curves, of which there are 1"),
    ([], [], f"`curves` must be {A_LIST}"),
    (RISE, [], f"`curves` must be {A_LIST}"),
    ([RISE, 0.1], [5], f"`curves` must be {A_LIST}"),
    ([RISE, slanted.ConstantWarmup(0.1, 50)], [5], "`curves` must be curves without total_steps"),
    ([RISE, FLAT], 5, "`boundaries` must be a list of steps or shares of the run"),
    ([RISE, FLAT], [0], "`boundaries` must be a whole number >= 1"),
    ([RISE, FLAT], [True], "`boundaries` must be a whole number >= 1"),
    ([RISE, FLAT], ["5"], "`boundaries` must be a whole number >= 1"),
    ([RISE, FLAT], [0.0], "`boundaries` must be whole numbers of steps, or shares of the run in (0, 1)"),
    ([RISE, FLAT], [5.0], "`boundaries` must be whole numbers of steps, or shares of the run in (0, 1)"),
    ([RISE, FLAT], [float("nan")], "`boundaries` must be whole numbers of steps, or shares of the run in (0, 1)"),
    ([RISE, FLAT, STLR], [5, 5], "`boundaries` must be ascending"),
    ([RISE, FLAT, STLR], [0.5, 0.2], "`boundaries` must be ascending"),
]


@pytest.mark.once
@pytest.mark.parametrize(("curves", "boundaries", "rule"), REFUSED)
def test_refused_arguments(curves, boundaries, rule):
    with pytest.raises(ValueError) as raised:
        slanted.join_curves(curves, boundaries)
    assert f"Argument {rule}. Received: " in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.once
def test_steps_and_shares_out_of_order_are_refused_with_the_run_they_are_of():
    curve = slanted.join_curves([RISE, FLAT, STLR], [100, 0.5])
    assert curve.starts(1000) == [0, 100, 500]
    with pytest.raises(InputError) as raised:
        curve.simulate(150)
    assert str(raised.value) == (
        "Boundaries must ascend. Received: [100, 0.5], which are the steps [100, 75] of a run of 150. "
        "Give all of them in steps, or all as shares of the run."
    )


@pytest.mark.once
def test_numpy_s_numbers_are_boundaries_too():
    assert slanted.join_curves([RISE, FLAT, STLR], [np.int64(3), np.float64(0.5)]).boundaries == (3, 0.5)
    assert slanted.join_curves((RISE, FLAT, STLR), np.array([3, 4])).boundaries == (3, 4)
