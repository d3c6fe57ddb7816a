"""Fused Adam and AdamW updates of Keras variables, in one pass over memory: same results up to rounding.

Keras composes the update of about ten operations, each of which reads all weights and writes a copy.
"""

from importlib import import_module
from typing import Any

import keras

from slanted.acceleration import switch
from slanted.keras_private.update_hooks import (
    CLIPPING,
    DECAY,
    STEP_OF_A_LIST,
    STEP_OF_A_VARIABLE,
    clipped,
    is_decayed,
    moments,
    replace_step,
)


def fuse(optimizer: Any) -> bool:
    """Replace the update step of `optimizer` by a fused one, in place, if it is supported.

    Supported are Adam and AdamW without AMSGrad, and subclasses such as LayerwiseOptimizer, on TensorFlow and on
    PyTorch on a CPU. On JAX, XLA fuses the step. With SLANTED_FAST=0 in the environment nothing is replaced.

    Args:
        optimizer: A Keras optimizer.

    Returns:
        Whether the fused step is in use.
    """
    if not switch.is_on() or not isinstance(optimizer, keras.optimizers.Adam) or optimizer.amsgrad:
        return False
    if keras.config.backend() == "tensorflow":
        replace_step(optimizer, STEP_OF_A_VARIABLE, _update_tensorflow)
    elif keras.config.backend() == "torch" and _torch_is_on_cpu():
        step = _TorchStep()
        replace_step(optimizer, CLIPPING, step.clip)
        replace_step(optimizer, DECAY, step.leave_decay)
        replace_step(optimizer, STEP_OF_A_LIST, step.update)
    else:
        return False
    return True


def _torch_is_on_cpu() -> bool:
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


class _TorchStep:
    """The update of Keras's Adam on PyTorch: clipping, weight decay and the moments in one pass over the weights."""

    def __init__(self) -> None:
        self._divisor: Any = None
        """What the gradients are divided by for clipping; None: nothing."""

    def clip(self, optimizer: Any, grads: list[Any]) -> list[Any]:
        """Leave clipping by the global norm to the update; other clipping is done by Keras."""
        torch: Any = import_module("torch")
        self._divisor, limit = None, optimizer.global_clipnorm
        if not limit or optimizer.clipnorm:
            return clipped(optimizer, grads)
        flat = [gradient.reshape(-1).float() for gradient in grads]
        norm = torch.stack([torch.dot(values, values) for values in flat]).sum().sqrt()
        if not torch.isfinite(norm):
            return [gradient * float("nan") for gradient in grads]  # like Keras
        if norm > limit:
            self._divisor = norm / limit
        return grads

    def leave_decay(self, optimizer: Any, variables: list[Any]) -> None:
        """Do nothing: the update decays the weights."""

    def update(self, optimizer: Any, grads: list[Any], variables: list[Any], learning_rate: Any) -> None:
        """Decay, and subtract learning_rate * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon), as Keras does.

        PyTorch's kernel divides by sqrt(v / (1 - b2^t)) + epsilon, so that epsilon is divided by sqrt(1 - b2^t).
        """
        torch: Any = import_module("torch")
        updates = float(optimizer.iterations) + 1.0
        parts: dict[float, list[Any]] = {}
        for variable, gradient in zip(variables, grads, strict=True):
            decay = float(optimizer.weight_decay) if is_decayed(optimizer, variable) else 0.0
            parts.setdefault(decay, []).append((variable, gradient))
        for decay, part in parts.items():
            momentums, velocities = zip(*(moments(optimizer, variable) for variable, _ in part), strict=True)
            torch._fused_adamw_(
                [variable.value for variable, _ in part],
                [gradient.contiguous() for _, gradient in part],
                [momentum.value for momentum in momentums],
                [velocity.value for velocity in velocities],
                [],
                [torch.tensor(updates)] * len(part),
                lr=float(learning_rate),
                beta1=optimizer.beta_1,
                beta2=optimizer.beta_2,
                weight_decay=decay,
                eps=optimizer.epsilon / (1.0 - optimizer.beta_2**updates) ** 0.5,
                amsgrad=False,
                maximize=False,
                grad_scale=self._divisor,
            )
