"""Curves bound to runs of `fit`: the applied learning rates."""

import keras
import numpy as np
import pytest
from applied import BACKEND, CountingSum, Sum, Trace, assert_sums, batches, fit, fit_on, minus, model, total
from scheduled_runs import CURVE, StopAfter, stlr, tf_data

import slanted
from slanted.curves.curve import Curve
from slanted.errors import InputError
from slanted.keras_private.scheduled import ScheduledOptimizer

# -- run lengths and executions ----------------------------------------------------------------------------------------


RUNS = [(1, 1), (2, 1), (9, 1), (10, 2), (19, 1), (100, 4), (119, 7)]


@pytest.mark.parametrize("steps_per_execution", [1, 4, 7] if BACKEND != "torch" else [1])
def test_rates_applied_are_the_curve_s(steps_per_execution):
    trained = model(steps_per_execution=steps_per_execution, jit_compile="auto")
    for length, epochs in RUNS:
        steps = length // epochs
        ends = [min(first + steps_per_execution, steps) - 1 for first in range(0, steps, steps_per_execution)]
        executions = np.add.outer(np.arange(epochs) * steps, ends).ravel()
        gained = fit(trained, steps, epochs, [stlr()])
        assert_sums(gained, CURVE.simulate(length), executions)


def test_the_seed_s_call_verbatim():
    trained = model()
    scheduler = slanted.SlantedTriangularScheduler(lr_max=0.001, cut_frac=0.1, ratio=32)
    assert_sums(fit(trained, 100, 1, [scheduler]), slanted.SlantedTriangular(0.001).simulate(100))
    assert scheduler.curve.get_config() == slanted.SlantedTriangularScheduler().curve.get_config()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method:DeprecationWarning")  # PyTorch's own, on import
@pytest.mark.parametrize("jit_compile", [True, False])
def test_compiled_and_not(jit_compile):
    gained = fit(model(jit_compile=jit_compile), 10, 2, [stlr()])
    assert_sums(gained, CURVE.simulate(20))


def test_run_eagerly():
    assert_sums(fit(model(run_eagerly=True), 10, 1, [stlr()]), CURVE.simulate(10))


@pytest.mark.parametrize("elapsed", [0, 1, 4_999_999, 5_000_000, 16_777_217, 33_333_333, 49_999_999, 50_000_003])
def test_applied_rates_far_beyond_float32_s_whole_numbers(shared, elapsed):
    length, first = 50_000_000, 1_000_003
    for curve in (CURVE, slanted.LinearWarmup(1.0), slanted.CosineWarmup(1.0, lr_min=0.1)):
        optimizer = ScheduledOptimizer.adopt(shared.optimizer)
        optimizer.follow(curve)
        shared.make_train_function(force=True)
        optimizer._iterations.assign(first + elapsed)
        optimizer.begin_run(length, elapsed)
        fit(shared, 1)
        assert total(shared) == pytest.approx(curve.at([elapsed], length)[0], rel=1e-5, abs=1e-30)


class Wave(Curve):
    """A user's own curve."""

    def constants(self, total_steps):
        return 0.0, float(total_steps)

    def rate(self, elapsed, remaining, constants, xp):
        return self.lr_max * (2.0 + xp.cos(elapsed * 0.5))


@pytest.mark.parametrize(
    "curve",
    [
        slanted.LinearWarmup(0.5),
        slanted.CosineWarmup(0.5, lr_min=0.1),
        slanted.OneCycle(0.5),
        slanted.WarmupStableDecay(0.5),
        slanted.ConstantWarmup(0.5, warmup=0.3),
        slanted.SlantedTriangular(0.5, cut_frac=0.3, ratio=7, rounding="floor"),
        Wave(0.5),
    ],
    ids=repr,
)
def test_every_curve_is_applied(shared, curve):
    assert_sums(fit(shared, 19, 2, [slanted.RunScheduler(curve)]), curve.simulate(38))


# -- one run after another ---------------------------------------------------------------------------------------------


