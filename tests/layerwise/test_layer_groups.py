"""Layer groups of all kinds of models: each trainable variable in one, the input side first."""

import keras
import keras_hub
import pytest

from slanted.layerwise.layer_groups import LayerGroup, layer_groups

SIZES = {"vocabulary_size": 30, "hidden_dim": 8, "intermediate_dim": 12, "max_sequence_length": 6}
ENCODERS = {
    "Bert": {"num_layers": 3, "num_heads": 2},
    "Roberta": {"num_layers": 3, "num_heads": 2},
    "XLMRoberta": {"num_layers": 3, "num_heads": 2},
    "DistilBert": {"num_layers": 3, "num_heads": 2},
    "DebertaV3": {"num_layers": 3, "num_heads": 2, "bucket_size": 4},
    "FNet": {"num_layers": 3},
    "Albert": {"num_layers": 3, "num_heads": 2, "embedding_dim": 4},
}
WITHOUT_POOLER = ("Roberta", "XLMRoberta", "DistilBert", "DebertaV3")


def backbone(family, **changes):
    return getattr(keras_hub.models, f"{family}Backbone")(**{**SIZES, **ENCODERS[family], **changes})


def classifier(family, **changes):
    task = getattr(keras_hub.models, f"{family}TextClassifier")
    return task(backbone=backbone(family, **changes), num_classes=2, preprocessor=None)


def names(groups):
    return [group.name for group in groups]


def assert_each_once(groups, model):
    grouped = [id(variable) for group in groups for variable in group.variables]
    assert sorted(grouped) == sorted(id(variable) for variable in model.trainable_variables)
    assert [group.depth for group in groups] == list(range(len(groups)))
    assert len(set(names(groups))) == len(groups)
    assert all(group.variables for group in groups)


@pytest.mark.parametrize("family", [family for family in ENCODERS if family != "Albert"])
def test_text_classifiers_are_embeddings_blocks_and_head(family):
    model = classifier(family)
    groups = layer_groups(model)
    assert names(groups) == ["embeddings", "block_0", "block_1", "block_2", "head"]
    assert_each_once(groups, model)
    for number, group in enumerate(groups[1:4]):
        assert all(f"layer_{number}/" in variable.path for variable in group.variables)
    assert all("embedding" in variable.path for variable in groups[0].variables)
    assert any("logits" in variable.path for variable in groups[-1].variables)
    assert all("dense" in v.path or "logits" in v.path for v in groups[-1].variables)


@pytest.mark.parametrize("family", ENCODERS)
def test_a_text_backbone_alone_has_a_head_where_it_has_a_pooler(family):
    model = backbone(family)
    groups = layer_groups(model)
    blocks = ["block_0"] if family == "Albert" else ["block_0", "block_1", "block_2"]
    assert names(groups) == ["embeddings", *blocks, *([] if family in WITHOUT_POOLER else ["head"])]
    assert_each_once(groups, model)


def test_albert_has_one_block_for_all_depths_as_its_weights_exist_once():
    groups = layer_groups(classifier("Albert"))
    assert names(groups) == ["embeddings", "block_0", "head"]
    assert any("embedding_projection" in variable.path for variable in groups[0].variables)


def test_albert_with_parameter_groups_has_a_block_for_each():
    model = classifier("Albert", num_layers=4, num_groups=2, num_inner_repetitions=2)
    groups = layer_groups(model)
    assert names(groups) == ["embeddings", "block_0", "block_1", "block_2", "block_3", "head"]
    assert "group_0_inner_layer_1" in groups[2].variables[0].path
    assert_each_once(groups, model)


def test_a_model_of_ones_own_round_a_backbone():
    encoder = backbone("Bert")
    x = keras.layers.Dense(4, name="first")(encoder.output["pooled_output"])
    model = keras.Model(encoder.input, keras.layers.Dense(2, name="second")(x))
    groups = layer_groups(model)
    assert names(groups) == ["embeddings", "block_0", "block_1", "block_2", "head"]
    assert_each_once(groups, model)


def test_a_masked_language_model_keeps_its_tied_embedding_in_the_embeddings():
    model = keras_hub.models.BertMaskedLM(backbone=backbone("Bert"), preprocessor=None)
    groups = layer_groups(model)
    assert any("token_embedding" in variable.path for variable in groups[0].variables)
    assert_each_once(groups, model)


def test_sequential():
    layers = [keras.layers.Dense(3, name="a"), keras.layers.ReLU(), keras.layers.BatchNormalization(name="b")]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, name="c")])
    groups = layer_groups(model)
    assert names(groups) == ["a", "b", "c"]
    assert_each_once(groups, model)


def test_functional_in_the_order_of_the_graph_not_of_creation():
    last, first = keras.layers.Dense(2, name="last"), keras.layers.Dense(3, name="first")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, last(keras.layers.Activation("relu")(first(inputs))))
    assert names(layer_groups(model)) == ["first", "last"]


