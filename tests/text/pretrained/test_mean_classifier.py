"""A head on the mean of the tokens: KerasHub's embedding, the fast encoder, and a file that needs no slanted."""

import os
import subprocess
import sys
import zipfile

import keras
import keras_hub
import numpy as np
import pytest
from tiny_models import TEXTS, array, write_preset

from slanted.acceleration import fast_bert
from slanted.errors import InputError
from slanted.layerwise.layer_groups import layer_groups
from slanted.text.batching.batches import TokenInputs
from slanted.text.batching.length_buckets import Batch
from slanted.text.pretrained.classifier_network import (
    build_classifier,
    load_classifier,
    plain_model,
    save_classifier,
    vector_model,
)
from slanted.text.pretrained.encoder import load_encoder


def inputs_of(encoder, length=16):
    encoded = encoder.tokenizer.encode(TEXTS, None, length)
    return TokenInputs(encoded, encoder.input_names, encoder.tokenizer.pad_id).arrays(Batch(np.arange(5), length))


def moved(classifier, inputs):
    """Return the steps of SGD at rate 1, which are the gradients, by path."""
    model = plain_model(classifier)
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mean_squared_error", run_eagerly=True)
    before = {variable.path: array(variable).copy() for variable in model.trainable_variables}
    model.train_on_batch(inputs, np.ones((5, 3), "float32"))
    return {variable.path: array(variable) - before[variable.path] for variable in model.trainable_variables}


def test_the_head_reads_kerashubs_text_embedding(tiny, fresh_keras):
    encoder = load_encoder(str(tiny))
    classifier = build_classifier(encoder, 3, pooling="mean", seed=1)
    inputs = inputs_of(encoder)
    embedder = keras_hub.models.BertTextEmbedder(encoder.backbone, preprocessor=None)
    expected = array(embedder(inputs))
    np.testing.assert_allclose(array(vector_model(classifier)(inputs)), expected, atol=1e-6)
    kernel = array(classifier.output_dense.kernel)
    np.testing.assert_allclose(array(plain_model(classifier)(inputs, training=False)), expected @ kernel, atol=1e-6)


def test_the_fast_encoder_gives_the_same_outputs_and_gradients(tiny, fresh_keras):
    found = []
    for fast in (False, True):
        encoder = load_encoder(str(tiny), dropout=0.0)
        classifier = build_classifier(encoder, 3, pooling="mean", dropout=0.0, seed=1)
        assert not fast or fast_bert.apply(classifier)
        inputs = inputs_of(encoder)
        outputs = array(plain_model(classifier)(inputs, training=False)).copy()
        found.append((outputs, moved(classifier, inputs)))
    (plain, steps), (quick, quick_steps) = found
    np.testing.assert_allclose(quick, plain, atol=1e-6)
    assert abs(plain).max() > 1e-4 and len(steps) == len(quick_steps)
    for (path, step), other in zip(steps.items(), quick_steps.values(), strict=True):
        np.testing.assert_allclose(other, step, atol=1e-6, err_msg=path)


def test_the_fast_encoder_computes_the_tokens_of_a_kerashub_task_on_demand(tiny, fresh_keras):
    encoder = load_encoder(str(tiny))
    classifier = build_classifier(encoder, 3, seed=1)
    inputs = inputs_of(encoder)
    plain = array(encoder.backbone(inputs)["sequence_output"])
    assert fast_bert.apply(classifier)
    with fast_bert.all_tokens(classifier):
        np.testing.assert_allclose(array(encoder.backbone(inputs)["sequence_output"]), plain, atol=1e-5)
    assert encoder.backbone(inputs)["sequence_output"].shape[1] == 1


def test_the_pooler_is_not_trained(tiny, fresh_keras):
    classifier = build_classifier(load_encoder(str(tiny)), 3, pooling="mean")
    groups = layer_groups(classifier)
    assert [group.name for group in groups] == ["embeddings", "block_0", "block_1", "head"]
    assert [variable.path.split("/")[-2] for variable in groups[-1].variables] == ["logits", "logits"]


PLAIN = """
import sys, keras, keras_hub, numpy as np
model = keras.saving.load_model(sys.argv[1] + "/model.keras")
preprocessor = keras_hub.models.BertTextClassifierPreprocessor.from_preset(sys.argv[1])
backbone = keras_hub.models.Backbone.from_preset(sys.argv[1])
assert "slanted" not in sys.modules and backbone.count_params() > 0
np.save(sys.argv[2], model.predict(preprocessor(sys.argv[3:]), verbose=0))
"""


