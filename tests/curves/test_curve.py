"""What all curves are: their formulas, on the device as in float64, refusals of an unbound one, serialisation."""

import json

import keras
import numpy as np
import pytest
from curve_checks import CURVES, FORMULAS, RUN_LENGTHS, steps_to_check

import slanted
from slanted.curves.curve import Curve
from slanted.errors import InputError

BEYOND_FLOAT32 = 50_000_000


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


# -- on the device -----------------------------------------------------------------------------------------------------


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


# -- refusals ----------------------------------------------------------------------------------------------------------


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
    with pytest.raises(NotImplementedError, match="Curve has no formula: define `rate`"):
        Curve(1.0).simulate(3)


# -- serialisation, printing -------------------------------------------------------------------------------------------


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
def test_curves_of_one_class_and_the_same_arguments_are_equal():
    curve = slanted.SlantedTriangular(2e-5, total_steps=100)
    again = slanted.SlantedTriangular(2e-5, total_steps=100)
    assert curve == again and hash(curve) == hash(again) and {curve: 1}[again] == 1
    assert curve != slanted.SlantedTriangular(2e-5) and curve != slanted.ConstantWarmup(2e-5) and curve != 2e-5


@pytest.mark.once
def test_a_curve_prints_as_the_call_that_makes_it():
    curve = slanted.SlantedTriangular(2e-5, total_steps=100)
    assert repr(curve) == (
        "SlantedTriangular(lr_max=2e-05, total_steps=100, cut_frac=0.1, ratio=32.0, rounding='none')"
    )
    assert eval(repr(curve), vars(slanted)).get_config() == curve.get_config()
