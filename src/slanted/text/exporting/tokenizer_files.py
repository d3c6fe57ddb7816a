"""Write the tokenizer of a model for transformers, and what the script needs to make the same tokens."""

import json
from pathlib import Path
from typing import Any

from slanted.common import atomic_files
from slanted.text.settings import Settings
from slanted.text.tokens.tokenizer import TextTokenizer

_NAMES = {  # the usual names of special tokens, by the attribute of transformers
    "pad_token": ("[PAD]", "<pad>"),
    "unk_token": ("[UNK]", "<unk>"),
    "cls_token": ("[CLS]", "<s>"),
    "sep_token": ("[SEP]", "</s>"),
    "mask_token": ("[MASK]", "<mask>"),
    "bos_token": ("<s>",),
    "eos_token": ("</s>",),
}


def write_tokenizer(tokenizer: TextTokenizer, input_names: list[str], settings: Settings, folder: Path) -> None:
    """Write tokenizer.json, byte for byte that of the run, and the files that transformers reads beside it.

    The class is PreTrainedTokenizerFast, which takes tokenizer.json as it is. Those of the families would build parts
    of it anew from other settings.

    Args:
        tokenizer: The tokenizer.
        input_names: The inputs of the model, without the attention mask.
        settings: The settings of the training; `max_tokens` is the length to which `truncation=True` truncates.
        folder: The folder.
    """
    tokenizer.save(folder)
    vocabulary = tokenizer.vocabulary
    special = {key: next((one for one in names if one in vocabulary), None) for key, names in _NAMES.items()}
    special = {key: token for key, token in special.items() if token is not None}
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": settings.max_tokens,
        "model_input_names": [*input_names, "attention_mask"],
        "clean_up_tokenization_spaces": False,
        **special,
    }
    for name, content in {"tokenizer_config.json": config, "special_tokens_map.json": special}.items():
        atomic_files.write_json(folder / name, content)


def predict_settings(
    tokenizer: TextTokenizer, settings: Settings, inputs: dict[str, str], *, pairs: bool
) -> dict[str, Any]:
    """Return the entries of predict.json that concern the tokens.

    Args:
        tokenizer: The tokenizer.
        settings: The settings of the training.
        inputs: The name of each input of the model, and which of "ids", "types" and "mask" it takes.
        pairs: Whether the texts are pairs.
    """
    return {
        "pairs": pairs,
        "max_tokens": settings.max_tokens,
        "truncate": settings.recipe.truncate,
        "long": settings.long,
        "pad_id": tokenizer.pad_id,
        "template": json.loads(json.dumps(tokenizer.template(2 if pairs else 1))),
        "inputs": inputs,
    }