def test_a_second_fit_is_a_new_run_and_compiles_once():
    trained, calls = model(layer=CountingSum), [0]
    for length in (10, 10, 7, 19):
        assert_sums(fit(trained, length, callbacks=[stlr()]), CURVE.simulate(length))
        calls.append(trained.layers[-1].calls)
    if BACKEND != "torch":  # which runs Python at every step anyway
        assert max(np.diff(calls)) == calls[1]


def test_another_peak_or_another_curve_in_the_next_fit():
    trained = model()
    for curve in (
        slanted.SlantedTriangular(1.0),
        slanted.SlantedTriangular(2.0),
        slanted.SlantedTriangular(2.0, ratio=2),
        slanted.LinearWarmup(2.0),
        slanted.LinearWarmup(2.0, total_steps=5),
        slanted.SlantedTriangular(1.0),
    ):
        rates = curve.at(np.arange(10), curve.total_steps or 10)
        assert_sums(fit(trained, 10, callbacks=[slanted.RunScheduler(curve)]), rates)


def test_a_plain_fit_before_and_after():
    trained = model(keras.optimizers.SGD(0.25))
    assert_sums(fit(trained, 3), [0.25] * 3)
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))
    # The run is over: the rate of its last batch, as the seed's callback leaves it.
    assert_sums(fit(trained, 3), [CURVE.simulate(10)[-1]] * 3)


def test_one_callback_for_two_models():
    scheduler, first, second = stlr(), model(), model()
    for length in (10, 4):
        for trained in (first, second):
            assert_sums(fit(trained, length, callbacks=[scheduler]), CURVE.simulate(length))


def test_two_models_with_curves_of_their_own():
    first, second = model(), model()
    assert_sums(fit(first, 10, callbacks=[stlr(lr_max=3.0)]), 3 * CURVE.simulate(10))
    assert_sums(fit(second, 20, callbacks=[stlr()]), CURVE.simulate(20))
    assert_sums(fit(first, 4, 2, callbacks=[stlr(lr_max=3.0)], initial_epoch=1), 3 * CURVE.simulate(8)[4:])


def test_compiling_again_begins_again():
    trained = model()
    fit(trained, 5, callbacks=[stlr()])
    trained.compile(keras.optimizers.SGD(1.0), loss=minus)
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))


# -- initial_epoch -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("initial", [1, 3])
def test_initial_epoch_in_a_process_that_trained_nothing(initial):
    gained = fit(model(), 5, 4, [stlr()], initial_epoch=initial)
    assert_sums(gained, CURVE.simulate(20)[5 * initial :])


def test_initial_epoch_after_training_goes_on():
    trained = model()
    fit(trained, 7)  # something else before
    first = fit(trained, 5, 4, [stlr(), StopAfter(epoch=1)])
    rest = fit(trained, 5, 4, [stlr()], initial_epoch=2)
    assert_sums([*first, *(first[-1] + rest)], CURVE.simulate(20))


def test_initial_epoch_of_a_longer_run():
    trained = model()
    fit(trained, 5, 2, [stlr()])
    assert_sums(fit(trained, 5, 6, [stlr()], initial_epoch=2), CURVE.simulate(30)[10:])


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_initial_epoch_with_unknown_length_goes_on_where_the_optimizer_stands():
    curve, trained = slanted.SlantedTriangular(1.0, total_steps=20), model()
    fit(trained, 5, callbacks=[slanted.RunScheduler(curve)])
    unsized = tf_data(5, known=False)
    gained = fit_on(trained, unsized, shuffle=False, epochs=2, initial_epoch=1, callbacks=[slanted.RunScheduler(curve)])
    assert_sums(gained, curve.simulate()[5:10])


# -- ends --------------------------------------------------------------------------------------------------------------


def test_stopped_in_an_epoch_and_gone_on_inside_it():
    trained = model()
    first = fit(trained, 10, 3, [stlr(), StopAfter(batch=3)])
    assert_sums(first, CURVE.simulate(30)[:4])
    assert_sums(fit(trained, 10, 3, [stlr()]), CURVE.simulate(30))


