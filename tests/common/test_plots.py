"""Plots of curves: the line is the curve, on the given Axes or on new ones."""

import builtins
import sys

import numpy as np
import pytest
from matplotlib import pyplot

import slanted
from slanted.errors import InputError

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


def test_the_line_is_the_curve():
    axes = slanted.SlantedTriangular(2e-5).plot(100)
    steps, rates = axes.get_lines()[0].get_data()
    np.testing.assert_array_equal(steps, np.arange(100))
    np.testing.assert_array_equal(rates, slanted.SlantedTriangular(2e-5).simulate(100))
    assert axes.get_xlabel() == "step (batch of the run)"
    assert axes.get_ylabel() == "learning rate"
    assert axes.get_ylim()[0] == 0.0


@pytest.mark.parametrize("total", [1, 2, 2001, 10**7])
def test_every_length_is_drawn_with_both_ends(total):
    curve = slanted.LinearWarmup(1.0, total_steps=total)
    steps, rates = curve.plot().get_lines()[0].get_data()
    assert (steps[0], steps[-1]) == (0, total - 1)
    assert len(steps) <= 2000
    np.testing.assert_array_equal(rates, curve.at(steps))


def test_two_curves_on_one_axes():
    first = slanted.OneCycle(1.0).plot(50)
    assert slanted.LinearWarmup(1.0).plot(50, ax=first) is first
    assert [line.get_label() for line in first.get_lines()] == ["OneCycle", "LinearWarmup"]


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    plain_import = builtins.__import__

    def no_matplotlib(name, *arguments, **settings):
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return plain_import(name, *arguments, **settings)

    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", no_matplotlib)
    with pytest.raises(InputError) as raised:
        slanted.OneCycle(1.0).plot(10)
    assert str(raised.value) == (
        'Drawing a picture needs the extra `plot`, which is not installed: pip install "slanted[plot]"'
    )
