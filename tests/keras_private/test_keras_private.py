"""Each private name of Keras that slanted uses still means what slanted takes it to mean, checked on plain Keras.

When one of these fails, Keras has changed: mend src/slanted/keras_private before anything else.
"""

import ast
import math
import re
from pathlib import Path

import keras
import keras_hub
import numpy as np
import pytest
from applied import BACKEND, fit, model
from keras.src.saving.keras_saveable import KerasSaveable

import slanted
from slanted import keras_private
from slanted.keras_private import layers_and_trainers, update_hooks

PRIVATE = Path(keras_private.__file__).parent


def changed(name, meant):
    return f"Keras changed {name}: slanted needs that {meant}"


def variables():
    return [keras.Variable([1.0, 2.0], name="first"), keras.Variable([3.0], name="second")]


def gradients():
    return [keras.ops.convert_to_tensor([1.0, 1.0]), keras.ops.convert_to_tensor([1.0])]


def applied_to(optimizer, times=1):
    """Apply gradients of ones and return the variables."""
    trained = variables()
    optimizer.build(trained)
    for _ in range(times):
        optimizer.apply(gradients(), trained)
    return trained


def spied(optimizer, name):
    """Give `optimizer` a class that notes the arguments of its method `name`, and return the notes."""
    notes, plain = [], getattr(type(optimizer), name)

    def noting(self, *arguments, **settings):
        notes.append(arguments)
        return plain(self, *arguments, **settings)

    optimizer.__class__ = type("Spied", (type(optimizer),), {name: noting})
    return notes


# -- saving -----------------------------------------------------------------------------------------------------------


class Child(KerasSaveable):
    """A saveable of a user's, as an attribute of an optimizer."""

    read = None

    def _obj_type(self):
        return "Optimizer"

    def save_own_variables(self, store):
        store["0"] = np.arange(3)

    def load_own_variables(self, store):
        self.read = [np.array(store[key]) for key in list(store.keys())]


def test_keras_saveable_attributes_of_an_optimizer_are_saved_in_a_group_of_their_own(tmp_path):
    written, plain = model(keras.optimizers.Adam(0.1)), model(keras.optimizers.Adam(0.1))
    for trained in (written, plain):
        fit(trained, 1)
    written.optimizer._child = Child()
    written.save_weights(tmp_path / "written.weights.h5")
    plain.load_weights(tmp_path / "written.weights.h5")
    written.load_weights(tmp_path / "written.weights.h5")
    meant = "`_walk_saveable` visits KerasSaveable attributes whose `_obj_type` is Optimizer"
    np.testing.assert_array_equal(written.optimizer._child.read, [np.arange(3)], changed("saving_lib", meant))
    plain.save_weights(tmp_path / "plain.weights.h5")
    written.load_weights(tmp_path / "plain.weights.h5")
    assert written.optimizer._child.read == [], changed("saving_lib", "an absent group reads as an empty store")


def test_obj_type():
    assert keras.optimizers.SGD()._obj_type() == "Optimizer", changed("_obj_type", "optimizers are `Optimizer`s")


def test_track_variable_and_tracker():
    optimizer, extra = keras.optimizers.SGD(), keras.Variable([0.0], name="extra")
    optimizer.build(variables())
    optimizer._tracker.unlock()
    optimizer._track_variable(extra)
    meant = "a variable tracked after `build` is among `variables`"
    assert any(variable is extra for variable in optimizer.variables), changed("_tracker, _track_variable", meant)


def test_variables_are_read_from_an_attribute_and_new_ones_reach_the_same_list():
    optimizer = keras.optimizers.SGD(momentum=0.9)
    attributes = vars(optimizer)
    whole = attributes["_variables"]
    attributes["_variables"] = list(whole)[:1]
    assert len(optimizer.variables) == 1, changed(
        "_variables", "`variables` lists what the attribute `_variables` does"
    )
    attributes["_variables"] = whole
    optimizer.build(variables())
    assert len(optimizer.variables) == 4, changed("_variables", "`build` appends to the very list")


# -- the optimizer ----------------------------------------------------------------------------------------------------


def test_iterations_count_every_application():
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
    applied_to(optimizer, times=3)
    assert int(keras.ops.convert_to_numpy(optimizer._iterations)) == 3, changed(
        "_iterations", "it counts micro-batches"
    )
    assert int(keras.ops.convert_to_numpy(optimizer.iterations)) == 1


