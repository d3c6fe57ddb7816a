"""GradualUnfreezing: a callback that opens layer groups, from the head down, within one `fit`."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras

from slanted.common.argument_checks import whole
from slanted.errors import InputError, SettingError
from slanted.keras_private.layers_and_trainers import forget_compiled_step, hold_statistics
from slanted.keras_private.loss_scaling import innermost, scheduled
from slanted.layerwise.layer_groups import statistics_layers
from slanted.layerwise.layerwise_optimizer import LayerwiseOptimizer

__all__ = ["GradualUnfreezing"]

Stages = Sequence[Sequence[str]]


class GradualUnfreezing(keras.callbacks.Callback):
    """Train the head first, then the head and the group below it, and so on: one `fit`, one history, one optimizer.

    Until a group opens its weights, moments and normalisation statistics stay as they are to the last bit, weight decay
    and clipping know nothing of it, and no backward pass goes below the lowest open group. Layers that keep statistics
    run in closed groups as in inference, as Keras does with frozen ones; dropout stays on. What is open goes on as if
    nothing had happened, and what opens starts with its own bias correction. Averages of weights (`use_ema`) begin for
    a group when it opens. Each stage compiles the training step once.

    The stage follows from the epoch, or the batch of the run, so that a resumed `fit` goes on in the right one. At the
    end of `fit` all groups are open. After a `fit` that was interrupted they are as they were: the next one with this
    callback sets them, `optimizer.open_only(optimizer.group_names)` and `compile` do so by hand.

    Args:
        every: How long a stage lasts: "epoch", or a number of batches. Under `steps_per_execution` a stage must begin
            with an execution.
        stages: "top-down": one more group a stage, from the head; "chain-thaw": one group alone a stage, the head
            first, then from the input side up, at last all together (Felbo et al. 2017); or for each stage the names
            of the groups that are open in it.
        at: When each stage begins, counted in `every`, in place of one after the other; the first is 0. With fewer
            than there are stages, the last one given begins the last stage; with more, those over are not used.
        freeze: Names of groups that stay closed throughout; the stages are of the others.

    Raises:
        ValueError: An argument is out of its range; or, when `fit` starts, the optimizer is not a LayerwiseOptimizer,
            or batches are to be counted and their number an epoch is unknown.

    Example:
        >>> unfreezing = GradualUnfreezing(every="epoch", at=[0, 1, 3])
        >>> unfreezing.timetable(["embeddings", "block_0", "head"])
        [(0, ('head',)), (1, ('block_0', 'head')), (3, ('embeddings', 'block_0', 'head'))]

    Source: Howard and Ruder 2018, section 3.3.
    """

    params: Any  # what Keras gives before `fit` begins; None until then
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
        """Say which batch of the run the next `fit` begins with, its own dataset shortened to what is left.

        Without it the optimizer's count decides, which loss scaling does not raise at batches that it skips.
        """
        self._begins_at = position

    def timetable(self, group_names: Sequence[str]) -> list[tuple[int, tuple[str, ...]]]:
        """Return when each stage begins, in epochs or in batches of the run, and the groups open in it.

        Args:
            group_names: The names of the groups, the input side first.
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
        """Find the groups."""
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
        """Refuse a stage that would begin within an execution, or batches that cannot be counted."""
        if self.every == "epoch":
            return
        steps, together = self.params.get("steps"), self.model.steps_per_execution
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
        """Open what is due."""
        self._epoch, self._first_batch = epoch, None
        if self.every == "epoch":
            self._open_at(epoch)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Open what is due; by the first batch of an epoch every callback has said where the run stands."""
        if self.every != "epoch":
            if self._first_batch is None:
                stands = self._where_the_run_stands() if self._begins_at is None else self._begins_at
                self._first_batch, self._begins_at = stands - batch, None
            self._open_at(self._first_batch + batch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Open all groups."""
        self._open(self._optimizer.group_names)

    def _where_the_run_stands(self) -> int:
        steps = self.params["steps"]
        start, elapsed = self._epoch * steps, self._optimizer.elapsed
        restored = self._optimizer.curve is not None and start <= elapsed < start + steps
        return elapsed if restored else start

    def _open_at(self, position: int) -> None:
        self._open([names for start, names in self._timetable if start <= position][-1])

    def _open(self, names: tuple[str, ...]) -> None:
        # Kept from `set_model`, as `self.model` fetches JAX's whole state, which at every batch would cost.
        if self._optimizer.open_groups == names:
            return
        model, optimizer = self.model, self._optimizer
        optimizer.open_only(names)
        group_of = {id(variable): group.depth for group in optimizer.groups for variable in group.variables}
        for layer, group in statistics_layers(model, group_of):
            hold_statistics(layer, hold=optimizer.group_names[group] not in names)
        forget_compiled_step(model)


def not_frozen(names: Sequence[str], freeze: Sequence[str]) -> list[str]:
    """Return the names that are not in `freeze`.

    Raises:
        InputError: `freeze` has another name, or all.

    >>> not_frozen(["embeddings", "block_0", "head"], ["embeddings"])
    ['block_0', 'head']
    """
    unknown = [name for name in freeze if name not in names]
    if unknown:
        raise InputError(f"freeze: there is no layer group {unknown[0]!r}. Groups are: {', '.join(names)}")
    left = [name for name in names if name not in freeze]
    if not left:
        raise InputError(f"freeze: one layer group at least must be trained. Groups are: {', '.join(names)}")
    return left


def _starts(at: Sequence[int]) -> list[int]:
    starts = [whole("at", start, least=0) for start in at]
    if not starts or starts[0] != 0 or any(late <= early for early, late in pairwise(starts)):
        raise SettingError("at", "whole numbers that begin with 0 and rise", list(at))
    return starts
