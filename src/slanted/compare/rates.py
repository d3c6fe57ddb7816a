"""The peak rates that `--lr` names: numbers, or multiples of each recipe's own."""

from dataclasses import dataclass, replace

from slanted.errors import InputError
from slanted.recipe.parsing import comma_separated
from slanted.recipe.recipe import Recipe


@dataclass(frozen=True, order=True)
class Rate:
    """A peak rate to try.

    Attributes:
        number: The rate, in (0, 1]; or what multiplies the recipe's own, > 0.
        is_factor: Whether it multiplies.
    """

    number: float
    is_factor: bool = False

    def __str__(self) -> str:
        return f"x{self.number:g}" if self.is_factor else f"{self.number:g}"

    def of(self, recipe: Recipe) -> Recipe:
        """Return the recipe with this rate.

        >>> Rate(3.0, is_factor=True).of(Recipe(lr_max=1e-3)).lr_max
        0.003
        """
        if not self.is_factor:
            return replace(recipe, lr_max=self.number)
        if recipe.lr_max is None:
            return replace(recipe, peak_factor=recipe.peak_factor * self.number)
        return replace(recipe, lr_max=recipe.lr_max * self.number)


def read_rates(text: str) -> tuple[Rate, ...]:
    """Return the rates between commas.

    Raises:
        InputError: One is none, or is named twice.

    >>> [str(rate) for rate in read_rates("1e-4, 3e-4")], [str(rate) for rate in read_rates("x1,x3")]
    (['0.0001', '0.0003'], ['x1', 'x3'])
    """
    words = comma_separated(text)
    try:
        rates = tuple(Rate(float(word.removeprefix("x")), word.startswith("x")) for word in words)
    except ValueError:
        rates = ()
    if not rates:
        raise InputError(f"--lr {text!r}: must be rates such as 1e-4,3e-4, or multiples of the recipes' such as x1,x3")
    for rate in rates:
        if not 0.0 < rate.number <= (1000.0 if rate.is_factor else 1.0):
            raise InputError(f"--lr {rate}: must be in (0, 1], or a multiple such as x3, at most x1000; give another")
    if len(set(rates)) < len(rates):
        raise InputError(f"--lr {text!r}: must name each rate once")
    return rates
