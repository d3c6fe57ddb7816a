"""Load a KerasHub backbone and its tokenizer, from the name of a model."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from slanted.errors import InputError, missing_extra
from slanted.runtime.patches import uninitialized_weights
from slanted.text.pretrained.hub import fetch
from slanted.text.pretrained.keras_hub_preprocessor import read_sentence_piece
from slanted.text.pretrained.model_files import locate
from slanted.text.pretrained.transformers_weights import any_transformers_checkpoint
from slanted.text.tokens.tokenizer import TextTokenizer
from slanted.text.tokens.vocabulary_files import read_model_json

__all__ = ["Encoder", "load_encoder"]

FAMILIES = ("Bert", "Roberta", "DistilBert", "Albert", "DebertaV3", "XLMRoberta", "FNet")
MODEL_TYPES = dict(
    zip(("bert", "roberta", "distilbert", "albert", "deberta-v3", "xlm-roberta", "fnet"), FAMILIES, strict=True)
)


@dataclass(frozen=True)
class Encoder:
    """A pretrained text encoder.

    Attributes:
        name: The name that the user passed.
        family: The prefix of the KerasHub classes: `Bert`, `Roberta`, ...
        folder: The folder of the files.
        backbone: The KerasHub backbone with its weights.
        tokenizer: The tokenizer of the checkpoint.
        sentence_piece: The SentencePiece model of the tokenizer, which KerasHub's tokenizer needs; None: there is none.
        new_parts: The parts that the checkpoint lacks, and that are therefore new.
    """

    name: str
    family: str
    folder: Path
    backbone: Any
    tokenizer: TextTokenizer
    sentence_piece: bytes | None = field(default=None, repr=False)
    new_parts: tuple[str, ...] = ()

    @property
    def max_tokens(self) -> int:
        """The longest input in tokens: the number of position embeddings."""
        return int(self.backbone.max_sequence_length)

    @property
    def hidden_dim(self) -> int:
        """The size of the vector of a token."""
        return int(self.backbone.hidden_dim)

    @property
    def num_layers(self) -> int:
        """The number of transformer blocks."""
        return int(self.backbone.num_layers)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, out of `token_ids`, `segment_ids` and `padding_mask`."""
        return tuple(self.backbone.input)


def load_encoder(name: str, dtype: str | None = None, dropout: float | None = None) -> Encoder:
    """Load a pretrained encoder and its tokenizer.

    Args:
        name: The name of the model, see `locate`.
        dtype: The dtype policy of the layers; None: the global policy of Keras.
        dropout: The dropout rate of the layers; None: the rate in the configuration of the model.

    Raises:
        InputError: The model is unknown, cannot be downloaded, or its files are corrupt.
    """
    files = locate(name)
    try:
        import keras_hub
    except ImportError:
        raise missing_extra("text", f"The model `{name}`") from None
    folder = files.folder or fetch(files.preset, _known_presets(keras_hub))
    tokenizer = TextTokenizer.load(files.tokenizer_folder or folder)
    family = family_of(folder)
    changed = {name: value for name, value in (("dtype", dtype), ("dropout", dropout)) if value is not None}
    backbone, new = _load_backbone(getattr(keras_hub.models, f"{family}Backbone"), folder, changed)
    check_vocabulary(folder, tokenizer, backbone)
    return Encoder(name, family, folder, backbone, tokenizer, read_sentence_piece(folder), new)


def check_vocabulary(folder: Path, tokenizer: TextTokenizer, backbone: Any) -> None:
    """Raise unless the model has an embedding for each token.

    Raises:
        InputError: It has fewer.
    """
    if tokenizer.vocabulary_size > backbone.vocabulary_size:
        raise InputError(
            f"{folder}: the tokenizer has {tokenizer.vocabulary_size} tokens, the model embeddings for "
            f"{backbone.vocabulary_size}: take both from one checkpoint"
        )


def family_of(folder: Path) -> str:
    """Return the prefix of the KerasHub classes for the model in a folder.

    Raises:
        InputError: slanted cannot fine-tune a model of this type.
    """
    config = read_model_json(folder / "config.json")
    if "registered_name" in config:
        family = str(config.get("class_name")).removesuffix("Backbone")
    else:
        family = MODEL_TYPES.get(config["model_type"], config["model_type"])
    if family not in FAMILIES:
        raise InputError(f"{folder}: slanted fine-tunes {', '.join(FAMILIES)}: received a model of type {family}")
    return family


def _load_backbone(backbone_class: Any, folder: Path, changed: dict[str, Any]) -> tuple[Any, tuple[str, ...]]:
    """Load a backbone with changes to its configuration, and return the parts that are new, too.

    Raises:
        InputError: A file or a tensor is wrong; the message names it.
    """
    from safetensors import SafetensorError

    try:
        with uninitialized_weights(), any_transformers_checkpoint() as new:
            # An absolute path: KerasHub looks up a relative one among its own presets and may download that preset.
            backbone = backbone_class.from_preset(str(folder.resolve()), **changed)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:  # RuntimeError: h5py's
        reason = " ".join(str(error).split())[:300]
        rule = "the weights must fit the configuration"
        raise InputError(f"{folder}: {rule}: {reason}: copy the model anew") from None
    except MemoryError:
        raise InputError(f"{folder}: its sizes need more memory than there is: copy the model anew") from None
    for variable in backbone.trainable_variables:
        if np.isnan(np.asarray(variable.numpy()).ravel()[:1]).any():
            raise InputError(f"{folder}: the checkpoint has no weights for {variable.path}: copy the model anew")
    return backbone, tuple(new)


def _known_presets(keras_hub: Any) -> dict[str, str]:
    """Return KerasHub preset -> Kaggle handle, for the families that slanted can fine-tune."""
    backbones = [getattr(keras_hub.models, f"{family}Backbone") for family in FAMILIES]
    return {name: entry["kaggle_handle"] for backbone in backbones for name, entry in backbone.presets.items()}
