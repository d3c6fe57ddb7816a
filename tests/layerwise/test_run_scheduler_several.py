"""Several optimizers of a custom `train_step` under curves, and optimizers that nobody applies."""

import keras
import numpy as np
import pytest
from applied import BACKEND, FAST, Sum, batches, fit, minus, model, total
from scheduled_runs import CURVE, endless, stlr
from two_optimizers import TwoWeights, train

import slanted
from slanted.errors import InputError

FALL = slanted.CosineWarmup(0.5, warmup=0.0, lr_min=0.1)


def sgd(rate=0.25, **settings):
    return keras.optimizers.SGD(rate, **settings)


def test_two_optimizers_under_two_curves_have_the_rates_of_their_curves():
    first, second = sgd(name="d"), sgd(name="g")
    trained = TwoWeights(first, second)
    callbacks = [slanted.RunScheduler(CURVE, optimizer=first), slanted.RunScheduler(FALL, optimizer=second)]
    for epochs in (3, 2):
        trained.weights_of_pair[0].assign(0.0), trained.weights_of_pair[1].assign(0.0)
        history, gained = train(trained, 4, epochs, callbacks)
        rates = [curve.simulate(4 * epochs) for curve in (CURVE, FALL)]
        np.testing.assert_allclose(gained, np.transpose(rates), rtol=2e-5, atol=1e-6)
        for name, of_curve in zip("dg", rates, strict=True):
            np.testing.assert_allclose(history[f"learning_rate_{name}"], of_curve[3::4], rtol=1e-5)
        assert "learning_rate" not in history
    assert type(first) is type(sgd()) and float(second.learning_rate) == pytest.approx(rates[1][-1])


def test_all_updates_for_a_batch_have_its_rate_and_equal_names_are_numbered():
    pair = sgd(name="same"), sgd(name="same")
    trained = TwoWeights(*pair, repeats=3)
    history, gained = train(trained, 4, 3, [stlr(optimizer=list(pair))])
    np.testing.assert_allclose(gained, np.outer(CURVE.simulate(12), [3, 1]), rtol=2e-5, atol=1e-6)
    for name in ("learning_rate_same", "learning_rate_same_2"):
        np.testing.assert_allclose(history[name], CURVE.simulate(12)[3::4], rtol=1e-5)


def test_the_optimizers_inside_a_multi_optimizer_follow_the_curves_they_are_given():
    first, second = sgd(name="d"), sgd(name="g")
    inputs = keras.Input((1,))
    trained = keras.Model(inputs, Sum(name="a")(inputs) + Sum(name="b")(inputs))
    both = keras.optimizers.OptimizerMap(first, {"b/.*": second})
    trained.compile(keras.optimizers.MultiOptimizer(both), loss=minus, **FAST)
    callbacks = [slanted.RunScheduler(CURVE, optimizer=first), slanted.RunScheduler(FALL, optimizer=second)]
    history = trained.fit(np.ones((8, 1)), np.ones((8, 1)), batch_size=1, verbose=0, callbacks=callbacks).history
    gained = [float(keras.ops.convert_to_numpy(v)) for v in trained.trainable_variables]
    assert gained == pytest.approx([curve.simulate(8).sum() for curve in (CURVE, FALL)], rel=1e-5)
    rates = [history["learning_rate_d"][-1], history["learning_rate_g"][-1]]
    assert rates == pytest.approx([curve.simulate(8)[-1] for curve in (CURVE, FALL)], rel=1e-5)


