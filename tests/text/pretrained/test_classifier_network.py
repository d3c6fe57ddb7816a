"""A classifier on an encoder: its seeded head, and the same outputs once it was saved and loaded by plain KerasHub."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from tiny_models import TEXTS, array, write_preset

from slanted.text.batching.batches import TokenInputs
from slanted.text.batching.length_buckets import Batch
from slanted.text.pretrained.classifier_network import build_classifier, load_classifier, plain_model, save_classifier
from slanted.text.pretrained.encoder import FAMILIES, load_encoder
from slanted.text.runs import own_files


def logits(classifier, encoder, texts=TEXTS, length=16):
    encoded = encoder.tokenizer.encode(texts, None, length)
    inputs = TokenInputs(encoded, encoder.input_names, encoder.tokenizer.pad_id)
    return array(plain_model(classifier)(inputs.arrays(Batch(np.arange(len(texts)), length)), training=False))


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
    assert not own_files.stray(tmp_path / "run", is_work=True)  # each file has a name that a run without sums may have
    encoder.tokenizer.save(tmp_path / "run")
    loaded = keras_hub.models.TextClassifier.from_preset(str(tmp_path / "run" / "model"))
    assert loaded.preprocessor.sequence_length == 16 and loaded.num_classes == 3
    found = array(loaded(loaded.preprocessor(TEXTS), training=False))
    np.testing.assert_allclose(found, logits(classifier, encoder), atol=2e-6)

    again, restored = load_classifier(tmp_path / "run", 3)
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


@pytest.mark.once
def test_the_disk_must_have_space_for_the_weights_before_they_are_written(tiny, tmp_path, monkeypatch):
    encoder, allocated, allocate = load_encoder(str(tiny)), {}, os.posix_fallocate
    classifier = build_classifier(encoder, 2, seed=1)

    def note(file, start, size):
        allocated[os.path.basename(os.readlink(f"/proc/self/fd/{file}"))] = size
        allocate(file, start, size)

    monkeypatch.setattr(os, "posix_fallocate", note)
    save_classifier(classifier, encoder, tmp_path / "model", 16)
    assert allocated.keys() == {path.name for path in (tmp_path / "model").glob("*.h5")}
    for name, size in allocated.items():
        assert size > (tmp_path / "model" / name).stat().st_size

    def refuse(number):
        def call(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "posix_fallocate", call)

    refuse(errno.ENOTSUP)
    save_classifier(classifier, encoder, tmp_path / "unchecked", 16)
    refuse(errno.ENOSPC)
    with pytest.raises(OSError, match="No space left on device"):
        save_classifier(classifier, encoder, tmp_path / "full", 16)
    assert not (tmp_path / "full" / "task.json").exists()
