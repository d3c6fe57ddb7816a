"""Checkpoints as transformers saves them: with and without prefix and pooler, with heads and early names."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_models import VOCABULARY, array, bert_weights, write_bert

from slanted.errors import InputError
from slanted.text.pretrained.encoder import load_encoder
from slanted.text.pretrained.model_files import locate

HEADS = {
    "cls.predictions.bias": (len(VOCABULARY),),
    "cls.predictions.transform.dense.weight": (8, 8),
    "cls.predictions.transform.LayerNorm.weight": (8,),
    "cls.seq_relationship.weight": (2, 8),
}
WITH = bert_weights()
WITHOUT = {name: value for name, value in WITH.items() if "pooler" not in name}


def prefixed(weights, prefix="bert.", heads=HEADS):
    draw = np.random.default_rng(5)
    more = {name: draw.normal(size=shape).astype(np.float32) for name, shape in heads.items()}
    return {f"{prefix}{name}": value for name, value in weights.items()} | more


def early(weights):
    names = {name: name.replace("LayerNorm.weight", "LayerNorm.gamma") for name in weights}
    return {names[name].replace("LayerNorm.bias", "LayerNorm.beta"): value for name, value in weights.items()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The backbone of a folder with all tensors, without a prefix."""
    return load_encoder(str(write_bert(tmp_path_factory.mktemp("plain")))).backbone


@pytest.mark.parametrize(
    ("weights", "new"),
    [
        (prefixed(WITH), ()),  # BertForPreTraining
        (prefixed(WITHOUT), ("pooler",)),  # BertForMaskedLM
        (WITHOUT, ("pooler",)),  # BertModel(add_pooling_layer=False)
        (early(prefixed(WITHOUT)), ("pooler",)),
        (prefixed(WITH, "0.auto_model.", {}), ()),
    ],
    ids=["pretraining", "masked", "without a pooler", "early names", "sentence-transformers"],
)
def test_bert_has_its_weights_and_what_it_lacks_is_new(weights, new, tmp_path, plain):
    save_file(weights, write_bert(tmp_path) / "model.safetensors")
    encoder = load_encoder(str(tmp_path))
    assert encoder.new_parts == new
    backbone = encoder.backbone
    pooler = {id(variable) for variable in backbone.get_layer("pooled_dense").variables}
    for variable, expected in zip(backbone.weights, plain.weights, strict=True):
        if not new or id(variable) not in pooler:
            np.testing.assert_array_equal(array(variable), array(expected))
    if new:
        kernel, bias = map(array, backbone.get_layer("pooled_dense").variables)
        assert 0.01 < kernel.std() < 0.03 and not bias.any()


def without_heads(folder, family, changes):
    """Write a folder of another family from the weights of the BERT: random, with the names of transformers."""
    write_bert(folder)
    config = {"model_type": family, "vocab_size": len(VOCABULARY), "max_position_embeddings": 24, **changes}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


DISTIL = {"attention.self.query": "attention.q_lin", "attention.self.key": "attention.k_lin"}
DISTIL |= {"attention.self.value": "attention.v_lin", "attention.output.dense": "attention.out_lin"}
DISTIL |= {"attention.output.LayerNorm": "sa_layer_norm", "intermediate.dense": "ffn.lin1"}
DISTIL |= {"output.dense": "ffn.lin2", "output.LayerNorm": "output_layer_norm", "encoder.": "transformer."}


def distil_weights():
    weights = {}
    for name, value in WITHOUT.items():
        for old, new in DISTIL.items() if name.startswith("encoder") else ():
            name = name.replace(old, new)
        weights[name] = value
    del weights["embeddings.token_type_embeddings.weight"]
    return weights


def test_distilbert_without_its_prefix_is_the_same(tmp_path):
    changes = {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "dropout": 0.1}
    backbones = []
    for number, prefix in enumerate(("", "distilbert.")):
        folder = without_heads(tmp_path / str(number), "distilbert", changes)
        save_file(prefixed(distil_weights(), prefix, {}), folder / "model.safetensors")
        backbones.append(load_encoder(str(folder)).backbone)
    for one, other in zip(backbones[0].weights, backbones[1].weights, strict=True):
        np.testing.assert_array_equal(array(one), array(other))


def test_roberta_s_only_segment_is_part_of_its_positions(tmp_path):
    weights = dict(WITHOUT)
    weights["embeddings.token_type_embeddings.weight"] = weights["embeddings.token_type_embeddings.weight"][:1]
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 16}
    sizes |= {"hidden_dropout_prob": 0.1, "type_vocab_size": 1, "pad_token_id": 1}
    for number, prefix in enumerate(("", "roberta.")):
        folder = without_heads(tmp_path / str(number), "roberta", sizes)
        save_file(prefixed(weights, prefix, {}), folder / "model.safetensors")
        backbone = load_encoder(str(folder)).backbone
        positions = array(backbone.embeddings.position_embedding.position_embeddings)
        expected = weights["embeddings.position_embeddings.weight"][2:]
        np.testing.assert_allclose(positions, expected + weights["embeddings.token_type_embeddings.weight"], rtol=1e-6)


@pytest.mark.once
def test_deberta_in_the_form_of_transformers_is_refused(tmp_path):
    write_bert(tmp_path, model_type="deberta-v2")
    with pytest.raises(InputError) as refused:
        locate(str(tmp_path))
    rule = "DeBERTa-v3 is not read from a folder of transformers, only as a KerasHub preset"
    assert str(refused.value) == f"{tmp_path}: {rule}: give one such as deberta_v3_base_en"


def test_a_missing_weight_that_is_no_pooler_is_refused(tmp_path):
    weights = load_file(write_bert(tmp_path) / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(prefixed(weights), tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"does not contain tensor encoder\.layer\.1\.output\.dense\.bias"):
        load_encoder(str(tmp_path))
