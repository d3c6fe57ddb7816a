"""Recipes: refused settings, command-line spelling, and the Keras objects that they make."""

import copy
import math
import pickle
from dataclasses import fields

import keras
import keras_hub
import numpy as np
import pytest

import slanted
from slanted.cli.options import settings_of
from slanted.cli.parsers import parser
from slanted.errors import InputError, SettingError
from slanted.recipe.named import recipe_named, recipes
from slanted.recipe.recipe import Recipe

once = pytest.mark.once


def network():
    keras.utils.set_random_seed(3)
    dense, norm = keras.layers.Dense, keras.layers.LayerNormalization
    layers = [dense(6, name="low"), norm(name="norm"), dense(6, name="middle"), dense(2, name="top")]
    return keras.Sequential([keras.Input((4,)), *layers])


@once
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "`epochs` must be a whole number >= 1"),
        ({"lr_max": 0.0}, "`lr_max` must be in (0, 1]"),
        ({"lr_max": 1.5}, "`lr_max` must be in (0, 1]"),
        ({"lr_max": math.nan}, "`lr_max` must be in (0, 1]"),
        ({"layer_decay": 0.0}, "`layer_decay` must be in (0, 1]"),
        ({"beta_1": 1.0}, "`beta_1` must be below 1"),
        ({"weight_decay": -0.1}, "`weight_decay` must be a finite number >= 0"),
        ({"clip_norm": -1.0}, "`clip_norm` must be a finite number >= 0"),
        ({"peak_factor": 0.0}, "`peak_factor` must be a finite number > 0"),
        ({"curve": "zigzag"}, "`curve` must be one of slanted-triangular, linear"),
        ({"unfreezing": "epoch"}, "`unfreezing` must be one of none, top-down, chain-thaw"),
        ({"decayed_groups": "some"}, "`decayed_groups` must be one of all, blocks"),
        ({"unfreeze_at": (1, 2)}, "`unfreeze_at` must be whole numbers that begin with 0 and rise"),
        ({"unfreeze_at": (0, 2, 2)}, "`unfreeze_at` must be whole numbers that begin with 0 and rise"),
        ({"dropout": 1.0}, "`dropout` must be below 1"),
        ({"dropout": -0.1}, "`dropout` must be in [0, 1]"),
        ({"freeze": "embeddings"}, "`freeze` must be a list of names of layer groups"),
        ({"freeze": (0,)}, "`freeze` must be a list of names of layer groups"),
        ({"unfreeze_every": "hour"}, "`unfreeze_every` must be a whole number >= 1"),
        ({"multipliers": {"head": 0}}, "`multipliers['head']` must be a finite number > 0"),
        ({"no_weight_decay": "bias"}, "`no_weight_decay` must be a list of regular expressions"),
        ({"no_weight_decay": ("(",)}, "`no_weight_decay` must be a list of regular expressions"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(settings, message):
    with pytest.raises(SettingError) as raised:
        Recipe(**settings)
    assert message in str(raised.value)


@once
def test_a_norm_of_zero_clips_nothing():
    assert Recipe(clip_norm=0) == Recipe(clip_norm=None)
    assert Recipe().with_settings(clip_norm=0.0).clip_norm is None


@once
def test_what_does_not_exist_is_refused_with_what_does(tmp_path):
    with pytest.raises(InputError, match=r"there is no setting 'lr'. Settings are: name, "):
        Recipe().with_settings(lr=1.0)
    with pytest.raises(InputError, match=r"no such recipe or file. Recipes are: stlr, quick, ulmfit"):
        recipe_named("slr")
    with pytest.raises(InputError, match=r"no layer group 'embedding'. Groups are: embeddings, head"):
        Recipe(multipliers={"embedding": 1.0}).group_multipliers(["embeddings", "head"])
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="not a recipe"):
        recipe_named(str(tmp_path / "other.json"))


def recipe_of(*options):
    return settings_of(parser().parse_args(["plan", "train.csv", *options])).recipe


