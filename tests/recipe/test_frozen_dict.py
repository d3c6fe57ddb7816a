"""An immutable dict."""

import copy
import pickle

import pytest

from slanted.recipe.frozen_dict import FrozenDict

pytestmark = pytest.mark.once

CHANGES = {
    "set": lambda held: held.__setitem__("a", 2),
    "delete": lambda held: held.__delitem__("a"),
    "update": lambda held: held.update(a=2),
    "merge": lambda held: held.__ior__({"b": 1}),
    "setdefault": lambda held: held.setdefault("b", 1),
    "pop": lambda held: held.pop("a"),
    "popitem": lambda held: held.popitem(),
    "clear": lambda held: held.clear(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_way_to_change_it_is_left(change):
    held = FrozenDict(a=1)
    with pytest.raises(TypeError, match="cannot be changed"):
        change(held)
    assert held == {"a": 1}


def test_equal_ones_hash_alike_whatever_their_order():
    assert hash(FrozenDict(a=1, b=2)) == hash(FrozenDict(b=2, a=1)) != hash(FrozenDict(a=1))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda held: pickle.loads(pickle.dumps(held))])
def test_a_copy_is_equal_and_cannot_be_changed_either(again):
    made = again(FrozenDict(a=1))
    assert made == {"a": 1} and type(made) is FrozenDict
