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
OLDER: Final = "older cube-per-order"
"""A shop that has put its shelves in order before: by the index, learned on the first OLD of the time."""
OLD: Final = 5 / 12
OLDER_FEW_MOVES: Final = "older, then 5 % moves"
OLDER_FREE: Final = "older, 5 % picked for nothing"


@dataclass(frozen=True, slots=True)
class Slotted:
    """One slotting. learned, judged: metres an order over the months that it has seen, and has not."""

    name: str
    start: str
    """The slotting that moves and gains are counted from."""
    slot: I64
    learned: float
    judged: float
    moves: int
    seconds: float


def judge_slots(
    world: World, service: PlacementService, seconds: float, seed: int, say: Callable[[str], None]
) -> list[Slotted]:
    """Random, the index in two ways, and what is served; then few moves, from random slots and from an older index."""
    past, after = split(world)
    items, orders, found = world.items, some(world.orders, past), dict[str, Slotted]()
    most = int(FEW * len(items))

    def add(name: str, start: str, slot: I64, began: float) -> None:
        learned, judged = (float(_each(world, slot, which).mean()) for which in (past, after))
        moves = int((slot != (found[start].slot if start in found else slot)).sum())
        found[name] = Slotted(name, start, slot, learned, judged, moves, monotonic() - began)
        say(f"{name}: {judged:.1f} m an order")

    def few(name: str, free: str, start: str) -> None:
        began, now = monotonic(), found[start].slot
        query = SlottingQuery(world.layout, world.slots, items, orders, now, most, seconds, seed)
        add(name, start, service.run_slotting(query).slot, began)
        began = monotonic()
        learned, judged = (float(without_best(world, now, which, most).mean()) for which in (past, after))
        found[free] = Slotted(free, start, now, learned, judged, most, monotonic() - began)

    add(RANDOM, RANDOM, world.scattered, monotonic())
    for name, how, known in ((CUBE, NEAREST, LEARNED), (AISLE, BY_AISLE, LEARNED), (OLDER, NEAREST, OLD)):
        began = monotonic()
        add(name, OLDER if name == OLDER else RANDOM, _by_index(world, how, known), began)
    began = monotonic()
    query = SlottingQuery(world.layout, world.slots, items, orders, world.scattered, None, seconds, seed)
    add(SERVED, RANDOM, service.run_slotting(query).slot, began)
    few(FEW_MOVES, FREE, RANDOM)
    few(OLDER_FEW_MOVES, OLDER_FREE, OLDER)
    return list(found.values())


def _by_index(world: World, how: str, known: float) -> I64:
    """Slots by the cube-per-order index of what was ordered in the first part `known` of the time."""
    items, fits = world.items, fitting(world.items, world.slots)
    index = cube_per_order(items, some(world.orders, split(world, known)[0]))
    ranked, none = slot_order(world.layout, world.slots, how), np.zeros(len(items), np.bool_)
    return assigned(index, ranked, fits, world.scattered, none, items)


def split(world: World, known: float = LEARNED) -> tuple[I64, I64]:
    """Positions of the orders of the first part `known` of the time, to learn from, and of those after them."""
    first, last = int(world.time_s[0]), int(world.time_s[-1])
    cut = first + known * (last - first)
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
