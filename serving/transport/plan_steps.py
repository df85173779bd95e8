"""A stream of plans as a row of steps: each is a PlanRoutes call of its own to the engine, with the best plan so far as
its start and a slice of the time. Sans-IO: bytes and times in, bytes out.

So a plan is improved wherever a worker has room, other plans have their turns in between, and a caller that has gone
costs no more than the step under way. Whatever happens after the first plan, the stream ends with the best one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from serving.core.clock import NEVER
from serving.core.errors import Overloaded, StoregateError
from serving.decisions.route.building import check_seconds, check_sizes
from serving.decisions.route.params import Limits
from serving.decisions.route.problem import WHOLE, Part
from serving.transport import checks
from serving.transport.plan_part import with_part
from storegate.v1 import routing_pb2 as pb

PLAN_ROUTES: Final = "/storegate.v1.RoutingService/PlanRoutes"
FIRST_S: Final = 0.1
"""Of the first step, so that a plan is there soon; each further one takes twice as long, up to a slice."""
GROWTH: Final = 2.0
TURN_S_MIN: Final = 0.05
"""However many plans are made at once."""
LEAST_S: Final = 0.01
"""Of a step: with less time left there is none."""
SIGN_S: Final = 5.0
"""After so long without a better plan the best one is sent again, as a sign of life."""
STREAMS_MAX: Final = 16
"""Of a front at once."""
RETRY_S: Final = 1.0
FAILED_MAX: Final = 3
"""Steps in a row that failed, after which the best plan is the last one."""


def too_many() -> Overloaded:
    """One stream more than a front has."""
    return Overloaded(f"{STREAMS_MAX} streams of plans are open already: wait for one to end", RETRY_S)


@dataclass(frozen=True, slots=True)
class Step:
    """A call to make. deadline: of the monotonic clock."""

    payload: bytes
    deadline: float


class PlanSteps:
    """One stream. Not thread-safe."""

    def __init__(self, payload: bytes, limits: Limits, now: float, deadline: float = NEVER) -> None:
        """payload: a PlanRoutesRequest. now, deadline: of the monotonic clock. Raises InvalidInput."""
        self._request = checks.parsed(pb.PlanRoutesRequest.FromString, "PlanRoutesRequest", payload)
        asked = self._request
        if asked.HasField("start"):
            asked.start.ClearField("lower_bound")  # only what a step has found is believed in the next
        check_sizes(limits, len(asked.depots), len(asked.vehicles), len(asked.stops), len(asked.profiles))
        seconds = check_seconds(limits, self._request.time_limit_s)
        self._limits, self._began, self._deadline = limits, now, deadline
        self._until = now + min(seconds, max(deadline - now - limits.spare_s, 0.0))
        self._weights = {
            stop.stop_id: 1 + stop.priority for stop in self._request.stops if not stop.HasField("drop_penalty")
        }
        self._slice = FIRST_S
        self._seed = self._request.seed
        self._best: Any = None
        self._told_at = now
        self._failed = 0
        self._optimal = False
        self._asked_at = now
        self._cooled = 0.0
        """Share of the whole search that the steps so far were told to make."""
        self._beside_s = 0.0
        """What the last step took beside its time: to be sent, to wait for its turn, to be read and checked."""

    @property
    def begun(self) -> bool:
        """Whether there is a plan."""
        return self._best is not None

    def next(self, now: float, streams: int = 1) -> Step | None:
        """The next call; None = the time is up, or no better plan exists. streams: that are open beside each other, of
        which each has its turn within a slice's time."""
        left = self._until - now - self._beside_s
        if self._best is not None and (left < LEAST_S or self._optimal or self._failed >= FAILED_MAX):
            return None
        request = self._request
        turn_s = max(self._limits.slice_s / max(streams, 1), TURN_S_MIN)
        request.time_limit_s = max(min(max(self._slice, self._beside_s), turn_s, left), LEAST_S)
        self._asked_at = now
        request.seed = self._seed % 2**32
        if self._best is not None:
            request.start.CopyFrom(self._best)
        self._slice = min(self._slice * GROWTH, self._limits.slice_s)
        self._seed += 1
        return Step(with_part(self._part(now), checks.wire(request)), self._deadline)

    def _part(self, now: float) -> Part:
        """Of the next step. The steps make one search, which cools once: not one each. Only the first is a whole one,
        so that a good plan is there soon."""
        if self._best is None:
            return WHOLE
        began = self._cooled
        done_at = now + self._beside_s + self._request.time_limit_s
        share = (done_at - self._began) / max(self._until - self._began, LEAST_S)
        self._cooled = min(max(share, began), 1.0)
        return Part(began, self._cooled)

    def took(self, payload: bytes, now: float) -> bytes | None:
        """The answer to the last step; what is to be sent of it, if anything."""
        answer = pb.PlanRoutesResponse.FromString(payload)
        self._failed = 0
        self._beside_s = max(now - self._asked_at - self._request.time_limit_s, 0.0)
        better = self._best is None or self._worth(answer.plan) < self._worth(self._best)
        if better:
            self._best = answer.plan
        plan = self._best
        self._optimal = plan.HasField("gap_pct") and plan.gap_pct <= 0
        if not better and now - self._told_at < SIGN_S:
            return None
        self._told_at = now
        return self._message(now, final=False)

    def failed(self, error: StoregateError) -> None:
        """The last step came to nothing. Raises the error where there is no plan yet."""
        if self._best is None:
            raise error
        self._failed += 1

    def last(self, now: float) -> bytes:
        """The final plan."""
        return self._message(now, final=True)

    def _worth(self, plan: Any) -> tuple[int, float]:
        """Less is better: required stops left out, as problem.py weighs them, then what the plan costs."""
        weights = self._weights
        return sum(weights.get(one.stop_id, 0) for one in plan.dropped), plan.cost + plan.penalty

    def _message(self, now: float, *, final: bool) -> bytes:
        return checks.wire(
            pb.PlanRoutesResponse(
                plan=self._best, elapsed_s=now - self._began, final=final, request_id=self._request.request_id
            )
        )
