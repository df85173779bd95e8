"""A layout as the kernels read it."""

from __future__ import annotations

import numpy as np

from serving.decisions.place.contract import F64, I64, Aisles, Layout, Matrix, Orders, Slots
from serving.kernels.picker_ground import Ground, aisle_ground, matrix_ground
from serving.kernels.picker_policies import COMBINED, LARGEST_GAP, RETURN, S_SHAPE, policies_metres
from serving.kernels.picker_route import room_of, walk_route
from serving.kernels.picker_walk import walks_metres

RULES = {"s-shape": S_SHAPE, "largest-gap": LARGEST_GAP, "return": RETURN, "combined": COMBINED}
"""Of contract.Policy, beside the shortest walk."""


def ground_of(layout: Layout, slots: Slots, used: I64) -> tuple[Ground, I64]:
    """The ground with the slots `used` (n,) alone, and the point (n,) of each."""
    if isinstance(layout, Matrix):
        end = layout.depot if layout.end is None else layout.end
        return matrix_ground(layout.metres, layout.depot, end, slots.place[used])
    end_x = layout.depot_x if layout.end_x is None else layout.end_x
    return aisle_ground(layout.aisle_x, layout.cross_y, layout.depot_x, end_x, slots.place[used], slots.y[used])


def point_sets(point: I64, owner: I64, owners: int) -> tuple[I64, I64]:
    """Sets for the kernels: points ascending and each once by owner, and where each owner's begin, (owners + 1,).

    point, owner: (n,) of each line.
    """
    span = int(point.max(initial=0)) + 1
    key = np.unique(owner * span + point)
    start = np.searchsorted(key, np.arange(owners + 1) * span)
    return key % span, start.astype(np.int64)


def order_points(orders: Orders, point_of_item: I64) -> tuple[I64, I64]:
    """The points of each order."""
    owner = np.repeat(np.arange(len(orders)), np.diff(orders.start))
    return point_sets(point_of_item[orders.item], owner, len(orders))


def walked(ground: Ground, points: I64, start: I64, policy: str = "optimal") -> F64:
    """(n,) metres of the walk over each set by a contract.Policy. With a matrix by "optimal" alone."""
    out = np.empty(len(start) - 1)
    if policy == "optimal":
        walks_metres(ground, points, start, out)
    else:
        policies_metres(ground, points, start, RULES[policy], out)
    return out


def walk_through(layout: Aisles, slots: Slots, used: I64) -> F64:
    """(k, 2) x and y of the shortest walk by way of the slots `used`, from the depot to the end."""
    ground, point = ground_of(layout, slots, used)
    points = np.unique(point)
    nodes = np.empty(room_of(ground, len(points)), np.int64)
    nodes = nodes[: walk_route(ground, points, len(points), nodes)]
    crossing, cross = -1 - nodes, len(layout.cross_y)
    stop = np.maximum(nodes, 0)
    column = np.where(nodes >= 0, ground.column[stop], crossing // cross)
    y = np.where(nodes >= 0, ground.y[stop], layout.cross_y[np.where(nodes >= 0, 0, crossing % cross)])
    return np.stack([ground.column_x[column], y], axis=1)
