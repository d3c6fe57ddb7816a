"""Gradual unfreezing, measured: what moves and by how much, in one `fit`, in a resumed one, and what is refused."""

import keras
import numpy as np
import pytest
from group_sums import Trace
from unfreezing_runs import LAYER_DECAY, NAMES, expected_rates, run, scheduler, three_weights

from slanted import GradualUnfreezing, RunScheduler, SlantedTriangular

BACKEND = keras.config.backend()


@pytest.mark.parametrize("steps", [1, 2, 10, 100])
def test_the_rates_really_applied_with_a_stage_an_epoch(steps):
    sums = run(three_weights(), steps, 3, scheduler(), GradualUnfreezing())
    expected = expected_rates(3 * steps, [2 * steps, steps, 0]).cumsum(axis=0)
    np.testing.assert_allclose(sums, expected, rtol=2e-5, atol=0)


@pytest.mark.parametrize("total", [1, 2, 9, 19, 119, 300])
def test_the_rates_really_applied_with_stages_by_batches(total):
    every = max(1, total // 4)
    sums = run(three_weights(), total, 1, GradualUnfreezing(every=every), scheduler())
    expected = expected_rates(total, [2 * every, every, 0]).cumsum(axis=0)
    np.testing.assert_allclose(sums, expected, rtol=2e-5, atol=0)


def test_the_rates_really_applied_under_steps_per_execution():
    together = 1 if BACKEND == "torch" else 4  # more than Keras allows on PyTorch
    sums = run(three_weights(steps_per_execution=together), 12, 2, scheduler(), GradualUnfreezing(every=4))
    expected = expected_rates(24, [8, 4, 0]).cumsum(axis=0)
    np.testing.assert_allclose(sums, expected[together - 1 :: together], rtol=2e-5, atol=0)


def test_chain_thaw_trains_one_group_at_a_time_and_then_all():
    sums = run(three_weights(), 5, 5, scheduler(), GradualUnfreezing(stages="chain-thaw"))
    moved = [np.diff(np.vstack([np.zeros(3), sums])[[0, 5, 10, 15, 20, 25]], axis=0)[stage] > 0 for stage in range(4)]
    assert [list(which) for which in moved] == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("freeze", "every", "opens_at"),
    [(["low"], "epoch", [24, 8, 0]), (["top"], 4, [4, 0, 24]), (["low", "top"], "epoch", [24, 0, 24])],
)
def test_frozen_groups_stay_closed_and_the_stages_are_of_the_others(freeze, every, opens_at):
    sums = run(three_weights(), 8, 3, scheduler(), GradualUnfreezing(every=every, freeze=freeze))
    np.testing.assert_allclose(sums, expected_rates(24, opens_at).cumsum(axis=0), rtol=2e-5, atol=0)


def test_the_rate_in_the_history_is_the_curve_s():
    model, x = three_weights(), np.zeros((4, 1))
    history = model.fit(x, x, batch_size=1, epochs=3, verbose=0, callbacks=[scheduler(), GradualUnfreezing()])
    np.testing.assert_allclose(history.history["learning_rate"], SlantedTriangular(1.0).at([3, 7, 11], 12), rtol=1e-5)


@pytest.mark.parametrize(("every", "stop"), [("epoch", 1), ("epoch", 2), (5, 1), (8, 2)])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, every, stop):
    steps, epochs, unfreezing = 6, 3, GradualUnfreezing(every=every)
    whole = run(three_weights(keras.optimizers.Adam(1.0)), steps, epochs, scheduler(), unfreezing)

    class Killed(Exception):
        pass

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == stop:
                raise Killed

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(Killed):
        run(three_weights(keras.optimizers.Adam(1.0)), steps, epochs, scheduler(), unfreezing, backup(), Kill())
    resumed = run(three_weights(keras.optimizers.Adam(1.0)), steps, epochs, scheduler(), unfreezing, backup())
    np.testing.assert_allclose(resumed, whole[stop * steps :], rtol=1e-6)


