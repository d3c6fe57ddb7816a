"""A user's own curve in a recipe: a Curve, a Curve class, a function that returns one, or the name of one to import.

A curve is imported for Python code and for a command-line option only; a name in a file is never imported.
Keras is imported when a curve is checked or built, not with this module.
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
    """A Curve class, or a function that returns a curve, named by an option and imported when the curve is built.

    Args:
        name: The name, as MODULE:CLASS.

    Raises:
        InputError: The name has another form, or the top-level package does not exist.
    """

    name: str

    def __post_init__(self) -> None:
        module, _, attribute = self.name.partition(":")
        if not _NAME.fullmatch(module) or not _NAME.fullmatch(attribute):
            raise InputError(f"must be MODULE:CLASS where it names a curve of your own, not {self.name!r}")
        if not _is_there(module.partition(".")[0]):
            raise InputError(f"there is no module {module} for {self.name}, installed or in the current folder")

    def load(self) -> Callable[..., Any]:
        """Import the class or function, from the installed packages or else from the current folder.

        Raises:
            InputError: The import fails, or the object is neither a Curve class nor a function.
        """
        module, _, attribute = self.name.partition(":")
        try:
            with current_folder_importable():
                source: Any = importlib.import_module(module)
        except (Exception, SystemExit) as error:
            raise InputError(self._message(f"importing {module} failed with {_described(error)}; mend it")) from None
        path = getattr(source, "__file__", None) or "built in"
        for part in attribute.split("."):
            if not hasattr(source, part):
                raise InputError(self._message(f"{module} ({path}) has no {attribute}; give the name of a class in it"))
            source = getattr(source, part)
        if not callable(source) or (isinstance(source, type) and not _is_curve_class(source)) or _is_schedule(source):
            rule = "must be a class derived from slanted.Curve, or a function that returns a curve"
            raise InputError(self._message(f"{rule}, not {_described_type(source)}"))
        return source

    def _message(self, text: str) -> str:
        return f"--curve {self.name}: {text}"


def read_curve(text: str) -> str | ImportedCurve:
    """Parse the value of `--curve`.

    >>> read_curve("linear")
    'linear'
    """
    return ImportedCurve(text) if ":" in text else text


def is_own(curve: Any) -> bool:
    """Return whether the curve of a recipe is not one of slanted's curves by name."""
    return not isinstance(curve, str) or ":" in curve


def curve_name(curve: Any) -> str:
    """Return the name of a recipe's curve for files and messages; the name of a Curve object includes its arguments.

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
    """Return whether a recipe's curve is a Curve object, which has its own peak."""
    return not isinstance(curve, (str, ImportedCurve, type)) and hasattr(curve, "lr_max")


