"""What the report on planners says of stretches that are known, and that what is asked for can be planned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtests.planner_calls import asks, batching, slotting, town
from loadtests.planners import TRIES, Stretch, ratios, summary, undisturbed
from serving.decisions.place.checks import check_batch, check_slotting
from serving.decisions.route.building import check_seconds
from serving.decisions.route.params import Limits
from serving.transport.placement_codec import decode_batch, decode_slotting
from serving.transport.routing_codec import decode_plan


def stretch(beside: bool, ms: float, plans: int = 3, failed: tuple[str, ...] = ()) -> Stretch:
    return Stretch(beside, (ms,) * 100, failed, plans if beside else 0, 1.5 if beside else None)


def test_kinds_are_told_apart_and_one_bad_moment_does_not_stand_for_all() -> None:
    stretches = [stretch(True, 2.2), stretch(False, 2.0), stretch(True, 90.0), stretch(False, 2.0), stretch(True, 2.2)]
    (alone, beside), notes = summary(stretches)
    assert (alone["p99_ms"], beside["p99_ms"], beside["worst_ms"]) == (2.0, 2.2, 90.0)
    assert (alone["calls"], beside["calls"], beside["plans"]) == (200, 300, 9)
    assert (beside["ratio"], beside["planner_cores"]) == (1.1, 1.5)
    assert "planner_cores" not in alone
    assert notes == []


def test_a_machine_that_becomes_slower_changes_no_ratio() -> None:
    """Neighbours are compared; of a kind alone there is nothing to compare."""
    slower = [stretch(kind, ms * (1.1 if kind else 1.0)) for ms, kind in ((1.0, False), (2.0, True), (3.0, False))]
    slower += [stretch(True, 3.3), stretch(False, 3.0)]
    assert ratios(slower) == pytest.approx([1.1, 1.1])
    assert ratios([stretch(True, 1.0), stretch(True, 2.0)]) == []


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (stretch(True, 2.5), "1.25 times"),
        (stretch(True, 2.0, plans=0), "no plan was made"),
        (stretch(True, 2.0, failed=("BatchOrders: INTERNAL: why",)), "BatchOrders: INTERNAL: why"),
        (Stretch(True, ()), "no page was answered"),
    ],
)
def test_every_broken_promise_is_named(beside: Stretch, said: str) -> None:
    _, (note,) = summary([stretch(False, 2.0), beside])
    assert said in note


def test_a_stretch_that_the_host_disturbed_is_made_again_a_few_times() -> None:
    """What failed in one that does not count is told all the same."""
    found = [
        replace(stretch(True, 9.0, failed=("Recommend: UNAVAILABLE",)), stolen=0.2),
        replace(stretch(True, 2.0), stolen=0.001),
        stretch(True, 1.0),
    ]
    told: list[str] = []
    one = undisturbed(iter(found).__next__, told.append)
    assert (one.took_ms[0], one.failed) == (2.0, ("Recommend: UNAVAILABLE",))
    assert told == ["the host took 20.0 % of the time"]
    made: list[Stretch] = []

    def disturbed() -> Stretch:
        made.append(replace(stretch(True, float(len(made))), stolen=0.3))
        return made[-1]

    assert undisturbed(disturbed, told.append).took_ms == made[-1].took_ms
    assert len(made) == TRIES


def test_what_planners_ask_for_is_valid_and_the_seed_decides_it() -> None:
    """Half of them ask for routes."""
    check_seconds(Limits(), decode_plan(town(0.5, 1).SerializeToString()).seconds)
    check_batch(decode_batch(batching(0.5, 1).SerializeToString()))
    check_slotting(decode_slotting(slotting(0.5, 1).SerializeToString()))
    assert asks(0.5, 1) == asks(0.5, 1) != asks(0.5, 2)
    assert [kind.name for kind in asks(0.5, 1)] == ["PlanRoutes", "BatchOrders", "PlanRoutes", "PlanSlotting"]
