"""GradualUnfreezing: a callback that unfreezes layer groups, from the head down, within one `fit`."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras

from slanted.common.argument_checks import whole
from slanted.errors import InputError, SettingError
from slanted.keras_private.layers_and_trainers import freeze_statistics, recompile_train_step
from slanted.keras_private.loss_scaling import innermost, scheduled
from slanted.layerwise.layer_groups import statistics_layers
from slanted.layerwise.layerwise_optimizer import LayerwiseOptimizer

__all__ = ["GradualUnfreezing"]

Stages = Sequence[Sequence[str]]


class GradualUnfreezing(keras.callbacks.Callback):
    """Train the head first, then the head and the group below it, and so on: one `fit`, one history, one optimizer.

    While a group is closed (frozen), its weights, moments and normalisation statistics do not change by a single bit,
    weight decay and clipping leave it out, and the backward pass ends at the lowest open group. In closed groups,
    layers with running statistics run in inference mode, like frozen layers in Keras; dropout stays active. Opening a
    group does not affect the groups that are open already; the new group starts with its own bias correction, and its
    moving average of weights (`use_ema`) starts then. Each stage compiles the training step once.

    The stage is a function of the epoch, or of the batch of the run, so that a resumed `fit` continues in the right
    stage. At the end of `fit` all groups are open. After an interrupted `fit` they stay as they were: the next `fit`
    with this callback sets them, and so does `optimizer.open_only(optimizer.group_names)` followed by `compile`.

    Args:
        every: The length of a stage: "epoch", or a number of batches. With `steps_per_execution`, a stage must begin
            at the start of an execution.
        stages: "top-down": each stage opens one more group, from the head down; "chain-thaw": each stage trains one
            group alone, the head first, then the others from the input side up, and the last stage trains all groups
            (Felbo et al. 2017); or a list with the names of the open groups of each stage.
        at: The start of each stage, in units of `every`, beginning with 0; None: one stage per unit. With fewer starts
            than stages, the last start begins the last stage; surplus starts are ignored.
        freeze: The names of groups that stay closed throughout; the stages apply to the others.

    Raises:
        ValueError: An argument is out of its range; or, when `fit` starts, the optimizer is not a LayerwiseOptimizer,
            or `every` counts batches and the number of batches per epoch is unknown.

    Example:
        >>> unfreezing = GradualUnfreezing(every="epoch", at=[0, 1, 3])
        >>> unfreezing.timetable(["embeddings", "block_0", "head"])
        [(0, ('head',)), (1, ('block_0', 'head')), (3, ('embeddings', 'block_0', 'head'))]

    Source: Howard and Ruder 2018, section 3.3.
    """

    params: Any  # set by Keras when `fit` begins; None until then
    model: Any

    def __init__(
        self,
        every: str | int = "epoch",
        stages: str | Stages = "top-down",
        at: Sequence[int] | None = None,
        freeze: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.every = every if every == "epoch" else whole("every", every)
        if isinstance(stages, str) and stages not in ("top-down", "chain-thaw"):
            raise SettingError("stages", '"top-down", "chain-thaw" or a list of lists of group names', stages)
        self.stages, self.at, self.freeze = stages, None if at is None else _starts(at), tuple(freeze)
        self._timetable: list[tuple[int, tuple[str, ...]]] = []
        self._first_batch: int | None = None
        self._begins_at: int | None = None

    def continue_at(self, position: int) -> None:
        """Set the batch of the run that the next `fit` begins with, if its dataset has only the remaining batches.

        By default the optimizer's count is used, which does not include batches that loss scaling skipped.

        Args:
            position: The number of batches of the run that are trained already.
        """
        self._begins_at = position

    def timetable(self, group_names: Sequence[str]) -> list[tuple[int, tuple[str, ...]]]:
        """Return the start of each stage and its open groups.

        Args:
            group_names: The names of the groups, the input side first.

        Returns:
            A list of (start, names of the open groups); starts are in epochs, or in batches if `every` is a number.
        """
        stages = self._stages(not_frozen(group_names, self.freeze))
        at = list(range(len(stages))) if self.at is None else self.at
        if isinstance(self.stages, str):
            at = at[: len(stages)]
        if len(at) > len(stages) or (len(at) < len(stages) and not isinstance(self.stages, str)):
            raise SettingError("at", f"at most {len(stages)} starts, one for each stage of a list", self.at)
        stages = [*stages[: len(at) - 1], stages[-1]]
        unit = self.every if isinstance(self.every, int) else 1
        return [(start * unit, open_groups) for start, open_groups in zip(at, stages, strict=True)]

    def _stages(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        if self.stages == "top-down":
            return [tuple(names[-count:]) for count in range(1, len(names) + 1)]
        if self.stages == "chain-thaw":
            return [(names[-1],), *((name,) for name in names[:-1]), tuple(names)]
        for stage in self.stages:
            unknown = [name for name in stage if name not in names]
            if unknown or not stage:
                rule = f"lists of one group or more of {', '.join(names)}"
                raise SettingError("stages", rule, self.stages)
        return [tuple(name for name in names if name in stage) for stage in self.stages]

    def set_model(self, model: Any) -> None:
        """Read the layer groups from the optimizer."""
        super().set_model(model)
        optimizer = innermost(getattr(model, "optimizer", None))
        if not isinstance(optimizer, LayerwiseOptimizer):
            raise InputError(
                "GradualUnfreezing must have a slanted.LayerwiseOptimizer, which knows the groups. "
                f"Received: model.optimizer={type(optimizer).__name__}. "
                "Pass optimizer=LayerwiseOptimizer(optimizer, layer_groups(model)) to `compile`."
            )
        self._optimizer = scheduled(model.optimizer)
        self._timetable = self.timetable(optimizer.group_names)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Raise if a stage would begin within an execution, or if batches cannot be counted."""
        if self.every == "epoch":
            return
        steps, together = (self.params or {}).get("steps"), self.model.steps_per_execution
        if steps is None:
            raise InputError(
                "GradualUnfreezing must know how many batches an epoch has to count them, and the data does not say. "
                'Pass `steps_per_epoch=` to `fit`, or use every="epoch".'
            )
        within = [start for start, _ in self._timetable if start % steps % together]
        if within:
            raise InputError(
                f"A stage must begin with an execution of steps_per_execution={together} batches. "
                f"Received: stages at batches {within}, epochs of {steps}. Change `every`, `at` or steps_per_execution."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Open the groups of the stage that is due."""
        self._epoch, self._first_batch = epoch, None
        if self.every == "epoch":
            self._open_at(epoch)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Open the groups of the stage that is due; by now all callbacks have restored the position of the run."""
        if self.every != "epoch":
            if self._first_batch is None:
                position = self._position() if self._begins_at is None else self._begins_at
                self._first_batch, self._begins_at = position - batch, None
            self._open_at(self._first_batch + batch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Open all groups."""
        self._open(self._optimizer.group_names)

    def _position(self) -> int:
        steps = self.params["steps"]
        start, elapsed = self._epoch * steps, self._optimizer.elapsed
        restored = self._optimizer.curve is not None and start <= elapsed < start + steps
        return elapsed if restored else start

    def _open_at(self, position: int) -> None:
        self._open([names for start, names in self._timetable if start <= position][-1])

    def _open(self, names: tuple[str, ...]) -> None:
        # `_optimizer` was saved by `set_model`: reading `self.model` at every batch would fetch JAX's whole state.
        if self._optimizer.open_groups == names:
            return
        model, optimizer = self.model, self._optimizer
        optimizer.open_only(names)
        group_of = {id(variable): group.depth for group in optimizer.groups for variable in group.variables}
        for layer, group in statistics_layers(model, group_of):
            freeze_statistics(layer, frozen=optimizer.group_names[group] not in names)
        recompile_train_step(model)


def not_frozen(names: Sequence[str], freeze: Sequence[str]) -> list[str]:
    """Return the names of the groups that are not in `freeze`.

    Raises:
        InputError: `freeze` has an unknown name, or names all groups.

    >>> not_frozen(["embeddings", "block_0", "head"], ["embeddings"])
    ['block_0', 'head']
    """
    unknown = [name for name in freeze if name not in names]
    if unknown:
        raise InputError(f"freeze: there is no layer group {unknown[0]!r}. Groups are: {', '.join(names)}")
    trained = [name for name in names if name not in freeze]
    if not trained:
        raise InputError(f"freeze: at least one layer group must be trained. Groups are: {', '.join(names)}")
    return trained


def _starts(at: Sequence[int]) -> list[int]:
    starts = [whole("at", start, least=0) for start in at]
    if not starts or starts[0] != 0 or any(late <= early for early, late in pairwise(starts)):
        raise SettingError("at", "whole numbers that begin with 0 and rise", list(at))
    return starts
