"""Single steps of an optimizer, called or replaced."""

import keras
import pytest

from slanted.keras_private import update_hooks


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