def checked_peak(curve: Any, lr_max: float | None) -> float | None:
    """Check a recipe's curve and return the recipe's peak: that of the curve if it is a Curve object, else `lr_max`.

    Raises:
        SettingError: The curve is invalid, or its peak differs from `lr_max`.
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
            remedy = "It does not know the length of the run: write its formula as the `rate` of a slanted.Curve."
            raise SettingError("curve", RULE, curve, remedy)
        return lr_max
    if lr_max not in (None, curve.lr_max):
        raise SettingError("lr_max", f"the curve's own lr_max, {curve.lr_max:g}", lr_max)
    return curve.lr_max


def check_importable(curve: Any) -> None:
    """Import a recipe's curve if an option names it.

    Raises:
        InputError: The import fails, or a file names the curve and no option does.
    """
    if isinstance(curve, str) and is_own(curve):
        raise InputError(
            f"the recipe names the curve {curve}, and code that only a file names is not imported; give --curve "
            "again, or in Python recipe.with_settings(curve=...) with the class itself"
        )
    if isinstance(curve, ImportedCurve):
        curve.load()


def build_own(curve: Any, lr_max: float, total_steps: int | None) -> Any:
    """Build the curve of a recipe with a user's own curve, and check its rates if the length of the run is known.

    Args:
        curve: A Curve whose peak is `lr_max`; or a class or function, called with `lr_max`, and with `total_steps` if
            it takes that argument.
        lr_max: The peak learning rate.
        total_steps: T, in batches; None: the length of the `fit` call.

    Raises:
        InputError: The curve is a name from a file, cannot be imported or called, has another length, or has a rate
            that is not a finite number >= 0.
    """
    from slanted.curves.curve import Curve

    check_importable(curve)
    name = curve_name(curve)
    source = curve.load() if isinstance(curve, ImportedCurve) else curve
    built = source if isinstance(source, Curve) else _called(source, name, lr_max, total_steps)
    if not isinstance(built, Curve):
        raise InputError(f"curve {name}: calling it must return a slanted curve, not {_described_type(built)}; mend it")
    if not (hasattr(built, "lr_max") and hasattr(built, "total_steps")):
        raise InputError(f"curve {name}: has no lr_max or total_steps; call super().__init__(lr_max, total_steps)")
    if built is source:
        checked_peak(built, lr_max)
    if total_steps is None:
        return built
    if built.total_steps not in (None, total_steps):
        problem = f"curve {name}: its total_steps is {built.total_steps}, and the run has {total_steps} steps"
        raise InputError(f"{problem}; leave its total_steps out")
    built = copy.copy(built)
    built.total_steps = total_steps
    _check_rates(built, name, total_steps)
    _check_compiles(built, name)
    return built


def _called(source: Callable[..., Any], name: str, lr_max: float, total_steps: int | None) -> Any:
    arguments: dict[str, Any] = {"lr_max": lr_max}
    try:
        parameters = inspect.signature(source).parameters.values()
        takes = any(one.name == "total_steps" or one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)
        if takes and total_steps is not None:
            arguments["total_steps"] = total_steps
        return source(**arguments)
    except Exception as error:
        call = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        raise InputError(f"curve {name}: calling it with {call} failed with {_described(error)}; mend it") from error


def _check_rates(curve: Any, name: str, total_steps: int) -> None:
    try:
        rates = curve.simulate(total_steps)
    except Exception as error:
        raise InputError(f"curve {name}: computing its rates failed with {_described(error)}; mend it") from error
    if rates.shape != (total_steps,):
        rule = f"must return a rate for each of {total_steps} steps, not an array of shape {rates.shape}"
        raise InputError(f"curve {name}: {rule}; mend its `rate`")
    wrong = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0.0)))
    if len(wrong):
        problem = f"curve {name}: the rate at step {wrong[0]} of {total_steps} is {rates[wrong[0]]:g}"
        raise InputError(f"{problem}; a rate must be a finite number >= 0, mend its `rate`")


def _check_compiles(curve: Any, name: str) -> None:
    """Raise InputError if the formula works with NumPy only; it is called with symbolic tensors, without values."""
    import keras

    step, constant = keras.KerasTensor((), "int32"), keras.KerasTensor((), "float32")
    try:
        curve.on_device(step, step, [constant] * curve.constants_count)
    except Exception as error:
        problem = f"curve {name}: its rate cannot be computed in a compiled step ({_described(error)})"
        raise InputError(f"{problem}; use `xp` in place of NumPy, and `xp.where` in place of if") from error


def _is_there(package: str) -> bool:
    """Return whether the package or module exists, without importing it."""
    try:
        with current_folder_importable():
            return importlib.util.find_spec(package) is not None
    except ValueError:  # a module in sys.modules without a spec, such as __main__
        return False


def _is_curve_class(source: Any) -> bool:
    from slanted.curves.curve import Curve

    return isinstance(source, type) and issubclass(source, Curve)


def _is_schedule(source: Any) -> bool:
    import keras

    return isinstance(source, keras.optimizers.schedules.LearningRateSchedule)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _described_type(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"an object of type {type(value).__name__}"
