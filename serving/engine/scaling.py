"""How many replicas are wanted: a pure function of what they have to do, told over time. No clock, no framework.

Two windows [1] stand around the present number. Replicas are added when the load has asked for more during all of
`up_delay_s`, and taken away when it has asked for less during all of `down_delay_s`; what takes them away must be
`tolerance` lower than what adds them. So a load that stays within the tolerance moves the number in one direction only.

[1] The stabilization windows of Kubernetes' HorizontalPodAutoscaler, https://kubernetes.io/docs/tasks/run-application/
horizontal-pod-autoscale/#stabilization-window
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from serving.core.config import setting

ROUNDING = 1e-9
"""Sums of shares are not exact: a load at the target to so much is not above it."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one replica had to do lately. busy: share of its time in batches, 0..1. queue: calls waiting, on average."""

    busy: float
    queue: float


@dataclass(frozen=True, slots=True)
class ScalingParams:
    """When replicas are added and taken away."""

    busy_target: float = setting(
        0.6, "Share of its time a replica shall be at work; above it, replicas are added.", low=0.05, high=1
    )
    queue_target: float = setting(
        16.0, "Calls that may wait in a replica on average; above it, replicas are added.", low=0.1, high=10_000,
        unit="calls",
    )  # fmt: skip
    tolerance: float = setting(
        0.25, "How far below both targets, as a share of them, the rest must be when a replica goes.", low=0, high=0.9
    )
    up_delay_s: float = setting(
        2.0, "How long more replicas must be wanted before they are added.", low=0, high=3600, unit="s"
    )
    down_delay_s: float = setting(
        120.0, "How long fewer must be wanted before they are taken away.", low=0, high=86_400, unit="s"
    )

    def needed(self, loads: Iterable[Load]) -> tuple[float, float]:
        """(replicas that would be just at the targets, replicas that would be the tolerance below them)."""
        busy = queue = 0.0
        for load in loads:
            busy += load.busy
            queue += load.queue
        wanted = max(busy / self.busy_target, queue / self.queue_target)
        return wanted, wanted / (1.0 - self.tolerance)


@dataclass(frozen=True, slots=True)
class Window:
    """The extreme of what was needed lately. points: (time until which it held, value), the extreme one first, then
    what would be extreme without those before; so they are no more than there are different numbers of replicas."""

    points: tuple[tuple[float, int], ...]

    def with_value(self, value: int, now: float, delay_s: float, *, highest: bool) -> Window:
        """`value` holds from `now` on; what held longer ago than `delay_s` is forgotten."""
        *older, (_, newest) = self.points
        kept = [(until, was) for until, was in (*older, (now, newest)) if until > now - delay_s]
        while kept and (kept[-1][1] <= value if highest else kept[-1][1] >= value):
            kept.pop()
        return Window((*kept, (now, value)))

    @property
    def extreme(self) -> int:
        return self.points[0][1]


@dataclass(frozen=True, slots=True)
class ScalingState:
    """What the past says. low: the lowest number that was needed lately; high: the highest that was not too many."""

    low: Window
    high: Window

    @classmethod
    def begin(cls, replicas: int, now: float) -> ScalingState:
        """As if the present number had always been the right one."""
        window = Window(((now, replicas),))
        return cls(window, window)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of the number of replicas, both included. 1 <= least <= most."""

    least: int
    most: int

    def clamp(self, replicas: float) -> int:
        """The next whole number up, within the bounds."""
        return min(max(math.ceil(replicas - ROUNDING), self.least), self.most)


def scale(
    loads: Iterable[Load], replicas: int, now: float, state: ScalingState, bounds: Bounds, params: ScalingParams
) -> tuple[int, ScalingState]:
    """(replicas wanted, state for the next call).

    loads: of the replicas that serve; those that still start have none. replicas: wanted up to now. now: seconds of any
    clock that never goes back.
    """
    up, down = params.needed(loads)
    low = state.low.with_value(bounds.clamp(up), now, params.up_delay_s, highest=False)
    high = state.high.with_value(bounds.clamp(down), now, params.down_delay_s, highest=True)
    wanted = max(low.extreme, min(replicas, high.extreme))
    return bounds.clamp(wanted), ScalingState(low, high)
