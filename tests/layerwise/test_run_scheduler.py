"""Curves bound to runs of `fit`: the rates really applied, whatever the data, the run and the company."""

import keras
import numpy as np
import pytest
from applied import BACKEND, CountingSum, Sum, Trace, assert_sums, batches, fit, fit_on, minus, model, total

import slanted
from slanted.curves.curve import Curve
from slanted.errors import InputError
from slanted.keras_private.scheduled import ScheduledOptimizer

CURVE = slanted.SlantedTriangular(1.0)


def stlr(**settings):
    return slanted.SlantedTriangularScheduler(**{"lr_max": 1.0, **settings})


@pytest.fixture(scope="module")
def shared():
    """A model that many tests train further: each `fit` from epoch 0 is a new run."""
    return model()


# -- run lengths and executions ---------------------------------------------------------------------------------------

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

    def knots(self, total_steps):
        return 0.0, float(total_steps)

    def rate(self, elapsed, remaining, knots, xp):
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


# -- data -------------------------------------------------------------------------------------------------------------


class Dataset(keras.utils.PyDataset):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        return batches(1)


def endless():
    while True:
        yield batches(1)


def tf_data(number, known=True):
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(batches(number)).batch(1)
    return dataset if known else dataset.filter(lambda x, y: True)


def test_the_last_batch_may_be_smaller(shared):
    x, y = batches(19)
    assert_sums(fit_on(shared, x, y=y, batch_size=4, epochs=2, callbacks=[stlr()]), CURVE.simulate(10))


def test_py_dataset(shared):
    assert_sums(fit_on(shared, Dataset(9), epochs=2, callbacks=[stlr()]), CURVE.simulate(18))


def test_tf_data_of_known_length(shared):
    assert_sums(fit_on(shared, tf_data(9), shuffle=False, epochs=2, callbacks=[stlr()]), CURVE.simulate(18))


def test_generator_with_steps_per_epoch(shared):
    gained = fit_on(shared, endless(), shuffle=False, steps_per_epoch=9, epochs=2, callbacks=[stlr()])
    assert_sums(gained, CURVE.simulate(18))


def test_steps_per_epoch_smaller_than_the_data(shared):
    gained = fit_on(shared, Dataset(12), steps_per_epoch=4, epochs=3, callbacks=[stlr()])
    assert_sums(gained, CURVE.simulate(12))


if BACKEND == "torch":

    def test_torch_data_loader(shared):
        import torch

        x, y = (torch.from_numpy(array) for array in batches(9))
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=1)
        assert_sums(fit_on(shared, loader, shuffle=False, epochs=2, callbacks=[stlr()]), CURVE.simulate(18))


def test_validation_does_not_move_the_curve(shared):
    gained = fit(shared, 10, 2, [stlr()], validation_data=batches(7), validation_batch_size=1)
    assert_sums(gained, CURVE.simulate(20))


UNKNOWN = {"generator": endless, "tf.data": lambda: tf_data(6, known=False)}


@pytest.mark.parametrize("data", UNKNOWN)
def test_unknown_length_is_refused_before_the_first_step(data):
    trained = model()
    with pytest.raises(InputError) as raised:
        fit_on(trained, UNKNOWN[data](), shuffle=False, epochs=2, callbacks=[stlr()])
    assert str(raised.value) == (
        "SlantedTriangularScheduler must know how many batches an epoch has, and the data does not say. "
        "Pass `steps_per_epoch=` to `fit`, or `total_steps=` to the curve."
    )
    assert total(trained) == 0.0


def test_after_the_refusal_the_optimizer_is_as_it_was():
    trained = model(keras.optimizers.SGD(0.25))
    with pytest.raises(InputError):
        fit_on(trained, endless(), shuffle=False, callbacks=[stlr()])
    assert_sums(fit(trained, 3), [0.25] * 3)


@pytest.mark.parametrize("data", UNKNOWN)
def test_first_remedy_steps_per_epoch(shared, data):
    gained = fit_on(shared, UNKNOWN[data](), shuffle=False, steps_per_epoch=3, epochs=2, callbacks=[stlr()])
    assert_sums(gained, CURVE.simulate(6))


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_second_remedy_total_steps(shared):
    scheduler = slanted.RunScheduler(slanted.SlantedTriangular(1.0, total_steps=20))
    gained = fit_on(shared, tf_data(6, known=False), shuffle=False, epochs=2, callbacks=[scheduler])
    assert_sums(gained, CURVE.simulate(20)[:12])


