"""A warehouse as arrays: what the walking kernels read."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from serving.kernels.picker_states import tables

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class Ground(NamedTuple):
    """w columns from left to right, each an aisle with shelves, or none where a walk only begins or ends there.

    Points (p,) are where pickers stop, ascending by column and then by y, so that a set of points is a sorted array.
    With a matrix there is one column, and a point is a row of `metres`.
    """

    metres: F64
    """(p + 2, p + 2): of points, then begin and end; (0, 0) = aisles."""
    column_x: F64
    """(w,)"""
    shelves: npt.NDArray[np.bool_]
    """(w,) whether one can walk through the column."""
    cross_y: F64
    """(c,)"""
    begin: int
    """Column of the depot."""
    end: int
    column: I64
    """(p,) of each point."""
    y: F64
    """(p,) of each point."""
    segment: I64
    """(p,) the part of the column, between cross aisles, that it lies in."""
    vertical: npt.NDArray[np.int16]
    vertical_start: npt.NDArray[np.int16]
    horizontal: npt.NDArray[np.int16]
    edges: npt.NDArray[np.int16]
    meet: npt.NDArray[np.int16]
    final: npt.NDArray[np.bool_]
    """The tables of picker_states.py."""


def aisle_ground(
    aisle_x: F64, cross_y: F64, depot_x: float, end_x: float, aisle: npt.NDArray[Any], y: F64
) -> tuple[Ground, I64]:
    """Aisles at aisle_x (a,), cross aisles at cross_y (c,), places (n,) in them; and the point (n,) of each place."""
    xs = np.unique(np.concatenate([aisle_x, [depot_x, end_x]]))
    own = np.searchsorted(xs, aisle_x)
    shelves = np.zeros(len(xs), np.bool_)
    shelves[own] = True
    spots, point = np.unique(np.stack([own[aisle].astype(np.float64), y], axis=1), axis=0, return_inverse=True)
    begin, end = int(np.searchsorted(xs, depot_x)), int(np.searchsorted(xs, end_x))
    segment = np.clip(np.searchsorted(cross_y, spots[:, 1], side="right") - 1, 0, len(cross_y) - 2)
    ground = Ground(
        np.zeros((0, 0)),
        xs,
        shelves,
        np.ascontiguousarray(cross_y, np.float64),
        begin,
        end,
        spots[:, 0].astype(np.int64),
        np.ascontiguousarray(spots[:, 1]),
        segment.astype(np.int64),
        *tables(len(cross_y), begin != end),
    )
    return ground, point.reshape(-1).astype(np.int64)


def matrix_ground(metres: F64, depot: int, end: int, place: npt.NDArray[Any]) -> tuple[Ground, I64]:
    """The same for walking distances (q, q) between any points, of which `place` (n,) are stopped at."""
    spots, point = np.unique(place, return_inverse=True)
    rows = np.concatenate([spots, [depot, end]]).astype(np.int64)
    none = np.zeros(len(spots), np.int64)
    ground = Ground(
        np.ascontiguousarray(metres[np.ix_(rows, rows)], np.float64),
        np.zeros(1),
        np.ones(1, np.bool_),
        np.zeros(2),
        0,
        0,
        none,
        np.zeros(len(spots)),
        none,
        *tables(2, False),
    )
    return ground, point.reshape(-1).astype(np.int64)
