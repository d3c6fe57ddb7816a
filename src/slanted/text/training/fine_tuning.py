"""Fine-tune a text model with one call of `fit`, and restore the best epoch."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from slanted.acceleration import fast_bert
from slanted.acceleration.fused_adam import fuse
from slanted.common.messages import plural
from slanted.keras_private.applied_rate import AppliedRate
from slanted.layerwise.run_scheduler import RunScheduler
from slanted.preview.make_plan import plan_along
from slanted.preview.plan import DatasetSize, Plan
from slanted.recipe.own_curve import check_importable
from slanted.recipe.recipe import Recipe
from slanted.runtime.memory import release
from slanted.runtime.patches import retained_heap, seeded_generators
from slanted.text.batching.batches import EpochOrder
from slanted.text.batching.model_inputs import training_batches
from slanted.text.labels.examples import Examples
from slanted.text.labels.targets import Target
from slanted.text.models.text_model import TextModel
from slanted.text.pretrained.classifier_network import build_classifier, float32_copy, plain_model
from slanted.text.pretrained.encoder import Encoder
from slanted.text.pretrained.pooling import with_pooling
from slanted.text.progress.progress import Progress
from slanted.text.progress.view import GroupRates
from slanted.text.runs.checkpoints import Checkpoints, Snapshot
from slanted.text.runs.starting_model import load_starting_model
from slanted.text.scoring.class_weights import BalancedLoss, balanced_weights
from slanted.text.scoring.outputs_and_losses import Scaling, first_bias, task_loss, task_scores
from slanted.text.settings import CLS, Settings
from slanted.text.tokens.documents import advice, described, unknown_note
from slanted.text.training.callbacks import History, KeepBest, LastBatchLoss, StepLog, WeightAverage
from slanted.text.training.checkpoint_callback import Checkpointing
from slanted.text.training.frozen_encoder import FrozenEncoder
from slanted.text.training.run_length import decide_epochs, seconds_a_step, with_batch_size
from slanted.text.training.validation import Validation


@dataclass(frozen=True)
class TrainingResult:
    """The result of training.

    Attributes:
        history: All steps and epochs.
        kept_epoch: The epoch, from 1, whose weights the classifier has: the best, or the last without validation.
        seconds: The training time, compilation and validation included, summed over all processes of the run.
        resumed_from_step: The step that this process resumed the run from; None: it began the run.
        is_averaged: Whether the weights are the mean over the last steps.
    """

    history: History
    kept_epoch: int
    seconds: float
    resumed_from_step: int | None = None
    is_averaged: bool = False


class FineTuningRun:
    """A run that is ready to train: the model is loaded, the texts are tokenised, and the curve is known.

    Args:
        target: The target to learn: its task, labels and scaling.
        train: The training rows, with their weights if they have any.
        valid: The validation rows, which select the best epoch, see `Validation`; None: the last epoch is used.
        settings: Recipe, model, batches, precision, seed.
        progress: Receives every message and event.

    Attributes:
        settings: The settings, with numbers for the batch size and the epochs.
        length: The decided number of epochs, with the reason.
        encoder: The pretrained model and its tokenizer.
        classifier: The KerasHub task to train.
        model: The same layers as a plain Keras model, which `fit` trains.
        scaling: Converts between the outputs of the model and the units of the targets.
        frozen: The encoder before training, with a linear model.
        documents: The training texts as tokens; for many texts a sample.
        examples: Examples per epoch.
        batches: The training batches.
        loss: The training loss.
        curve: The learning rate over the run.
        lr_max: The peak of the curve.
        notes: Lines about training texts that the model cannot read.
        fast_paths: The parts that run faster code of slanted: "encoder" and, after training, "optimizer".

    Raises:
        InputError: The model cannot be loaded.
        SettingError: `max_tokens` is more than the maximum of the model.
    """

    def __init__(
        self, target: Target, train: Examples, valid: Examples | None, settings: Settings, progress: Progress
    ) -> None:
        settings = with_batch_size(settings, len(train))
        self.target, self.progress = target, progress
        check_importable(settings.recipe.curve)  # before anything that takes time
        seeded_generators(settings.seed)
        self.encoder: Encoder = load_starting_model(settings.model, settings.precision, settings.recipe.dropout)
        settings = with_pooling(settings, self.encoder)
        settings.check_length(self.encoder.max_tokens)
        self.scaling = Scaling.of(target.kind, train.y, train.weights)
        self.pairs = train.texts_b is not None
        self.documents, self.batches = training_batches(self.encoder, train, self.scaling.to_model(train.y), settings)
        unknown = unknown_note(self.documents, train.texts, self.encoder.tokenizer.empty_ids, settings.model)
        self.notes = () if unknown is None else (unknown,)
        self.examples = len(train) if self.documents.owners is None else len(self.documents.encoded)
        self.valid = None if valid is None else Validation(self.encoder, target, valid, settings)
        self.classifier = build_classifier(
            self.encoder,
            len(target.labels),
            pooling=settings.pooling,
            dropout=settings.recipe.dropout,
            seed=settings.seed,
            bias=self._first_bias(train) if settings.class_weight == "none" else None,
        )
        self.fast_paths = ["encoder"] if fast_bert.apply(self.classifier) else []
        self.frozen = FrozenEncoder(self.encoder, self.classifier, target, train, settings)
        self.model = plain_model(self.classifier)
        self.length = decide_epochs(
            settings,
            len(self.batches),
            lambda: seconds_a_step(self.model, self.encoder, train, settings),
        )
        self.settings = self.length.settings
        if self.settings.recipe.least_epochs != settings.recipe.least_epochs:  # lengths that are compiled depend on it
            targets = self.scaling.to_model(train.y)
            self.documents, self.batches = training_batches(self.encoder, train, targets, self.settings)
        self.loss = self._make_loss(train)
        self.lr_max = settings.recipe.peak_rate(self.encoder.hidden_dim)
        self.curve = settings.recipe.make_curve(self.lr_max, self.total_steps)

    def _first_bias(self, train: Examples) -> np.ndarray | None:
        counting = train.that_count()
        return first_bias(self.target.kind, counting.y, counting.weights)

    def _make_loss(self, train: Examples) -> Any:
        if self.settings.class_weight == "none":
            return task_loss(self.target.kind)
        of_rows = None if train.weights is None else self.documents.repeated(train.weights)
        y, labels = self.documents.repeated(train.y), len(self.target.labels)
        return BalancedLoss(self.target.kind, balanced_weights(self.target.kind, y, labels, of_rows))

    @property
    def total_steps(self) -> int:
        """T, in batches."""
        return self.settings.recipe.least_epochs * self.batches.plan.num_batches

    @property
    def summary(self) -> tuple[str, ...]:
        """Lines for the user about the model and the run, with advice if many texts are truncated."""
        encoder, settings = self.encoder, self.settings
        hint = advice(self.documents, settings, encoder.max_tokens, self.pairs)
        new = encoder.new_parts if settings.pooling == CLS else ()  # the mean of the tokens needs no pooler
        return (
            f"model: {settings.model}: {self.classifier.count_params() / 1e6:.1f} M parameters, "
            f"hidden size {encoder.hidden_dim}, {plural(encoder.num_layers, 'block')}; "
            f"{described(self.documents, settings)}",
            *([hint] if hint else []),
            *self.notes,
            *(f"note: the checkpoint has no {part}; it is new" for part in new),
            *([self.loss.description] if isinstance(self.loss, BalancedLoss) else []),
            *([self.length.reason] if self.length.reason else []),
            f"run: {plural(settings.recipe.least_epochs, 'epoch')} of {plural(len(self.batches), 'step')}, "
            f"{self.total_steps:,} in total; the first step of each length compiles",
        )

    @cached_property
    def plan(self) -> Plan:
        """The plan of the run, with the cost of a batch of the mean padded length."""
        settings = self.settings
        shape = (min(settings.texts_per_batch, self.examples), round(self.batches.plan.padded_length))
        batch = {name: np.zeros(shape, "int32") for name in self.encoder.input_names}
        size = DatasetSize(self.examples, settings.texts_per_batch, settings.gradient_accumulation)
        with fast_bert.unapplied(self.classifier):  # the cost is counted per layer
            return plan_along(self.curve, self.model, settings.recipe, len(self.batches), batch, size)

    def fit(self, checkpoints: Checkpoints | None = None, snapshot: Snapshot | None = None) -> TrainingResult:
        """Train, and restore the weights of the best epoch in `classifier`.

        Args:
            checkpoints: Writes checkpoints, for which SIGINT and SIGTERM then wait; None: no checkpoints.
            snapshot: The checkpoint to continue from; None: a new run.

        Returns:
            The history, the saved epoch and the training time.

        Raises:
            TrainingFailed: The loss of a batch is not finite.
            InputError: A checkpoint cannot be written.
        """
        recipe, history = self.settings.recipe, History()
        if self.settings.average:
            history.average = WeightAverage(self.settings.average, history, self.total_steps)
        seconds = self.start_head() if snapshot is None else 0.0
        keep = KeepBest(self._validate, self.settings.best_by, history, self.progress) if self.valid else None
        steps_per_epoch = self.batches.plan.num_batches
        saving = Checkpointing(checkpoints, snapshot, history, keep, self.total_steps, steps_per_epoch)
        saving.count_seconds(seconds)
        with saving.deferring_signals():
            optimizer = self._make_optimizer()
            if not saving.is_trained:
                self._fit(optimizer, saving, history, keep)
            saving.finish(self.model)
        self.scaling.fold_into(self.classifier)
        kept_epoch = keep.kept_epoch if keep else recipe.least_epochs
        is_averaged = history.average is not None and history.average.is_kept
        return TrainingResult(history, kept_epoch, saving.seconds, saving.resumed_from_step, is_averaged)

    def start_head(self) -> float:
        """Give the last layer the weights that training starts with, and return the seconds that it took.

        A run that is killed before its first checkpoint computes them again, with the same result.
        """
        if self.settings.recipe.head_start == "random":
            return 0.0
        self.progress.say(self.frozen.start_head())
        return self.frozen.seconds

    def _make_optimizer(self) -> Any:
        optimizer = self.settings.recipe.make_optimizer(self.model, self.lr_max, self.settings.gradient_accumulation)
        if fuse(optimizer):
            self.fast_paths.append("optimizer")
        return optimizer

    def _fit(self, optimizer: Any, saving: Checkpointing, history: History, keep: KeepBest | None) -> None:
        recipe = self.settings.recipe
        if self.settings.precision == "mixed_float16":  # Keras adds it only by the policy of the model
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        if not optimizer.built:  # TensorFlow would build it in the first step and trace another program
            optimizer.build(self.model.trainable_variables)
        loss, rate = LastBatchLoss(self.loss), AppliedRate(optimizer)
        self.model.compile(optimizer=optimizer, loss=self.loss, metrics=[rate], weighted_metrics=[loss])
        first_step, opening = saving.resumed_from_step or 0, recipe.make_callbacks()
        for unfreezing in opening if first_step else ():
            unfreezing.continue_at(first_step)
        if keep and not first_step and self.frozen.has_started:
            keep.score_start(self.model)
        self.progress.begin(self.total_steps, self.settings.texts_per_batch, first_step, self._group_rates())
        with saving.data(), retained_heap():
            self.model.fit(
                self.batches,
                epochs=recipe.least_epochs,
                initial_epoch=saving.epoch,
                callbacks=[
                    EpochOrder(self.batches, saving.step),
                    RunScheduler(self.curve),
                    *opening,
                    StepLog(history, self.total_steps, self.progress, self._advice()),
                    *([history.average] if history.average else []),
                    *([keep] if keep else []),
                    saving,
                ],
                verbose=0,
                shuffle=False,
            )
        if history.average and keep:
            keep.score_average(history.average)
        elif history.average:
            self.model.set_weights(history.average.weights)
            history.average.is_kept = True
        if keep:
            keep.restore()
        release(self.model.optimizer.variables)

    def trained_model(self) -> TextModel:
        """Return the trained model, calibrated and, for several labels, with thresholds, as validation rows allow."""
        classifier = float32_copy(self.classifier, self.encoder)
        model = TextModel(self.encoder, classifier, self.target, self.settings, pairs=self.pairs)
        if self.valid is not None:
            self.valid.finish(model)
        return model

    def _advice(self) -> str:
        """Return the advice for a loss that is not finite."""
        clipping = [] if self.settings.recipe.clip_norm else ["--clip-norm 1"]
        precision = [] if self.settings.precision == "float32" else ["--precision float32"]
        return " or ".join(["a smaller --lr", *clipping, *precision])

    def _group_rates(self) -> GroupRates | None:
        """Return the learning rates of the layer groups for the views; None if there are none."""
        return GroupRates.of(self.plan) if self.progress.views else None

    def _validate(self, model: Any) -> dict[str, Any]:
        assert self.valid is not None
        rows = self.valid.selecting
        return task_scores(self.target, rows.y, self.scaling.to_units(rows.outputs(model)), self.settings.positive)


def recipe_lines(recipe: Recipe, hidden_size: int) -> list[str]:
    """Return lines about the recipe: its name, its peak rate with the reason, and its notes."""
    rate, reason = recipe.peak_rate(hidden_size), recipe.peak_reason(hidden_size)
    line = f"recipe: {recipe.name} ({recipe.source}); peak rate {rate:g} ({reason}; --lr overrides)"
    return [line, *([f"note: {recipe.notes}"] if recipe.notes else [])]
