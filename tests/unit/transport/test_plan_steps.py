"""A stream of plans, step by step, with a clock of the test's own."""

from __future__ import annotations

import pytest
from towns import LINE, changed, message

from serving.core.errors import InvalidInput, NotReady
from serving.decisions.route.params import Limits
from serving.decisions.route.problem import WHOLE
from serving.transport.plan_part import part_of
from serving.transport.plan_steps import FAILED_MAX, FIRST_S, SIGN_S, PlanSteps, Step
from storegate.v1 import routing_pb2 as pb

LIMITS = Limits(seconds=4.0, slice_s=1.0, spare_s=0.2)


def request(step: Step | None) -> pb.PlanRoutesRequest:
    assert step is not None
    return pb.PlanRoutesRequest.FromString(step.payload)


def plan(cost: float, dropped: tuple[str, ...] = (), **fields: float) -> bytes:
    out = [pb.DroppedStop(stop_id=stop) for stop in dropped]
    return pb.PlanRoutesResponse(plan=pb.RoutePlan(cost=cost, dropped=out, **fields)).SerializeToString()


def steps_of(now: float = 100.0, deadline: float = float("inf"), **fields: object) -> PlanSteps:
    return PlanSteps(message(LINE | fields).SerializeToString(), LIMITS, now, deadline)


def told(payload: bytes | None) -> pb.PlanRoutesResponse | None:
    return None if payload is None else pb.PlanRoutesResponse.FromString(payload)


def test_steps_grow_and_start_from_the_best_plan() -> None:
    steps = steps_of(seed=7, requestId="r")
    first = request(steps.next(100.0))
    assert (first.time_limit_s, first.seed, first.HasField("start")) == (FIRST_S, 7, False)
    sent = told(steps.took(plan(50.0), 100.1))
    assert sent is not None
    assert (sent.plan.cost, sent.final, sent.request_id) == (50.0, False, "r")
    assert sent.elapsed_s == pytest.approx(0.1)
    second = request(steps.next(100.1))
    assert (second.time_limit_s, second.seed, second.start.cost) == (2 * FIRST_S, 8, 50.0)
    assert steps.took(plan(60.0), 100.3) is None, "no better plan"
    assert request(steps.next(100.3)).start.cost == 50.0
    for _ in range(3):
        longest = request(steps.next(100.4)).time_limit_s
    assert longest == LIMITS.slice_s
    last = told(steps.last(104.0))
    assert last is not None
    assert (last.plan.cost, last.final) == (50.0, True)


def test_a_bound_is_found_once_and_a_callers_is_not_believed() -> None:
    steps = steps_of(start={"lowerBound": 9999.0})
    assert not request(steps.next(100.0)).start.HasField("lower_bound")
    steps.took(plan(50.0, lower_bound=40.0), 100.1)
    assert request(steps.next(100.1)).start.lower_bound == 40.0


def test_the_time_is_kept() -> None:
    steps = steps_of(timeLimitS=0.25)
    steps.next(100.0)
    steps.took(plan(5.0), 100.1)
    assert request(steps.next(100.1)).time_limit_s == pytest.approx(0.15)
    assert steps.next(100.245) is None


def test_the_steps_share_one_cooling() -> None:
    """After the first plan, which is soon there: from the hottest to the coldest, without a gap."""
    steps = steps_of(timeLimitS=2)
    now, reached, step = 100.0, 0.0, steps.next(100.0)
    assert step is not None
    assert part_of(step.payload) == WHOLE
    while step is not None:
        now += request(step).time_limit_s + 0.01  # what is lost beside is cooled over as well
        steps.took(plan(50.0), now)
        step = steps.next(now)
        if step is not None:
            part = part_of(step.payload)
            assert part.begins == pytest.approx(reached)
            assert part.ends == pytest.approx((now + request(step).time_limit_s + 0.01 - 100.0) / 2, abs=0.001)
            reached = part.ends
    assert reached == pytest.approx(1.0, abs=0.02)


