"""InventoryService: one answer or StoregateError a query, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from serving.core.catalogue import Catalogue
from serving.core.errors import StoregateError
from serving.core.turn import Turn
from serving.decisions.replenish.allocate import AllocatePipeline, Flow
from serving.decisions.replenish.contract import (
    AllocateAnswer,
    AllocateQuery,
    Ask,
    Destination,
    Moments,
    PlanAnswer,
    PlanQuery,
    Quantiles,
    Stock,
)
from serving.decisions.replenish.demand import DemandModel
from serving.decisions.replenish.params import Params
from serving.decisions.replenish.pipeline import PlanPipeline

_Query = TypeVar("_Query")
_Answer = TypeVar("_Answer")


class InventoryService:
    """Works from any thread; keeps nothing but the numbers of the forecast's items."""

    def __init__(
        self, model: Callable[[], DemandModel], catalogue: Callable[[], Catalogue], flow: Flow, params: Params
    ) -> None:
        """model: the live forecast, asked only for demand that is not given; raises NotReady where there is none.
        catalogue: as it is now. flow: the solver."""
        self._catalogue = catalogue
        self._plans = PlanPipeline(model, params)
        self._shares = AllocatePipeline(model, self._plans.rows, flow, params.level_share)

    def warm(self) -> None:
        """Compiles what is computed with, so that the first caller does not wait for it."""
        turn, lead = Turn(0.0, 0.0, 0.0), 2.0
        demands = (Moments(1.0, 1.5), Quantiles((0.5, 0.9), ((1.0, 3.0),)))
        asks = tuple(Ask("", lead, on_hand=0, demand=demand, review_days=1) for demand in demands)
        self._plans.warm()
        self.run_plan([PlanQuery(asks)], turn)
        shop = Destination("", value=1, on_hand=0, demand=demands[0])
        self.run_allocate([AllocateQuery((Stock("", (("", 2),), (shop,)),), 1)], turn)

    def run_plan(self, queries: Sequence[PlanQuery], turn: Turn) -> list[PlanAnswer | StoregateError]:
        catalogue = self._catalogue()
        return _each(queries, lambda query: self._plans.run(query, catalogue))

    def run_allocate(self, queries: Sequence[AllocateQuery], turn: Turn) -> list[AllocateAnswer | StoregateError]:
        catalogue = self._catalogue()
        return _each(queries, lambda query: self._shares.run(query, catalogue))


def _each(queries: Sequence[_Query], answer: Callable[[_Query], _Answer]) -> list[_Answer | StoregateError]:
    found: list[_Answer | StoregateError] = []
    for query in queries:
        try:
            found.append(answer(query))
        except StoregateError as error:
            found.append(error)
    return found
