"""A curve of the user's own in a recipe: a class, a function, a curve itself, or the name of one to import.

Only Python and an option that the user typed import a curve. A file gives its name, a text, which is never imported.
Keras is imported when a curve is checked or made, not with this module.
"""

import copy
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from slanted.errors import InputError, SettingError
from slanted.recipe.choices import CURVES
from slanted.runtime.patches import current_folder_importable

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
RULE = f"one of {', '.join(CURVES)}, or a curve of your own, MODULE:CLASS"


@dataclass(frozen=True)
class ImportedCurve:
    """A curve's class, or a function that returns a curve, which an option names; imported when a curve is made.

    Args:
        name: As in MODULE:CLASS.

    Raises:
        InputError: It is no such name, or there is no such package or module.
    """

    name: str

    def __post_init__(self) -> None:
        module, _, attribute = self.name.partition(":")
        if not _NAME.fullmatch(module) or not _NAME.fullmatch(attribute):
            raise InputError(f"must be MODULE:CLASS where it names a curve of your own, not {self.name!r}")
        if not _is_there(module.partition(".")[0]):
            raise InputError(f"there is no module {module} for {self.name}, installed or in the current folder")

    def load(self) -> Callable[..., Any]:
        """Import it, from the installed packages or else the current folder.

        Raises:
            InputError: It cannot be imported, or is no curve's class and no function.
        """
        module, _, attribute = self.name.partition(":")
        try:
            with current_folder_importable():
                found: Any = importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise InputError(self._said(f"importing {module} failed with {_worded(error)}; mend it")) from None
        where = getattr(found, "__file__", None) or "built in"
        for part in attribute.split("."):
            if not hasattr(found, part):
                raise InputError(self._said(f"{module} ({where}) has no {attribute}; give the name of a class in it"))
            found = getattr(found, part)
        if not callable(found) or (isinstance(found, type) and not _is_curve_class(found)) or _is_schedule(found):
            rule = "must be a class derived from slanted.Curve, or a function that returns a curve"
            raise InputError(self._said(f"{rule}, not {_short(found)}"))
        return found

    def _said(self, text: str) -> str:
        return f"--curve {self.name}: {text}"


def read_curve(text: str) -> str | ImportedCurve:
    """Return the curve that an option names.

    >>> read_curve("linear")
    'linear'
    """
    return ImportedCurve(text) if ":" in text else text


def is_own(curve: Any) -> bool:
    """Return whether a recipe's curve is none of slanted's names."""
    return not isinstance(curve, str) or ":" in curve


def curve_name(curve: Any) -> str:
    """Return the name of a recipe's curve for files and people; that of a curve itself has its arguments.

    >>> from slanted.curves import LinearWarmup
    >>> curve_name("linear"), curve_name(LinearWarmup)
    ('linear', 'slanted.curves.warmup:LinearWarmup')
    """
    if isinstance(curve, str):
        return curve
    if isinstance(curve, ImportedCurve):
        return curve.name
    named = hasattr(curve, "__qualname__")
    return f"{(curve if named else type(curve)).__module__}:{curve.__qualname__ if named else repr(curve)}"


def has_peak(curve: Any) -> bool:
    """Return whether a recipe's curve is a curve itself, with a peak of its own."""
    return not isinstance(curve, (str, ImportedCurve, type)) and hasattr(curve, "lr_max")


def checked_peak(curve: Any, lr_max: float | None) -> float | None:
    """Check a recipe's curve, and return the recipe's peak: that of the curve where it is a curve itself.

    Raises:
        SettingError: It is none, or has another peak than is given.
    """
    if isinstance(curve, str):
        module, _, rest = curve.partition(":")
        if curve not in CURVES and not (_NAME.fullmatch(module) and rest and rest.isprintable()):
            raise SettingError("curve", RULE, curve)
    if isinstance(curve, (str, ImportedCurve)):
        return lr_max
    from slanted.curves.curve import Curve

    if not callable(curve) or (isinstance(curve, type) and not issubclass(curve, Curve)):
        raise SettingError("curve", RULE, curve, "Derive its class from slanted.Curve.")
    if not isinstance(curve, Curve):
        if _is_schedule(curve):
            remedy = "It does not know how long its run is: derive a class from slanted.Curve, whose rate is the same."
            raise SettingError("curve", RULE, curve, remedy)
        return lr_max
    if lr_max not in (None, curve.lr_max):
        raise SettingError("lr_max", f"that of the curve, {curve.lr_max:g}, which has a peak of its own", lr_max)
    return curve.lr_max


