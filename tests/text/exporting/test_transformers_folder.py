"""Folders of transformers: its own classes load them and compute what the model computes, for each family."""

import json

import exported
import numpy as np
import pytest

from slanted.text.exporting.transformers_folder import write_transformers_folder

pytestmark = pytest.mark.once

FAMILIES = ("Bert", "Roberta", "XLMRoberta", "DistilBert", "Albert")
PROBLEMS = {
    "single": "single_label_classification",
    "multilabel": "multi_label_classification",
    "regression": "regression",
}


def written(folder, made):
    (folder / "out").mkdir()
    write_transformers_folder(
        made.classifier, made.encoder.family, made.encoder.tokenizer, made.target, made.settings, folder / "out"
    )
    return folder / "out"


def outputs(folder, first, second, max_length):
    """Return the logits of transformers, which tokenises the texts itself."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, loading = AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(loading.values()), loading
    options = {"truncation": True, "max_length": max_length, "padding": True, "return_tensors": "pt"}
    with torch.inference_mode():
        return model.eval()(**tokenizer(*[first] if second is None else [first, second], **options)).logits.numpy()


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_computes_the_same(tmp_path, family, pairs):
    made = exported.model(tmp_path / "checkpoint", family, pairs=pairs)
    first, second = exported.texts(20), exported.texts(20, seed=1) if pairs else None
    expected = made.outputs(first, second)
    assert np.ptp(expected, axis=0).min() > 0.01, "the outputs must differ from text to text"
    np.testing.assert_allclose(outputs(written(tmp_path, made), first, second, 12), expected, rtol=1e-4, atol=5e-5)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_config_json_names_the_labels_in_the_order_of_the_outputs_and_the_problem(tmp_path, kind):
    made = exported.model(tmp_path / "checkpoint", "DistilBert", kind)
    config = json.loads((written(tmp_path, made) / "config.json").read_text())
    assert config["id2label"] == {str(number): label for number, label in enumerate(made.target.labels)}
    assert config["label2id"] == {label: number for number, label in enumerate(made.target.labels)}
    assert config["problem_type"] == PROBLEMS[kind]
    first = exported.texts(5)
    np.testing.assert_allclose(outputs(tmp_path / "out", first, None, 12), made.outputs(first, None), atol=2e-5)


@pytest.mark.parametrize(("family", "activation"), [("Bert", "gelu_pytorch_tanh"), ("Roberta", "gelu")])
def test_config_json_has_the_form_of_gelu_and_the_epsilon_of_the_family(tmp_path, family, activation):
    made = exported.model(tmp_path / "checkpoint", family)
    config = json.loads((written(tmp_path, made) / "config.json").read_text())
    assert config["hidden_act"] == activation
    assert config["layer_norm_eps"] == pytest.approx(1e-12 if family == "Bert" else 1e-5)


def test_another_activation_is_no_gelu(tmp_path):
    import keras

    made = exported.model(tmp_path / "checkpoint", "Bert")
    made.classifier.backbone.transformer_layers[0]._feedforward_intermediate_dense.activation = keras.activations.relu
    with pytest.raises(ValueError, match=r"is no GELU: it gives 1\.0 for 1"):
        written(tmp_path, made)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_head_on_the_mean_is_a_folder_of_sentence_transformers(tmp_path, family):
    from safetensors.numpy import load_file
    from sentence_transformers import SentenceTransformer

    made = exported.model(tmp_path / "checkpoint", family, pooling="mean")
    folder, first = written(tmp_path, made), exported.texts(20)
    encoder, head = SentenceTransformer(str(folder), device="cpu"), load_file(folder / "head.safetensors")
    vectors = encoder.encode(first)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(vectors @ head["weight"].T + head["bias"], made.outputs(first, None), atol=2e-5)
