"""The load of planners at a running gateway, for a moment: everything is answered, and nothing of it goes on."""

from __future__ import annotations

from e2e.conftest import Shop
from e2e.gateways import Gateway

from loadtests.bench.frames import known, unframe
from loadtests.planner_calls import asks
from loadtests.planners import Load, summary


def test_pages_and_plans_are_answered_beside_each_other(local_gateway: Gateway, shop: Shop) -> None:
    bodies = [unframe(body) for body in known([shop.user])]
    load = Load(local_gateway.target, bodies, asks(0.1, 0), planners=8, rate=50.0, callers=2, seconds=1.0)
    load.warm()
    stretches = [load.stretch(False, 1), load.stretch(True, 2)]
    assert [one.failed for one in stretches] == [(), ()]
    (alone, beside), _ = summary(stretches)
    assert min(alone["calls"], beside["calls"]) > 10
    assert beside["plans"] >= 8
