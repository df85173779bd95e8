"""Where latency bends: the most load that is still answered as a light one is. A rule, not an eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GOODPUT_MIN = 0.95
"""Share of what is offered that is answered rightly; below it a level is saturated."""
RISE_MAX = 3.0
"""p95 over that of the lightest level; above it a level is saturated."""


@dataclass(frozen=True, slots=True)
class Point:
    """One level. offered_per_s: requests that were to be sent; p95_ms: NaN when nothing was answered."""

    offered_per_s: float
    goodput: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Knee:
    """at: position of the last level before saturation in the points by load; -1 = even the lightest is saturated."""

    at: int
    offered_per_s: float
    """Of that level; 0 when there is none."""
    why: str
    """Why the level after it is saturated."""


def knee(points: Sequence[Point]) -> Knee | None:
    """The knee of levels in any order; None when the load never reached it, or there are fewer than three levels.

    A level is saturated when less than GOODPUT_MIN of it is answered or its p95 is above RISE_MAX times the lightest
    level's. The knee is the level before the first saturated one that is followed by another saturated one, or is the
    last: a single disturbed level amid healthy ones is none.
    """
    ordered = sorted(points, key=lambda point: point.offered_per_s)
    if len(ordered) < 3:
        return None
    whys = [_saturated(point, ordered[0].p95_ms) for point in ordered]
    for at, why in enumerate(whys):
        if why and (at + 1 == len(whys) or whys[at + 1]):
            return Knee(at - 1, ordered[at - 1].offered_per_s if at else 0.0, why)
    return None


def _saturated(point: Point, light_ms: float) -> str:
    """Why it is; empty when it is not. NaN is never good."""
    if not point.goodput >= GOODPUT_MIN:
        return f"{point.goodput:.0%} of {point.offered_per_s:.0f}/s are answered, less than {GOODPUT_MIN:.0%}"
    if not point.p95_ms <= RISE_MAX * light_ms:
        return f"p95 at {point.offered_per_s:.0f}/s is {point.p95_ms / light_ms:.1f} times the lightest level's"
    return ""