@once
def test_every_field_has_an_option():
    changed = {
        "--epochs": "7", "--peak-factor": "2", "--optimizer": "sgd", "--momentum": "0.5", "--beta-1": "0.8",
        "--beta-2": "0.9", "--epsilon": "0.5", "--weight-decay": "0.2", "--no-weight-decay": "bias,scale",
        "--clip-norm": "3", "--curve": "cosine", "--cut-frac": "0.3", "--ratio": "8", "--warmup": "0.2",
        "--decay": "0.3", "--layer-decay": "0.7", "--decayed-groups": "blocks", "--multipliers": "head=2,block_0=0.5",
        "--unfreezing": "chain-thaw", "--unfreeze-every": "20", "--unfreeze-at": "0,2,3", "--truncate": "tail",
        "--freeze": "embeddings, block_0", "--dropout": "0", "--lr": "0.25", "--head-start": "random",
    }  # fmt: skip
    recipe = recipe_of("--recipe", "linear", *(word for pair in changed.items() for word in pair))
    plain = recipes()["linear"]
    same = [f.name for f in fields(Recipe) if getattr(recipe, f.name) == getattr(plain, f.name)]
    assert same == ["name", "source", "notes"]
    assert recipe.multipliers == {"head": 2.0, "block_0": 0.5}
    assert (recipe.no_weight_decay, recipe.unfreeze_at, recipe.unfreeze_every) == (("bias", "scale"), (0, 2, 3), 20)
    assert (recipe.freeze, recipe.dropout) == (("embeddings", "block_0"), 0.0)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop", "lion", "adafactor"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_every_optimizer_is_made_plain_and_layerwise(name, weight_decay):
    for layer_decay in (1.0, 0.5):
        recipe = Recipe(optimizer=name, weight_decay=weight_decay, layer_decay=layer_decay)
        model = network()
        optimizer = recipe.make_optimizer(model, 0.125, gradient_accumulation=2)
        assert isinstance(optimizer, slanted.LayerwiseOptimizer) == (layer_decay != 1.0)
        assert float(keras.ops.convert_to_numpy(optimizer.learning_rate)) == 0.125
        assert (optimizer.global_clipnorm, optimizer.gradient_accumulation_steps) == (1.0, 2)
        assert (optimizer.weight_decay or 0.0) == weight_decay


@pytest.mark.parametrize("layer_decay", [1.0, 0.5])
def test_weight_decay_leaves_out_biases_and_normalisation(layer_decay):
    model = network()
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    optimizer = Recipe(weight_decay=0.5, layer_decay=layer_decay).make_optimizer(model, 0.5)
    optimizer.apply([keras.ops.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    shrunk = [v.path for v in model.trainable_variables if not np.all(keras.ops.convert_to_numpy(v) == 1.0)]
    assert shrunk == [v.path for v in model.trainable_variables if v.path.endswith("kernel")]


def test_weight_decay_leaves_out_the_vectors_of_a_bert_alone():
    sizes = {"num_layers": 3, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12, "max_sequence_length": 6}
    backbone = keras_hub.models.BertBackbone(vocabulary_size=30, **sizes)
    model = keras_hub.models.BertTextClassifier(backbone, num_classes=2, preprocessor=None)
    left_out = Recipe().undecayed(model)
    assert all(len(v.shape) <= 1 or "bias" in v.path or "norm" in v.path for v in left_out)
    assert len(left_out) == 2 + 3 * 10 + 2 and len(model.trainable_variables) - len(left_out) == 3 + 3 * 6 + 2


def test_the_multipliers_reach_the_optimizer():
    recipe = Recipe(layer_decay=0.5, decayed_groups="blocks", multipliers={"norm": 0.125})
    assert recipe.make_optimizer(network(), 1.0).multipliers == {"low": 1.0, "norm": 0.125, "middle": 1.0, "top": 1.0}


@once
@pytest.mark.parametrize("curve", ["linear", "cosine", "one-cycle", "warmup-stable-decay", "constant"])
def test_a_curve_that_is_chosen_warms_up_as_its_own_recipe_does(curve):
    named = next((recipe for recipe in recipes().values() if recipe.curve == curve), Recipe(curve=curve, warmup=0.1))
    expected = named.make_curve(1.0).simulate(100)
    for chosen in (Recipe(curve=curve), recipes()["stlr"].with_settings(curve=curve)):
        np.testing.assert_array_equal(chosen.make_curve(1.0).simulate(100), expected)


@once
def test_a_warm_up_that_was_given_goes_with_any_curve():
    assert Recipe(warmup=0.3).with_settings(curve="constant").warmup == 0.3
    assert recipes()["stlr"].with_settings(curve="constant", warmup=0.1).warmup == 0.1
    assert Recipe.from_dict(Recipe(curve="one-cycle", warmup=0.1).to_dict()).warmup == 0.1


@once
def test_a_recipe_cannot_be_changed_and_can_be_a_key():
    recipe = Recipe(multipliers={"head": 2.0}, no_weight_decay=["bias"])
    with pytest.raises(TypeError, match="cannot be changed"):
        recipe.multipliers["head"] = 5.0
    with pytest.raises(TypeError, match="cannot be changed"):
        recipes()["stlr"].multipliers.update(head=5.0)
    again = Recipe.from_dict(recipe.to_dict())
    assert recipe == again and {recipe: 1}[again] == 1
    assert copy.deepcopy(recipe) == pickle.loads(pickle.dumps(recipe)) == recipe


@once
def test_a_rise_and_a_fall_longer_than_the_run_are_refused_at_once():
    with pytest.raises(SettingError, match=r"`decay` must be at most 1 - warmup = 0.1"):
        Recipe(curve="warmup-stable-decay", warmup=0.9, decay=0.5)
    assert Recipe(warmup=0.9, decay=0.5).curve == "slanted-triangular"
