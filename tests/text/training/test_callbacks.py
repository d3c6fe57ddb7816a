"""What watches a `fit`: the log of its steps, and the epoch whose weights are kept."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from slanted.errors import TrainingFailed
from slanted.text.progress.progress import Progress
from slanted.text.training import callbacks

RATES = np.array([1e-3, 2e-3, 3e-3, 4e-3])


@pytest.mark.once
@pytest.mark.parametrize(
    ("by", "scores", "kept"),
    [
        ("accuracy", [0.5, 0.7, 0.7, 0.6], 2),
        ("loss", [0.5, 0.4, 0.3, 0.4], 3),
        ("mae", [2.0, 1.0, 3.0, 1.0], 2),
        ("pearson", [None, -0.5, None, 0.5], 4),
        ("pearson", [None, None, None, None], 1),
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


class Steps:
    """Progress that keeps the steps it is shown."""

    def __init__(self):
        self.seen = []

    def step(self, *facts):
        self.seen.append(facts)


@pytest.fixture
def log():
    """The log of a run of four steps on a model that Keras trains without loss scaling."""
    made = callbacks.StepLog(callbacks.History(), RATES, Steps(), "a smaller --lr")
    made.set_model(SimpleNamespace(optimizer=keras.optimizers.SGD(0.1)))
    return made


@pytest.mark.once
def test_every_step_is_logged_with_its_epoch_its_own_loss_and_the_curve_s_rate(log):
    for epoch, losses in enumerate(((0.75, 0.5), (0.25, 0.125))):
        log.on_epoch_begin(epoch)
        for batch, loss in enumerate(losses):
            log.on_train_batch_end(batch, {"loss": 9.0, "batch_loss": loss})
    expected = [(0, 1, 0.75, 1e-3), (1, 1, 0.5, 2e-3), (2, 2, 0.25, 3e-3), (3, 2, 0.125, 4e-3)]
    assert log.history.steps == expected
    assert log.progress.seen == [(step + 1, *facts) for step, *facts in expected]


@pytest.mark.once
@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_logged_and_ends_the_run(log, loss):
    log.on_epoch_begin(0)
    log.on_train_batch_end(0, {"batch_loss": 0.5})
    with pytest.raises(TrainingFailed) as failed:
        log.on_train_batch_end(1, {"batch_loss": loss})
    message = f"the loss is {loss} at step 1 of 4 (epoch 1, learning rate 0.002); try a smaller --lr"
    assert str(failed.value) == message
    assert len(log.history.steps) == 2 and len(log.progress.seen) == 1


def test_the_loss_of_the_last_batch_is_no_mean_over_the_batches():
    metric = callbacks.LastBatchLoss(keras.losses.MeanSquaredError())
    for error in (4.0, 1.0):
        metric.update_state(np.zeros((2, 1), "float32"), np.full((2, 1), error, "float32"))
    assert float(metric.result()) == 1.0
