"""Curves bound to runs of `fit` on all kinds of data, of known and of unknown length."""

import keras
import pytest
from applied import BACKEND, assert_sums, batches, fit, fit_on, model, total
from scheduled_runs import CURVE, endless, stlr, tf_data

import slanted
from slanted.errors import InputError


class Dataset(keras.utils.PyDataset):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def __len__(self):
        return self.number

    def __getitem__(self, index):
        return batches(1)


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
