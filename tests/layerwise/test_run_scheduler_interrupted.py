"""Runs that are interrupted inside an update, and go on in the same process."""

import keras
import numpy as np
import pytest
from applied import assert_sums, batches, fit, model
from scheduled_runs import CURVE, StopAfter, stlr

import slanted


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
