"""Gradual unfreezing, measured: what moves, by how much, what stays to the last bit, and what a step costs."""

import time

import keras
import keras_hub
import numpy as np
import pytest
from group_sums import Trace, Weight, minus

from slanted import GradualUnfreezing, LayerwiseOptimizer, RunScheduler, SlantedTriangular
from slanted.layerwise.layer_groups import layer_groups

BACKEND = keras.config.backend()
LAYER_DECAY = 0.5
NAMES = ("low", "middle", "top")


def three_weights(optimizer=None, **compile_arguments):
    model = keras.Sequential([keras.Input((1,)), *(Weight(name=name) for name in NAMES)])
    made = LayerwiseOptimizer(optimizer or keras.optimizers.SGD(1.0), layer_groups(model), LAYER_DECAY)
    model.compile(made, loss=minus, **compile_arguments)
    return model


def run(model, steps, epochs, *callbacks, **fit_arguments):
    trace, x = Trace(), np.zeros((steps, 1), "float32")
    fit_arguments = {"batch_size": 1, "epochs": epochs, "verbose": 0, **fit_arguments}
    model.fit(x, x, callbacks=[*callbacks, trace], **fit_arguments)
    return np.array(trace.sums)


def expected_rates(total, opens_at):
    """Return schedule x multiplier x open for each step and group, in float64."""
    schedule = SlantedTriangular(1.0).simulate(total)[:, None]
    multiplier = LAYER_DECAY ** np.arange(len(NAMES) - 1, -1, -1)
    opened = np.arange(total)[:, None] >= np.array(opens_at)
    return schedule * multiplier * opened


def scheduler():
    return RunScheduler(SlantedTriangular(1.0))


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


def test_a_stage_that_would_begin_within_an_execution_is_refused():
    unfreezing = GradualUnfreezing(every=3)
    unfreezing.set_params({"steps": 12, "epochs": 2})
    unfreezing.set_model(three_weights(steps_per_execution=4))
    refused(r"steps_per_execution=4 batches\. Received: stages at batches \[3, 6\]", unfreezing.on_train_begin)


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


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        (["lowest"], "freeze: there is no layer group 'lowest'. Groups are: low, middle, top"),
        (NAMES, "freeze: one layer group at least must be trained. Groups are: low, middle, top"),
    ],
)
def test_what_cannot_be_frozen_is_refused(freeze, message):
    refused(message, lambda: GradualUnfreezing(freeze=freeze).set_model(three_weights()))


def test_the_rate_in_the_history_is_the_curve_s():
    model, x = three_weights(), np.zeros((4, 1))
    history = model.fit(x, x, batch_size=1, epochs=3, verbose=0, callbacks=[scheduler(), GradualUnfreezing()])
    np.testing.assert_allclose(history.history["learning_rate"], SlantedTriangular(1.0).at([4, 8, 12], 12), rtol=1e-5)


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


def test_a_late_group_starts_with_its_own_bias_correction():
    sums = run(three_weights(keras.optimizers.Adam(1.0)), 4, 3, GradualUnfreezing())
    first = {name: np.diff(np.vstack([np.zeros(3), sums])[:, place], axis=0) for place, name in enumerate(NAMES)}
    # With a gradient of -1 throughout, Adam's update is its rate exactly if moments and counter agree.
    np.testing.assert_allclose(first["low"][8:], LAYER_DECAY**2, rtol=1e-3)
    np.testing.assert_allclose(first["middle"][4:], LAYER_DECAY, rtol=1e-3)
    np.testing.assert_allclose(first["top"], 1.0, rtol=1e-3)


