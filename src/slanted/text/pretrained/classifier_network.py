"""A classifier on top of a pretrained encoder: built, saved for plain KerasHub, and loaded."""

from pathlib import Path
from typing import Any

import numpy as np

from slanted.errors import InputError
from slanted.runtime.patches import float32_policy, undrawn_weights
from slanted.text.pretrained.encoder import Encoder, family_of
from slanted.text.pretrained.keras_hub_preprocessor import build_preprocessor, read_sentence_piece
from slanted.text.pretrained.model_files import check_run_folder, locate
from slanted.text.tokens.tokenizer import TextTokenizer

HEAD_DROPOUT = 0.1


HEAD_STDDEV = 0.02


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

    with float32_policy(), fast_bert.unapplied(classifier):
        trained = float32_copy(classifier, encoder)
        saved = _task(encoder.family, trained.backbone, trained.num_classes, trained.dropout)
        saved.set_weights(trained.get_weights())
        saved.preprocessor = build_preprocessor(encoder.family, encoder.tokenizer, encoder.sentence_piece, max_tokens)
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
    with undrawn_weights():
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
    check_run_folder(folder)
    import keras
    import keras_hub

    family = family_of(folder)
    try:
        with undrawn_weights():
            classifier = getattr(keras_hub.models, f"{family}TextClassifier").from_preset(
                str(folder.resolve()), preprocessor=None, compile=False
            )
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:  # RuntimeError: h5py's
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{folder}: the model cannot be loaded ({reason}): restore it or train again") from None
    except MemoryError:
        raise InputError(f"{folder}: its sizes need more memory than there is: restore it or train again") from None
    tokenizer = TextTokenizer.load(files.tokenizer_folder or run_folder)
    for variable in classifier.variables:
        values: Any = keras.ops.convert_to_numpy(variable)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            found = f"the weights of {variable.path} are missing or no finite numbers"
            raise InputError(f"{folder}: {found}: restore the model or train again")
    read = (tokenizer, read_sentence_piece(folder))
    return Encoder(str(run_folder), family, folder, classifier.backbone, *read), classifier


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
