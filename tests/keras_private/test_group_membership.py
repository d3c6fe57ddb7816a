"""Members of layer groups are found again: by identity, by path, or by place and shape."""

import json
from types import SimpleNamespace

import pytest

from slanted.keras_private.group_membership import Grouping, Member

pytestmark = pytest.mark.once

SHAPES = {"low/kernel": (2, 3), "low/bias": (3,), "top/kernel": (3, 1)}


def variables(*paths):
    return [SimpleNamespace(path=path, shape=SHAPES[path]) for path in paths or SHAPES]


def grouping(live=()):
    """Return groups of members that are read from a file, or that have these variables."""
    given = list(live) or [None] * 3
    members = [
        Member(path, shape, int(path.startswith("top")), path.endswith("kernel"), variable)
        for (path, shape), variable in zip(SHAPES.items(), given, strict=True)
    ]
    return Grouping(("low", "top"), (0.5, 1.0), members)


def test_all_groups_are_open_at_first():
    assert grouping().is_open == [True, True]


def test_members_come_into_the_order_of_the_variables_they_are():
    live = variables()
    made = grouping(live)
    made.align(live[::-1])
    assert [member.variable for member in made.members] == live[::-1]
    assert [(member.group, member.decays) for member in made.members] == [(1, True), (0, False), (0, True)]


@pytest.mark.parametrize("live", [(), variables()], ids=["from a file", "of another model"])
@pytest.mark.parametrize("paths", [list(SHAPES), list(SHAPES)[::-1], ["low/bias"]])
def test_variables_of_a_model_made_anew_are_found_by_path(live, paths):
    made, anew = grouping(live), variables(*paths)
    made.align(anew)
    assert [member.path for member in made.members] == paths
    assert all(member.variable is variable for member, variable in zip(made.members, anew, strict=True))
    assert [member.group for member in made.members] == [int(path.startswith("top")) for path in paths]


def renamed():
    return [SimpleNamespace(path=f"dense_{number}", shape=shape) for number, shape in enumerate(SHAPES.values())]


def test_members_from_a_file_whose_layers_were_named_anew_are_found_by_place_and_shape():
    made = grouping()
    made.align(renamed())
    assert [(m.path, m.group, m.decays) for m in made.members] == [
        ("dense_0", 0, True), ("dense_1", 0, False), ("dense_2", 1, True)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("live", "given", "listed"),
    [
        ((), [*variables(), SimpleNamespace(path="head/kernel", shape=(1, 1))], "head/kernel"),
        (variables(), renamed(), "dense_0, dense_1, dense_2"),
        ((), renamed()[::-1], "dense_2, dense_1, dense_0"),
    ],
    ids=["one more", "of a model that is there", "in another order"],
)
def test_variables_in_no_group_are_listed(live, given, listed):
    with pytest.raises(ValueError) as raised:
        grouping(live).align(given)
    assert str(raised.value) == (
        f"Every variable the optimizer trains must be in a layer group. In none: {listed}. "
        "Pass slanted.layer_groups(model) of the model that is trained."
    )


def test_members_come_back_from_json_without_their_variables():
    made = grouping(variables())
    back = Grouping.members_from_config(json.loads(json.dumps(made.to_config())))
    assert back == made.members
    assert [member.variable for member in back] == [None] * 3
