"""Calls of `PlanSlotting` and `BatchOrders`: each searches as long as it was told to, and as its caller waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from serving.core.clock import Clock
from serving.core.errors import StoregateError
from serving.core.turn import Turn
from serving.decisions.place.contract import BatchAnswer, BatchQuery, SlottingAnswer, SlottingQuery

if TYPE_CHECKING:  # whoever only encodes answers needs no kernels
    from serving.decisions.place.service import PlacementService

SPARE_S: Final = 0.02
SPARE_SHARE: Final = 0.1
"""Of the time until a deadline that is left for the last round, and for the answer to be written and to travel."""

Q = TypeVar("Q", BatchQuery, SlottingQuery)
A = TypeVar("A")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batched:
    """An answer with what was asked, which it names by position."""

    query: BatchQuery
    answer: BatchAnswer


@dataclass(frozen=True, slots=True)
class Slotted:
    """Likewise."""

    query: SlottingQuery
    answer: SlottingAnswer


class PlacementCalls:
    """What a worker runs."""

    def __init__(self, service: PlacementService, clock: Clock, seconds_max: float) -> None:
        """seconds_max: of a call, whatever its caller allows."""
        self._service, self._clock, self._seconds_max = service, clock, seconds_max

    def run_batch(self, queries: Sequence[BatchQuery], turn: Turn) -> list[Batched | StoregateError]:
        """BatchOrders."""
        return [self._each(query, turn, self._service.run_batch, Batched) for query in queries]

    def run_slotting(self, queries: Sequence[SlottingQuery], turn: Turn) -> list[Slotted | StoregateError]:
        """PlanSlotting."""
        return [self._each(query, turn, self._service.run_slotting, Slotted) for query in queries]

    def _each(
        self, query: Q, turn: Turn, run: Callable[[Q, Callable[[], bool]], A], made: Callable[[Q, A], T]
    ) -> T | StoregateError:
        until = min(turn.deadline, turn.now + self._seconds_max)
        left_s = (until - self._clock.monotonic()) * (1 - SPARE_SHARE) - SPARE_S
        try:
            answer = run(replace(query, seconds=max(0.0, min(query.seconds, left_s))), turn.gone)
        except StoregateError as error:
            return error
        return made(query, answer)
