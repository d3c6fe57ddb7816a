"""From a model's name to a KerasHub backbone with its tokenizer, and to a classifier on top of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from slanted.common.strict_json import decoded
from slanted.errors import InputError, missing_extra
from slanted.text.pretrained.hub import fetch
from slanted.text.pretrained.keras_hub_preprocessor import build_preprocessor
from slanted.text.pretrained.model_files import ModelFiles, locate
from slanted.text.tokens.tokenizer import TextTokenizer

if TYPE_CHECKING:
    import keras

__all__ = [
    "Encoder",
    "ModelFiles",
    "build_classifier",
    "float32_copy",
    "load_classifier",
    "load_encoder",
    "locate",
    "plain_model",
    "save_classifier",
]

FAMILIES = ("Bert", "Roberta", "DistilBert", "Albert", "DebertaV3", "XLMRoberta", "FNet")
MODEL_TYPES = dict(
    zip(("bert", "roberta", "distilbert", "albert", "deberta-v3", "xlm-roberta", "fnet"), FAMILIES, strict=True)
)
HEAD_DROPOUT = 0.1
HEAD_STDDEV = 0.02


@dataclass(frozen=True)
class Encoder:
    """A pretrained text encoder.

    Attributes:
        name: As the user gave it.
        family: The KerasHub classes' prefix: `Bert`, `Roberta`, ...
        folder: Its files.
        backbone: The KerasHub backbone, weights loaded.
        tokenizer: The checkpoint's own tokenizer.
    """

    name: str
    family: str
    folder: Path
    backbone: Any
    tokenizer: TextTokenizer

    @property
    def max_tokens(self) -> int:
        """The most tokens it takes: the length of its position embeddings."""
        return int(self.backbone.max_sequence_length)

    @property
    def hidden_dim(self) -> int:
        """Numbers a token's vector has."""
        return int(self.backbone.hidden_dim)

    @property
    def num_layers(self) -> int:
        """Transformer blocks."""
        return int(self.backbone.num_layers)

    @property
    def vocabulary_size(self) -> int:
        """Rows of its word embeddings."""
        return int(self.backbone.vocabulary_size)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The inputs it takes, of `token_ids`, `segment_ids` and `padding_mask`."""
        return tuple(self.backbone.input)


def load_encoder(name: str, dtype: str | None = None, dropout: float | None = None) -> Encoder:
    """Load a pretrained encoder and its tokenizer.

    Args:
        name: As in `locate`.
        dtype: The dtype policy of its layers; None takes Keras's own setting.
        dropout: Share that its layers drop in training; None: as its configuration says.

    Raises:
        InputError: The model is unknown, cannot be fetched, or its files are broken.
    """
    files = locate(name)
    try:
        import keras_hub
    except ImportError:
        raise missing_extra("text", f"The model `{name}`") from None
    folder = files.folder or fetch(files.preset, _known_presets(keras_hub))
    tokenizer = TextTokenizer.load(files.tokenizer_folder or folder)
    family = _family(folder)
    changed = {name: value for name, value in (("dtype", dtype), ("dropout", dropout)) if value is not None}
    backbone = _load_backbone(getattr(keras_hub.models, f"{family}Backbone"), folder, changed)
    if tokenizer.vocabulary_size > backbone.vocabulary_size:
        raise InputError(
            f"{folder}: the tokenizer has {tokenizer.vocabulary_size} tokens, the model embeddings for "
            f"{backbone.vocabulary_size}: take both from one checkpoint"
        )
    return Encoder(name, family, folder, backbone, tokenizer)


def build_classifier(
    encoder: Encoder,
    num_outputs: int,
    *,
    dropout: float | None = None,
    seed: int = 0,
    bias: np.ndarray | None = None,
) -> Any:
    """Return the KerasHub `TextClassifier` of the encoder's family, with a fresh head.

    The head's kernels are drawn by NumPy from a normal distribution of standard deviation 0.02, cut
    at two of them (the initialisation of BERT's authors), so that a seed gives the same head on every
    backend; its biases are zero, the last layer's `bias` where given. The classifier takes token ids,
    not texts, and gives logits: it is not compiled and has no preprocessor until `save_classifier`.

    Args:
        encoder: Its backbone becomes part of the classifier.
        num_outputs: Classes, labels or targets.
        dropout: Share of the pooled vector that is dropped in training; None: 0.1.
        seed: Of the head, and of every dropout layer.
        bias: Of shape (num_outputs,).
    """
    classifier = _task(encoder.family, encoder.backbone, num_outputs, HEAD_DROPOUT if dropout is None else dropout)
    _initialise_head(classifier, seed)
    if bias is not None:
        classifier.output_dense.bias.assign(bias.astype(np.float32))
    _seed_dropout(classifier, seed)
    return classifier


def save_classifier(classifier: Any, encoder: Encoder, folder: str | Path, max_tokens: int) -> None:
    """Save a KerasHub preset that `keras_hub.models.TextClassifier.from_preset` loads by itself.

    It is saved under the float32 policy whatever the classifier was trained under, and without the
    optimizer it was trained with, whose state KerasHub would save too.

    Args:
        classifier: From `build_classifier`, trained.
        encoder: Where it came from.
        folder: Is made.
        max_tokens: The length at which the saved preprocessor truncates and pads.
    """
    from slanted.acceleration import fast_bert

    with _float32_policy(), fast_bert.unapplied(classifier):
        trained = float32_copy(classifier, encoder)
        saved = _task(encoder.family, trained.backbone, trained.num_classes, trained.dropout)
        saved.set_weights(trained.get_weights())
        saved.preprocessor = build_preprocessor(encoder.family, encoder.tokenizer, encoder.folder, max_tokens)
        saved.compile()  # as KerasHub compiles what it loads, which then fits the file without a warning
        saved.save_to_preset(str(folder))


def plain_model(classifier: Any) -> Any:
    """Return the classifier's layers as a plain Keras model: KerasHub's own `fit` takes no batches made elsewhere."""
    import keras

    return keras.Model(classifier.input, classifier.output, name=classifier.name)


def float32_copy(classifier: Any, encoder: Encoder) -> Any:
    """Return the classifier under the float32 policy: itself, or where it has another a copy with the same weights."""
    if classifier.backbone.dtype_policy.name == "float32":
        return classifier
    config = {**classifier.backbone.get_config(), "dtype": "float32"}
    with _undrawn_weights():
        backbone = type(classifier.backbone).from_config(config)
        copy = _task(encoder.family, backbone, classifier.num_classes, classifier.dropout)
    copy.set_weights(classifier.get_weights())
    return copy


def load_classifier(run_folder: Path) -> tuple[Encoder, Any]:
    """Load what `save_classifier` wrote to `model` in a run folder, with the tokenizer beside it.

    Raises:
        InputError: A file is missing or broken.
    """
    folder = run_folder / "model"
    files = locate(str(run_folder))
    import keras_hub

    family = _family(folder)
    try:
        with _undrawn_weights():
            classifier = getattr(keras_hub.models, f"{family}TextClassifier").from_preset(
                str(folder), preprocessor=None, compile=False
            )
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{folder}: the model cannot be loaded ({reason}): restore it or train again") from None
    tokenizer = TextTokenizer.load(files.tokenizer_folder or run_folder)
    return Encoder(str(run_folder), family, folder, classifier.backbone, tokenizer), classifier


def _task(family: str, backbone: Any, num_outputs: int, dropout: float) -> Any:
    """Return the KerasHub task of a family, without a preprocessor."""
    import keras_hub

    task = getattr(keras_hub.models, f"{family}TextClassifier")
    return task(backbone=backbone, num_classes=num_outputs, preprocessor=None, dropout=dropout, compile=False)


def _initialise_head(classifier: Any, seed: int) -> None:
    """Draw the kernels of everything that is not the backbone."""
    random = np.random.default_rng(seed)
    pretrained = {id(variable) for variable in classifier.backbone.variables}
    for variable in classifier.trainable_variables:
        if id(variable) not in pretrained:
            drawn = _truncated_normal(random, tuple(variable.shape))
            variable.assign(drawn if len(variable.shape) > 1 else np.zeros_like(drawn))


def _truncated_normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw normal numbers, each again until it lies within two standard deviations."""
    drawn = random.standard_normal(shape)
    while (outside := np.abs(drawn) > 2).any():
        drawn[outside] = random.standard_normal(int(outside.sum()))
    return (drawn * HEAD_STDDEV).astype(np.float32)


def _seed_dropout(classifier: Any, seed: int) -> None:
    """Give each dropout layer a seed of its own that depends on nothing else."""
    states = [one for one in classifier.non_trainable_variables if one.path.endswith("seed_generator_state")]
    for number, state in enumerate(states):
        state.assign(np.array([seed % 2**31, number], dtype=state.dtype))  # of int32 on PyTorch


def _family(folder: Path) -> str:
    """Return which KerasHub classes a model folder belongs to."""
    config = decoded((folder / "config.json").read_bytes())
    if "registered_name" in config:
        family = str(config.get("class_name")).removesuffix("Backbone")
    else:
        family = MODEL_TYPES.get(config["model_type"], config["model_type"])
    if family not in FAMILIES:
        raise InputError(f"{folder}: slanted fine-tunes {', '.join(FAMILIES)}: received a model of type {family}")
    return family


def _load_backbone(backbone_class: Any, folder: Path, changed: dict[str, Any]) -> Any:
    """Load a backbone, its configuration changed; InputError names the file or tensor that is wrong."""
    from safetensors import SafetensorError

    try:
        with _undrawn_weights():
            backbone = backbone_class.from_preset(str(folder), **changed)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]
        rule = "the weights must fit the configuration"
        raise InputError(f"{folder}: {rule}: {reason}: copy the model anew") from None
    for variable in backbone.trainable_variables:
        if np.isnan(np.asarray(variable.numpy()).ravel()[:1]).any():
            raise InputError(f"{folder}: the checkpoint has no weights for {variable.path}: copy the model anew")
    return backbone


@contextlib.contextmanager
def _undrawn_weights() -> Iterator[None]:
    """Let layers fill their kernels with NaN in place of random numbers.

    The checkpoint overwrites them all: drawing costs seconds (JAX compiles a program for each shape),
    and a NaN that is left over shows a kernel that the checkpoint lacks.
    """
    import keras

    initializer: Any = keras.initializers.TruncatedNormal
    drawing = initializer.__call__

    def fill(self: "keras.Initializer", shape: Any, dtype: Any = None) -> Any:
        return keras.ops.convert_to_tensor(np.full(shape, np.nan, np.float32), dtype=dtype)

    initializer.__call__ = fill
    try:
        yield
    finally:
        initializer.__call__ = drawing


@contextlib.contextmanager
def _float32_policy() -> Iterator[None]:
    """Build layers under the float32 policy, then set the policy that was."""
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _known_presets(keras_hub: Any) -> dict[str, str]:
    """Return the KerasHub presets that slanted can fine-tune, each with where it is fetched from."""
    presets: dict[str, str] = {}
    for family in FAMILIES:
        found = getattr(keras_hub.models, f"{family}Backbone").presets
        presets |= {name: entry["kaggle_handle"] for name, entry in found.items()}
    return presets
