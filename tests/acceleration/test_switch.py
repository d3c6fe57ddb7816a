"""SLANTED_FAST=0 turns the fast paths off."""

import keras
import pytest
import tiny

from slanted.acceleration import fast_bert, switch
from slanted.acceleration.fused_adam import fuse
from slanted.text.pretrained.classifier_network import build_classifier
from slanted.text.pretrained.encoder import load_encoder


@pytest.mark.parametrize(("value", "expected"), [(None, True), ("1", True), ("0", False)])
def test_fast_paths_are_on_unless_the_environment_says_0(value, expected, monkeypatch):
    monkeypatch.delenv("SLANTED_FAST", raising=False)
    if value is not None:
        monkeypatch.setenv("SLANTED_FAST", value)
    assert switch.is_on() is expected


def test_switched_off_neither_encoder_nor_optimizer_is_changed(monkeypatch, tmp_path, fresh_keras):
    monkeypatch.setenv("SLANTED_FAST", "0")
    classifier = build_classifier(load_encoder(tiny.write_checkpoint(tmp_path / "tiny")), 2)
    assert not fast_bert.apply(classifier) and "call" not in vars(classifier.backbone)
    optimizer = keras.optimizers.AdamW(1e-3)
    assert not fuse(optimizer) and not {"update_step", "_parallel_update_step", "_clip_gradients"} & set(
        vars(optimizer)
    )
    monkeypatch.setenv("SLANTED_FAST", "1")
    assert fast_bert.apply(classifier)
