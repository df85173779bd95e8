"""Which engines improve one plan at the same time, and until when: rounds, each of them from the best plan so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from serving.decisions.route.bound import vehicles_enough
from serving.decisions.route.problem import WHOLE, Engine, Part, Plan, Problem
from serving.decisions.route.search import Search

EXCHANGE: Final = 0.7
"""Share of the time after which all begin anew from the best plan of all: late, as every search forgets what it has
learned of penalties or of a good temperature."""
FLEET: Final = 0.25
"""Where a vehicle costs more than all ways: share of the time in which all look for a plan of fewer vehicles, ..."""
FLEET_BESIDE: Final = 0.5
"""... and until which our own search still does, beside the others."""


@dataclass(frozen=True, slots=True)
class Round:
    """end: as a share of the time. engines: the first one runs in the caller's thread."""

    end: float
    engines: Sequence[Engine]


def crew(fitting: Sequence[Engine], cores: int) -> list[Engine]:
    """The engines for so many cores: those that fit, and our own search on what is left, with other seeds."""
    first = fitting[0]
    spare = cores - len(fitting)
    return [*fitting, *[first] * spare] if isinstance(first, Search) and first.steps is None else list(fitting)


def rounds(problem: Problem, plan: Plan | None, engines: Sequence[Engine], *, given: bool, part: Part) -> list[Round]:
    """plan: the best so far. given: not made in the opening a moment ago, which would not be worth keeping close to."""
    if part != WHOLE:
        return [Round(1.0, engines)]
    hot = engines if given else [_replaced(engine, warm=0.0) for engine in engines]
    if isinstance(engines[0], Search) and plan is not None and vehicles_enough(problem, plan) is not None:
        fewer = replace(engines[0], fewer=1.0)
        return [
            Round(FLEET, [fewer] * len(engines)),
            Round(FLEET_BESIDE, [fewer, *engines[1:]]),
            Round(1.0, [_replaced(engine, fewer=0.0) for engine in engines]),
        ]
    return [Round(EXCHANGE, hot), Round(1.0, engines)]


def _replaced(engine: Engine, **changes: float) -> Engine:
    """Our own search otherwise, any other engine as it is."""
    return replace(engine, **changes) if isinstance(engine, Search) else engine  # type: ignore[arg-type]
