"""An optimizer that follows a curve within one that scales the loss."""

from typing import Any, ClassVar

import keras

from slanted.keras_private.grouped import GroupedOptimizer
from slanted.keras_private.scheduled import ScheduledOptimizer, mixed


@keras.saving.register_keras_serializable(package="slanted")
class ScaledOptimizer:
    """Mixed into the class of a loss-scaling optimizer whose inner one is scheduled.

    That optimizer saves its inner one's variables among its own. Without those of the run their number is what Keras
    expects of the plain one.
    """

    plain_class: ClassVar[type]

    @classmethod
    def adopt(cls, optimizer: Any) -> None:
        """Give `optimizer` the class that saves the plain number of variables."""
        if not isinstance(optimizer, cls):
            optimizer.__class__ = mixed(cls, type(optimizer))

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the optimizer again."""
        optimizer = keras.optimizers.LossScaleOptimizer.from_config(config, custom_objects)
        ScaledOptimizer.adopt(optimizer)
        return optimizer

    def get_config(self: Any) -> dict[str, Any]:
        """Return the plain optimizer's configuration."""
        return self.plain_class.get_config(self)

    def check_finite(self: Any, grads: Any) -> Any:
        """Return whether the gradients are finite, those of closed groups aside, which then are never computed."""
        inner = self.inner_optimizer
        chosen = inner.of_open_groups(grads) if isinstance(inner, GroupedOptimizer) else grads
        finite = super().check_finite(chosen)  # type: ignore[misc]
        inner._applying.record_unless_skipped(finite)
        return finite

    # The inner optimizer is applied in a branch of `cond`, which no tensor leaves: the rate is evaluated before it.

    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> None:
        """Update the variables if the gradients are finite."""
        with self.inner_optimizer.rate_of_this_batch():
            super().apply(grads, trainable_variables)  # type: ignore[misc]

    def stateless_apply(self: Any, optimizer_variables: Any, grads: Any, trainable_variables: Any) -> Any:
        """Return the variables, updated if the gradients are finite, and those of the optimizer."""
        values = list(zip(self.variables, optimizer_variables, strict=True))
        with keras.StatelessScope(state_mapping=values), self.inner_optimizer.rate_of_this_batch():
            return super().stateless_apply(optimizer_variables, grads, trainable_variables)  # type: ignore[misc]

    def save_own_variables(self: Any, store: Any) -> None:
        """Write the variables of the plain optimizer, in its order."""
        with self.inner_optimizer.with_plain_variables():
            self.plain_class.save_own_variables(self, store)

    def load_own_variables(self: Any, store: Any) -> None:
        """Read what `save_own_variables` or the plain optimizer wrote."""
        with self.inner_optimizer.with_plain_variables():
            self.plain_class.load_own_variables(self, store)


def scheduled(optimizer: Any) -> Any:
    """Make a model's optimizer follow curves, in place, and return the part that does: what loss scaling wraps."""
    followed = ScheduledOptimizer.adopt(innermost(optimizer))
    if followed is not optimizer:
        ScaledOptimizer.adopt(optimizer)
    return followed


def innermost(optimizer: Any) -> Any:
    """Return the optimizer that loss scaling wraps, or `optimizer` itself."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def in_one_order(optimizer: Any) -> list[Any]:
    """Return the variables of an optimizer: those of a plain one, then those of its run.

    Their order in `variables` depends on whether it was built before it followed a curve.
    """
    inner = innermost(optimizer)
    if not isinstance(inner, ScheduledOptimizer):
        return list(optimizer.variables)
    with inner.with_plain_variables():
        plain = list(optimizer.variables)
    return plain + inner.variables_apart()


def make_room_as(optimizer: Any, other: Any) -> None:
    """Give an optimizer as many variables of its run as another of its kind has."""
    if isinstance(innermost(other), ScheduledOptimizer):
        innermost(optimizer).make_room(innermost(other).room)
