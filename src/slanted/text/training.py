"""Fine-tune a text model: one `fit`, the best epoch kept."""

import time
from dataclasses import dataclass
from typing import Any

import keras

from slanted.fused import fuse
from slanted.scheduling import RunScheduler
from slanted.text import fast
from slanted.text.batches import EpochOrder, TokenInputs, TrainingBatches
from slanted.text.data import Part
from slanted.text.encoded import Encoded
from slanted.text.encoder import Encoder, build_classifier, load_encoder, plain_model
from slanted.text.inference import outputs_of
from slanted.text.lengths import LengthPlan
from slanted.text.monitors import History, KeepBest, LastBatchLoss, StepLog
from slanted.text.progress import Progress
from slanted.text.scores import Scaling, task_loss, task_scores
from slanted.text.settings import Settings
from slanted.text.targets import Target
from slanted.text.wording import plural


@dataclass(frozen=True)
class Trained:
    """What a `fit` came to.

    Attributes:
        history: All steps and epochs.
        kept_epoch: Whose weights the classifier has, from 1.
        seconds: Of training, compilation and validation included.
    """

    history: History
    kept_epoch: int
    seconds: float


class Fitting:
    """A run made ready: the model loaded, the texts tokenised, the curve known, no step trained.

    Args:
        target: What is learnt.
        train: The rows to learn from.
        valid: The rows to choose the epoch by; None keeps the last.
        settings: Recipe, model, batches, precision, seed.
        progress: Is told of every step and epoch.

    Attributes:
        encoder: The pretrained model and its tokenizer.
        classifier: The KerasHub task that is trained.
        model: The same layers as a plain Keras model, which `fit` trains.
        scaling: From the model's outputs to the targets' units.
        batches: The training batches.
        curve: The learning rate over the whole run.
        lr_max: The curve's peak.

    Raises:
        InputError: The model cannot be loaded.
        SettingError: `max_tokens` is more than the model takes.
    """

    def __init__(self, target: Target, train: Part, valid: Part | None, settings: Settings, progress: Progress) -> None:
        self.target, self.settings, self.progress = target, settings, progress
        keras.utils.set_random_seed(settings.seed)
        self.encoder: Encoder = load_encoder(settings.model, settings.precision)
        settings.check_length(self.encoder.max_tokens)
        self.scaling = Scaling.of(target.kind, train.y)
        self.tokens = self._encode(train)
        self.valid = None if valid is None else (self._encode(valid), valid.y)
        self.classifier = build_classifier(self.encoder, len(target.labels), seed=settings.seed)
        fast.apply(self.classifier)
        self.model = plain_model(self.classifier)
        plan = LengthPlan(self.tokens.lengths, settings.batch_size, seed=settings.seed)
        inputs = TokenInputs(self.tokens, self.encoder.input_names, self.encoder.tokenizer.pad_id)
        self.batches = TrainingBatches(inputs, self.scaling.to_model(train.y), plan)
        self.lr_max = settings.recipe.peak_rate(self.encoder.hidden_dim)
        self.curve = settings.recipe.make_curve(self.lr_max, settings.recipe.epochs * len(self.batches))

    def _encode(self, part: Part) -> Encoded:
        settings = self.settings
        return self.encoder.tokenizer.encode(part.texts, part.texts_b, settings.max_tokens, settings.recipe.truncate)

    @property
    def total_steps(self) -> int:
        """T, in batches."""
        return self.settings.recipe.epochs * len(self.batches)

    @property
    def summary(self) -> tuple[str, str]:
        """The model and the run, for the user to read."""
        cut = float(self.tokens.truncated.mean())
        encoder, settings = self.encoder, self.settings
        return (
            f"model: {settings.model}: {self.classifier.count_params() / 1e6:.1f} M parameters, "
            f"hidden size {encoder.hidden_dim}, {plural(encoder.num_layers, 'block')}; "
            f"{settings.max_tokens} tokens at most, {cut:.1%} of the training texts are longer",
            f"run: {plural(settings.recipe.epochs, 'epoch')} of {plural(len(self.batches), 'step')}, "
            f"{self.total_steps:,} in all; the first of each length compiles",
        )

    def fit(self) -> Trained:
        """Train, and leave the kept epoch's weights in `classifier`.

        Raises:
            TrainingFailed: The loss of a batch is not finite.
        """
        recipe, started = self.settings.recipe, time.monotonic()
        loss = task_loss(self.target.kind)
        optimizer = recipe.make_optimizer(self.model, self.lr_max, self.settings.gradient_accumulation)
        fuse(optimizer)
        self.model.compile(optimizer=optimizer, loss=loss, metrics=[LastBatchLoss(loss)])
        history = History()
        keep = KeepBest(self._validate, self.settings.best_by, history, self.progress) if self.valid else None
        self.progress.begin(self.total_steps, self.settings.batch_size)
        self.model.fit(
            self.batches,
            epochs=recipe.epochs,
            callbacks=[
                EpochOrder(self.batches),
                RunScheduler(self.curve),
                *recipe.make_callbacks(),
                StepLog(history, self.curve.simulate(), self.progress),
                *([keep] if keep else []),
            ],
            verbose=0,
            shuffle=False,
        )
        kept_epoch = keep.restore() if keep else recipe.epochs
        self.scaling.fold_into(self.classifier)
        return Trained(history, kept_epoch, time.monotonic() - started)

    def _validate(self, model: Any) -> dict[str, Any]:
        assert self.valid is not None
        tokens, y = self.valid
        outputs = self.scaling.to_units(outputs_of(model, self.encoder, tokens))
        return task_scores(self.target, y, outputs, self.settings.positive)
