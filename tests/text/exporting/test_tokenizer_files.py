"""The tokenizer of an export: that of the run to the last id, for transformers and for the script."""

import json

import exported
import numpy as np
import pytest

from slanted.text.exporting.tokenizer_files import predict_settings, write_tokenizer
from slanted.text.tokens.documents import encode_documents

pytestmark = pytest.mark.once

INPUTS = {"token_ids": "ids", "segment_ids": "types", "padding_mask": "mask"}


@pytest.mark.parametrize("family", ["Bert", "Roberta", "Albert"])
def test_transformers_reads_the_tokenizer_as_it_is(tmp_path, family):
    from transformers import AutoTokenizer

    made = exported.model(tmp_path / "checkpoint", family)
    tokenizer, texts = made.encoder.tokenizer, exported.texts(30)
    (tmp_path / "out").mkdir()
    write_tokenizer(tokenizer, ["input_ids"], made.settings, tmp_path / "out")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "out")
    encoded = tokenizer.encode(texts, None, 12)
    ids = theirs(texts, truncation=True)["input_ids"]  # to the length of the training
    assert ids == [encoded.row(number)[0].tolist() for number in range(len(texts))]
    assert theirs.pad_token_id == tokenizer.pad_id
    config = json.loads((tmp_path / "out" / "tokenizer_config.json").read_text())
    assert config["model_input_names"] == ["input_ids", "attention_mask"] and config["model_max_length"] == 12


WAYS = [(pairs, truncate, "truncate") for pairs in (False, True) for truncate in ("head", "tail", "head+tail")]


@pytest.mark.parametrize(("pairs", "truncate", "long"), [*WAYS, (False, "head", "chunk")])
def test_the_script_makes_the_same_tokens(tmp_path, pairs, truncate, long):
    made = exported.model(tmp_path / "checkpoint", pairs=pairs, truncate=truncate, long=long)
    tokenizer, first = made.encoder.tokenizer, [*exported.texts(40), " ".join(["cat"] * 300)]
    second = exported.texts(41, seed=1) if pairs else None
    settings = {"parts": ["."], **predict_settings(tokenizer, made.settings, INPUTS, pairs=pairs)}
    library = exported.library(tmp_path / "export", tokenizer, settings)
    rows = [(text,) for text in first] if second is None else list(zip(first, second, strict=True))
    examples, owners = library.encoded(library.Tokenizer.from_file(str(tmp_path / "export/tokenizer.json")), rows)
    documents = encode_documents(tokenizer, first, second, made.settings)
    expected = [tuple(part.tolist() for part in documents.encoded.row(at)) for at in range(len(documents.encoded))]
    assert examples == expected
    assert np.array_equal(owners, np.arange(41) if documents.owners is None else documents.owners)
