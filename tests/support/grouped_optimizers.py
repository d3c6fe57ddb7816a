"""Optimizers with two layer groups, low and top, of the two variables of `plain_keras`."""

from plain_keras import variables

from slanted.keras_private.group_membership import Grouping, Member
from slanted.keras_private.grouped import GroupedOptimizer


def grouped(optimizer, scales=(0.5, 1.0), decays=(True, True)):
    """Give a plain optimizer the groups, which it finds again by the paths of the variables it is built on."""
    members = [
        Member(variable.path, tuple(variable.shape), group, decays[group]) for group, variable in enumerate(variables())
    ]
    made = GroupedOptimizer.adopt(optimizer)
    made._set_grouping(Grouping(("low", "top"), scales, members))
    return made