def image_model(use_ema=True):
    keras.utils.set_random_seed(1)
    dense, norm = keras.layers.Dense, keras.layers.BatchNormalization
    layers = [dense(6, name="low"), norm(name="low_norm"), norm(scale=False, center=False, name="bare"), dense(6)]
    model = keras.Sequential([keras.Input((4,)), *layers, norm(name="norm"), dense(2, name="top")])
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.1, global_clipnorm=1.0, use_ema=use_ema, ema_momentum=0.9)
    model.compile(LayerwiseOptimizer(optimizer, layer_groups(model), 0.8), loss="mse")
    return model


def snapshot(model):
    optimizer = model.optimizer
    state = {v.path: keras.ops.convert_to_numpy(v).copy() for v in model.variables if "seed" not in v.path}
    moments = {v.path: keras.ops.convert_to_numpy(v).copy() for v in optimizer.variables if len(v.shape) and v.path}
    return state, moments


def test_closed_groups_stay_as_they_are_to_the_last_bit():
    model = image_model()
    names = [group.name for group in layer_groups(model)]
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(snapshot(self.model))

        on_epoch_end = on_epoch_begin

    rng = np.random.default_rng(0)
    x, y = rng.normal(3.0, 2.0, size=(16, 4)), rng.normal(size=(16, 2))
    stages = [names[-2:], names[2:], names]
    callbacks = [scheduler(), GradualUnfreezing(stages=stages), Watch()]
    model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=callbacks)
    for stage, (before, after) in enumerate(zip(seen[::2], seen[1::2], strict=True)):
        closed = [group for group in layer_groups(model) if group.name not in stages[stage]]
        paths = [v.path for group in closed for v in group.variables]
        statistics = ["low_norm/moving", "bare/moving"] if stage < 2 else []
        for path, value in before[0].items():
            still = path in paths or any(name in path for name in statistics)
            assert np.array_equal(value, after[0][path]) == still, (stage, path)
        for path, value in before[1].items():
            if any(path.replace("/", "_").find(closed_path.replace("/", "_")) >= 0 for closed_path in paths):
                moment_stays = np.array_equal(value, after[1][path]) or "average" in path
                assert moment_stays, (stage, path)


def test_a_closed_group_s_average_is_itself_and_finishing_leaves_it_be():
    model = image_model()
    before = keras.ops.convert_to_numpy(model.layers[0].kernel).copy()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 4)), rng.normal(size=(16, 2))
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[GradualUnfreezing()])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model.layers[0].kernel), before)


def test_the_moments_of_open_groups_live_through_every_opening():
    plain = three_weights(keras.optimizers.SGD(0.5, momentum=0.9))
    whole = run(plain, 4, 3, GradualUnfreezing())
    alone = run(three_weights(keras.optimizers.SGD(0.5, momentum=0.9)), 4, 3, GradualUnfreezing(stages=[["top"]]))
    np.testing.assert_allclose(whole[:, 2], alone[:, 2], rtol=1e-6)


def test_each_stage_compiles_once():
    traces = []

    def counted(y_true, y_pred):
        traces.append(1)
        return minus(y_true, y_pred)

    model = three_weights()
    model.compile(model.optimizer, loss=counted)
    x = np.zeros((6, 1), "float32")
    model.fit(x, x, batch_size=1, epochs=1, verbose=0)
    del traces[:]
    model.fit(x, x, batch_size=1, epochs=6, verbose=0, callbacks=[scheduler(), GradualUnfreezing(at=[0, 1, 3])])
    # Eager PyTorch runs the loss at every batch.
    assert len(traces) == (36 if BACKEND == "torch" else 3)
    model.fit(x, x, batch_size=1, epochs=1, verbose=0)
    assert len(traces) == (42 if BACKEND == "torch" else 3), "all are open already: nothing to compile"


def test_all_groups_are_open_after_fit_and_layers_keep_statistics_again():
    # On JAX plain Keras, too, fails in the second `fit` with averages: it donates one buffer twice.
    model = image_model(use_ema=False)
    x, y = np.random.default_rng(0).normal(size=(8, 4)), np.ones((8, 2))
    model.fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[GradualUnfreezing()])
    before = snapshot(model)[0]
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    assert not any(np.array_equal(value, snapshot(model)[0][path]) for path, value in before.items())