def test_the_saved_model_needs_no_slanted(tiny, tmp_path, fresh_keras):
    encoder = load_encoder(str(tiny), "mixed_bfloat16")
    classifier = build_classifier(encoder, 2, pooling="mean", seed=1)
    save_classifier(classifier, encoder, tmp_path / "run" / "model", 16)
    encoder.tokenizer.save(tmp_path / "run")
    again, restored = load_classifier(tmp_path / "run", 2, pooling="mean")
    for ours, theirs in zip(classifier.get_weights(), restored.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    expected = array(plain_model(restored)(inputs_of(again), training=False))
    command = [sys.executable, "-c", PLAIN, str(tmp_path / "run" / "model"), str(tmp_path / "out.npy"), *TEXTS]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    assert "UserWarning" not in done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, atol=2e-6)


FAMILIES = ("Roberta", "DistilBert", "Albert", "DebertaV3", "XLMRoberta")


@pytest.mark.once
@pytest.mark.filterwarnings(r"ignore:.*unclosed file.*vocabulary\.spm:ResourceWarning")
@pytest.mark.filterwarnings(r"ignore:.*vocabulary\.spm.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_with_a_padding_mask_trains_and_is_loaded_again(family, tmp_path, fresh_keras):
    encoder = load_encoder(str(write_preset(tmp_path / "preset", family)))
    classifier = build_classifier(encoder, 3, pooling="mean", seed=1)
    assert all(
        np.abs(step).max() > 0.0 for path, step in moved(classifier, inputs_of(encoder)).items() if "logits" in path
    )
    save_classifier(classifier, encoder, tmp_path / "run" / "model", 16)
    encoder.tokenizer.save(tmp_path / "run")
    again, restored = load_classifier(tmp_path / "run", 3, pooling="mean")
    outputs = [
        array(plain_model(one)(inputs_of(each), training=False))
        for one, each in ((classifier, encoder), (restored, again))
    ]
    np.testing.assert_allclose(outputs[1], outputs[0], atol=2e-6)


@pytest.fixture
def saved(tiny, tmp_path, fresh_keras):
    encoder = load_encoder(str(tiny))
    save_classifier(build_classifier(encoder, 2, pooling="mean"), encoder, tmp_path / "run" / "model", 16)
    encoder.tokenizer.save(tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("name", ["model.keras", "preprocessor.json"])
def test_a_missing_file_is_refused_by_name(saved, name):
    (saved / "model" / name).unlink()
    with pytest.raises(InputError, match=f"{name}: is missing; restore the file or train again"):
        load_classifier(saved, 2, pooling="mean")


def test_a_truncated_or_compressed_archive_is_refused(saved):
    path = saved / "model" / "model.keras"
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in entries.items():
            archive.writestr(name, value)
    small = path.read_bytes()
    broken = small[:100] + b"xxxx" + small[104:]
    for damaged in (small, broken, content[: len(content) // 2], content[:100] + b"x" + content[101:], b""):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"model\.keras: not readable as a model of Keras; restore it or train"):
            load_classifier(saved, 2, pooling="mean")


def test_an_archive_whose_entries_overlap_is_refused_before_they_are_read(saved, monkeypatch):
    path = saved / "model" / "model.keras"
    with zipfile.ZipFile(path, "a") as archive:
        entry = archive.getinfo("model.weights.h5")
        archive.filelist += [entry] * 100  # each takes the time of the whole file
        archive._didModify = True
    monkeypatch.setattr(zipfile.ZipFile, "testzip", lambda self: pytest.fail("read"))
    with pytest.raises(InputError, match=r"model\.keras: not readable as a model of Keras; restore it or train"):
        load_classifier(saved, 2, pooling="mean")


def test_weights_of_other_shapes_or_not_finite_are_refused(saved, tiny):
    with pytest.raises(InputError, match="the model cannot be loaded"):
        load_classifier(saved, 3, pooling="mean")
    encoder = load_encoder(str(tiny))
    classifier = build_classifier(encoder, 2, pooling="mean")
    classifier.output_dense.kernel.assign(np.full((8, 2), np.nan, "float32"))
    plain_model(classifier).save(saved / "model" / "model.keras")
    with pytest.raises(InputError, match=r"logits/kernel are missing or not finite"):
        load_classifier(saved, 2, pooling="mean")
