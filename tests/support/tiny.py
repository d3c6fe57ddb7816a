"""A BERT of one tiny block with random weights, in Hugging Face's format, and texts that it learns in seconds."""

import json
import random
from pathlib import Path

import numpy as np

WORDS = {
    "alpha": ("apple", "pear", "plum", "cherry"),
    "beta": ("hammer", "nail", "saw", "drill"),
    "gamma": ("river", "lake", "sea", "pond"),
}
FILLERS = ("the", "my", "a", "old", "new", "very", "is", "was", "here", "there")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
HIDDEN, BLOCKS, HEADS, POSITIONS = 32, 1, 2, 64
# Of the command line: one epoch in which it learns.
RUN_OPTIONS = ("--lr", "0.01", "--batch-size", "8", "--max-tokens", "16", "--precision", "float32", "--epochs", "1")


def vocabulary():
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'"
    pieces = [*letters, *(f"##{letter}" for letter in letters)]
    return [*SPECIAL, *pieces, *(word for group in WORDS.values() for word in group), *FILLERS[:2], *FILLERS[3:]]


def write_checkpoint(folder, positions=POSITIONS):
    """Write config.json, model.safetensors and tokenizer.json; Keras is not needed."""
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "bert",
        "vocab_size": len(vocabulary()),
        "hidden_size": HIDDEN,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": HEADS,
        "intermediate_size": 2 * HIDDEN,
        "max_position_embeddings": positions,
    }
    (folder / "config.json").write_text(json.dumps(config))
    save_file(_weights(positions), folder / "model.safetensors")
    _tokenizer().save(str(folder / "tokenizer.json"))
    return str(folder)


def _weights(positions):
    draw = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings.weight": (len(vocabulary()), HIDDEN),
        "embeddings.position_embeddings.weight": (positions, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "pooler.dense.weight": (HIDDEN, HIDDEN),
    }
    norms = ["embeddings.LayerNorm"]
    for block in range(BLOCKS):
        prefix = f"encoder.layer.{block}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            shapes[f"{prefix}.attention.{part}.weight"] = (HIDDEN, HIDDEN)
        shapes[f"{prefix}.intermediate.dense.weight"] = (2 * HIDDEN, HIDDEN)
        shapes[f"{prefix}.output.dense.weight"] = (HIDDEN, 2 * HIDDEN)
        norms += [f"{prefix}.attention.output.LayerNorm", f"{prefix}.output.LayerNorm"]
    weights = {name: draw.normal(0.0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}
    weights["embeddings.word_embeddings.weight"] *= 5.0  # words count for more than their places
    for name in list(weights):
        if not name.startswith("embeddings"):
            weights[name.replace("weight", "bias")] = np.zeros(shapes[name][0], np.float32)
    for name in norms:
        weights |= {f"{name}.weight": np.ones(HIDDEN, np.float32), f"{name}.bias": np.zeros(HIDDEN, np.float32)}
    return weights


def _tokenizer():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    ids = {token: number for number, token in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return tokenizer


def examples(count, labels=("alpha", "beta"), seed=0):
    """Return texts and labels: each text has a word of its label among words that say nothing."""
    draw = random.Random(seed)
    rows = [(number, list(WORDS.values())[number % len(labels)]) for number in range(count)]
    texts = []
    for _, words in rows:
        text = draw.choices(FILLERS, k=draw.randint(1, 6))
        text.insert(draw.randrange(len(text) + 1), draw.choice(words))
        texts.append(" ".join(text))
    return texts, [labels[number % len(labels)] for number, _ in rows]


def write_rows(path, texts, labels):
    """Write a CSV file with the columns text and label."""
    import csv

    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    return str(path)