@pytest.mark.parametrize("weight_decay", [None, 0.5])
def test_get_current_learning_rate_is_what_the_update_and_weight_decay_use(weight_decay):
    optimizer = keras.optimizers.SGD(9.0, weight_decay=weight_decay)
    half = {"_get_current_learning_rate": lambda self: keras.ops.convert_to_tensor(0.5)}
    optimizer.__class__ = type("Halved", (type(optimizer),), half)
    first, second = applied_to(optimizer)
    kept = 1.0 if weight_decay is None else 0.75
    meant = "an update and its weight decay take the rate from it"
    for variable, before in ((first, [1.0, 2.0]), (second, [3.0])):
        expected = np.array(before) * kept - 0.5
        got = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(got, expected, 1e-6, err_msg=changed("_get_current_learning_rate", meant))


def test_learning_rate_is_a_property_over_a_variable_or_a_schedule():
    optimizer = keras.optimizers.SGD(0.5)
    meant = "a float rate is a variable in `_learning_rate`, among `variables`"
    assert isinstance(optimizer._learning_rate, keras.Variable), changed("_learning_rate", meant)
    assert any(variable is optimizer._learning_rate for variable in optimizer.variables), changed(
        "_learning_rate", meant
    )
    type(optimizer).learning_rate.fset(optimizer, 0.25)
    assert float(keras.ops.convert_to_numpy(optimizer._learning_rate)) == 0.25
    scheduled = keras.optimizers.SGD(slanted.LinearWarmup(1.0, total_steps=3))
    assert isinstance(scheduled._learning_rate, slanted.LinearWarmup), changed(
        "_learning_rate", "a schedule stays itself"
    )


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("_backend_apply_gradients", 1),
        ("_backend_update_step", 1),
        ("_filter_empty_gradients", 1),
        ("_apply_weight_decay", 1),
        ("_update_model_variables_moving_average", 1),
    ],
)
def test_hooks_are_called_once_an_application(name, calls):
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.1, use_ema=True)
    notes = spied(optimizer, name)
    applied_to(optimizer, times=2)
    assert len(notes) == 2 * calls, changed(name, f"`apply` calls it {calls} time(s)")


def test_use_weight_decay_is_asked_for_every_variable():
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.1)
    notes = spied(optimizer, "_use_weight_decay")
    applied_to(optimizer)
    assert len(notes) == 2, changed("_use_weight_decay", "weight decay asks it for each variable")
    assert optimizer._use_weight_decay(optimizer._trainable_variables[0]) is True


def test_lists_by_the_index_of_a_variable():
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, gradient_accumulation_steps=2)
    trained = applied_to(optimizer)
    meant = "it is parallel to the variables the optimizer was built with"
    assert [optimizer._get_variable_index(variable) for variable in trained] == [0, 1], changed(
        "_get_variable_index", meant
    )
    for name in ("_trainable_variables", "_accumulated_gradients", "_model_variables_moving_average"):
        shapes = [tuple(variable.shape) for variable in getattr(optimizer, name)]
        assert shapes == [(2,), (1,)], changed(name, meant)


def test_loss_scaling_wraps_an_inner_optimizer_and_lists_its_variables():
    inner = keras.optimizers.SGD(0.1, momentum=0.9)
    outer = keras.optimizers.LossScaleOptimizer(inner)
    outer.build(variables())
    assert outer.inner_optimizer is inner, changed("inner_optimizer", "it is the optimizer that was wrapped")
    own = len(vars(outer)["_variables"])
    assert len(outer.variables) == own + len(inner.variables), changed(
        "LossScaleOptimizer.variables", "they are its own and then the inner one's"
    )
    asked = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1))
    notes = spied(asked, "check_finite")
    fit(model(asked), 1)
    assert notes, changed("check_finite", "an application asks it")


# -- the model --------------------------------------------------------------------------------------------------------


def test_initial_epoch_of_the_model_is_where_fit_starts():
    trained, epochs = model(), []
    assert trained._initial_epoch is None, changed("_initial_epoch", "it is None but for BackupAndRestore")
    trained._initial_epoch = 2
    noting = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch))
    fit(trained, 1, epochs=4, callbacks=[noting])
    assert epochs == [2, 3], changed("_initial_epoch", "`fit` starts from it")