def test_total_steps_of_the_curve_wins_over_the_run_s(shared):
    scheduler = slanted.RunScheduler(slanted.SlantedTriangular(1.0, total_steps=8))
    assert_sums(fit(shared, 10, callbacks=[scheduler]), [*CURVE.simulate(8), 1 / 32, 1 / 32])


# -- one run after another --------------------------------------------------------------------------------------------


def test_a_second_fit_is_a_new_run_and_compiles_nothing():
    trained = model(layer=CountingSum)
    fit(trained, 10, callbacks=[stlr()])
    calls, step = trained.layers[-1].calls, trained.train_function
    for length in (10, 7, 19):
        assert_sums(fit(trained, length, callbacks=[stlr()]), CURVE.simulate(length))
        assert trained.train_function is step
    if BACKEND != "torch":  # which runs Python at every step anyway
        assert trained.layers[-1].calls == calls


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
    # The run is over: the curve's last rate, as the seed's callback leaves it.
    assert_sums(fit(trained, 3), [1 / 32] * 3)


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


# -- initial_epoch ----------------------------------------------------------------------------------------------------


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


# -- ends -------------------------------------------------------------------------------------------------------------


class StopAfter(keras.callbacks.Callback):
    """Stops training at the end of an epoch or of a batch."""

    def __init__(self, epoch=None, batch=None):
        super().__init__()
        self.epoch, self.batch = epoch, batch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.model.stop_training = True

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.model.stop_training = True


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


# -- the optimizer's own settings -------------------------------------------------------------------------------------


def test_gradient_accumulation_counts_batches():
    trained = model(keras.optimizers.SGD(1.0, gradient_accumulation_steps=4))
    gained = fit(trained, 12, 2, [stlr()])
    updates = np.arange(24) % 4 == 3
    assert_sums(gained[3:], np.where(updates, CURVE.simulate(24), 0.0)[3:])


def test_weight_decay_uses_the_same_rate():
    trained = model(keras.optimizers.SGD(1.0, weight_decay=0.5))
    trained.layers[-1].weight.assign(1.0)
    zeros = np.zeros((20, 1), "float32")
    trained.fit(zeros, zeros, batch_size=1, verbose=0, callbacks=[stlr()])
    assert total(trained) == pytest.approx(np.prod(1 - 0.5 * CURVE.simulate(20)), rel=1e-5)


def test_optimizer_named_by_a_string():
    plain, followed = model("sgd"), model("sgd")
    assert_sums(fit(followed, 10, callbacks=[stlr()]), CURVE.simulate(10))
    assert_sums(fit(plain, 3), [0.01] * 3)