def test_failed_steps_do_not_heat_again() -> None:
    steps = steps_of(timeLimitS=4)
    steps.took(plan(50.0), 100.2)
    part_before = part_of(steps.next(100.2).payload)  # type: ignore[union-attr]
    steps.failed(NotReady("away"))
    part = part_of(steps.next(100.2).payload)  # type: ignore[union-attr]
    assert part.begins == part_before.ends
    assert part.begins <= part.ends <= 1.0


def test_a_deadline_leaves_time_for_the_last_plan() -> None:
    steps = steps_of(deadline=100.5, timeLimitS=3)
    steps.next(100.0)
    steps.took(plan(5.0), 100.1)
    assert request(steps.next(100.25)).time_limit_s == pytest.approx(0.05)
    assert steps.next(100.3) is None


def test_what_a_step_takes_beside_its_time_is_left_for_it() -> None:
    """Large problems take long to read, and many streams to have their turn."""
    steps = steps_of(deadline=103.2)
    steps.next(100.0)
    steps.took(plan(5.0), 100.7)
    assert request(steps.next(100.7)).time_limit_s == pytest.approx(0.6), "no less than what is lost"
    steps.took(plan(4.0), 101.9)
    assert request(steps.next(101.9)).time_limit_s == pytest.approx(0.5)
    steps.took(plan(3.0), 102.5)
    assert request(steps.next(102.5)).time_limit_s == pytest.approx(0.4)
    steps.took(plan(3.0), 102.9)
    assert steps.next(102.999) is None


def test_even_a_late_request_gets_one_step() -> None:
    steps = steps_of(deadline=100.05)
    step = steps.next(100.0)
    assert step is not None
    assert step.deadline == 100.05
    assert 0 < request(step).time_limit_s < FIRST_S


def test_streams_beside_each_other_share_a_slice() -> None:
    steps = steps_of()
    for _ in range(6):
        steps.next(100.0, streams=8)
    assert request(steps.next(100.0, streams=8)).time_limit_s == pytest.approx(LIMITS.slice_s / 8)


def test_a_required_stop_counts_more_than_any_cost() -> None:
    """One with a penalty costs its penalty."""
    town = changed(LINE, "stops.0.dropPenalty", 10)
    steps = PlanSteps(message(town).SerializeToString(), LIMITS, 0.0)
    steps.next(0.0)
    steps.took(plan(90.0, dropped=("b",)), 0.1)
    assert steps.took(plan(80.0, dropped=("b", "c")), 0.2) is None
    assert steps.took(plan(500.0), 0.3) is not None
    assert steps.took(plan(480.0, dropped=("a",), penalty=30.0), 0.4) is None
    assert steps.took(plan(480.0, dropped=("a",), penalty=10.0), 0.5) is not None


def test_a_plan_that_cannot_be_better_ends_the_stream() -> None:
    steps = steps_of()
    steps.next(100.0)
    steps.took(plan(7.0, lower_bound=7.0, gap_pct=0.0), 100.1)
    assert steps.next(100.1) is None


def test_a_stream_says_that_it_lives() -> None:
    steps = steps_of(timeLimitS=60)
    steps.took(plan(7.0), 100.1)
    assert steps.took(plan(7.0), 100.2) is None
    sign = told(steps.took(plan(7.0), 100.2 + SIGN_S))
    assert sign is not None
    assert not sign.final


def test_failures_after_the_first_plan_end_with_the_best_one() -> None:
    steps = steps_of()
    with pytest.raises(NotReady):
        steps.failed(NotReady("away"))
    steps.took(plan(7.0), 100.1)
    for _ in range(FAILED_MAX):
        assert steps.next(100.2) is not None
        steps.failed(NotReady("away"))
    assert steps.next(100.2) is None


@pytest.mark.parametrize("seconds", [-1, 1000, "NaN"])
def test_a_time_limit_that_cannot_be_had_is_refused(seconds: object) -> None:
    with pytest.raises(InvalidInput, match="time_limit_s"):
        steps_of(timeLimitS=seconds)


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(InvalidInput, match="PlanRoutesRequest"):
        PlanSteps(b"\xff\xff", LIMITS, 0.0)