def test_early_stopping_and_a_run_after_it():
    trained = model()
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=0, mode="max")
    assert_sums(fit(trained, 5, 6, [stlr(), stop]), CURVE.simulate(30)[:10])
    assert_sums(fit(trained, 5, 2, [stlr()]), CURVE.simulate(10))


def test_no_epochs_train_nothing():
    trained = model(keras.optimizers.SGD(0.25))
    x, y = batches(5)
    trained.fit(x, y, epochs=0, verbose=0, callbacks=[stlr()])
    assert total(trained) == 0.0
    assert_sums(fit(trained, 3), [0.25] * 3)


# -- misuse ------------------------------------------------------------------------------------------------------------


def test_what_is_not_a_curve_is_refused():
    with pytest.raises(InputError) as raised:
        slanted.RunScheduler(0.1)
    assert str(raised.value) == (
        "Argument `curve` must be a curve such as slanted.SlantedTriangular. Received: curve=0.1"
    )
    with pytest.raises(InputError, match="`lr_max` must be a finite number > 0"):
        slanted.SlantedTriangularScheduler(lr_max=0)


def test_a_model_without_an_optimizer_is_refused():
    trained = model()
    trained.compile(optimizer=None, loss=minus)
    with pytest.raises(InputError) as raised:
        fit(trained, 3, callbacks=[stlr()])
    assert str(raised.value) == (
        "SlantedTriangularScheduler must have an optimizer to drive. Received: model.optimizer=None. "
        "Call `model.compile(optimizer=...)` before `fit`."
    )


def test_evaluate_and_predict_change_nothing():
    trained = model(keras.optimizers.SGD(0.25))
    x, y = batches(4)
    trained.evaluate(x, y, verbose=0, callbacks=[stlr()])
    trained.predict(x, verbose=0, callbacks=[stlr()])
    assert_sums(fit(trained, 3), [0.25] * 3)
    first = fit(trained, 5, 2, [stlr(), StopAfter(batch=2)])
    trained.evaluate(x, y, verbose=0, callbacks=[stlr(lr_max=9.0)])
    trained.predict(x, verbose=0, callbacks=[stlr(lr_max=9.0)])
    rest = fit(trained, 7)
    assert_sums([*first, *(first[-1] + rest)], [*CURVE.simulate(10)[:3], *[CURVE.simulate(10)[2]] * 7])


def test_predict_of_a_model_never_compiled():
    uncompiled = keras.Sequential([keras.Input((1,)), Sum()])
    assert uncompiled.predict(np.ones((2, 1)), verbose=0, callbacks=[stlr()]).shape == (2, 1)


# -- nothing runs in Python between batches ----------------------------------------------------------------------------


@pytest.mark.parametrize("scheduler", [stlr(), slanted.RunScheduler(slanted.OneCycle(1.0))])
def test_no_hook_runs_at_a_batch(scheduler):
    hooks = [f"on_{kind}batch_{end}" for kind in ("", "train_") for end in ("begin", "end")]
    assert all(getattr(type(scheduler), hook) is getattr(keras.callbacks.Callback, hook) for hook in hooks)


if BACKEND == "jax":  # whose trainer alone keeps its state away from the model

    def test_the_state_is_not_synchronised_at_batches(monkeypatch):
        trained, syncs = model(), []
        plain = type(trained).jax_state_sync
        monkeypatch.setattr(type(trained), "jax_state_sync", lambda self: (syncs.append(1), plain(self)))
        counts = []
        fit(trained, 3, callbacks=[stlr()])
        for steps in (4, 40):
            syncs.clear()
            x, y = batches(steps)
            trained.fit(x, y, batch_size=1, verbose=0, callbacks=[stlr()])
            counts.append(len(syncs))
        assert counts[0] == counts[1]
        assert counts[0] <= 8


def test_trace_measures_what_it_should():
    """The measuring model itself: a constant rate adds up to its multiples."""
    trained, trace = model(keras.optimizers.SGD(0.5)), Trace()
    x, y = batches(4)
    trained.fit(x, y, batch_size=1, verbose=0, callbacks=[trace])
    assert trace.sums == [0.5, 1.0, 1.5, 2.0]