def test_optimizer_with_a_schedule_of_its_own_follows_the_callback():
    own = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    assert_sums(fit(model(keras.optimizers.SGD(own)), 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_multi_optimizer_is_refused():
    part = keras.optimizers.SGD(0.1)
    trained = model(keras.optimizers.MultiOptimizer(lambda variable: part))
    with pytest.raises(InputError) as raised:
        fit(trained, 3, callbacks=[stlr()])
    assert str(raised.value) == (
        "A curve drives one optimizer for the whole model. Received: MultiOptimizer. "
        "For a rate per layer group use `slanted.LayerwiseOptimizer`."
    )


# -- mixed precision --------------------------------------------------------------------------------------------------


@pytest.fixture
def dtype_policy():
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def test_mixed_bfloat16(dtype_policy):
    dtype_policy("mixed_bfloat16")
    assert_sums(fit(model(), 10, 2, [stlr()]), CURVE.simulate(20))


def test_mixed_float16_and_a_batch_that_overflows_does_not_move_the_curve(dtype_policy):
    dtype_policy("mixed_float16")
    trained = model()
    assert isinstance(trained.optimizer, keras.optimizers.LossScaleOptimizer)
    x, y = batches(12)
    x[3] = 1000.0  # times the loss scale of 2 ** 15 is infinite in float16: the batch is skipped, the scale halved
    gained = fit_on(trained, x, y=y, batch_size=1, shuffle=False, callbacks=[stlr()])
    rates = CURVE.simulate(12)
    assert_sums(gained, [*rates[:3], 0.0, *rates[3:11]])
    assert_sums(fit(trained, 5, 2, [stlr()]), CURVE.simulate(10))


# -- a rate set by hand -----------------------------------------------------------------------------------------------


class SetRate(keras.callbacks.Callback):
    def __init__(self, rate, batch):
        super().__init__()
        self.rate, self.batch = rate, batch

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.model.optimizer.learning_rate = self.rate


@pytest.mark.parametrize("rate", [0.5, 0.0, np.float32(0.25)])
def test_a_rate_set_in_fit_holds_for_the_rest_of_the_run_only(shared, rate):
    gained = fit(shared, 10, callbacks=[stlr(), SetRate(rate, batch=3)])
    assert_sums(gained, [*CURVE.simulate(10)[:4], *[rate] * 6])
    assert_sums(fit(shared, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_rate_set_between_runs_holds_for_what_is_left_of_the_run():
    trained = model()
    fit(trained, 5, 4, [stlr(), StopAfter(epoch=1)])
    trained.optimizer.learning_rate = 0.5
    assert float(keras.ops.convert_to_numpy(trained.optimizer.learning_rate)) == 0.5
    assert_sums(fit(trained, 5, 4, [stlr()], initial_epoch=2), [0.5] * 10)
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_rate_set_before_the_first_run_is_replaced_by_the_curve():
    trained = model()
    trained.optimizer.learning_rate = 0.5
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_a_schedule_set_by_hand_takes_the_curve_s_place():
    trained = model()
    fit(trained, 10, callbacks=[stlr()])
    trained.optimizer.learning_rate = keras.optimizers.schedules.PolynomialDecay(0.5, 1, end_learning_rate=0.5)
    trained.compile(trained.optimizer, loss=minus)
    assert_sums(fit(trained, 3), [0.5] * 3)
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))


def test_the_rate_reads_as_the_next_batch_s():
    trained = model()
    read = []
    reader = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: read.append(
            float(keras.ops.convert_to_numpy(trained.optimizer.learning_rate))
        )
    )
    reader.on_train_batch_begin = lambda batch, logs=None: read.append(
        float(keras.ops.convert_to_numpy(reader.model.optimizer.learning_rate))
    )
    fit(trained, 10, callbacks=[stlr(), reader])
    np.testing.assert_allclose(read, CURVE.simulate(10), rtol=1e-6)


# -- Keras's own callbacks beside it ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ours_first", [True, False])
def test_learning_rate_scheduler_replaces_the_curve(ours_first):
    theirs = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))
    callbacks = [stlr(), theirs] if ours_first else [theirs, stlr()]
    trained = model()
    for _ in range(2):
        assert_sums(fit(trained, 4, 2, callbacks), [0.5] * 4 + [0.25] * 4)
    assert_sums(fit(trained, 4, 2, [stlr()]), CURVE.simulate(8))


@pytest.mark.parametrize("ours_first", [True, False])
def test_reduce_on_plateau_reduces_the_rate_reached(ours_first):
    theirs = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, mode="max")
    callbacks = [stlr(), theirs] if ours_first else [theirs, stlr()]
    rates = CURVE.simulate(12)
    half, quarter = [0.5 * rates[8]] * 4, []
    assert_sums(fit(model(), 4, 3, callbacks), [*rates[:8], *half, *quarter])


def test_history_and_csv_logger_get_the_rate(tmp_path, shared):
    logger = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    read = []
    board = keras.callbacks.LambdaCallback(  # reads what TensorBoard reads
        on_epoch_end=lambda epoch, logs: read.append(float(keras.ops.convert_to_numpy(shared.optimizer.learning_rate)))
    )
    fit(shared, 5, 2, [stlr(), logger, board])
    reached = CURVE.at([5, 10], 10)
    np.testing.assert_allclose(shared.history.history["learning_rate"], reached, rtol=1e-6)
    np.testing.assert_allclose(read, reached, rtol=1e-6)
    header, *rows = (tmp_path / "log.csv").read_text().split()
    column = header.split(",").index("learning_rate")
    np.testing.assert_allclose([float(row.split(",")[column]) for row in rows], reached, rtol=1e-6)


# -- misuse -----------------------------------------------------------------------------------------------------------


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
    assert_sums([*first, *(first[-1] + rest)], CURVE.simulate(10))


def test_predict_of_a_model_never_compiled():
    uncompiled = keras.Sequential([keras.Input((1,)), Sum()])
    assert uncompiled.predict(np.ones((2, 1)), verbose=0, callbacks=[stlr()]).shape == (2, 1)


# -- nothing runs in Python between batches ---------------------------------------------------------------------------


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
