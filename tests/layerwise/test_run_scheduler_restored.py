"""Interrupted, saved, loaded and resumed runs have the rates and weights of an uninterrupted run."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from applied import assert_sums, fit, model, total
from scheduled_runs import (
    CURVE,
    EPOCHS,
    STEPS,
    Interrupt,
    Interrupted,
    examples,
    interrupted,
    regression,
    stlr,
)

# -- BackupAndRestore --------------------------------------------------------------------------------------------------


def backup(folder, **settings):
    return keras.callbacks.BackupAndRestore(str(folder / "backup"), **settings)


@pytest.mark.parametrize("order", list(itertools.permutations(["ours", "backup", "checkpoint"])), ids="-".join)
def test_interrupted_between_epochs_in_any_order_of_callbacks(tmp_path, order):
    def callbacks():
        every = {
            "ours": stlr(),
            "backup": backup(tmp_path),
            "checkpoint": keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras"),
        }
        return [every[name] for name in order]

    interrupted(model(), [*callbacks(), Interrupt(epoch=2)])
    resumed = fit(model(), STEPS, EPOCHS, callbacks())
    assert_sums(resumed, CURVE.simulate(20), np.arange(10, 20))


@pytest.mark.parametrize("ours_first", [True, False])
def test_interrupted_inside_an_epoch_goes_on_at_the_restored_step(tmp_path, ours_first):
    def callbacks():
        both = [stlr(), backup(tmp_path, save_freq=1)]
        return both if ours_first else both[::-1]

    interrupted(model(), [*callbacks(), Interrupt(batches=13)])
    resumed = fit(model(), STEPS, EPOCHS, callbacks())
    # Keras trains the whole epoch again: 13 batches before, 10 after, the last three beyond the run's end.
    sums = np.cumsum(CURVE.at(np.arange(23), 20))
    np.testing.assert_allclose(resumed, sums[13:], rtol=2e-5)


def test_interrupted_in_the_first_epoch_begins_anew(tmp_path):
    interrupted(model(), [stlr(), backup(tmp_path, save_freq=1), Interrupt(batches=3)])
    resumed = fit(model(), STEPS, EPOCHS, [stlr(), backup(tmp_path)])
    before = CURVE.simulate(20)[:3].sum()
    np.testing.assert_allclose(resumed, before + np.cumsum(CURVE.simulate(20)), rtol=2e-5)


def test_a_backup_that_fell_behind_takes_up_at_its_own_step(tmp_path):
    """Saved every 4 batches, cut after 11: what is restored is the state after 8, inside epoch 1."""
    interrupted(model(), [stlr(), backup(tmp_path, save_freq=4), Interrupt(batches=11)])
    resumed = fit(model(), STEPS, EPOCHS, [stlr(), backup(tmp_path, save_freq=4)])
    sums = np.cumsum(CURVE.at(np.arange(23), 20))
    np.testing.assert_allclose(resumed, sums[8:23], rtol=2e-5)


def test_a_rate_set_by_hand_outlives_the_interruption(tmp_path):
    def callbacks():
        return [keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 if epoch == 1 else rate), stlr()]

    interrupted(model(), [*callbacks(), backup(tmp_path), Interrupt(epoch=2)])
    resumed = fit(model(), STEPS, EPOCHS, [stlr(), backup(tmp_path)])
    assert resumed[-1] - resumed[0] == pytest.approx(0.5 * 9)


@pytest.mark.parametrize("delete", [True, False])
def test_a_fit_after_a_resumed_one_is_a_new_run(tmp_path, delete):
    callbacks = [stlr(), backup(tmp_path, delete_checkpoint=delete)]
    interrupted(model(), [*callbacks, Interrupt(epoch=2)])
    resumed = model()
    fit(resumed, STEPS, EPOCHS, callbacks)
    assert_sums(fit(resumed, STEPS, EPOCHS, [stlr()]), CURVE.simulate(20))
    assert_sums(fit(resumed, 3), [CURVE.simulate(20)[-1]] * 3)


def test_a_fit_after_a_resumed_one_that_was_interrupted_too(tmp_path):
    interrupted(model(), [stlr(), backup(tmp_path), Interrupt(epoch=1)])
    resumed = model()
    interrupted(resumed, [stlr(), backup(tmp_path), Interrupt(epoch=2)])
    assert_sums(fit(resumed, STEPS, EPOCHS, [stlr()]), CURVE.simulate(20))


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.Adam(0.5),
        lambda: keras.optimizers.AdamW(0.5, use_ema=True, gradient_accumulation_steps=2),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5, momentum=0.9)),
    ],
    ids=["Adam", "AdamW with EMA and accumulation", "SGD with loss scaling"],
)
def test_resumed_weights_and_moments_equal_the_uninterrupted_run_s(tmp_path, make):
    x, y = examples()
    settings = {"batch_size": 5, "epochs": 4, "shuffle": False, "verbose": 0}
    whole = regression(make())
    whole.fit(x, y, callbacks=[stlr(lr_max=0.05)], **settings)
    cut, resumed = regression(make()), regression(make(), seed=2)
    with pytest.raises(Interrupted):
        cut.fit(x, y, callbacks=[backup(tmp_path), stlr(lr_max=0.05), Interrupt(epoch=2)], **settings)
    resumed.fit(x, y, callbacks=[backup(tmp_path), stlr(lr_max=0.05)], **settings)
    for expected, got in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    for expected, got in zip(whole.optimizer.variables, resumed.optimizer.variables, strict=True):
        if expected.name != "learning_rate":  # the plain optimizer's, which no step reads while a curve is followed
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(got), keras.ops.convert_to_numpy(expected))


# -- whole models ------------------------------------------------------------------------------------------------------


def saved_after(folder, epochs, optimizer=None):
    """Return the file that ModelCheckpoint wrote after `epochs` of a run of EPOCHS."""
    checkpoint = keras.callbacks.ModelCheckpoint(folder / "{epoch}.keras")
    interrupted(model(optimizer), [stlr(), checkpoint, Interrupt(epoch=epochs)])
    return folder / f"{epochs}.keras"


def test_a_loaded_model_goes_on_with_the_callback(tmp_path):
    loaded = keras.models.load_model(saved_after(tmp_path, 2))
    assert total(loaded) == pytest.approx(CURVE.simulate(20)[:10].sum(), rel=2e-5)
    gained = fit(loaded, STEPS, EPOCHS, [stlr()], initial_epoch=2)
    assert_sums(gained, CURVE.simulate(20)[10:])
    assert_sums(fit(loaded, STEPS, 1, [stlr()]), CURVE.simulate(5))


def test_a_loaded_model_goes_on_along_its_curve_by_itself(tmp_path):
    loaded = keras.models.load_model(saved_after(tmp_path, 2))
    assert_sums(fit(loaded, STEPS, EPOCHS, initial_epoch=2), CURVE.simulate(20)[10:])


def test_saved_inside_an_epoch(tmp_path):
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "latest.keras", save_freq=7)
    interrupted(model(), [stlr(), checkpoint, Interrupt(batches=9)])
    loaded = keras.models.load_model(tmp_path / "latest.keras")
    gained = fit(loaded, STEPS, EPOCHS, [stlr()], initial_epoch=1)
    assert_sums(gained, CURVE.at(np.arange(7, 22), 20))


def test_a_model_with_loss_scaling_loads(tmp_path):
    make = keras.optimizers.LossScaleOptimizer
    path = saved_after(tmp_path, 2, make(keras.optimizers.SGD(1.0), dynamic_growth_steps=4))
    loaded = keras.models.load_model(path)
    assert isinstance(loaded.optimizer, make)
    assert float(keras.ops.convert_to_numpy(loaded.optimizer.dynamic_scale)) == 2.0**15 * 4
    assert_sums(fit(loaded, STEPS, EPOCHS, [stlr()], initial_epoch=2), CURVE.simulate(20)[10:])


def test_a_loaded_copy_and_its_original_go_different_ways(tmp_path):
    first = model()
    fit(first, 10, callbacks=[stlr()])
    first.save(tmp_path / "copy.keras")
    second = keras.models.load_model(tmp_path / "copy.keras")
    assert_sums(fit(second, 10, callbacks=[stlr(lr_max=2.0)]), 2 * CURVE.simulate(10))
    assert_sums(fit(first, 5, callbacks=[stlr()]), CURVE.simulate(5))


RESUME = """
import keras, numpy as np, slanted
from applied import fit, total
scheduler = slanted.SlantedTriangularScheduler(lr_max=1.0)
loaded = keras.models.load_model({path!r})
print(total(loaded), *fit(loaded, {steps}, {epochs}, [scheduler], initial_epoch=2))
"""


def test_a_fresh_process_goes_on(tmp_path):
    path = str(saved_after(tmp_path, 2))
    search = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", RESUME.format(path=path, steps=STEPS, epochs=EPOCHS)],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    at_start, *gained = (float(word) for word in done.stdout.split())
    assert at_start == pytest.approx(CURVE.simulate(20)[:10].sum(), rel=2e-5)
    assert_sums(gained, CURVE.simulate(20)[10:])
