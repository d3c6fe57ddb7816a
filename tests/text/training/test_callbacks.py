"""What watches a `fit`: the log of its steps, and the epoch whose weights are kept."""

import keras
import numpy as np
import pytest
from applied import batches, minus, model

from slanted.errors import SettingError, TrainingFailed
from slanted.keras_private.applied_rate import AppliedRate
from slanted.text.progress.progress import Progress
from slanted.text.training import callbacks


@pytest.mark.once
@pytest.mark.parametrize(
    ("by", "scores", "kept"),
    [
        ("accuracy", [0.5, 0.7, 0.7, 0.6], 2),
        ("loss", [0.5, 0.4, 0.3, 0.4], 3),
        ("mae", [2.0, 1.0, 3.0, 1.0], 2),
        ("pearson", [None, -0.5, None, 0.5], 4),
    ],
)
def test_the_kept_epoch_is_the_first_of_the_best_and_an_undefined_score_is_worth_least(by, scores, kept):
    history, given = callbacks.History(), iter(scores)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])

    def score(model):
        value = next(given)
        return {"loss": 1.0} | ({} if value is None else {by: value})

    keep = callbacks.KeepBest(score, by, history, Progress(quiet=True))
    keep.set_model(model)
    for epoch in range(len(scores)):
        model.set_weights([np.full((1, 1), epoch + 1.0)])
        keep.on_epoch_end(epoch)
    assert keep.restore() == kept == model.get_weights()[0].item()


@pytest.mark.once
def test_the_start_is_epoch_0_and_is_kept_if_no_epoch_is_better():
    history, scores = callbacks.History(), iter([0.6, 0.5, 0.6])
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    keep = callbacks.KeepBest(lambda model: {"accuracy": next(scores)}, "accuracy", history, Progress(quiet=True))
    keep.set_model(model)
    for epoch in range(3):
        model.set_weights([np.full((1, 1), float(epoch))])
        keep.on_epoch_end(epoch - 1) if epoch else keep.score_start(model)
    assert keep.restore() == 0 == model.get_weights()[0].item()
    assert (history.start, history.epochs) == ({"accuracy": 0.6}, [{"accuracy": 0.5}, {"accuracy": 0.6}])


def after_steps(share, total):
    """Return the mean of a weight that is the number of the step, from 1, and how many steps it is of."""
    history, model = callbacks.History(), keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    average = callbacks.WeightAverage(share, history, total)
    average.set_model(model)
    for step in range(total):
        history.steps.append((step, 1, 0.0, 0.0))
        model.set_weights([np.full((1, 1), step + 1.0)])
        average.on_train_batch_end(step)
    return average.weights[0].item(), average.count


@pytest.mark.once
def test_the_last_steps_are_averaged_at_equal_distances():
    assert after_steps(0.5, 10) == (8.0, 5)  # 6, 7, 8, 9, 10
    assert after_steps(0.01, 10) == (10.0, 1)
    mean, count = after_steps(0.5, 100)
    assert count == 17 <= callbacks.MOST_AVERAGED and mean == pytest.approx(np.mean(np.arange(100, 50, -3)))


@pytest.mark.once
@pytest.mark.parametrize(("of_mean", "kept"), [(0.8, 7.5), (0.6, 2.0)])
def test_the_mean_is_kept_if_it_validates_better_than_every_epoch(of_mean, kept):
    history, scores = callbacks.History(), iter([0.5, 0.7, 0.6, of_mean])
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    keep = callbacks.KeepBest(lambda model: {"accuracy": next(scores)}, "accuracy", history, Progress(quiet=True))
    keep.set_model(model)
    for epoch in range(3):
        model.set_weights([np.full((1, 1), epoch + 1.0)])
        keep.on_epoch_end(epoch)
    average = callbacks.WeightAverage(0.5, history, 3)
    average.weights, average.count = [np.full((1, 1), 7.5, "float32")], 2
    keep.score_average(average)
    assert keep.restore() == (3 if kept == 7.5 else 2) and average.is_kept == (kept == 7.5)
    assert model.get_weights()[0].item() == kept and len(history.epochs) == 3


