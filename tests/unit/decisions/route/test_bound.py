"""When a plan is known to have as few vehicles as pay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from route_plans import planned
from routing_worlds import dear, problem_with

from serving.decisions.route.bound import vehicles_enough


def test_vehicles_are_enough_where_one_more_costs_more_than_all_ways() -> None:
    """Not where it may pay, where vehicles differ, or where none drives."""
    cheap = problem_with(12, 3)
    found = planned(dear(cheap))
    assert vehicles_enough(dear(cheap), found) == len(found.routes)
    assert vehicles_enough(cheap, planned(cheap)) is None
    differ = dear(cheap)
    differ = replace(differ, vehicles=replace(differ.vehicles, fixed_cost=np.array([1e7, 1e7, 2e7])))
    assert vehicles_enough(differ, planned(differ)) is None
    assert vehicles_enough(dear(cheap), replace(found, routes=(), cost=0.0)) is None
