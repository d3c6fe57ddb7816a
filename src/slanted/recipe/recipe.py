"""Recipes: one frozen dataclass with all settings of a fine-tuning run that concern its learning rates.

Methods that create Keras objects import Keras; this module does not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from typing import Any

from slanted.common.argument_checks import fraction, make_plain, not_negative, positive, rate, share, whole
from slanted.common.setting_fields import as_before, check_settings, setting
from slanted.errors import InputError, SettingError
from slanted.recipe import choices
from slanted.recipe.frozen_dict import FrozenDict
from slanted.recipe.own_curve import checked_peak, curve_name, has_peak, read_curve
from slanted.recipe.parsing import (
    check_patterns,
    comma_separated,
    epoch_or_batches,
    factors,
    is_list,
    is_text,
    or_auto,
    whole_numbers,
    whole_or_auto,
)

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """All settings of a fine-tuning run that concern its learning rates.

    Args:
        name: The name of the recipe.
        source: The paper or the library that the settings are from.
        notes: Remarks: the purpose of the recipe, and its differences from the source.
        epochs: Passes over the training rows, in [1, 100000]; "auto": 3, or more on few rows.
        lr_max: The peak learning rate, in (0, 1]; None: from the size of the model, see `peak_rate`.
        peak_factor: A factor of the peak from the size of the model; not used if `lr_max` is set.
        optimizer: "adamw", "adam", "sgd", "rmsprop", "lion" or "adafactor".
        momentum: Momentum of "sgd" and "rmsprop", in [0, 1).
        beta_1: Decay of the first moment, in [0, 1).
        beta_2: Decay of the second moment, in [0, 1).
        epsilon: Added to Adam's denominator.
        weight_decay: Decoupled weight decay, multiplied by the learning rate at each step; >= 0.
        no_weight_decay: Regular expressions, searched for in `variable.path`; matches and vectors are not decayed.
        clip_norm: The largest global norm of the gradients, > 0; None or 0: not clipped.
        curve: "slanted-triangular", "linear", "cosine", "one-cycle", "warmup-stable-decay" or "constant"; or a subclass
            of `slanted.Curve`, or a function that returns a curve, which is called with `lr_max` (and `total_steps` if
            it has that parameter); or a curve, whose peak is then `lr_max`. A file has the name of the curve only.
        cut_frac: Slanted triangular: the share of the run in which the rate rises.
        ratio: Slanted triangular: the peak divided by the lowest rate.
        warmup: Other curves: the share of the run in which the rate rises, in [0, 1]; None: the default of the curve,
            0.25 for one-cycle, 0 for constant, else 0.1.
        decay: Warmup-stable-decay: the share of the run in which the rate falls.
        layer_decay: The multiplier from each layer group to the next lower group, in (0, 1]; 1: one rate for all.
        decayed_groups: The groups that `layer_decay` applies to: "all", or "blocks", which are all groups except the
            lowest and the head; these two and the highest block then have multiplier 1.
        multipliers: Layer group name -> multiplier, which overrides the one from `layer_decay`.
        unfreezing: "none", "top-down" (each stage opens one more group, from the head down) or "chain-thaw" (each stage
            trains one group alone).
        unfreeze_every: The length of a stage: "epoch", or a number of batches.
        unfreeze_at: The start of each stage, in units of `unfreeze_every`, beginning with 0; empty: one stage per unit.
            With fewer starts than stages, the last start begins the last stage, in which all groups are open.
        freeze: Names of layer groups that are never trained; they need no backward pass and no optimizer update.
        dropout: The dropout rate in the encoder and before the classifier, in [0, 1); None: the encoder's, and 0.1.
        truncate: The tokens of a long text that are kept: "head", "tail" or "head+tail".
        head_start: The first weights of the last layer of a text model: "linear", those of a linear model fitted on the
            pooled vectors of the training rows, or "random".

    Raises:
        InputError: A setting is out of its range.
    """

    name: str = "own"
    source: str = "own settings"
    notes: str = ""
    epochs: int | str = setting(
        choices.AUTO,
        "passes over the training rows; auto: 3, or more on few rows",
        whole_or_auto,
        check=or_auto(partial(whole, most=choices.MOST_EPOCHS)),
        before=choices.OWN_EPOCHS,
    )
    lr_max: float | None = setting(None, "peak learning rate (default: by the model's size)", float, check=rate)
    peak_factor: float = setting(1.0, "times the peak by the model's size, where no peak is given", check=positive)
    optimizer: str = setting("adamw", "how gradients change the weights", choices=choices.OPTIMIZERS)
    momentum: float = setting(0.0, "momentum of sgd and rmsprop", check=share)
    beta_1: float = setting(0.9, "decay of the first moment", check=share)
    beta_2: float = setting(0.999, "decay of the second moment", check=share)
    epsilon: float = setting(1e-7, "added to Adam's denominator", check=positive)
    weight_decay: float = setting(0.01, "decoupled weight decay, times the rate, a step", check=not_negative)
    no_weight_decay: tuple[str, ...] = setting(
        choices.NO_DECAY,
        "regular expressions between commas: paths that do not decay; vectors never do",
        comma_separated,
    )
    clip_norm: float | None = setting(1.0, "largest global norm of the gradients; 0: not clipped", check=not_negative)
    curve: object = setting(
        "slanted-triangular",
        f"the learning rate over the run; one of {', '.join(choices.CURVES)}, or MODULE:CLASS",
        read_curve,
    )
    cut_frac: float = setting(0.1, "slanted-triangular: share of the run that rises", check=fraction)
    ratio: float = setting(32.0, "slanted-triangular: peak over lowest rate", check=partial(positive, least=1.0))
    warmup: float = setting(
        None, "other curves: share of the run that rises (default: the curve's own)", float, check=fraction
    )
    decay: float = setting(0.2, "warmup-stable-decay: share of the run that falls", check=fraction)
    layer_decay: float = setting(1.0, "multiplier from one layer group to the next lower", check=rate)
    decayed_groups: str = setting("all", "which groups the layer decay is on", choices=choices.DECAYED_GROUPS)
    multipliers: Mapping[str, float] = setting({}, "of layer groups: embeddings=1,head=1 and so on", factors)
    unfreezing: str = setting("none", "in which order layer groups open", choices=choices.UNFREEZING)
    unfreeze_every: str | int = setting("epoch", "length of a stage: epoch, or a number of batches", epoch_or_batches)
    unfreeze_at: tuple[int, ...] = setting((), "when each stage begins: 0,1,3 and so on", whole_numbers)
    freeze: tuple[str, ...] = setting(
        (), "layer groups that are not trained, between commas: embeddings,block_0", comma_separated
    )
    dropout: float | None = setting(
        None, "share dropped in training, 0 for none (default: the model's own)", float, check=share
    )
    truncate: str = setting("head", "which tokens of a long text stay", choices=choices.TRUNCATIONS)
    head_start: str = setting("linear", "first weights of the last layer", choices=choices.HEAD_STARTS, before="random")

    def __post_init__(self) -> None:
        make_plain(self)
        for name in _LISTS:
            if is_list(getattr(self, name)):
                object.__setattr__(self, name, tuple(getattr(self, name)))  # the dataclass is frozen
        object.__setattr__(self, "lr_max", checked_peak(self.curve, self.lr_max))
        if self.warmup is None:
            object.__setattr__(self, "warmup", choices.warmup_of(self.curve))
        for name in ("name", "source", "notes"):
            if not is_text(getattr(self, name)):
                raise SettingError(name, "a text that UTF-8 can hold", getattr(self, name))
        check_settings(self)
        if not self.clip_norm:
            object.__setattr__(self, "clip_norm", None)
        if self.curve == "warmup-stable-decay" and self.warmup + self.decay > 1.0 + choices.ROUNDING:
            raise SettingError("decay", f"at most 1 - warmup = {1.0 - self.warmup:g}", self.decay)
        self._check_groups()

    def _check_groups(self) -> None:
        check_patterns(self.no_weight_decay)
        if not isinstance(self.multipliers, Mapping) or not all(map(is_text, self.multipliers)):
            raise SettingError("multipliers", "an object of layer groups and their factors", self.multipliers)
        object.__setattr__(self, "multipliers", FrozenDict(self.multipliers))
        for name, factor in self.multipliers.items():
            positive(f"multipliers[{name!r}]", factor)
        if self.unfreeze_every != "epoch":
            whole("unfreeze_every", self.unfreeze_every)
        if not is_list(self.freeze) or not all(map(is_text, self.freeze)):
            raise SettingError("freeze", "a list of names of layer groups", self.freeze)
        if not is_list(self.unfreeze_at):
            raise SettingError("unfreeze_at", "a list of whole numbers", self.unfreeze_at)
        starts = [whole("unfreeze_at", start, least=0) for start in self.unfreeze_at]
        if starts and (starts[0] != 0 or sorted(set(starts)) != starts):
            raise SettingError("unfreeze_at", "whole numbers that begin with 0 and rise", self.unfreeze_at)

    def with_settings(self, **settings: Any) -> "Recipe":
        """Return a copy of this recipe with the given settings replaced; settings that are None do not change."""
        return self._replaced({name: value for name, value in settings.items() if value is not None})

    def _replaced(self, settings: Mapping[str, Any]) -> "Recipe":
        unknown = sorted(settings.keys() - {f.name for f in fields(self)})
        if unknown:
            raise InputError(
                f"recipe {self.name!r}: there is no setting {unknown[0]!r}. "
                f"Settings are: {', '.join(f.name for f in fields(self))}"
            )
        if self.warmup == choices.warmup_of(self.curve):
            settings = {"warmup": None, **settings}  # of the curve, which may become another
        if "curve" in settings and has_peak(self.curve):
            settings = {"lr_max": None, **settings}  # which is that of the curve that is replaced
        return replace(self, **settings)

    @property
    def least_epochs(self) -> int:
        """The epochs of a run of many rows: `epochs`, or 3 if that is "auto"."""
        return choices.OWN_EPOCHS if isinstance(self.epochs, str) else self.epochs

    def peak_rate(self, hidden_size: int) -> float:
        """Return the peak learning rate: `lr_max`, or `peak_factor` times 1e-4 for a hidden size < 512, else 2e-5."""
        if self.lr_max is not None:
            return self.lr_max
        return self.peak_factor * (choices.SMALL_PEAK if hidden_size < choices.SMALL_HIDDEN_SIZE else choices.BASE_PEAK)

    def peak_reason(self, hidden_size: int) -> str:
        """Return the reason for the peak learning rate.

        >>> Recipe().peak_reason(384)
        'by the size rule: a hidden size of 384 < 512 takes 0.0001'
        """
        if self.lr_max is not None:
            return "as given"
        small = hidden_size < choices.SMALL_HIDDEN_SIZE
        sizes = f"a hidden size of {hidden_size} {'<' if small else '>='} {choices.SMALL_HIDDEN_SIZE}"
        times = "" if self.peak_factor == 1.0 else f", {self.peak_factor:g} times that in this recipe"
        return f"by the size rule: {sizes} takes {choices.SMALL_PEAK if small else choices.BASE_PEAK:g}{times}"

    def make_curve(self, lr_max: float, total_steps: int | None = None) -> Any:
        """Return the curve with peak `lr_max` over `total_steps` batches; None: over the whole run of `fit`."""
        from slanted.recipe.build import build_curve

        return build_curve(self.curve, lr_max, total_steps, vars(self))

    def make_optimizer(self, model: Any, lr_max: float, gradient_accumulation: int = 1) -> Any:
        """Return the optimizer for `model`: a plain Keras optimizer, or a LayerwiseOptimizer if `is_layerwise`.

        Args:
            model: A built Keras model.
            lr_max: The learning rate, which a curve replaces during `fit`.
            gradient_accumulation: Batches per optimizer step.
        """
        from slanted.recipe.build import build_optimizer

        plain = build_optimizer(self.optimizer, lr_max, gradient_accumulation, vars(self))
        if not self.is_layerwise:
            plain.exclude_from_weight_decay(var_list=self.undecayed(model))
            return plain
        from slanted.layerwise.gradual_unfreezing import not_frozen
        from slanted.layerwise.layer_groups import layer_groups
        from slanted.layerwise.layerwise_optimizer import LayerwiseOptimizer

        groups = layer_groups(model)
        multipliers = self.group_multipliers([group.name for group in groups])
        optimizer = LayerwiseOptimizer(plain, groups, self.layer_decay, multipliers, no_weight_decay=self.leaves_out)
        if self.freeze:
            optimizer.open_only(not_frozen(list(multipliers), self.freeze))
        return optimizer

    @property
    def is_layerwise(self) -> bool:
        """Whether layer groups have different learning rates, are unfrozen gradually, or stay frozen."""
        return self.layer_decay != 1.0 or bool(self.multipliers) or self.unfreezing != "none" or bool(self.freeze)

    def group_multipliers(self, names: Sequence[str]) -> dict[str, float]:
        """Return layer group name -> multiplier of the curve's learning rate.

        Args:
            names: The names of the groups, the input side first.

        Raises:
            InputError: `multipliers` has a group that is not in `names`.

        >>> Recipe(layer_decay=0.5, multipliers={"stem": 1.0}).group_multipliers(["stem", "stage_1", "head"])
        {'stem': 1.0, 'stage_1': 0.5, 'head': 1.0}
        """
        unknown = [name for name in self.multipliers if name not in names]
        if unknown:
            raise InputError(f"multipliers: there is no layer group {unknown[0]!r}. Groups are: {', '.join(names)}")
        decayed = list(names) if self.decayed_groups == "all" else list(names[1:-1])
        decays = {name: self.layer_decay**above for above, name in enumerate(reversed(decayed))}
        return {name: float(self.multipliers.get(name, decays.get(name, 1.0))) for name in names}

    def undecayed(self, model: Any) -> list[Any]:
        """Return the trainable variables of `model` without weight decay."""
        return [variable for variable in model.trainable_variables if self.leaves_out(variable)]

    def leaves_out(self, variable: Any) -> bool:
        """Return whether `variable` is not decayed: it has at most one dimension, or its path matches."""
        return len(variable.shape) <= 1 or any(re.search(pattern, variable.path) for pattern in self.no_weight_decay)

    def make_callbacks(self) -> list[Any]:
        """Return the callbacks that open layer groups; `RunScheduler`, for the curve, is not among them."""
        if self.unfreezing == "none" and not self.freeze:
            return []
        from slanted.layerwise.gradual_unfreezing import GradualUnfreezing

        if self.unfreezing == "none":
            return [GradualUnfreezing(at=[0], freeze=self.freeze)]
        return [GradualUnfreezing(self.unfreeze_every, self.unfreezing, self.unfreeze_at or None, self.freeze)]

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON types."""
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return {**asdict(self), **lists, "multipliers": dict(self.multipliers), "curve": curve_name(self.curve)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Return the recipe of a dictionary that `to_dict` wrote, in this version or an earlier one.

        A missing setting has the value that was used before the setting existed.

        Raises:
            InputError: A key is not a setting of a recipe, or a value is out of its range.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"a recipe must be an object of settings. Received: {values!r}")
        lists = {name: tuple(values[name]) for name in _LISTS if isinstance(values.get(name), list)}
        return as_before(cls)._replaced({**values, **lists})


_LISTS = ("no_weight_decay", "unfreeze_at", "freeze")
