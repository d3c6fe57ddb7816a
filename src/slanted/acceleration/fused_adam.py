"""Adam's and AdamW's step in one pass over memory, on Keras's own variables: the same numbers but for rounding.

Keras composes the step of some ten operations, each of which passes over the whole model and makes a copy of it.
"""

from importlib import import_module
from typing import Any

import keras

from slanted.acceleration import switch
from slanted.keras_private.update_hooks import (
    CLIPPING,
    STEP_OF_A_LIST,
    STEP_OF_A_VARIABLE,
    clipped,
    moments,
    replace_step,
)


def fuse(optimizer: Any) -> bool:
    """Have `optimizer` update in fused passes from now on, in place; return whether it can.

    It can where it is Keras's Adam or AdamW without AMSGrad, whatever is mixed into its class, on TensorFlow, or on
    PyTorch on a processor. XLA fuses JAX's step by itself. SLANTED_FAST=0 in the environment leaves it as it is.
    """
    if not switch.is_on() or not isinstance(optimizer, keras.optimizers.Adam) or optimizer.amsgrad:
        return False
    if keras.config.backend() == "tensorflow":
        replace_step(optimizer, STEP_OF_A_VARIABLE, _update_tensorflow)
    elif keras.config.backend() == "torch" and _torch_is_on_processor():
        replace_step(optimizer, STEP_OF_A_LIST, _update_torch)
        replace_step(optimizer, CLIPPING, _clip_torch)
    else:
        return False
    return True


def _torch_is_on_processor() -> bool:
    torch: Any = import_module("torch")
    return not torch.cuda.is_available() and not torch.backends.mps.is_available()


def _update_tensorflow(optimizer: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    tf: Any = import_module("tensorflow")
    momentum, velocity = moments(optimizer, variable)
    updates = tf.cast(optimizer.iterations + 1, tf.float32)
    beta_1, beta_2 = (tf.constant(beta, tf.float32) for beta in (optimizer.beta_1, optimizer.beta_2))
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=momentum.value.handle,
        v=velocity.value.handle,
        beta1_power=beta_1**updates,
        beta2_power=beta_2**updates,
        lr=tf.cast(learning_rate, tf.float32),
        beta1=beta_1,
        beta2=beta_2,
        epsilon=optimizer.epsilon,
        grad=tf.convert_to_tensor(gradient),
    )


def _update_torch(optimizer: Any, grads: list[Any], variables: list[Any], learning_rate: Any) -> None:
    """Subtract rate * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon).

    PyTorch's kernel divides by sqrt(v / (1 - b2^t)) + epsilon instead, so it is given Keras's epsilon in that measure.
    """
    torch: Any = import_module("torch")
    updates = float(optimizer.iterations) + 1.0
    momentums, velocities = zip(*(moments(optimizer, variable) for variable in variables), strict=True)
    torch._fused_adamw_(
        [variable.value for variable in variables],
        [gradient.contiguous() for gradient in grads],
        [momentum.value for momentum in momentums],
        [velocity.value for velocity in velocities],
        [],
        [torch.tensor(updates)] * len(variables),
        lr=float(learning_rate),
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        weight_decay=0.0,  # Keras has applied it already
        eps=optimizer.epsilon / (1.0 - optimizer.beta_2**updates) ** 0.5,
        amsgrad=False,
        maximize=False,
    )


def _clip_torch(optimizer: Any, grads: list[Any]) -> list[Any]:
    """Clip by the global norm, in place and only where it is above the limit; other ways of clipping as Keras does."""
    torch: Any = import_module("torch")
    limit = optimizer.global_clipnorm
    if not limit or optimizer.clipnorm:
        return clipped(optimizer, grads)
    norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads))))
    if norm <= limit:
        return grads
    if norm < float("inf"):
        torch._foreach_mul_(grads, limit / norm)
        return grads
    return [gradient * float("nan") for gradient in grads]  # as Keras; not in place, because a buffer outlives the step
