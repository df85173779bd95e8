"""PlacementService: one answer to each checked query."""

from __future__ import annotations

import numpy as np

from serving.decisions.place.batching import batch_orders
from serving.decisions.place.checks import check_batch, check_slotting
from serving.decisions.place.contract import (
    Aisles,
    BatchAnswer,
    BatchQuery,
    Items,
    Layout,
    Limits,
    Matrix,
    Orders,
    Slots,
    SlottingAnswer,
    SlottingQuery,
)
from serving.decisions.place.ports import MoveChooser, Stop, never
from serving.decisions.place.slotting import plan_slotting


class PlacementService:
    """Works from any thread; keeps nothing."""

    def __init__(self, choose: MoveChooser) -> None:
        """choose: the solver that spends a budget of moves."""
        self._choose = choose

    def warm(self) -> None:
        """Compiles what is computed with, so that the first caller does not wait for it."""
        ids = tuple("abcd")
        place, along = np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 1.0, 2.0])
        slots, items = Slots(ids, place, along), Items(ids)
        orders = Orders(ids, np.arange(5), np.arange(4), np.ones(4, np.int64))
        block = Aisles(np.array([0.0, 3.0]), np.array([0.0, 4.0]), 0.0)
        blocks = Aisles(np.array([0.0, 3.0]), np.array([0.0, 1.5, 4.0]), 0.0)
        matrix = Matrix(np.abs(np.arange(4.0)[:, None] - np.arange(4.0)), 0)
        layouts: tuple[Layout, ...] = (block, blocks, matrix)
        for layout in layouts:
            self.run_batch(BatchQuery(layout, slots, items, orders, np.arange(4), Limits(orders=2), WARM_SECONDS))
        for budget in (None, 2):
            slot = np.arange(4)[::-1].copy()
            self.run_slotting(SlottingQuery(block, slots, items, orders, slot, budget, WARM_SECONDS))

    def run_batch(self, query: BatchQuery, stop: Stop = never) -> BatchAnswer:
        """Raises InvalidInput."""
        check_batch(query)
        return batch_orders(query, stop)

    def run_slotting(self, query: SlottingQuery, stop: Stop = never) -> SlottingAnswer:
        """Raises InvalidInput."""
        check_slotting(query)
        return plan_slotting(query, self._choose, stop)


WARM_SECONDS = 60.0
"""Time of a search that ends by itself when nothing is left to improve."""
