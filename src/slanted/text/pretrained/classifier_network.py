"""Build a classifier on a pretrained encoder, save it as a KerasHub preset, and load it."""

import errno
import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from slanted.errors import InputError
from slanted.runtime.patches import float32_policy, uninitialized_weights
from slanted.text.pretrained.encoder import Encoder, check_vocabulary, family_of
from slanted.text.pretrained.keras_hub_preprocessor import build_preprocessor, read_sentence_piece
from slanted.text.pretrained.model_files import MODEL_KERAS, check_run_folder, locate
from slanted.text.settings import CLS, MEAN
from slanted.text.tokens.tokenizer import TextTokenizer

HEAD_DROPOUT = 0.1


HEAD_STDDEV = 0.02
HDF5_OVERHEAD = 8192  # bytes of a file, and of a variable in it, beside the numbers


def build_classifier(
    encoder: Encoder,
    num_outputs: int,
    *,
    pooling: str = CLS,
    dropout: float | None = None,
    seed: int = 0,
    bias: np.ndarray | None = None,
) -> Any:
    """Return the KerasHub `TextClassifier` of the encoder's family, or a `MeanClassifier`, with a new head.

    NumPy draws the kernels of the head from a normal distribution with standard deviation 0.02, truncated at two
    standard deviations (the initialisation of BERT's authors), so that a seed gives the same head on every backend.
    Biases are zero, or `bias` in the last layer. The classifier takes token ids, not texts, and outputs logits. It is
    not compiled and has no preprocessor, which `save_classifier` adds.

    Args:
        encoder: The encoder, whose backbone becomes part of the classifier.
        num_outputs: The number of classes, labels or targets.
        pooling: "cls", or "mean" for a `MeanClassifier`.
        dropout: The dropout rate of the pooled vector; None: 0.1.
        seed: The seed of the head and of every dropout layer.
        bias: The initial bias of the last layer, (num_outputs,); None: zeros.
    """
    rate = HEAD_DROPOUT if dropout is None else dropout
    classifier = _network(encoder.family, encoder.backbone, num_outputs, rate, is_mean=pooling == MEAN)
    _initialise_head(classifier, seed)
    if bias is not None:
        classifier.output_dense.bias.assign(bias.astype(np.float32))
    _seed_dropout(classifier, seed)
    return classifier


def save_classifier(classifier: Any, encoder: Encoder, folder: str | Path, max_tokens: int) -> None:
    """Save a classifier so that it can be loaded without slanted.

    A KerasHub task is saved as a preset for `keras_hub.models.TextClassifier.from_preset`. A classifier that reads the
    mean of the tokens is saved as model.keras, for `keras.saving.load_model` after `import keras_hub`, beside the
    presets of its backbone and of the preprocessor whose output it takes.

    What is saved always has the float32 policy, and no optimizer, whose state KerasHub would otherwise save.

    Args:
        classifier: A trained classifier from `build_classifier`.
        encoder: The encoder of the classifier.
        folder: The folder to create.
        max_tokens: The length to which the saved preprocessor truncates and pads.
    """
    from slanted.acceleration import fast_bert

    with float32_policy(), fast_bert.unapplied(classifier):
        trained = float32_copy(classifier, encoder)
        is_mean = _is_mean(classifier)
        saved = _network(encoder.family, trained.backbone, trained.num_classes, trained.dropout, is_mean=is_mean)
        saved.set_weights(trained.get_weights())
        preprocessor = build_preprocessor(encoder.family, encoder.tokenizer, encoder.sentence_piece, max_tokens)
        backbone = {id(variable) for variable in saved.backbone.variables}
        head = [variable for variable in saved.variables if id(variable) not in backbone]
        more = {MODEL_KERAS: saved.variables} if is_mean else {"task.weights.h5": head}
        _require_space(Path(folder), {"model.weights.h5": saved.backbone.variables, **more})
        if is_mean:
            saved.backbone.save_to_preset(str(folder))
            preprocessor.save_to_preset(str(folder))
            plain_model(saved).save(Path(folder) / MODEL_KERAS)
        else:
            saved.preprocessor = preprocessor
            saved.compile()  # KerasHub compiles the model that it loads; without this, it warns about the optimizer
            saved.save_to_preset(str(folder))


def _require_space(folder: Path, weights: Mapping[str, Sequence[Any]]) -> None:
    """Allocate files as large as those of the weights will be, and delete them again.

    HDF5 itself crashes the process, or leaves an incomplete file without an error, when the disk is full.

    Raises:
        OSError: The disk has no space for them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, variables in weights.items():
        size = HDF5_OVERHEAD + sum(4 * int(np.prod(variable.shape)) + HDF5_OVERHEAD for variable in variables)
        with (folder / name).open("wb") as file, suppress(AttributeError):  # Windows has no such function
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # raised by file systems that cannot allocate
                    raise
    for name in weights:
        (folder / name).unlink()


def plain_model(classifier: Any) -> Any:
    """Return a plain Keras model with the layers of the classifier: KerasHub's `fit` does not accept a PyDataset."""
    import keras

    return keras.Model(classifier.input, classifier.output, name=classifier.name)


