"""Write a model as a folder of transformers, or of sentence-transformers where the head reads the mean of the tokens.

The weights are those of KerasHub under the names of transformers. Settings that change results are read off the layers:
GELU is the tanh form in KerasHub's BERT and ALBERT and the exact one in RoBERTa and DistilBERT, and the epsilon of the
normalisation is part of the family.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from slanted.common import atomic_files
from slanted.text.exporting.tokenizer_files import write_tokenizer
from slanted.text.labels.targets import Target
from slanted.text.settings import MEAN, Settings
from slanted.text.tokens.tokenizer import TextTokenizer

Weights = dict[str, np.ndarray]

GELU_EXACT_AT_1 = 0.8413447  # the tanh form gives 0.8411920
PROBLEM_TYPES = {
    "single": "single_label_classification",
    "multilabel": "multi_label_classification",
    "regression": "regression",
}
_MODEL_TYPES = {
    "Bert": ("bert", "Bert"),
    "Roberta": ("roberta", "Roberta"),
    "XLMRoberta": ("xlm-roberta", "XLMRoberta"),
    "DistilBert": ("distilbert", "DistilBert"),
    "Albert": ("albert", "Albert"),
}
_ATTENTION = {
    "Bert": ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"),
    "DistilBert": ("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin"),
    "Albert": ("attention.query", "attention.key", "attention.value", "attention.dense"),
}
_FEED_FORWARD = {
    "Bert": ("intermediate.dense", "output.dense"),
    "DistilBert": ("ffn.lin1", "ffn.lin2"),
    "Albert": ("ffn", "ffn_output"),
}
_NORMS = {
    "Bert": ("attention.output.LayerNorm", "output.LayerNorm"),
    "DistilBert": ("sa_layer_norm", "output_layer_norm"),
    "Albert": ("attention.LayerNorm", "full_layer_layer_norm"),
}


def write_transformers_folder(
    classifier: Any, family: str, tokenizer: TextTokenizer, target: Target, settings: Settings, folder: Path
) -> None:
    """Write config.json, model.safetensors, and the files of the tokenizer to an existing folder.

    For a head on the mean of the tokens, these are the encoder of a folder of sentence-transformers, whose vectors
    have length 1; head.safetensors has the `weight` (labels, features) and the `bias` (labels,) of the last layer.

    Args:
        classifier: The KerasHub task, or the `MeanClassifier`, in float32.
        family: The prefix of the KerasHub classes.
        tokenizer: The tokenizer of the checkpoint.
        target: The target, whose labels are named in the order of the outputs.
        settings: The settings of the training.
        folder: The folder.
    """
    from safetensors.numpy import save_file

    is_mean = settings.pooling == MEAN
    weights = encoder_weights(classifier.backbone, family, tokenizer.pad_id)
    config = _config(classifier.backbone, family, tokenizer, is_mean=is_mean)
    if is_mean:
        head = {name.removeprefix("head."): array for name, array in _dense("head", classifier.output_dense).items()}
        save_file(head, folder / "head.safetensors")
        _write_modules(classifier.output_dense, settings, folder)
    else:
        prefix = _MODEL_TYPES[family][0].replace("xlm-roberta", "roberta")
        pooler = _pooler(family)
        weights = {f"{prefix}.{name}": array for name, array in weights.items() if not (pooler and name in pooler)}
        weights |= _head_weights(classifier, family)
        names = list(map(str, target.labels))
        config |= {
            "id2label": {str(number): name for number, name in enumerate(names)},
            "label2id": {name: number for number, name in enumerate(names)},
            "problem_type": PROBLEM_TYPES[target.kind],
        }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    atomic_files.write_json(folder / "config.json", config)
    write_tokenizer(tokenizer, list(_INPUT_NAMES[: 2 if family in ("Bert", "Albert") else 1]), settings, folder)


_INPUT_NAMES = ("input_ids", "token_type_ids", "attention_mask")


def encoder_weights(backbone: Any, family: str, pad_id: int) -> Weights:
    """Return the weights of a backbone under the names of transformers, without a prefix.

    Args:
        backbone: The KerasHub backbone.
        family: The prefix of its class.
        pad_id: The id of the padding token. In transformers the first position of a RoBERTa is the row after it.
    """
    kind = "Bert" if family in ("Roberta", "XLMRoberta") else family
    weights = {"embeddings.word_embeddings.weight": _array(backbone.token_embedding.embeddings)}
    weights["embeddings.position_embeddings.weight"] = _positions(backbone, family, pad_id)
    if family in ("Bert", "Albert"):
        weights["embeddings.token_type_embeddings.weight"] = _array(backbone.segment_embedding.embeddings)
    elif family != "DistilBert":
        weights["embeddings.token_type_embeddings.weight"] = np.zeros((1, backbone.hidden_dim), np.float32)
    weights |= _norm("embeddings.LayerNorm", backbone.embeddings_layer_norm)
    if family == "Albert":
        weights |= _dense("encoder.embedding_hidden_mapping_in", backbone.embeddings_projection)
    for name, layer in _blocks(backbone, family).items():
        attention, feed_forward, norms, _ = _parts(layer)
        for part, dense in zip(_ATTENTION[kind], attention, strict=True):
            weights |= _dense(f"{name}.{part}", dense, is_output=dense is attention[-1])
        for part, dense in zip(_FEED_FORWARD[kind], feed_forward, strict=True):
            weights |= _dense(f"{name}.{part}", dense)
        for part, norm in zip(_NORMS[kind], norms, strict=True):
            weights |= _norm(f"{name}.{part}", norm)
    if family in ("Bert", "Albert"):
        weights |= _dense("pooler.dense" if family == "Bert" else "pooler", backbone.pooled_dense)
    elif family != "DistilBert":  # read by no head; without it, transformers would warn and draw it at random
        size = backbone.hidden_dim
        weights |= {name: np.zeros((size, size) if "weight" in name else size, np.float32) for name in _pooler(family)}
    return weights


def _pooler(family: str) -> tuple[str, ...]:
    """Return the names of a pooler that the classifier of transformers lacks."""
    return ("pooler.dense.weight", "pooler.dense.bias") if family in ("Roberta", "XLMRoberta") else ()


def _positions(backbone: Any, family: str, pad_id: int) -> np.ndarray:
    place = backbone.embeddings if family in ("Roberta", "XLMRoberta", "DistilBert") else backbone
    rows = _array(place.position_embedding.position_embeddings)
    if family not in ("Roberta", "XLMRoberta"):
        return rows
    return np.concatenate([np.zeros((pad_id + 1, rows.shape[1]), np.float32), rows])


def _blocks(backbone: Any, family: str) -> dict[str, Any]:
    """Return the transformer blocks by their names in transformers."""
    layers = backbone.transformer_layers
    if family == "Albert":
        groups = {f"encoder.albert_layer_groups.{at}": group for at, group in enumerate(layers)}
        return {f"{name}.albert_layers.{at}": one for name, group in groups.items() for at, one in enumerate(group)}
    prefix = "transformer.layer" if family == "DistilBert" else "encoder.layer"
    return {f"{prefix}.{number}": layer for number, layer in enumerate(layers)}


def _head_weights(classifier: Any, family: str) -> Weights:
    if family in ("Roberta", "XLMRoberta"):
        dense = _dense("classifier.dense", classifier.pooled_dense)
        return dense | _dense("classifier.out_proj", classifier.output_dense)
    if family == "DistilBert":
        return _dense("pre_classifier", classifier.pooled_dense) | _dense("classifier", classifier.output_dense)
    return _dense("classifier", classifier.output_dense)


def _dense(name: str, layer: Any, *, is_output: bool = False) -> Weights:
    """Return the weight (outputs, inputs) and the bias (outputs,) of a dense layer, whose heads are joined.

    Args:
        name: The name in transformers.
        layer: A Dense, with the kernel (inputs, outputs), or an EinsumDense of attention, (inputs, heads, size).
        is_output: Whether it is the last one of attention, with the kernel (heads, size, outputs).
    """
    kernel, bias = _array(layer.kernel), _array(layer.bias).ravel()
    flat = kernel.reshape(-1, kernel.shape[-1]) if is_output else kernel.reshape(kernel.shape[0], -1)
    return {f"{name}.weight": np.ascontiguousarray(flat.T), f"{name}.bias": bias}


def _norm(name: str, layer: Any) -> Weights:
    return {f"{name}.weight": _array(layer.gamma), f"{name}.bias": _array(layer.beta)}


def _array(variable: Any) -> np.ndarray:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable), dtype=np.float32)


def _config(backbone: Any, family: str, tokenizer: TextTokenizer, *, is_mean: bool) -> dict[str, Any]:
    """Return config.json without the labels."""
    model_type, prefix = _MODEL_TYPES[family]
    layer = next(iter(_blocks(backbone, family).values()))
    sizes = {
        "vocab_size": backbone.vocabulary_size,
        "max_position_embeddings": backbone.max_sequence_length,
        "pad_token_id": tokenizer.pad_id,
    }
    layers = (backbone.num_layers, backbone.num_heads, backbone.hidden_dim, backbone.intermediate_dim)
    names = ("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size")
    activation = {"hidden_act": _activation(layer)}
    if family == "DistilBert":
        names, activation = ("n_layers", "n_heads", "dim", "hidden_dim"), {"activation": _activation(layer)}
    else:
        sizes["layer_norm_eps"] = float(backbone.embeddings_layer_norm.epsilon)
        sizes["type_vocab_size"] = backbone.segment_embedding.input_dim if family in ("Bert", "Albert") else 1
    if family in ("Roberta", "XLMRoberta"):
        sizes["max_position_embeddings"] += tokenizer.pad_id + 1
    if family == "Albert":
        sizes |= {"embedding_size": backbone.embedding_dim, "num_hidden_groups": backbone.num_groups}
        sizes |= {"inner_group_num": backbone.num_inner_repetitions}
    architecture = f"{prefix}Model" if is_mean else f"{prefix}ForSequenceClassification"
    described = {"architectures": [architecture], "model_type": model_type, "dtype": "float32"}
    return described | sizes | dict(zip(names, layers, strict=True)) | activation


def _activation(block: Any) -> str:
    """Return the name in transformers of a block's activation, which is GELU in one of its two forms.

    Raises:
        ValueError: It is none of them.
    """
    inner = _parts(block)[1][0]
    value = float(_array(inner.activation(np.ones((1,), np.float32)))[0])
    known = {"gelu": GELU_EXACT_AT_1, "gelu_pytorch_tanh": 0.8411920}
    name = min(known, key=lambda one: abs(known[one] - value))
    if abs(known[name] - value) > 2e-5:
        raise ValueError(f"the activation of {block.name} is no GELU: it gives {value} for 1")
    return name


def _write_modules(head: Any, settings: Settings, folder: Path) -> None:
    """Write the files of sentence-transformers: an encoder, the mean of its tokens, and a scaling to length 1."""
    kinds = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(kinds)
    ]
    for _, path in kinds[1:]:
        (folder / path).mkdir()
    size = int(head.kernel.shape[0])
    pooling = {"word_embedding_dimension": size, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    contents = {
        "modules.json": modules,
        "1_Pooling/config.json": pooling,
        "sentence_bert_config.json": {"max_seq_length": settings.max_tokens, "do_lower_case": False},
        "config_sentence_transformers.json": {"similarity_fn_name": "cosine"},
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _parts(block: Any) -> tuple[list[Any], list[Any], list[Any], Any]:
    from slanted.keras_private.layers_and_trainers import parts_of_a_block

    return parts_of_a_block(block)