def test_a_run_killed_within_an_epoch_goes_on_at_the_step_and_in_the_stage(tmp_path):
    """As our own training does: the optimizer's state is put back, and the rest of the epoch is trained."""
    total, every = 20, 6
    whole = run(three_weights(keras.optimizers.Adam(1.0)), total, 1, scheduler(), GradualUnfreezing(every=every))
    first = three_weights(keras.optimizers.Adam(1.0))

    class Save(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 8:
                self.model.save_weights(tmp_path / "at9.weights.h5")

    run(first, total, 1, scheduler(), GradualUnfreezing(every=every), Save())
    second = three_weights(keras.optimizers.Adam(1.0))
    second.optimizer.build(second.trainable_variables)
    second.load_weights(tmp_path / "at9.weights.h5")

    rest, trace = np.zeros((total, 1), "float32"), Trace()

    class Resume(RunScheduler):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.follow(self.curve)
            self.model.optimizer.begin_run(total, elapsed=None)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == total - 9 - 1

    callbacks = [Resume(SlantedTriangular(1.0)), GradualUnfreezing(every=every), trace, Stop()]
    second.fit(rest, rest, batch_size=1, epochs=1, verbose=0, callbacks=callbacks)
    np.testing.assert_allclose(np.array(trace.sums), whole[9:], rtol=1e-6)


@pytest.mark.parametrize("stages", ["top-down", "chain-thaw"])
@pytest.mark.parametrize("steps", [4, 5])
def test_gradient_accumulation_takes_what_was_open_and_nothing_of_an_earlier_stage(steps, stages):
    unfreezing = GradualUnfreezing(stages=stages)
    sums = run(three_weights(keras.optimizers.SGD(1.0, gradient_accumulation_steps=2)), steps, 4, unfreezing)
    expected, gathered = np.zeros((4 * steps, 3)), np.zeros(3)
    for step in range(4 * steps):
        is_open = np.array([name in unfreezing.timetable(NAMES)[min(step // steps, 2)][1] for name in NAMES])
        if stages == "chain-thaw" and step >= 3 * steps:
            is_open[:] = True
        gathered = (gathered + 1) * is_open
        if step % 2:
            expected[step], gathered = LAYER_DECAY ** np.array([2, 1, 0]) * gathered / 2, np.zeros(3)
    np.testing.assert_allclose(sums, expected.cumsum(axis=0), rtol=2e-5)


def test_under_loss_scaling_closed_groups_stay_and_gradients_of_theirs_are_not_looked_at():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = three_weights(keras.optimizers.SGD(0.125))
        sums = run(model, 4, 3, GradualUnfreezing())
    finally:
        keras.config.set_dtype_policy("float32")
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    moved = 0.125 * LAYER_DECAY ** np.array([2, 1, 0]) * np.maximum(0, np.arange(1, 13)[:, None] - [8, 4, 0])
    np.testing.assert_allclose(sums, moved, rtol=1e-6)
    assert model.optimizer.inner_optimizer.group_updates() == {"low": 4, "middle": 8, "top": 12}


def test_timetables():
    names = ["embeddings", "block_0", "block_1", "head"]
    top_down = [("head",), ("block_1", "head"), ("block_0", "block_1", "head"), tuple(names)]
    assert GradualUnfreezing().timetable(names) == list(enumerate(top_down))
    assert [start for start, _ in GradualUnfreezing(every=50).timetable(names)] == [0, 50, 100, 150]
    assert GradualUnfreezing(at=[0, 2]).timetable(names) == [(0, top_down[0]), (2, top_down[3])]
    assert GradualUnfreezing(every=10, at=[0, 1, 5]).timetable(names)[2] == (50, tuple(names))
    thaw = GradualUnfreezing(stages="chain-thaw").timetable(names)
    assert [open_groups for _, open_groups in thaw] == [
        ("head",), ("embeddings",), ("block_0",), ("block_1",), tuple(names)
    ]  # fmt: skip
    own = GradualUnfreezing(stages=[["head", "block_0"], names], at=[0, 3])
    assert own.timetable(names) == [(0, ("block_0", "head")), (3, tuple(names))]


def refused(message, make):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_stage_that_would_begin_within_an_execution_is_refused():
    unfreezing = GradualUnfreezing(every=3)
    unfreezing.set_params({"steps": 12, "epochs": 2})
    unfreezing.set_model(three_weights(steps_per_execution=4))
    refused(r"steps_per_execution=4 batches\. Received: stages at batches \[3, 6\]", unfreezing.on_train_begin)


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        (["lowest"], "freeze: there is no layer group 'lowest'. Groups are: low, middle, top"),
        (NAMES, "freeze: at least one layer group must be trained. Groups are: low, middle, top"),
    ],
)
def test_what_cannot_be_frozen_is_refused(freeze, message):
    refused(message, lambda: GradualUnfreezing(freeze=freeze).set_model(three_weights()))


def test_another_optimizer_is_refused_by_name():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("adam", loss="mse")
    with pytest.raises(ValueError, match=r"Received: model\.optimizer=Adam\. Pass optimizer=LayerwiseOptimizer"):
        model.fit(np.zeros((2, 1)), np.zeros((2, 1)), verbose=0, callbacks=[GradualUnfreezing()])


def test_starts_beyond_the_last_stage_are_not_used():
    assert [start for start, _ in GradualUnfreezing(at=[0, 1, 2, 9]).timetable(NAMES)] == [0, 1, 2]


def test_what_cannot_be_is_refused():
    refused("every` must be a whole number >= 1", lambda: GradualUnfreezing(every="step"))
    refused('stages` must be "top-down"', lambda: GradualUnfreezing(stages="bottom-up"))
    refused("at` must be whole numbers that begin with 0 and rise", lambda: GradualUnfreezing(at=[1, 2]))
    refused("begin with 0 and rise", lambda: GradualUnfreezing(at=[0, 2, 2]))
    refused("at most 2", lambda: GradualUnfreezing(stages=[["top"], NAMES], at=[0, 1, 2]).timetable(NAMES))
    refused("one for each stage of a list", lambda: GradualUnfreezing(stages=[["top"], NAMES], at=[0]).timetable(NAMES))
    refused("one group or more of low, middle, top", lambda: GradualUnfreezing(stages=[["zebra"]]).timetable(NAMES))


def test_batches_of_unknown_number_cannot_be_counted():
    def endless():
        while True:
            yield np.zeros((1, 1)), np.zeros((1, 1))

    model = three_weights()
    with pytest.raises(ValueError, match="Pass `steps_per_epoch=` to `fit`"):
        model.fit(endless(), shuffle=False, verbose=0, callbacks=[GradualUnfreezing(every=2)])
