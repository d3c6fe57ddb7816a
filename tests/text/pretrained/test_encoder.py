import os
import subprocess
import sys

import numpy as np
import pytest
from tiny_models import TEXTS, VOCABULARY, bert_weights, write_bert, write_preset

from slanted.errors import InputError
from slanted.text.batching.batches import TokenInputs
from slanted.text.batching.length_buckets import Batch
from slanted.text.pretrained import encoder as module
from slanted.text.pretrained.classifier_network import build_classifier, load_classifier, plain_model, save_classifier
from slanted.text.pretrained.encoder import FAMILIES, load_encoder


def array(variable):
    import keras

    return keras.ops.convert_to_numpy(variable)


def logits(classifier, encoder, texts=TEXTS, length=16):
    encoded = encoder.tokenizer.encode(texts, None, length)
    inputs = TokenInputs(encoded, encoder.input_names, encoder.tokenizer.pad_id)
    return array(plain_model(classifier)(inputs.arrays(Batch(np.arange(len(texts)), length)), training=False))


@pytest.fixture
def tiny(tmp_path):
    return write_bert(tmp_path / "bert")


def test_default_model_has_the_checkpoints_weights():
    from safetensors.numpy import load_file

    encoder = load_encoder("minilm")
    assert (encoder.family, encoder.max_tokens, encoder.hidden_dim, encoder.num_layers) == ("Bert", 512, 384, 6)
    assert (encoder.vocabulary_size, encoder.tokenizer.vocabulary_size) == (30522, 30522)
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


def test_head_depends_on_the_seed_alone(tiny, fresh_keras):
    import keras

    heads = []
    for seed, global_seed in ((1, 0), (1, 99), (2, 0)):
        keras.utils.set_random_seed(global_seed)
        classifier = build_classifier(load_encoder(str(tiny)), 3, seed=seed)
        heads.append(array(classifier.output_dense.kernel))
        assert not array(classifier.output_dense.bias).any()
    assert np.array_equal(heads[0], heads[1]) and not np.array_equal(heads[0], heads[2])


def test_head_is_the_same_on_every_backend(tiny):
    kernel = array(build_classifier(load_encoder(str(tiny)), 3, seed=1).output_dense.kernel)
    expected = [0.006911684, 0.016432362, 0.0066087384]
    np.testing.assert_allclose(kernel[0], expected, rtol=1e-6)
    assert kernel.dtype == np.float32 and np.abs(kernel).max() <= 0.04


def test_wide_head_has_the_spread_of_a_cut_normal(tiny):
    kernel = array(build_classifier(load_encoder(str(tiny)), 5000, seed=0).output_dense.kernel)
    assert kernel.std() == pytest.approx(0.02 * 0.87962566, rel=0.01)


@pytest.mark.filterwarnings(r"ignore:.*unclosed file.*vocabulary\.spm:ResourceWarning")
@pytest.mark.filterwarnings(r"ignore:.*vocabulary\.spm.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("family", ["Bert", *(pytest.param(name, marks=pytest.mark.once) for name in FAMILIES[1:])])
def test_every_family_trains_and_is_saved_for_plain_keras_hub(family, tmp_path, fresh_keras):
    import keras
    import keras_hub

    encoder = load_encoder(str(write_preset(tmp_path / "preset", family)))
    assert (encoder.family, encoder.max_tokens, encoder.num_layers, encoder.hidden_dim) == (family, 24, 2, 8)
    classifier = build_classifier(encoder, 3, dropout=0.2, seed=1)
    model = plain_model(classifier)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mean_squared_error", run_eagerly=True)
    before = array(classifier.output_dense.kernel).copy()
    encoded = encoder.tokenizer.encode(TEXTS, None, 16)
    inputs = TokenInputs(encoded, encoder.input_names, encoder.tokenizer.pad_id).arrays(Batch(np.arange(5), 16))
    model.train_on_batch(inputs, np.ones((5, 3), "float32"))
    assert not np.array_equal(array(classifier.output_dense.kernel), before)

    save_classifier(classifier, encoder, tmp_path / "run" / "model", 16)
    encoder.tokenizer.save(tmp_path / "run")
    loaded = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "run" / "model"))
    assert loaded.preprocessor.sequence_length == 16 and loaded.num_classes == 3
    found = array(loaded(loaded.preprocessor(TEXTS), training=False))
    np.testing.assert_allclose(found, logits(classifier, encoder), atol=2e-6)

    again, restored = load_classifier(tmp_path / "run")
    np.testing.assert_allclose(logits(restored, again), logits(classifier, encoder), atol=2e-6)
    assert classifier.preprocessor is None


