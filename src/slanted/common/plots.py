"""Plots with matplotlib, which is imported when a plot is drawn."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from slanted.errors import missing_extra

_MOST_POINTS = 2000


def draw_curve(name: str, steps: np.ndarray, rates: np.ndarray, ax: Any = None) -> Any:
    """Draw the rates of a run.

    Args:
        name: The name of the curve, for the legend.
        steps: Batches of the run, from 0, shape (n,).
        rates: The learning rate at each step, shape (n,).
        ax: The matplotlib Axes to draw on; None: the Axes of a new figure.

    Returns:
        The matplotlib Axes, with a line added.

    Raises:
        InputError: matplotlib is not installed.
    """
    ax = _new_axes() if ax is None else ax
    ax.plot(steps, rates, label=name)
    ax.set_xlabel("step (batch of the run)")
    ax.set_ylabel("learning rate")
    ax.set_ylim(bottom=0.0)
    return ax


def points(total_steps: int) -> np.ndarray:
    """Return the steps to plot: all of a short run, at most 2,000 of a long one, the first and the last included."""
    return np.unique(np.linspace(0, total_steps - 1, min(total_steps, _MOST_POINTS)).astype("int64"))


def check_installed() -> Any:
    """Import and return `matplotlib.pyplot`.

    Raises:
        InputError: matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError:
        raise missing_extra("plot", "Drawing a picture") from None
    return pyplot


def _new_axes() -> Any:
    pyplot = check_installed()
    return pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")[1]


def draw_rates(rates_of: Mapping[str, np.ndarray], ax: Any = None) -> Any:
    """Draw the rates of several groups over one run.

    Args:
        rates_of: Group name -> the learning rate at each step.
        ax: The matplotlib Axes to draw on; None: the Axes of a new figure.

    Returns:
        The matplotlib Axes, with a line for each group.

    Raises:
        InputError: matplotlib is not installed.
    """
    for name, rates in rates_of.items():
        steps = points(len(rates))
        ax = draw_curve(name, steps, rates[steps], ax)
    ax.legend(fontsize="small")
    return ax


def draw_search(
    rates: np.ndarray,
    losses: np.ndarray,
    smoothed: np.ndarray,
    suggestions: Mapping[str, float],
    suggestion: float,
    ax: Any = None,
) -> Any:
    """Draw a range test: the loss of each batch, the smoothed loss, and the suggestions, over the learning rate.

    Args:
        rates: The learning rates tried, shape (n,).
        losses: The loss of each batch, shape (n,).
        smoothed: The smoothed losses, shape (n,).
        suggestions: Name of a suggestion -> its learning rate.
        suggestion: The learning rate that is suggested in the end.
        ax: The matplotlib Axes to draw on; None: the Axes of a new figure.

    Returns:
        The matplotlib Axes.

    Raises:
        InputError: matplotlib is not installed.
    """
    ax = _new_axes() if ax is None else ax
    ax.plot(rates, losses, ".", color="0.75", markersize=3, label="each batch's loss")
    ax.plot(rates, smoothed, color="C0", label="smoothed")
    for number, (name, rate) in enumerate(suggestions.items(), start=1):
        height = np.interp(np.log(rate), np.log(rates), smoothed)
        ax.plot(rate, height, "o", color=f"C{number}", label=f"{name} {rate:.2g}")
    ax.axvline(suggestion, color="0.4", linestyle="--", label=f"suggestion {suggestion:.2g}")
    ax.set_xscale("log")
    ax.set_xlabel("learning rate")
    ax.set_ylabel("loss of the batch")
    ax.legend(fontsize="small")
    return ax
