"""Write the model of a run of slanted's as transformers saves it, so that the peer predicts with the same weights.

Usage: export_run.py DIR FOLDER

DIR is a run whose model is minilm's BERT. FOLDER gets config.json, model.safetensors and the tokenizer's file.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import keras_hub
import numpy as np
from safetensors.numpy import save_file


def main() -> None:
    """Convert."""
    run, folder = Path(sys.argv[1]), Path(sys.argv[2])
    model: Any = keras_hub.models.TextClassifier.from_preset(str(run / "model"), preprocessor=None)
    labels = json.loads((run / "labels.json").read_text())["labels"]
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value) for name, value in tensors(model)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config(model.backbone, labels)))
    tokenizer = json.loads((run / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps({**tokenizer, "truncation": None, "padding": None}))
    shutil.copy(run / "tokenizer.json", folder / "tokenizer.original.json")
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def config(backbone: Any, labels: list[Any]) -> dict[str, Any]:
    """Return transformers' configuration of the model."""
    return {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "hidden_act": "gelu_new",  # KerasHub computes the same approximation
        "hidden_size": backbone.hidden_dim,
        "intermediate_size": backbone.intermediate_dim,
        "num_attention_heads": backbone.num_heads,
        "num_hidden_layers": backbone.num_layers,
        "max_position_embeddings": backbone.max_sequence_length,
        "vocab_size": backbone.vocabulary_size,
        "id2label": {str(number): str(label) for number, label in enumerate(labels)},
        "label2id": {str(label): number for number, label in enumerate(labels)},
    }


def tensors(model: Any) -> list[tuple[str, np.ndarray]]:
    """Return transformers' names and values of the model's variables; its dense kernels are the other way round."""
    backbone = model.backbone

    def dense(name: str, layer: Any, size: int) -> list[tuple[str, np.ndarray]]:
        bias = np.asarray(layer.bias.numpy()).reshape(-1)
        return [(f"{name}.weight", np.asarray(layer.kernel.numpy()).reshape(size, -1).T), (f"{name}.bias", bias)]

    def norm(name: str, layer: Any) -> list[tuple[str, np.ndarray]]:
        return [(f"{name}.weight", layer.gamma.numpy()), (f"{name}.bias", layer.beta.numpy())]

    hidden, inner = backbone.hidden_dim, backbone.intermediate_dim
    found = [
        ("bert.embeddings.word_embeddings.weight", backbone.token_embedding.embeddings.numpy()),
        ("bert.embeddings.position_embeddings.weight", backbone.position_embedding.position_embeddings.numpy()),
        ("bert.embeddings.token_type_embeddings.weight", backbone.segment_embedding.embeddings.numpy()),
        *norm("bert.embeddings.LayerNorm", backbone.embeddings_layer_norm),
    ]
    for number, block in enumerate(backbone.transformer_layers):
        at = f"bert.encoder.layer.{number}"
        attention = block._self_attention_layer
        found += dense(f"{at}.attention.self.query", attention.query_dense, hidden)
        found += dense(f"{at}.attention.self.key", attention.key_dense, hidden)
        found += dense(f"{at}.attention.self.value", attention.value_dense, hidden)
        found += dense(f"{at}.attention.output.dense", attention.output_dense, hidden)
        found += norm(f"{at}.attention.output.LayerNorm", block._self_attention_layer_norm)
        found += dense(f"{at}.intermediate.dense", block._feedforward_intermediate_dense, hidden)
        found += dense(f"{at}.output.dense", block._feedforward_output_dense, inner)
        found += norm(f"{at}.output.LayerNorm", block._feedforward_layer_norm)
    head = next(layer for layer in model.layers if layer.name == "logits")
    return found + dense("bert.pooler.dense", backbone.pooled_dense, hidden) + dense("classifier", head, hidden)


if __name__ == "__main__":
    main()
