"""Runs that are interrupted inside an update, and go on in the same process."""

import keras
import numpy as np
import pytest
from applied import BACKEND, FAST, assert_sums, batches, fit, model
from scheduled_runs import CURVE, Interrupt, Interrupted, StopAfter, interrupted, stlr
from two_optimizers import TwoWeights, train

import slanted

PLAIN = type(keras.optimizers.SGD())  # on PyTorch a class of its own


class Impatient(keras.optimizers.SGD):
    """Its user presses Ctrl-C within the update, the first time."""

    pressed = False

    def update_step(self, gradient, variable, learning_rate):
        if not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt
        super().update_step(gradient, variable, learning_rate)


@pytest.mark.parametrize("trained_before", [False, True])
def test_after_an_interrupt_inside_an_update_the_next_fit_is_a_new_run(trained_before):
    optimizer = Impatient(1.0)
    trained = model(optimizer)
    x, y = batches(5)
    if trained_before:
        optimizer.pressed = True
        fit(trained, 3, callbacks=[stlr()])
        optimizer.pressed = False
    before = [np.array(weights) for weights in trained.get_weights()]
    with pytest.raises(KeyboardInterrupt):
        trained.fit(x, y, batch_size=1, verbose=0, callbacks=[stlr()])
    for ours, theirs in zip(trained.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert_sums(fit(trained, 10, callbacks=[stlr()]), CURVE.simulate(10))
    assert type(trained.optimizer) is Impatient


def test_an_optimizer_without_a_full_configuration_does_not_break_a_checkpoint(tmp_path):
    class Own(keras.optimizers.SGD):
        def __init__(self, rate, needed):
            super().__init__(rate)
            self.needed = needed

    trained = model(Own(1.0, needed=3))
    saved = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    assert_sums(fit(trained, 5, 2, [stlr(), saved]), CURVE.simulate(10))
    assert len(list(tmp_path.iterdir())) == 2


def test_unknown_length_in_gradual_unfreezing_without_params_is_named():
    trained = model()
    trained.optimizer.build(trained.trainable_variables)
    optimizer = slanted.LayerwiseOptimizer(trained.optimizer, slanted.layer_groups(trained))
    trained.compile(optimizer, loss=trained.loss)
    by_hand = keras.callbacks.CallbackList([slanted.GradualUnfreezing(every=2)], model=trained)
    with pytest.raises(ValueError, match="must know how many batches an epoch has"):
        by_hand.on_train_begin()


def test_a_run_that_was_stopped_goes_on_after_plain_training_of_nothing():
    trained = model()
    first = fit(trained, 5, 4, [stlr(), StopAfter(epoch=1)])
    assert float(trained.optimizer.learning_rate) == pytest.approx(CURVE.simulate(20)[9])
    rest = fit(trained, 5, 4, [stlr()], initial_epoch=2)
    assert_sums([*first, *(first[-1] + rest)], CURVE.simulate(20))


@pytest.mark.parametrize("scaled", [False, True])
def test_a_plain_fit_after_an_interrupt_trains_at_the_rate_of_the_last_batch(tmp_path, scaled):
    plain = keras.optimizers.SGD(0.25)
    trained = model(keras.optimizers.LossScaleOptimizer(plain) if scaled else plain)
    interrupted(trained, [stlr(), Interrupt(batches=7)])
    trained.save(tmp_path / "cut.keras")
    assert_sums(fit(trained, 4), [CURVE.simulate(20)[6]] * 4)
    assert type(plain) is PLAIN
    assert not vars(trained).keys() & {"train_step", "make_train_function", "jax_state_sync"}
    loaded = keras.saving.load_model(tmp_path / "cut.keras")
    assert_sums(fit(loaded, 5, 4, [stlr()], initial_epoch=1), CURVE.at(np.arange(7, 22), 20))
    interrupted(loaded, [stlr(), Interrupt(batches=7)])
    assert_sums(fit(loaded, 5, 4, [stlr()], initial_epoch=1), CURVE.at(np.arange(7, 22), 20))


class Wrong(keras.callbacks.Callback):
    """Fails before the first batch."""

    def __init__(self, method):
        super().__init__()
        self.method = method

    def set_model(self, model):
        super().set_model(model)
        if self.method == "set_model":
            raise Interrupted

    def on_train_begin(self, logs=None):
        raise Interrupted


@pytest.mark.parametrize("method", ["set_model", "on_train_begin"])
def test_a_plain_fit_after_a_callback_that_failed_has_the_optimizer_s_own_rate(method):
    trained = model(keras.optimizers.SGD(0.25))
    with pytest.raises(Interrupted):
        fit(trained, 4, callbacks=[stlr(), Wrong(method)])
    assert_sums(fit(trained, 4), [0.25] * 4)
    assert type(trained.optimizer) is PLAIN


def test_an_optimizer_that_only_the_interrupted_run_drove_is_plain_in_the_next():
    pair = keras.optimizers.SGD(0.25), keras.optimizers.SGD(0.25)
    trained = TwoWeights(*pair, listed_early=True)  # the step passes as many variables of each
    with pytest.raises(Interrupted):
        train(trained, 4, 2, [stlr(optimizer=list(pair)), Interrupt(batches=2)])
    for weight in trained.weights_of_pair:
        weight.assign(0.0)
    _, gained = train(trained, 4, 2, [stlr(optimizer=pair[0])])
    expected = np.transpose([CURVE.simulate(8), [CURVE.simulate(8)[1]] * 8])
    np.testing.assert_allclose(gained, expected, rtol=2e-5, atol=1e-6)
    assert [type(optimizer) for optimizer in pair] == [PLAIN] * 2


def test_a_list_of_callbacks_made_by_hand_serves_again():
    trained, x = model(), batches(4)[0]
    by_hand = keras.callbacks.CallbackList([stlr()], add_history=True, model=trained, epochs=1, steps=4)
    for _ in range(2):
        before = trained.get_weights()[0]
        trained.fit(x, x, batch_size=1, verbose=0, callbacks=by_hand)
        assert trained.get_weights()[0] - before == pytest.approx(CURVE.simulate(4).sum(), rel=1e-5)
        assert_sums(fit(trained, 4), [CURVE.simulate(4)[-1]] * 4)


if BACKEND == "tensorflow":
    import tensorflow

    class Compiled(keras.Sequential):
        """Its user compiled the training step, or a part of it."""

        @tensorflow.function
        def update(self):
            self.optimizer.apply([tensorflow.constant(-1.0)], self.trainable_variables)

        @tensorflow.function
        def train_step(self, data):
            self.update()
            return {"loss": tensorflow.constant(0.0)}

    @pytest.mark.parametrize("plain_first", [False, True])
    def test_a_step_that_its_user_compiled_is_traced_anew_for_each_run(plain_first):
        trained = Compiled(model().layers)
        trained.compile(keras.optimizers.SGD(0.25), **FAST)
        trained.optimizer.build(trained.trainable_variables)
        if plain_first:
            assert_sums(fit(trained, 3), [0.25] * 3)
        for _ in range(2):
            assert_sums(fit(trained, 4, 2, [stlr()]), CURVE.simulate(8))
            assert_sums(fit(trained, 4), [CURVE.simulate(8)[-1]] * 4)
        trained.optimizer.learning_rate = 0.125
        assert_sums(fit(trained, 4), [0.125] * 4)
