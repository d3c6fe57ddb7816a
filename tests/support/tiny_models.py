"""Model folders of a few kilobytes, written by the tests that need one."""

import io
import json
from pathlib import Path

import numpy as np

WORDS = ["the", "a", "cat", "dog", "sat", "ran", "##s", "on", "mat", "road", "creme", "red", "blue", ".", "!"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
TEXTS = ["The cat sat on the mat.", "A dog ran!", "crème red road", "blue dogs", "unheard"]
SIZES = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16, "max_sequence_length": 24}


def write_bert(folder: Path, **changes) -> Path:
    """Write a two-layer BERT as transformers saves one; changes go to its config.json."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "bert",
        "vocab_size": len(VOCABULARY),
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "hidden_size": 8,
        "intermediate_size": 16,
        "hidden_dropout_prob": 0.1,
        "max_position_embeddings": 24,
        "type_vocab_size": 2,
    }
    (folder / "config.json").write_text(json.dumps(config | changes))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    save_file(bert_weights(), folder / "model.safetensors")
    return folder


def bert_weights() -> dict[str, np.ndarray]:
    """Return random weights under transformers' names."""
    shapes = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), 8),
        "embeddings.position_embeddings.weight": (24, 8),
        "embeddings.token_type_embeddings.weight": (2, 8),
        "embeddings.LayerNorm.weight": (8,),
        "embeddings.LayerNorm.bias": (8,),
        "pooler.dense.weight": (8, 8),
        "pooler.dense.bias": (8,),
    }
    for layer in range(2):
        prefix = f"encoder.layer.{layer}"
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{prefix}.{name}.weight": (8, 8), f"{prefix}.{name}.bias": (8,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{prefix}.{name}.weight": (8,), f"{prefix}.{name}.bias": (8,)}
        shapes |= {f"{prefix}.intermediate.dense.weight": (16, 8), f"{prefix}.intermediate.dense.bias": (16,)}
        shapes |= {f"{prefix}.output.dense.weight": (8, 16), f"{prefix}.output.dense.bias": (8,)}
    random = np.random.default_rng(0)
    return {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


def write_preset(folder: Path, family: str) -> Path:
    """Write a KerasHub preset of an encoder family, tokenizer included."""
    import keras_hub

    tokenizer = _tokenizer(family)
    sizes = dict(SIZES, vocabulary_size=tokenizer.vocabulary_size())
    if family == "Albert":
        sizes["embedding_dim"] = 4
    if family == "FNet":
        del sizes["num_heads"]
    if family == "DebertaV3":
        sizes["bucket_size"] = 8
    getattr(keras_hub.models, f"{family}Backbone")(**sizes).save_to_preset(str(folder))
    tokenizer.save_to_preset(str(folder))
    return folder


def _tokenizer(family: str):
    import keras_hub

    cls = getattr(keras_hub.models, f"{family}Tokenizer")
    if family in ("Bert", "DistilBert"):
        return cls(vocabulary=VOCABULARY, lowercase=True)
    if family == "Roberta":
        return cls(**_byte_pairs())
    bert = {"bos_piece": "[CLS]", "eos_piece": "[SEP]"}
    albert = bert | {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "pad_piece": "<pad>"}
    options = {
        "XLMRoberta": {"unk_id": 0, "bos_id": 1, "eos_id": 2},
        "Albert": albert | {"user_defined_symbols": "[MASK]"},
        "FNet": albert | {"user_defined_symbols": "[MASK]"},
        "DebertaV3": bert
        | {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "unk_piece": "[UNK]"},
    }
    return cls(proto=_sentence_pieces(options[family]))


def _byte_pairs() -> dict:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    source = Tokenizer(models.BPE())
    source.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    source.train_from_iterator(TEXTS * 3, trainer)
    model = json.loads(source.to_str())["model"]
    return {"vocabulary": model["vocab"], "merges": [" ".join(pair) for pair in model["merges"]]}


def _sentence_pieces(options: dict) -> bytes:
    import sentencepiece

    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 5),
        model_writer=out,
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    return out.getvalue()


def array(variable):
    """Return a Keras variable or tensor as an array."""
    import keras

    return keras.ops.convert_to_numpy(variable)