def check_importable(curve: Any) -> None:
    """Import a recipe's curve, where an option names one.

    Raises:
        InputError: It cannot be imported, or a file names it and no option does.
    """
    if isinstance(curve, str) and is_own(curve):
        raise InputError(
            f"the recipe names the curve {curve}, code that is not imported because a file names it; give --curve "
            "again, or in Python recipe.with_settings(curve=...) with the class itself"
        )
    if isinstance(curve, ImportedCurve):
        curve.load()


def build_own(curve: Any, lr_max: float, total_steps: int | None) -> Any:
    """Return the curve that a recipe's own one makes, whose rates are checked where the length of the run is known.

    Args:
        curve: A curve, whose peak is `lr_max`; or what is called with `lr_max`, and `total_steps` where it takes that.
        lr_max: The peak learning rate.
        total_steps: T, in batches; None: whatever run `fit` makes.

    Raises:
        InputError: The curve is only named, cannot be imported or made, is of another run, or has a rate that is none.
    """
    from slanted.curves.curve import Curve

    check_importable(curve)
    name = curve_name(curve)
    source = curve.load() if isinstance(curve, ImportedCurve) else curve
    made = source if isinstance(source, Curve) else _called(source, name, lr_max, total_steps)
    if not isinstance(made, Curve):
        raise InputError(f"curve {name}: calling it must return a slanted curve, not {_short(made)}; mend it")
    if not (hasattr(made, "lr_max") and hasattr(made, "total_steps")):
        raise InputError(f"curve {name}: has no lr_max or total_steps; call super().__init__(lr_max, total_steps)")
    if made is source:
        checked_peak(made, lr_max)
    if total_steps is None:
        return made
    if made.total_steps not in (None, total_steps):
        found = f"curve {name}: is of a run of {made.total_steps} steps, and this one has {total_steps}"
        raise InputError(f"{found}; leave its total_steps out")
    made = copy.copy(made)
    made.total_steps = total_steps
    _check_rates(made, name, total_steps)
    _check_compiles(made, name)
    return made


def _called(source: Callable[..., Any], name: str, lr_max: float, total_steps: int | None) -> Any:
    arguments: dict[str, Any] = {"lr_max": lr_max}
    try:
        parameters = inspect.signature(source).parameters.values()
        takes = any(one.name == "total_steps" or one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
        if takes and total_steps is not None:
            arguments["total_steps"] = total_steps
        return source(**arguments)
    except Exception as error:
        given = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise InputError(f"curve {name}: calling it with {given} failed with {_worded(error)}; mend it") from error


def _check_rates(curve: Any, name: str, total_steps: int) -> None:
    try:
        rates = curve.simulate(total_steps)
    except Exception as error:
        raise InputError(f"curve {name}: computing its rates failed with {_worded(error)}; mend it") from error
    if rates.shape != (total_steps,):
        found = f"curve {name}: must give a rate for each of {total_steps} steps, not an array of shape {rates.shape}"
        raise InputError(f"{found}; mend its `rate`")
    wrong = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0.0)))
    if len(wrong):
        found = f"curve {name}: the rate at step {wrong[0]} of {total_steps} is {rates[wrong[0]]:g}"
        raise InputError(f"{found}; a rate must be a finite number >= 0, mend its `rate`")


def _check_compiles(curve: Any, name: str) -> None:
    """Refuse a formula that NumPy computes and a compiled step does not: it is given tensors without values."""
    import keras

    step, constant = keras.KerasTensor((), "int32"), keras.KerasTensor((), "float32")
    try:
        curve.on_device(step, step, [constant] * curve.constants_count)
    except Exception as error:
        found = f"curve {name}: its rate cannot be computed in a compiled step ({_worded(error)})"
        raise InputError(f"{found}; use `xp` in place of NumPy, and `xp.where` in place of if") from error


def _is_there(package: str) -> bool:
    """Return whether there is such a package or module, which is not imported."""
    try:
        with current_folder_importable():
            return importlib.util.find_spec(package) is not None
    except ValueError:  # of what is imported, but not by name
        return False


def _is_curve_class(found: Any) -> bool:
    from slanted.curves.curve import Curve

    return isinstance(found, type) and issubclass(found, Curve)


def _is_schedule(found: Any) -> bool:
    import keras

    return isinstance(found, keras.optimizers.schedules.LearningRateSchedule)


def _worded(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _short(found: Any) -> str:
    return f"the class {found.__name__}" if isinstance(found, type) else f"an object of type {type(found).__name__}"