def test_making_the_train_function_again_in_fit_is_taken_up():
    trained, steps = model(), []

    class MakeAgain(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            before = self.model.train_function
            self.model.make_train_function(force=True)
            steps.append(self.model.train_function is not before)

    fit(trained, 2, epochs=2, callbacks=[MakeAgain()])
    assert steps == [True, True], changed(
        "make_train_function", "`force=True` replaces `train_function`, also in `fit`"
    )


if BACKEND == "tensorflow":

    @pytest.mark.filterwarnings("ignore:Your input ran out of data")
    def test_tensorflow_counts_an_iteration_without_data():
        """When this fails, `once_there_is_data` has become unnecessary."""
        import tensorflow as tf

        ones = np.ones((6, 1), "float32")
        unsized = tf.data.Dataset.from_tensor_slices((ones, ones)).batch(1).filter(lambda x, y: True)
        trained = model()
        trained.fit(unsized, epochs=3, shuffle=False, verbose=0)
        assert int(trained.optimizer.iterations) == 21


# -- layers -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def nested():
    inner = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()], name="inner")
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(1, name="head")(inner(inputs)))


def test_flatten_layers(nested):
    direct = [layer.name for layer in nested._flatten_layers(include_self=False, recursive=False)]
    assert direct[-2:] == ["inner", "head"], changed("_flatten_layers", "it lists the layers held directly, in order")


def test_lists_of_a_layer(nested):
    dense, normalisation = nested.get_layer("inner").layers
    meant = "they are a layer's own variables, without its sublayers'"
    assert len(dense._trainable_variables) == 2, changed("_trainable_variables", meant)
    assert len(normalisation._non_trainable_variables) == 2, changed("_non_trainable_variables", meant)
    assert not nested._trainable_variables, changed("_trainable_variables", meant)
    assert "_layers" in vars(nested), changed("_layers", "it is Keras's own list of the sublayers")


def test_call_has_training_arg(nested):
    layers = keras.layers.Flatten(), nested.get_layer("inner").layers[1]
    meant = "it says whether `call` takes `training`"
    assert [layer._call_has_training_arg for layer in layers] == [False, True], changed("_call_has_training_arg", meant)


def test_keras_history(nested):
    operation = nested.output._keras_history.operation
    assert operation is nested.get_layer("head"), changed("_keras_history", "it names the layer that made the tensor")


# -- the list is complete ---------------------------------------------------------------------------------------------


def private_names_of_keras():
    """Return the private attributes that keras_private reads or overrides and does not itself introduce."""
    tree = ast.parse("".join(path.read_text() for path in PRIVATE.glob("*.py")))
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    read |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    keras_source = Path(keras.__file__).parent / "src"
    files = ["optimizers/base_optimizer.py", "optimizers/optimizer.py", "layers/layer.py", "trainers/trainer.py"]
    known = set(re.findall(r"\b_[a-z]\w+", "".join((keras_source / name).read_text() for name in files)))
    return {name for name in read if re.fullmatch(r"_[a-z]\w+", name)} & known


@pytest.mark.once
def test_every_private_name_in_use_is_tested_here():
    tested = Path(__file__).read_text()
    untested = sorted(name for name in private_names_of_keras() if not re.search(rf"\b{name}\b", tested))
    assert not untested, f"keras_private uses private names of Keras without a test here: {untested}"


@pytest.mark.once
def test_no_other_module_imports_keras_s_private_packages():
    sources = PRIVATE.parent.rglob("*.py")
    importing = re.compile(r"^\s*(from|import) keras\.src", re.MULTILINE)
    found = {path for path in sources if importing.search(path.read_text())}
    assert found and {path.parent for path in found} == {PRIVATE}


def test_the_generator_of_unseeded_random_functions_is_found_and_forgotten():
    layers_and_trainers.forget_global_seed_generator()
    assert layers_and_trainers.global_seed_generator() is None, "Keras keeps its global seed generator elsewhere"
    keras.random.uniform((1,))
    assert layers_and_trainers.global_seed_generator() is not None, "Keras keeps its global seed generator elsewhere"


def test_the_generator_of_unseeded_random_functions_is_made():
    layers_and_trainers.forget_global_seed_generator()
    made = layers_and_trainers.make_global_seed_generator()
    assert layers_and_trainers.global_seed_generator() is made
    assert tuple(made.state.shape) == (2,), changed("SeedGenerator.state", "it is a seed and a counter")