def test_a_model_saved_in_a_stage_has_nothing_of_the_stage_in_it(tmp_path):
    model = image_model()
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    x, y = np.ones((8, 4)), np.ones((8, 2))
    model.fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[GradualUnfreezing(), checkpoint])
    again = keras.models.load_model(tmp_path / "1.keras")
    assert all(layer.trainable for layer in again.layers)
    assert len(again.optimizer.open_groups) == len(model.layers) - 1  # all but the layer without parameters


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


def test_bias_correction_counts_updates_under_accumulation():
    model = three_weights(keras.optimizers.Adam(1.0, gradient_accumulation_steps=2))
    moved = np.diff(run(model, 4, 3, GradualUnfreezing()), axis=0)[8::2]
    np.testing.assert_allclose(moved, [[LAYER_DECAY**2, LAYER_DECAY, 1.0]] * 2, rtol=1e-3)
    assert model.optimizer.group_updates() == {"low": 2, "middle": 4, "top": 6}


def text_model(policy=None):
    keras.utils.set_random_seed(0)
    sizes = {"num_layers": 6, "num_heads": 6, "hidden_dim": 384, "intermediate_dim": 1536}
    encoder = keras_hub.models.BertBackbone(vocabulary_size=1000, max_sequence_length=32, dtype=policy, **sizes)
    model = keras_hub.models.BertTextClassifier(backbone=encoder, num_classes=2, preprocessor=None)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(LayerwiseOptimizer(keras.optimizers.AdamW(1e-4), layer_groups(model)), loss=loss)
    return model


class CPUTimes(keras.callbacks.Callback):
    """Takes the processor time of each step, which other work on the machine does not lengthen as it does the clock."""

    def on_epoch_begin(self, epoch, logs=None):
        self.times = [time.process_time()]

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        self.times.append(time.process_time())

    def on_epoch_end(self, epoch, logs=None):
        self.medians = [*getattr(self, "medians", []), float(np.median(np.diff(self.times)[1:]))]


def test_a_step_with_the_head_and_the_top_block_of_six_open_costs_at_most_60_percent_of_a_full_one():
    model, times = text_model(), CPUTimes()
    names = [group.name for group in layer_groups(model)]
    count = 6 * 16
    ids = np.random.default_rng(0).integers(0, 1000, (count, 32))
    x = {"token_ids": ids, "segment_ids": np.zeros_like(ids), "padding_mask": np.ones_like(ids)}
    unfreezing = GradualUnfreezing(stages=[names[-2:], names])
    options = {"batch_size": 16, "shuffle": False, "verbose": 0}
    model.fit(x, np.arange(count) % 2, **options, epochs=2, callbacks=[unfreezing, times])
    ratio = times.medians[0] / times.medians[1]
    print(f"head and top block of six, {BACKEND}: {ratio:.3f} of a full step")
    assert ratio <= 0.6


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


def test_another_optimizer_is_refused_by_name():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("adam", loss="mse")
    with pytest.raises(ValueError, match=r"Received: model\.optimizer=Adam\. Pass optimizer=LayerwiseOptimizer"):
        model.fit(np.zeros((2, 1)), np.zeros((2, 1)), verbose=0, callbacks=[GradualUnfreezing()])


def refused(message, make):
    with pytest.raises(ValueError, match=message):
        make()


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


def test_groups_closed_before_the_optimizer_is_built_cost_no_backward_pass():
    model = three_weights()
    model.optimizer.open_only(["top"])
    sums = run(model, 2, 1)
    assert sums[-1][:2].tolist() == [0.0, 0.0] and sums[-1][2] == 2.0
    if BACKEND == "torch":  # the other backends leave out what the compiled step does not use
        assert [layer.weight.value.requires_grad for layer in model.layers] == [False, False, True]
