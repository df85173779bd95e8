"""Slottings learned on the first ten twelfths of a history, judged by the walks of the last two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

import numpy as np

from model_repo.evaluate.place.limit import without_best
from model_repo.evaluate.place.world import World, some
from serving.decisions.place.contract import F64, I64, SlottingQuery
from serving.decisions.place.drawing import Panel, picture
from serving.decisions.place.fitting import fitting
from serving.decisions.place.ground import ground_of, order_points, walk_through, walked
from serving.decisions.place.service import PlacementService
from serving.decisions.place.starting import BY_AISLE, NEAREST, assigned, cube_per_order, slot_order

LEARNED: Final = 10 / 12
FEW: Final = 0.05
"""Share of the items that may move where moves are few."""
RANDOM: Final = "random"
CUBE: Final = "cube-per-order"
AISLE: Final = "cube-per-order, by aisle"
SERVED: Final = "served"
FEW_MOVES: Final = "served, 5 % moves"
FREE: Final = "5 % picked for nothing"
"""No slotting: what those that move so few items can hardly surpass."""


@dataclass(frozen=True, slots=True)
class Slotted:
    """One slotting. learned, judged: metres an order over the months that it has seen, and has not."""

    name: str
    slot: I64
    learned: float
    judged: float
    moves: int
    seconds: float


def judge_slots(
    world: World, service: PlacementService, seconds: float, seed: int, say: Callable[[str], None]
) -> list[Slotted]:
    """Random, the index in two ways, and what is served; moves are counted from where things lie."""
    past, after = split(world)
    now, items, orders = world.scattered, world.items, some(world.orders, past)
    fits, none = fitting(items, world.slots), np.zeros(len(items), np.bool_)
    index = cube_per_order(items, orders)
    found = []

    def add(name: str, slot: I64, began: float) -> None:
        learned, judged = _each(world, slot, past).mean(), _each(world, slot, after).mean()
        moves = int((slot != now).sum())
        found.append(Slotted(name, slot, float(learned), float(judged), moves, monotonic() - began))
        say(f"{name}: {judged:.1f} m an order")

    add(RANDOM, now, monotonic())
    for name, how in ((CUBE, NEAREST), (AISLE, BY_AISLE)):
        began = monotonic()
        ranked = slot_order(world.layout, world.slots, how)
        add(name, assigned(index, ranked, fits, now, none, items), began)
    for name, budget in ((SERVED, None), (FEW_MOVES, int(FEW * len(items)))):
        began = monotonic()
        query = SlottingQuery(world.layout, world.slots, items, orders, now, budget, seconds, seed)
        add(name, service.run_slotting(query).slot, began)
    began = monotonic()
    most = int(FEW * len(items))
    learned, judged = (float(without_best(world, now, which, most).mean()) for which in (past, after))
    return [*found, Slotted(FREE, now, learned, judged, most, monotonic() - began)]


def split(world: World) -> tuple[I64, I64]:
    """Positions of the orders to learn from, and of those to judge by."""
    first, last = int(world.time_s[0]), int(world.time_s[-1])
    cut = first + LEARNED * (last - first)
    return np.flatnonzero(world.time_s < cut), np.flatnonzero(world.time_s >= cut)


def drawn(world: World, before: Slotted, after: Slotted, title: str) -> str:
    """Both as a heat map of the picks that were not seen, with the walk of the same middling order."""
    _, judged = split(world)
    orders = some(world.orders, judged)
    sizes = np.diff(orders.start)
    typical = np.flatnonzero(sizes == np.median(sizes).astype(np.int64))
    order = int(typical[len(typical) // 2]) if len(typical) else 0
    items = orders.item[orders.start[order] : orders.start[order + 1]]
    panels = []
    for one in (before, after):
        picks = np.bincount(one.slot[orders.item], minlength=len(world.slots)).astype(np.float64)
        walk = walk_through(world.layout, world.slots, np.unique(one.slot[items]))
        panels.append(Panel(f"{one.name}: {one.judged:,.1f} m an order", picks, walk))
    return picture(world.layout, world.slots, panels, title)


def _each(world: World, slot: I64, which: I64) -> F64:
    """(orders,) metres of the shortest walk of each."""
    ground, point = ground_of(world.layout, world.slots, slot)
    points, start = order_points(some(world.orders, which), point)
    return walked(ground, points, start)