def test_a_rate_set_by_hand_in_one_of_them():
    first, second = sgd(), sgd()

    class Set(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                first.learning_rate.assign(-0.5)

    _, gained = train(TwoWeights(first, second, repeats=2), 4, 2, [stlr(optimizer=(first, second)), Set()])
    rates = CURVE.simulate(8)
    np.testing.assert_allclose(gained[:, 0], [*(2 * rates[:4]), *[-1.0] * 4], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(gained[:, 1], rates, rtol=2e-5, atol=1e-6)


if BACKEND == "jax":  # whose step gets the variables of its optimizers from the trainer

    def test_variables_that_were_listed_before_fit():
        pair = sgd(), sgd()
        trained = TwoWeights(*pair, listed_early=True)
        for epochs in (3, 2):
            trained.weights_of_pair[0].assign(0.0), trained.weights_of_pair[1].assign(0.0)
            _, gained = train(trained, 4, epochs, [stlr(optimizer=pair)])
            np.testing.assert_allclose(gained, np.outer(CURVE.simulate(4 * epochs), [1, 1]), rtol=2e-5, atol=2e-6)
        again = sgd(), sgd()
        with pytest.raises(InputError, match=r"Several updates of 'sgd[_0-9]*' for one batch must pass all"):
            train(TwoWeights(*again, repeats=2, listed_early=True), 4, 1, [stlr(optimizer=again)])


def test_two_rates_set_by_hand_after_an_epoch_do_not_change_what_it_logs():
    class Halve(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)

    trained = model(sgd())
    history = trained.fit(*batches(4), batch_size=1, epochs=2, verbose=0, callbacks=[Halve(), Halve(), stlr()]).history
    last = CURVE.simulate(8)[3]
    np.testing.assert_allclose(history["learning_rate"], [last, last / 4], rtol=1e-5)


def test_an_optimizer_that_no_batch_applied_is_refused_after_the_first_epoch():
    trained = TwoWeights(sgd(), sgd())
    unused = sgd(0.125, name="unused")
    with pytest.raises(InputError) as raised:
        train(trained, 4, 3, [stlr(optimizer=unused)])
    assert str(raised.value) == (
        "SlantedTriangularScheduler must drive an optimizer that the training step applies. Received: SGD 'unused', "
        "which no batch of an epoch applied. Pass those that `train_step` applies as `optimizer=`, one or several."
    )
    assert type(unused) is type(sgd()) and float(unused.learning_rate) == 0.125
    with pytest.raises(InputError, match="which no batch of an epoch applied"):
        train(trained, 4, 3, [stlr()])


@pytest.mark.parametrize("wrong", ["adam", [], 0.1, [None]])
@pytest.mark.once
def test_what_is_no_optimizer_is_refused(wrong):
    with pytest.raises(InputError, match=r"Argument `optimizer` must be a keras.optimizers.Optimizer, or a list"):
        stlr(optimizer=wrong)


def test_a_refusal_leaves_all_optimizers_plain():
    pair = sgd(), sgd()
    trained = TwoWeights(*pair)
    callbacks = [slanted.RunScheduler(slanted.SlantedTriangular(1.0, total_steps=8), optimizer=pair[1])]
    with pytest.raises(InputError, match="must know how many batches an epoch has"):
        trained.fit(endless(), shuffle=False, verbose=0, callbacks=[*callbacks, stlr(optimizer=pair[0])])
    with pytest.raises(InputError, match="ScheduleFreeAdamW takes no curve"):
        train(trained, 4, 1, [stlr(optimizer=[*pair, keras.optimizers.ScheduleFreeAdamW()])])
    assert [type(optimizer) for optimizer in pair] == [type(sgd())] * 2


def test_an_optimizer_for_what_is_not_trainable_when_fit_begins():
    pair = sgd(), sgd()
    trained = TwoWeights(*pair)
    trained.weights_of_pair[0].trainable = BACKEND == "jax"  # whose step gets the variables that are trainable
    _, gained = train(trained, 4, 1, [stlr(optimizer=pair)])
    np.testing.assert_allclose(gained, np.outer(CURVE.simulate(4), [1, 1]), rtol=2e-5, atol=1e-6)


def test_two_curves_for_one_optimizer_are_refused():
    trained = model(sgd(0.125))
    with pytest.raises(InputError, match=r"An optimizer must follow one curve. Received: SGD 'sgd[_0-9]*' in two"):
        fit(trained, 3, callbacks=[stlr(), slanted.RunScheduler(FALL)])
    with pytest.raises(InputError, match="must be a list of different optimizers"):
        stlr(optimizer=[trained.optimizer, trained.optimizer])
    assert type(trained.optimizer) is type(sgd())


def test_one_optimizer_in_two_models_is_refused():
    first, optimizer = model(sgd(0.125)), sgd(0.125, name="shared")
    first.compile(optimizer, loss=minus)
    fit(first, 3, callbacks=[stlr()])
    second = model()
    second.compile(optimizer, loss=minus)
    with pytest.raises(InputError, match=r"An optimizer must train one model. Received: SGD 'shared', which was built"):
        fit(second, 3, callbacks=[stlr()])
    np.testing.assert_allclose(fit(first, 4, callbacks=[stlr()]), np.cumsum(CURVE.simulate(4)), rtol=2e-5)


def test_a_list_of_callbacks_made_by_hand_says_what_is_missing():
    trained = model()
    x, y = batches(4)
    by_hand = keras.callbacks.CallbackList([stlr()], model=trained)
    with pytest.raises(InputError) as raised:
        trained.fit(x, y, batch_size=1, verbose=0, callbacks=by_hand)
    assert str(raised.value) == (
        "SlantedTriangularScheduler must know the length of the run. Received: a CallbackList without it. Pass "
        "`epochs=` and `steps=` (batches per epoch) to `keras.callbacks.CallbackList`, or `total_steps=` to the curve."
    )
    with pytest.raises(InputError, match=r"must know its model. Received: model=None. Pass `model=model`"):
        trained.fit(x, y, batch_size=1, verbose=0, callbacks=keras.callbacks.CallbackList([stlr()]))
    curve = slanted.SlantedTriangular(1.0, total_steps=4)
    by_hand = keras.callbacks.CallbackList([slanted.RunScheduler(curve)], add_history=True, model=trained)
    trained.fit(x, y, batch_size=1, verbose=0, callbacks=by_hand)
    assert total(trained) == pytest.approx(curve.simulate().sum(), rel=1e-5)
