"""A module with curves of a user's own, in a folder that is on no path but is the current one."""

import sys

import pytest

MODULE = """
import pathlib
import numpy
import slanted

pathlib.Path(__file__).with_name("imported").touch()


class Root(slanted.Curve):
    def constants(self, total_steps):
        return (max(1.0, 0.1 * total_steps),)

    def rate(self, elapsed, remaining, constants, xp):
        (warmup,) = constants
        return self.lr_max * xp.minimum(elapsed / warmup, xp.sqrt(warmup / xp.maximum(elapsed, 1.0)))


class Inside:
    Curve = Root


class Negative(slanted.Curve):
    def rate(self, elapsed, remaining, constants, xp):
        return self.lr_max * (4.0 - elapsed)


class Undefined(slanted.Curve):
    def rate(self, elapsed, remaining, constants, xp):
        return self.lr_max / (elapsed - 3.0) ** 2


class Broken(slanted.Curve):
    def rate(self, elapsed, remaining, constants, xp):
        return self.lr_max * nothing


class Numpy(slanted.Curve):
    def rate(self, elapsed, remaining, constants, xp):
        return self.lr_max * numpy.exp(-elapsed)


class Branch(slanted.Curve):
    def rate(self, elapsed, remaining, constants, xp):
        if xp is not numpy and elapsed < 3:
            return self.lr_max
        return self.lr_max + 0.0 * elapsed


class Forgot(slanted.Curve):
    def __init__(self, lr_max):
        self.peak = lr_max


def joined(lr_max):
    return slanted.join_curves([slanted.LinearWarmup(lr_max, warmup=1.0), slanted.ConstantWarmup(lr_max / 2)], [0.5])


def knows_its_run(lr_max, total_steps):
    return slanted.join_curves([Root(lr_max), slanted.ConstantWarmup(lr_max)], [total_steps - 2], total_steps)


def of_another_run(lr_max):
    return Root(lr_max, total_steps=7)


def a_number(lr_max):
    return lr_max


a_curve = Root(0.5)
"""


def root(lr_max, total):
    """Return the rates of `Root`, by a formula of its own."""
    warmup = max(1.0, 0.1 * total)
    return [lr_max * min(t / warmup, (warmup / max(t, 1)) ** 0.5) for t in range(total)]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of the module in the current folder, which is empty but for it; not yet imported."""
    monkeypatch.chdir(tmp_path)
    name = f"curves_in_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield name
    sys.modules.pop(name, None)
