"""Tables of the exact picker walk: what a part of a walk can look like, and how it may go on.

Aisles are handled from left to right. A *state* says of each cross aisle whether the part of the walk so far meets it
there with no, an odd or an even number of edges, and which of these meetings hang together. With two cross aisles these
are the seven classes of [1]; the same rules give the tables for more cross aisles [2] and for a walk that ends
elsewhere than it began. [1] Ratliff & Rosenthal 1983, Operations Research 31(3); [2] Roodbergen & de Koster 2001, EJOR
133(1), who give the case of three.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

EMPTY, SINGLE, DOUBLE, FROM_BACK, FROM_FRONT, GAP = range(6)
"""Ways to serve the part of an aisle between two cross aisles: not at all; through it once; twice; from its back end or
from its front end and back again; from both ends, with the largest gap between two picks left out."""
WAYS: Final = 6
NONE, DONE = "none", "done"

State = tuple[tuple[int, ...], tuple[int, ...], str]
"""(degree of each cross aisle: 0, 1 = odd, 2 = even; component of each, 0 where the degree is 0; whether, where all
degrees are 0, nothing has begun or all is finished)."""

I16 = npt.NDArray[np.int16]


class Tables(NamedTuple):
    """S states; state 0 is the one in which nothing has begun."""

    vertical: I16
    """(V, 4): segment, way, state before, state after; by segment."""
    vertical_start: I16
    """(c,) where each of the c - 1 segments begins in `vertical`."""
    horizontal: I16
    """(H, 3): state before, state after, edges that it takes."""
    edges: I16
    """(H, c): edges along each cross aisle."""
    meet: I16
    """(S,) state after a walk's begin or end on the front cross aisle, -1 = none."""
    final: npt.NDArray[np.bool_]
    """(S,) whether a walk may end so."""


@cache
def tables(cross: int, path: bool) -> Tables:
    """For `cross` cross aisles. path: the walk ends elsewhere than it began."""
    degree = 1 if path else 2
    states: dict[State, int] = {((0,) * cross, (0,) * cross, NONE): 0}
    waiting = list(states)
    vertical, horizontal, edges = [], [], []
    meet: dict[int, int] = {}

    def number(state: State) -> int:
        if state not in states:
            states[state] = len(states)
            waiting.append(state)
        return states[state]

    while waiting:
        state = waiting.pop(0)
        here = states[state]
        for segment, way in product(range(cross - 1), range(WAYS)):
            after = _along(state, segment, way)
            if after is not None:
                vertical.append((segment, way, here, number(after)))
        for times in product(range(3), repeat=cross):
            after = _onwards(state, times)
            if after is not None:
                horizontal.append((here, number(after), sum(times)))
                edges.append(times)
        touched = _touch(state, 0, degree)
        meet[here] = -1 if touched is None else number(touched)
    vertical.sort()
    starts = np.searchsorted([row[0] for row in vertical], range(cross))
    return Tables(
        np.array(vertical, np.int16),
        starts.astype(np.int16),
        np.array(horizontal, np.int16),
        np.array(edges, np.int16),
        np.array([meet[state] for state in range(len(states))], np.int16),
        np.array([_may_end(state) for state in states]),
    )


def _touch(state: State, cross: int, degree: int) -> State | None:
    """`degree` more edges at a cross aisle that lead nowhere else yet."""
    degrees, parts, mark = list(state[0]), list(state[1]), state[2]
    if mark == DONE:
        return None
    if degrees[cross] == 0:
        parts[cross] = cross + 100
        degrees[cross] = degree
    elif degree == 1:
        degrees[cross] = 3 - degrees[cross]
    return _named(degrees, parts, "")


def _along(state: State, segment: int, way: int) -> State | None:
    if way == EMPTY:
        return state
    low, high = segment, segment + 1
    if way == FROM_FRONT:
        return _touch(state, low, 2)
    if way == FROM_BACK:
        return _touch(state, high, 2)
    degree = 1 if way == SINGLE else 2
    below = _touch(state, low, degree)
    both = None if below is None else _touch(below, high, degree)
    if both is None or way == GAP:
        return both
    parts = [both[1][low] if part == both[1][high] else part for part in both[1]]
    return _named(list(both[0]), parts, "")


def _onwards(state: State, times: tuple[int, ...]) -> State | None:
    """To the next aisle, with so many edges along each cross aisle; every meeting that is left becomes even."""
    degrees, parts, mark = state
    if not any(degrees):
        return state if not any(times) else None
    for degree, edges in zip(degrees, times, strict=True):
        if (degree == 0 and edges) or (degree == 1) != (edges == 1):
            return None
    going = {part for part, edges in zip(parts, times, strict=True) if edges}
    left = {part for part in parts if part} - going
    if left and (going or len(left) > 1):
        return None
    if left:
        return ((0,) * len(degrees), (0,) * len(degrees), DONE)
    return _named(list(times), [part if edges else 0 for part, edges in zip(parts, times, strict=True)], mark)


def _may_end(state: State) -> bool:
    degrees, parts, _ = state
    return 1 not in degrees and len({part for part in parts if part}) <= 1


def _named(degrees: list[int], parts: list[int], mark: str) -> State:
    """Components are numbered in order of appearance, so that equal states look equal."""
    names: dict[int, int] = {0: 0}
    return tuple(degrees), tuple(names.setdefault(part, len(names)) for part in parts), mark