def test_nested_models_are_opened_up_and_layers_of_one_name_told_apart():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="d"), keras.layers.Dense(4, name="e")])
    inputs = keras.Input((4,))
    wrapped = keras.Model(inputs, inner(inputs))
    model = keras.Sequential([keras.Input((4,)), wrapped, keras.layers.Dense(2, name="d")])
    groups = layer_groups(model)
    assert names(groups) == ["d", "e", "d_2"]
    assert_each_once(groups, model)


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(4)
        self.norm = keras.layers.LayerNormalization()

    def build(self, shape):
        self.inner.build(shape)
        self.norm.build(shape)

    def call(self, x):
        return self.norm(x + self.inner(x))


class Stack(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.steps = [Block(name=f"step_{number}") for number in range(2)]

    def build(self, shape):
        for step in self.steps:
            step.build(shape)

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.low = keras.layers.Dense(4, name="low")
        self.stack = Stack(name="stack")
        self.top = keras.layers.Dense(1, name="top")

    def build(self, shape):
        self.prompt = self.add_weight(shape=(4,), name="prompt")
        self.low.build((None, 4))
        self.stack.build((None, 4))
        self.top.build((None, 4))

    def call(self, x):
        return self.top(self.stack(self.low(x + self.prompt)))


def test_subclassed_in_the_order_of_assignment_its_own_weights_first_and_a_stack_of_blocks_opened_up():
    model = Subclassed()
    model.build((None, 4))
    groups = layer_groups(model)
    assert names(groups) == ["subclassed", "low", "step_0", "step_1", "top"]
    assert_each_once(groups, model)


def image_classifier():
    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64, 64],
        stackwise_num_blocks=[1, 1, 1],
        stackwise_num_strides=[1, 2, 2],
        block_type="basic_block",
        image_shape=(16, 16, 3),
    )
    return keras_hub.models.ImageClassifier(backbone=encoder, num_classes=2, preprocessor=None)


def test_an_image_backbone_has_a_stage_for_each_level_of_its_pyramid():
    model = image_classifier()
    groups = layer_groups(model)
    assert names(groups) == ["stage_1", "stage_2", "stage_3", "head"]
    assert_each_once(groups, model)
    assert all("stack1" in variable.path for variable in groups[1].variables)


def test_a_vision_transformer_has_a_group_for_each_block():
    encoder = keras_hub.models.ViTBackbone(
        image_shape=(8, 8, 3), patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=8
    )
    groups = layer_groups(encoder)
    assert names(groups) == ["embeddings", "block_0", "block_1", "head"]
    assert_each_once(groups, encoder)


def test_frozen_layers_have_no_group():
    model = classifier("Bert")
    model.backbone.get_layer("token_embedding").trainable = False
    groups = layer_groups(model)
    assert not any("token_embedding" in v.path for v in groups[0].variables)
    assert_each_once(groups, model)


def test_groups_print_one_a_line():
    text = repr(layer_groups(classifier("DistilBert")))
    assert text.splitlines()[1] == "<LayerGroup 1 block_0: 16 variables, 532 parameters>"
    assert repr(LayerGroup("a", 0, (keras.Variable([1.0]),))) == "<LayerGroup 0 a: 1 variable, 1 parameters>"


def test_ones_own_patterns_one_group_each_in_their_order():
    model = classifier("Bert")
    groups = layer_groups(model, ["embedding", r"layer_[01]/", "layer_2/", "pooled|logits"])
    assert names(groups) == ["embedding", r"layer_[01]/", "layer_2/", "pooled|logits"]
    assert_each_once(groups, model)


def two_layers():
    layers = [keras.layers.Dense(2, name="a"), keras.layers.Dense(2, name="b")]
    return keras.Sequential([keras.Input((2,)), *layers], name="two")


def test_patterns_that_match_nothing_and_variables_left_over_are_both_listed():
    with pytest.raises(ValueError) as error:
        layer_groups(two_layers(), ["a/", "zebra"])
    assert str(error.value) == (
        "Each pattern must match a variable, and each variable exactly one pattern. "
        "Patterns that match nothing: zebra. "
        "Variables that no pattern matches: two/b/kernel, two/b/bias. Variables that several match: none"
    )


def test_variables_matched_twice_are_listed():
    with pytest.raises(ValueError, match=r"no pattern matches: none. Variables that several match: .*a/bias$"):
        layer_groups(two_layers(), ["a/", "b/", "a/bias"])


def test_a_model_without_variables_is_refused():
    with pytest.raises(ValueError, match=r"^Model 'empty' has no trainable variable\. Build it"):
        layer_groups(keras.Sequential([keras.layers.Dense(2)], name="empty"))