def vector_model(classifier: Any) -> Any:
    """Return a plain Keras model of float32 vectors of texts, (texts, features + hidden size).

    The first are what the last layer of the classifier receives, the others the mean of the vectors of all tokens,
    scaled to length 1. An encoder without a padding mask has the first only, and so has a classifier that receives the
    mean. The others need an encoder that computes the vectors of all tokens.
    """
    import keras

    received = classifier.output_dense.input
    if "padding_mask" not in classifier.input or _is_mean(classifier):
        return keras.Model(classifier.input, received)
    from slanted.text.pretrained.mean_classifier import mean_of_tokens

    vectors = [received, mean_of_tokens(classifier.backbone)]
    return keras.Model(classifier.input, keras.layers.Concatenate(dtype="float32")(vectors))


def float32_copy(classifier: Any, encoder: Encoder) -> Any:
    """Return the classifier if it has the float32 policy, else a copy of it with that policy and the same weights."""
    if classifier.backbone.dtype_policy.name == "float32":
        return classifier
    config = {**classifier.backbone.get_config(), "dtype": "float32"}
    with uninitialized_weights():
        backbone = type(classifier.backbone).from_config(config)
        sizes = classifier.num_classes, classifier.dropout
        copy = _network(encoder.family, backbone, *sizes, is_mean=_is_mean(classifier))
    copy.set_weights(classifier.get_weights())
    return copy


def load_classifier(run_folder: Path, num_outputs: int, *, pooling: str = CLS) -> tuple[Encoder, Any]:
    """Load the classifier that `save_classifier` wrote to `model/` in a run folder, and its tokenizer.

    Args:
        run_folder: The folder of the run.
        num_outputs: The number of outputs of a `MeanClassifier`; a KerasHub task has that of its configuration.
        pooling: "cls" or "mean".

    Returns:
        The encoder, and the classifier.

    Raises:
        InputError: A file is missing or corrupt.
    """
    folder, is_mean = run_folder / "model", pooling == MEAN
    files = locate(str(run_folder))
    check_run_folder(folder, is_mean=is_mean)
    import keras
    import keras_hub

    family = family_of(folder)
    try:
        with uninitialized_weights(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of weights without values, see below
            if is_mean:
                cls = getattr(keras_hub.models, f"{family}Backbone")
                backbone = cls.from_preset(str(folder.resolve()), load_weights=False)
                classifier = _network(family, backbone, num_outputs, HEAD_DROPOUT, is_mean=True)
                plain_model(classifier).load_weights(folder / MODEL_KERAS)
            else:
                classifier = getattr(keras_hub.models, f"{family}TextClassifier").from_preset(
                    str(folder.resolve()), preprocessor=None, compile=False
                )
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:  # RuntimeError: h5py's
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"{folder}: the model cannot be loaded ({reason}): restore it or train again") from None
    except MemoryError:
        raise InputError(f"{folder}: its sizes need more memory than there is: restore it or train again") from None
    tokenizer = TextTokenizer.load(files.tokenizer_folder or run_folder)
    check_vocabulary(folder, tokenizer, classifier.backbone)
    for variable in classifier.variables:
        values: Any = keras.ops.convert_to_numpy(variable)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            problem = f"the weights of {variable.path} are missing or not finite"
            raise InputError(f"{folder}: {problem}: restore the model or train again")
    read = (tokenizer, read_sentence_piece(folder))
    return Encoder(str(run_folder), family, folder, classifier.backbone, *read), classifier


def _is_mean(classifier: Any) -> bool:
    return getattr(classifier, "pooling", CLS) == MEAN


def _network(family: str, backbone: Any, num_outputs: int, dropout: float, *, is_mean: bool) -> Any:
    """Return the KerasHub task of a family, without a preprocessor, or a `MeanClassifier`."""
    import keras_hub

    if is_mean:
        from slanted.text.pretrained.mean_classifier import MeanClassifier

        return MeanClassifier(backbone, num_outputs, dropout)
    task = getattr(keras_hub.models, f"{family}TextClassifier")
    return task(backbone=backbone, num_classes=num_outputs, preprocessor=None, dropout=dropout, compile=False)


def _initialise_head(classifier: Any, seed: int) -> None:
    """Initialise all layers outside the backbone: kernels at random, biases with zeros."""
    random = np.random.default_rng(seed)
    pretrained = {id(variable) for variable in classifier.backbone.variables}
    for variable in classifier.trainable_variables:
        if id(variable) not in pretrained:
            drawn = _truncated_normal(random, tuple(variable.shape))
            variable.assign(drawn if len(variable.shape) > 1 else np.zeros_like(drawn))


def _truncated_normal(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw normal numbers; those outside of two standard deviations are drawn again."""
    drawn = random.standard_normal(shape)
    while (outside := np.abs(drawn) > 2).any():
        drawn[outside] = random.standard_normal(int(outside.sum()))
    return (drawn * HEAD_STDDEV).astype(np.float32)


def _seed_dropout(classifier: Any, seed: int) -> None:
    """Set the seed of each dropout layer to one that depends on `seed` and the layer's position only."""
    states = [v for v in classifier.non_trainable_variables if v.path.endswith("seed_generator_state")]
    for number, state in enumerate(states):
        state.assign(np.array([seed % 2**31, number], dtype=state.dtype))  # the dtype is int32 on PyTorch
