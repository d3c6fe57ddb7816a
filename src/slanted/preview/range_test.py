"""How a rate is searched; checked before anything is loaded."""

from dataclasses import dataclass

from slanted.common.argument_checks import positive, whole
from slanted.errors import SettingError

FEWEST_STEPS = 20
METHODS = ("valley", "steep", "minimum", "slide")


@dataclass(frozen=True)
class SearchOptions:
    """How `slanted.find_learning_rate` searches.

    Args:
        lr_start: The first rate of the range test, > 0.
        lr_end: The last, > lr_start.
        steps: Batches of the range test, >= 20.
        method: The suggestion to verify.
        verify_steps: Batches of each short run, >= 20; 0: not verified.

    Raises:
        SettingError: One of them is out of its range.
    """

    lr_start: float = 1e-6
    lr_end: float = 1e-2
    steps: int = 100
    method: str = "valley"
    verify_steps: int = 50

    def __post_init__(self) -> None:
        positive("lr_start", self.lr_start)
        if positive("lr_end", self.lr_end) <= self.lr_start:
            raise SettingError("lr_end", f"greater than the first rate, {self.lr_start:g}", self.lr_end)
        whole("steps", self.steps, least=FEWEST_STEPS)
        whole("verify_steps", self.verify_steps, least=FEWEST_STEPS if self.verify_steps else 0)
        if self.method not in METHODS:
            raise SettingError("method", f"one of {', '.join(METHODS)}", self.method)
