"""Walking distances between racks that are rectangles: straight where nothing is in the way, else round corners."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import shortest_path

F64 = npt.NDArray[np.float64]


def walking_distances(points: F64, racks: F64) -> F64:
    """(p, p) shortest distances between points (p, 2). racks: (r, 4) left, bottom, right, top; walls may be touched.

    Each straight part is cut to whole metres, as those who published the instances do.
    """
    corners = np.concatenate([racks[:, [0, 1]], racks[:, [0, 3]], racks[:, [2, 1]], racks[:, [2, 3]]])
    nodes = np.concatenate([points, corners])
    straight = np.floor(np.linalg.norm(nodes[:, None] - nodes[None], axis=2))
    for rack in racks:
        straight[_crosses(nodes, rack)] = np.inf
    p = len(points)
    return shortest_path(np.where(np.isfinite(straight), straight, 0), directed=False)[:p, :p]


def _crosses(nodes: F64, rack: F64) -> npt.NDArray[np.bool_]:
    """(n, n) whether the line between two nodes goes through the inside of a rack (Liang-Barsky clipping)."""
    first = np.broadcast_to(nodes[:, None], (len(nodes), len(nodes), 2))
    step = nodes[None] - nodes[:, None]
    enter, leave = np.zeros(step.shape[:2]), np.ones(step.shape[:2])
    outside = np.zeros(step.shape[:2], np.bool_)
    for axis in range(2):
        low, high = rack[axis] + 1e-9, rack[axis + 2] - 1e-9
        flat = step[..., axis] == 0
        outside |= flat & ((first[..., axis] <= low) | (first[..., axis] >= high))
        slope = np.where(flat, 1.0, step[..., axis])
        a, b = (low - first[..., axis]) / slope, (high - first[..., axis]) / slope
        enter = np.where(flat, enter, np.maximum(enter, np.minimum(a, b)))
        leave = np.where(flat, leave, np.minimum(leave, np.maximum(a, b)))
    return ~outside & (enter < leave)
