"""A scheduled optimizer inside a LossScaleOptimizer."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, ClassVar

import keras

from slanted.keras_private.grouped import GroupedOptimizer
from slanted.keras_private.plain_optimizer import mixed, release, unpickled
from slanted.keras_private.scheduled import ScheduledOptimizer

ops: Any = keras.ops


@keras.saving.register_keras_serializable(package="slanted")
class ScaledOptimizer:
    """Mixin for a LossScaleOptimizer class whose inner optimizer is scheduled.

    It evaluates the learning rate once for each batch, and ignores gradients of closed groups that are not finite.
    """

    plain_class: ClassVar[type]

    @classmethod
    def adopt(cls, optimizer: Any) -> None:
        """Replace the class of `optimizer`, in place, by one that knows that the inner one is scheduled."""
        if not isinstance(optimizer, cls):
            optimizer.__class__ = mixed(cls, type(optimizer))

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Create the optimizer from its configuration."""
        optimizer = keras.optimizers.LossScaleOptimizer.from_config(config, custom_objects)
        ScaledOptimizer.adopt(optimizer)
        return optimizer

    def get_config(self: Any) -> dict[str, Any]:
        """Return the configuration of the plain optimizer."""
        return self.plain_class.get_config(self)

    def __reduce__(self: Any) -> Any:
        _, saved = super().__reduce__()
        return unpickled, saved

    def begin_batch(self: Any, *, is_counted: bool) -> Any:
        """Note that a training step begins; return the state by which `count_batch` tells whether it was skipped."""
        self.inner_optimizer.begin_batch(is_counted=is_counted)
        if not is_counted:
            return None
        scale = ops.copy(self.dynamic_scale) if self.built else self.initial_scale
        return scale, ops.copy(self.inner_optimizer._run.steps)[0]

    def count_batch(self: Any, before: Any) -> None:
        """Count the batch of the training step, unless all gradients that the step computed were infinite."""
        (scale, first), inner = before, self.inner_optimizer
        run = inner._run
        now = ops.convert_to_tensor(run.steps)[0]
        is_skipped = ops.logical_and(ops.less(self.dynamic_scale, scale), ops.equal(now, first))
        counted = 1 - ops.cast(is_skipped, "int32")
        run.set_elapsed(run.elapsed(inner._iterations) + counted, inner._iterations)

    def end_step(self: Any) -> None:
        """Note that the training step is over."""
        self.inner_optimizer.end_step()

    def check_finite(self: Any, grads: Any) -> Any:
        """Return whether the gradients of open groups are finite; those of closed groups are not computed."""
        inner = self.inner_optimizer
        chosen = inner.of_open_groups(grads) if isinstance(inner, GroupedOptimizer) else grads
        finite = super().check_finite(chosen)  # type: ignore[misc]
        inner._applying.record_unless_skipped(finite)
        return finite

    # The inner optimizer is applied in a branch of `cond`. A tensor made there cannot be used outside, so that the rate
    # is evaluated before it.

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables if the gradients are finite."""
        with self.inner_optimizer.rate_of_this_batch():
            super().apply(grads, trainable_variables)  # type: ignore[misc]

    def stateless_apply(self: Any, optimizer_variables: Any, grads: Any, trainable_variables: Any) -> Any:
        """Return the trainable variables, updated if the gradients are finite, and the optimizer variables."""
        values = list(zip(self.variables, optimizer_variables, strict=True))
        with keras.StatelessScope(state_mapping=values), self.inner_optimizer.rate_of_this_batch():
            return super().stateless_apply(optimizer_variables, grads, trainable_variables)  # type: ignore[misc]


def _of_plain_variables(method: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Return a method of LossScaleOptimizer that saves or loads, without the variables that slanted adds."""

    @wraps(method)
    def without_ours(self: Any, store: Any) -> None:
        inner = self.inner_optimizer
        with inner.with_plain_variables() if isinstance(inner, ScheduledOptimizer) else nullcontext():
            method(self, store)

    return without_ours


# A LossScaleOptimizer saves the variables of its inner optimizer with its own. Those that slanted adds are left out, so
# that plain Keras loads the file. `compile` and `load_model` wrap an optimizer in Keras's own class, hence a patch.
_class: Any = keras.optimizers.LossScaleOptimizer
_class.save_own_variables = _of_plain_variables(_class.save_own_variables)
_class.load_own_variables = _of_plain_variables(_class.load_own_variables)


def scheduled(optimizer: Any) -> Any:
    """Make an optimizer follow curves, in place; return the scheduled part, which a LossScaleOptimizer contains."""
    followed = ScheduledOptimizer.adopt(innermost(optimizer))
    if followed is not optimizer:
        ScaledOptimizer.adopt(optimizer)
    return followed


def end_run(optimizer: Any) -> None:
    """Stop following the curve; restore a plain optimizer, in place, unless its class is the user's choice."""
    if not is_scheduled(optimizer):
        return
    inner = innermost(optimizer)
    inner.end_run()
    if type(inner).mixed_in is ScheduledOptimizer:
        release(inner)
        if isinstance(optimizer, ScaledOptimizer):
            optimizer.__class__ = optimizer.plain_class


def is_scheduled(optimizer: Any) -> bool:
    """Return whether an optimizer, or the one inside a LossScaleOptimizer, follows curves already."""
    return isinstance(innermost(optimizer), ScheduledOptimizer)


def is_applied(optimizer: Any) -> bool:
    """Return whether a training step has applied gradients with a scheduled optimizer; they may have been infinite."""
    return innermost(optimizer)._applying.is_traced


def innermost(optimizer: Any) -> Any:
    """Return the optimizer inside a LossScaleOptimizer, or `optimizer` itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)