@pytest.mark.once
def test_a_score_that_no_epoch_has_is_refused():
    keep = callbacks.KeepBest(lambda model: {"loss": 1.0}, "matthews", callbacks.History(), Progress(quiet=True))
    keep.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    for epoch in range(2):
        keep.on_epoch_end(epoch)
    with pytest.raises(SettingError) as refused:
        keep.restore()
    rule = "Argument `best_by` must be a score that the validation rows define: they lack a class, or do not differ"
    assert str(refused.value).startswith(rule)


class Steps:
    """Progress that keeps the steps it is shown."""

    def __init__(self):
        self.seen = []

    def step(self, *facts):
        self.seen.append(facts)


@pytest.fixture
def log():
    """The log of a run of four steps."""
    return callbacks.StepLog(callbacks.History(), 4, Steps(), "a smaller --lr")


def logs(loss, rate):
    """Return what Keras gives at the end of a batch: its own running mean, and float32 numbers as Python's."""
    return {"loss": 9.0, "batch_loss": loss, "applied_rate": float(np.float32(rate))}


@pytest.mark.once
def test_every_step_is_logged_with_its_epoch_its_own_loss_and_the_shortest_number_of_its_rate(log):
    for epoch, steps in enumerate((((0.75, 1e-3), (0.5, 2e-3)), ((0.25, 3e-3), (0.125, 4e-3)))):
        log.on_epoch_begin(epoch)
        for batch, step in enumerate(steps):
            log.on_train_batch_end(batch, logs(*step))
    expected = [(0, 1, 0.75, 1e-3), (1, 1, 0.5, 2e-3), (2, 2, 0.25, 3e-3), (3, 2, 0.125, 4e-3)]
    assert log.history.steps == expected
    assert log.progress.seen == [(step + 1, *facts) for step, *facts in expected]


@pytest.mark.once
@pytest.mark.parametrize(("loss", "rate"), [(float("nan"), 2e-3), (float("inf"), 0.0)])
def test_a_loss_that_is_not_finite_is_logged_and_ends_the_run(log, loss, rate):
    """Where loss scaling skips the batch, the message says the rate of the last one that it did not."""
    log.on_epoch_begin(0)
    log.on_train_batch_end(0, logs(0.5, 2e-3))
    with pytest.raises(TrainingFailed) as failed:
        log.on_train_batch_end(1, logs(loss, rate))
    assert log.history.steps[-1][3] == rate
    message = f"the loss is {loss} at step 1 of 4 (epoch 1, learning rate 0.002); try a smaller --lr"
    assert str(failed.value) == message
    assert len(log.history.steps) == 2 and len(log.progress.seen) == 1


def test_the_loss_of_the_last_batch_is_no_mean_over_the_batches():
    metric = callbacks.LastBatchLoss(keras.losses.MeanSquaredError())
    for error in (4.0, 1.0):
        metric.update_state(np.zeros((2, 1), "float32"), np.full((2, 1), error, "float32"))
    assert float(metric.result()) == 1.0


if keras.config.backend() == "jax":  # whose trainer alone keeps its state away from the model

    def test_no_state_is_fetched_at_a_step(monkeypatch):
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5))
        metrics, fetched = [callbacks.LastBatchLoss(minus), AppliedRate(optimizer)], []
        trained = model(optimizer, metrics=metrics)
        plain = type(trained).jax_state_sync
        monkeypatch.setattr(type(trained), "jax_state_sync", lambda self: (fetched.append(1), plain(self)))
        counts = []
        for steps in (4, 40):
            fetched.clear()
            x, y = batches(steps)
            log = callbacks.StepLog(callbacks.History(), steps, Steps(), "a smaller --lr")
            trained.fit(x, y, batch_size=1, verbose=0, callbacks=[log])
            counts.append(len(fetched))
        assert len(log.history.steps) == 40 and counts[0] == counts[1]