@pytest.mark.parametrize("family", ["Bert", *(pytest.param(name, marks=pytest.mark.once) for name in FAMILIES[1:])])
def test_dropout_is_the_models_own_unless_it_is_said(family, tmp_path, fresh_keras):
    def two_calls(dropout):
        encoder = load_encoder(str(write_preset(tmp_path / f"preset{dropout}", family)), dropout=dropout)
        classifier = build_classifier(encoder, 3, dropout=dropout, seed=1)
        encoded = encoder.tokenizer.encode(TEXTS, None, 16)
        inputs = TokenInputs(encoded, encoder.input_names, encoder.tokenizer.pad_id).arrays(Batch(np.arange(5), 16))
        model = plain_model(classifier)
        return [array(model(inputs, training=True)) for _ in range(2)]

    for dropout, same in ((None, False), (0.0, True), (0.5, False)):
        first, second = two_calls(dropout)
        assert np.array_equal(first, second) == same, dropout


def test_model_trained_in_bfloat16_is_saved_in_float32(tiny, tmp_path, fresh_keras):
    import keras
    import keras_hub

    keras.config.set_dtype_policy("mixed_bfloat16")
    encoder = load_encoder(str(tiny), "mixed_bfloat16")
    classifier = build_classifier(encoder, 2, seed=1)
    assert classifier.backbone.dtype_policy.name == "mixed_bfloat16"
    save_classifier(classifier, encoder, tmp_path / "model", 16)
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    keras.config.set_dtype_policy("float32")
    loaded = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "model"))
    assert loaded.dtype_policy.name == "float32"
    for ours, theirs in zip(classifier.get_weights(), loaded.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


PLAIN = """
import sys, keras_hub, numpy as np
classifier = keras_hub.models.TextClassifier.from_preset(sys.argv[1])
assert "slanted" not in sys.modules
np.save(sys.argv[2], classifier.predict(sys.argv[3:], verbose=0))
"""


def test_saved_model_needs_no_slanted_and_gives_no_warning(tiny, tmp_path):
    encoder = load_encoder(str(tiny))
    classifier = build_classifier(encoder, 2, seed=1)
    plain_model(classifier).compile(optimizer="adam", loss="mean_squared_error")
    save_classifier(classifier, encoder, tmp_path / "model", 16)
    command = [sys.executable, "-c", PLAIN, str(tmp_path / "model"), str(tmp_path / "out.npy"), *TEXTS]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    assert "UserWarning" not in ran.stderr
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), logits(classifier, encoder), atol=2e-6)


def test_accents_are_stripped_by_the_saved_tokenizer_too(tiny, tmp_path):
    import keras_hub

    encoder = load_encoder(str(tiny))
    save_classifier(build_classifier(encoder, 2), encoder, tmp_path / "model", 16)
    tokenizer = keras_hub.models.Tokenizer.from_preset(str(tmp_path / "model"))
    assert np.asarray(tokenizer("Crème")).tolist() == [VOCABULARY.index("creme")]


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
    "setting": (None, {"hidden_size": "wide"}, "the weights must fit the configuration: "),
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


def test_unknown_preset_is_answered_with_known_ones():
    with pytest.raises(InputError) as caught:
        load_encoder("bert_tinny_en_uncased")
    assert str(caught.value).startswith("unknown model `bert_tinny_en_uncased`: use minilm, a local folder, hf://")
    assert "bert_tiny_en_uncased" in str(caught.value)


def offline(*arguments, **options):
    raise ConnectionError("no route\nto host")


@pytest.mark.parametrize("name", ["hf://owner/name", "bert_tiny_en_uncased"])
def test_model_that_cannot_be_fetched_is_one_line(name, monkeypatch):
    import huggingface_hub
    import kagglehub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    monkeypatch.setattr(kagglehub, "model_download", offline)
    with pytest.raises(InputError) as caught:
        load_encoder(name)
    assert str(caught.value) == (
        f"model `{name}` cannot be fetched (ConnectionError: no route to host): check the name and the network, "
        "or use `--model minilm` or a local folder"
    )


@pytest.mark.parametrize("name", ["hf://owner/name", "bert_tiny_en_uncased"])
def test_fetched_model_is_treated_like_a_folder(name, tiny, monkeypatch):
    import huggingface_hub
    import kagglehub

    asked = []
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda repo, **_: asked.append(repo) or str(tiny))
    monkeypatch.setattr(kagglehub, "model_download", lambda handle: asked.append(handle) or str(tiny))
    encoder = load_encoder(name)
    assert encoder.folder == tiny and encoder.name == name and encoder.hidden_dim == 8
    assert asked[0] == "owner/name" or asked[0].startswith("keras/bert/keras/bert_tiny_en_uncased/")
    (tiny / "config.json").unlink()
    with pytest.raises(InputError, match=r"config.json: the model folder must hold this file"):
        load_encoder(name)


def test_missing_keras_hub_is_answered_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(InputError, match=r'pip install "slanted\[text\]"$'):
        module.load_encoder("minilm")