class Shrinking(keras.utils.PyDataset):
    """Two batches in the first epoch, five in those after; `fit` is told of five at the start."""

    def __init__(self):
        super().__init__()
        self.left, self.given = 5, []

    def __len__(self):
        return self.left

    def __getitem__(self, index):
        self.given.append(index)
        return np.ones((1, 1), "float32"), np.ones((1, 1), "float32")


def test_epochs_are_as_long_as_their_data():
    """`_enumerate_iterator` takes `_num_batches` from the adapter when an epoch begins."""
    data, steps = Shrinking(), []
    count = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(data, "left", 5 if epoch else 2),
        on_train_batch_end=lambda batch, logs: steps.append(batch),
    )
    trained = model()
    with layers_and_trainers.epochs_as_long_as_their_data():
        trained.fit(data, epochs=2, verbose=0, shuffle=False, callbacks=[count])
    meant = "an epoch's length is read from `_num_batches` in `_enumerate_iterator`"
    assert steps == [0, 1, 0, 1, 2, 3, 4], changed("EpochIterator", meant)
    assert layers_and_trainers.EpochIterator._enumerate_iterator.__name__ == "_enumerate_iterator"


def test_a_scope_without_a_type_has_variables_read_as_they_are():
    class Reads(keras.layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=(1,))

        def call(self, x):
            self.seen = [self.kernel.value]
            with layers_and_trainers.weights_as_they_are():
                self.seen.append(self.kernel.value)
            return x

    layer = Reads(dtype="mixed_bfloat16")
    layer(np.ones((1, 1)))
    assert [keras.backend.standardize_dtype(value.dtype) for value in layer.seen] == ["bfloat16", "float32"]


def test_parts_of_a_transformer_block():
    block = keras_hub.layers.TransformerEncoder(intermediate_dim=5, num_heads=2)
    block.build((None, 3, 4))
    attention, feed_forward, norms, dropout = layers_and_trainers.parts_of_a_block(block)
    parts = [*attention, *feed_forward, *norms]
    found = {id(variable) for part in parts for variable in part.variables}
    assert {id(variable) for variable in block.trainable_variables} == found, "a block has other parts"
    assert [math.prod(part.kernel.shape) for part in feed_forward] == [20, 20]
    assert isinstance(dropout, keras.layers.Dropout)
    assert all(part in layers_and_trainers.all_layers(block) for part in [*parts, block])


def test_moments_of_adam():
    """Names: _momentums, _velocities, _get_variable_index."""
    optimizer, variable = keras.optimizers.Adam(0.1, beta_1=0.5, beta_2=0.75), keras.Variable([1.0])
    optimizer.apply([keras.ops.convert_to_tensor([2.0])], [variable])
    momentum, velocity = update_hooks.moments(optimizer, variable)
    assert momentum.numpy()[0] == 1.0 and velocity.numpy()[0] == 1.0


@pytest.mark.parametrize("name", [update_hooks.STEP_OF_A_VARIABLE, update_hooks.STEP_OF_A_LIST, "_clip_gradients"])
def test_a_step_is_replaced_in_one_optimizer(name):
    """Names: update_step, _parallel_update_step on PyTorch, _clip_gradients."""
    if name == update_hooks.STEP_OF_A_LIST and keras.config.backend() != "torch":
        assert not hasattr(keras.optimizers.Adam(0.1), name)
        return
    if name == update_hooks.STEP_OF_A_VARIABLE and keras.config.backend() == "torch":
        name = update_hooks.STEP_OF_A_LIST  # which goes first there
    calls = []
    optimizer, variable = keras.optimizers.Adam(0.1, clipnorm=1.0), keras.Variable([1.0])
    update_hooks.replace_step(optimizer, name, lambda self, grads, *rest: calls.append(self) or grads)
    for each in (optimizer, keras.optimizers.Adam(0.1, clipnorm=1.0)):
        each.apply([keras.ops.convert_to_tensor([2.0])], [variable])
    assert calls == [optimizer]
    (short,) = update_hooks.clipped(optimizer, [keras.ops.convert_to_tensor([2.0])])
    assert abs(float(keras.ops.convert_to_numpy(short)[0]) - 1.0) < 1e-6
