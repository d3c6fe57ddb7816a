"""Load a backbone with the weights and the tokenizer of the checkpoint, or raise an error of one line."""

import sys

import numpy as np
import pytest
from tiny_models import VOCABULARY, array, bert_weights, write_bert

from slanted.errors import InputError
from slanted.text.pretrained import encoder as module
from slanted.text.pretrained.encoder import load_encoder


def test_default_model_has_the_checkpoints_weights():
    from safetensors.numpy import load_file

    encoder = load_encoder("minilm")
    assert (encoder.family, encoder.max_tokens, encoder.hidden_dim, encoder.num_layers) == ("Bert", 512, 384, 6)
    assert (encoder.backbone.vocabulary_size, encoder.tokenizer.vocabulary_size) == (30522, 30522)
    assert set(encoder.input_names) == {"token_ids", "segment_ids", "padding_mask"}
    stored = load_file(encoder.folder / "model.safetensors")
    backbone, last = encoder.backbone, encoder.backbone.transformer_layers[-1]
    for variable, name in (
        (backbone.token_embedding.embeddings, "embeddings.word_embeddings.weight"),
        (last._feedforward_layer_norm.gamma, "encoder.layer.5.output.LayerNorm.weight"),
    ):
        assert np.array_equal(array(variable), stored[name])
    for variable, name in (
        (last._feedforward_intermediate_dense.kernel, "encoder.layer.5.intermediate.dense.weight"),
        (backbone.get_layer("pooled_dense").kernel, "pooler.dense.weight"),
    ):
        assert np.array_equal(array(variable), stored[name].T)
    query = array(last._self_attention_layer.query_dense.kernel)
    assert np.array_equal(query.reshape(384, 384), stored["encoder.layer.5.attention.self.query.weight"].T)


def test_outputs_are_those_of_the_published_formula(tiny):
    """BERT's forward pass, written out in NumPy on the folder's own weights, with KerasHub's gelu: the tanh formula."""
    encoder = load_encoder(str(tiny))
    encoded = encoder.tokenizer.encode(["the cat sat"], ["a dog"], 16)
    ids, types, mask = encoded.padded(np.array([0]), 16, 0)
    found = encoder.backbone({"token_ids": ids, "segment_ids": types, "padding_mask": mask.astype("int32")})
    np.testing.assert_allclose(array(found["pooled_output"])[0], bert_pooled(*encoded.row(0)), atol=2e-5)


def bert_pooled(ids, types):
    weights = bert_weights()

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dense(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def gelu(x):
        return x * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    def heads(x):
        return x.reshape(len(ids), 2, 4).transpose(1, 0, 2)

    embedded = [weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")]
    x = norm(embedded[0][ids] + embedded[1][: len(ids)] + embedded[2][types], "embeddings.LayerNorm")
    for layer in range(2):
        at = f"encoder.layer.{layer}"
        q, k, v = (heads(dense(x, f"{at}.attention.self.{name}")) for name in ("query", "key", "value"))
        scores = np.exp(q @ k.transpose(0, 2, 1) / 2)
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), 8)
        x = norm(x + dense(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        x = norm(x + dense(gelu(dense(x, f"{at}.intermediate.dense")), f"{at}.output.dense"), f"{at}.output.LayerNorm")
    return np.tanh(dense(x[0], "pooler.dense"))


def missing_tensor(folder):
    from safetensors.numpy import save_file

    weights = bert_weights()
    del weights["pooler.dense.weight"]
    save_file(weights, folder / "model.safetensors")


def more_tokens(folder):
    (folder / "vocab.txt").write_text("\n".join([*VOCABULARY, "extra"]) + "\n")


REFUSED = {
    "tensor": (
        missing_tensor,
        {},
        "the weights must fit the configuration: .*pooler.dense.weight.*copy the model anew$",
    ),
    "layers": (None, {"num_hidden_layers": 3}, "the weights must fit the configuration: .*encoder.layer.2"),
    "shape": (None, {"intermediate_size": 32}, "the weights must fit the configuration: .*shape"),
    "setting": (None, {"hidden_size": "wide"}, "hidden_size must be a whole number above 0: found 'wide': "),
    "type": (None, {"model_type": "gpt2"}, "slanted fine-tunes Bert, .*FNet: received a model of type gpt2$"),
    "tokens": (
        more_tokens,
        {},
        "the tokenizer has 21 tokens, the model embeddings for 20: take both from one checkpoint$",
    ),
    "vocabulary": (lambda folder: (folder / "vocab.txt").unlink(), {}, "must hold a tokenizer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_folder_that_does_not_fit_together_is_refused(case, tiny):
    harm, changes, message = REFUSED[case]
    write_bert(tiny, **changes)
    if harm:
        harm(tiny)
    with pytest.raises(InputError, match=message) as caught:
        load_encoder(str(tiny))
    assert str(tiny) in str(caught.value) and "\n" not in str(caught.value)


def test_kernel_that_the_checkpoint_leaves_out_is_noticed(tiny, monkeypatch):
    import keras_hub

    backbone = keras_hub.models.BertBackbone
    monkeypatch.setattr(
        backbone, "from_preset", classmethod(lambda cls, preset: cls(20, 2, 2, 8, 16, max_sequence_length=24))
    )
    with pytest.raises(InputError, match=r"the checkpoint has no weights for .*embeddings: copy the model anew$"):
        load_encoder(str(tiny))


def test_initialisers_draw_again_after_loading(tiny):
    import keras

    load_encoder(str(tiny))
    assert np.isfinite(array(keras.initializers.TruncatedNormal(seed=1)((4,)))).all()


def test_missing_keras_hub_is_answered_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(InputError, match=r'pip install "slanted\[text\]"$'):
        module.load_encoder("minilm")


@pytest.mark.parametrize("name", ["bert_tiny_en_uncased", "./bert_tiny_en_uncased"])
def test_a_folder_named_as_a_preset_is_the_model_that_is_loaded(name, tmp_path, monkeypatch):
    """KerasHub takes a bare name for its own preset and downloads that."""
    folder = tmp_path / "bert_tiny_en_uncased"
    write_bert(folder)
    monkeypatch.chdir(tmp_path)
    encoder = load_encoder(name)
    assert encoder.backbone.vocabulary_size == load_encoder(str(folder)).backbone.vocabulary_size == 20
