"""What an outage did to the calls, phase by phase: no socket, no clock. Times: seconds of one monotonic clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Literal

import numpy as np

SETTLE_S = 1.0
"""The promise holds after the first second of an outage."""
RATIO_MAX = 2.0
"""p99 in an outage over the normal one."""

Told = Literal["fine", "degraded", "stored", "unavailable", "failed"]
"""Of a Recommend: fine, degraded (without its profile, which it says), failed. Of a write: stored, unavailable
(UNAVAILABLE with the reason STORE_UNAVAILABLE), failed (anything else)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. problem: what was wrong with a failed one."""

    begun_s: float
    ended_s: float
    told: Told
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of time. server: which Redis; store: what it does meanwhile, "normal" is no outage.

    back_s: for an outage, when the server can be well again at the earliest: it was let go on, or has died and will be
    revived.
    """

    server: str
    store: str
    begun_s: float
    ended_s: float
    back_s: float = 0.0

    @property
    def outage(self) -> bool:
        return self.store != "normal"

    @property
    def lasting(self) -> bool:
        """Whether the outage lasts as long as the phase: it ends by our hand, not by the launcher's."""
        return self.outage and self.back_s >= self.ended_s


@dataclass(frozen=True, slots=True)
class Found:
    """Of one phase. p50_ms, p99_ms: of the answers to calls begun after the first second; p99_first_ms: before.

    recovered_s, stored_s: from `Phase.back_s` to the first answer that is not degraded, the first write stored;
    None = not before the end of the following phase, and for a normal phase.
    """

    phase: Phase
    calls: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    p99_first_ms: float
    degraded: float
    """Share of all answers of the phase, 0..1."""
    knowing_late: int
    """Answers after the first second that do not say that they lack the profile."""
    writes: int
    stored: int
    stored_late: int
    """Begun after the first second."""
    unavailable: int
    problems: tuple[str, ...]
    """Of failed answers and writes."""
    recovered_s: float | None = None
    stored_s: float | None = None
    p99_ratio: float | None = None
    """p99 over the normal one: the (lower) median over the normal phases; None for a normal phase."""


def found(phases: Sequence[Phase], recommends: Sequence[Call], writes: Sequence[Call]) -> list[Found]:
    """Figures of every phase, in order; a call belongs to the phase in which it began.

    Raises ValueError when no phase is normal, or one has no answer after its first second: then nothing can be said.
    """
    rows = [_alone(phase, _within(phase, recommends), _within(phase, writes)) for phase in phases]
    normal_ms = median_low([row.p99_ms for row in rows if not row.phase.outage])
    return [
        _compared(row, normal_ms, recommends, writes, _end_of_next(phases, at)) if row.phase.outage else row
        for at, row in enumerate(rows)
    ]


def broken(rows: Iterable[Found]) -> list[str]:
    """The promises that were not kept, in words; empty when all were."""
    said: list[str] = []
    for row in rows:
        name = f"{row.phase.server}, {row.phase.store}"
        said += [f"{name}: {problem}" for problem in row.problems[:3]]
        if not row.phase.outage:
            continue
        if row.p99_ratio is not None and row.p99_ratio > RATIO_MAX:
            said.append(f"{name}: p99 is {row.p99_ratio:.2f} times the normal one, at most {RATIO_MAX:g} is promised")
        if not row.degraded:
            said.append(f"{name}: not one answer said that it lacks the profile")
        if row.phase.lasting and row.knowing_late:
            said.append(f"{name}: {row.knowing_late} answers did not say that they lack the profile")
        if not row.unavailable:
            said.append(f"{name}: not one write of {row.writes} was refused")
        if row.phase.lasting and row.stored_late:
            said.append(f"{name}: {row.stored_late} writes were said to be stored")
        if row.recovered_s is None:
            said.append(f"{name}: profiles were not read again before the end of the next phase")
        if row.stored_s is None:
            said.append(f"{name}: writes were not stored again before the end of the next phase")
    return said


def _alone(phase: Phase, recommends: Sequence[Call], writes: Sequence[Call]) -> Found:
    from_s = phase.begun_s + SETTLE_S
    answered = [call for call in recommends if call.told != "failed"]
    late = [call for call in answered if call.begun_s >= from_s]
    if not late:
        raise ValueError(f"not one answer after the first second of phase {phase.store!r} of {phase.server}")
    p50, p99 = _percentiles_ms(late, 50, 99)
    (first,) = _percentiles_ms([call for call in answered if call.begun_s < from_s], 99)
    return Found(
        phase=phase,
        calls=len(recommends),
        requests_per_s=len(answered) / (phase.ended_s - phase.begun_s),
        p50_ms=p50,
        p99_ms=p99,
        p99_first_ms=first,
        degraded=sum(call.told == "degraded" for call in answered) / len(answered),
        knowing_late=sum(call.told == "fine" for call in late),
        writes=len(writes),
        stored=sum(call.told == "stored" for call in writes),
        stored_late=sum(call.told == "stored" and call.begun_s >= from_s for call in writes),
        unavailable=sum(call.told == "unavailable" for call in writes),
        problems=tuple(call.problem for call in (*recommends, *writes) if call.told == "failed"),
    )


def _compared(
    row: Found, normal_ms: float, recommends: Iterable[Call], writes: Iterable[Call], until_s: float
) -> Found:
    back_s = row.phase.back_s
    return replace(
        row,
        recovered_s=_first(recommends, "fine", back_s, until_s),
        stored_s=_first(writes, "stored", back_s, until_s),
        p99_ratio=row.p99_ms / normal_ms,
    )


def _within(phase: Phase, calls: Sequence[Call]) -> list[Call]:
    return [call for call in calls if phase.begun_s <= call.begun_s < phase.ended_s]


def _end_of_next(phases: Sequence[Phase], at: int) -> float:
    return phases[min(at + 1, len(phases) - 1)].ended_s


def _first(calls: Iterable[Call], told: Told, from_s: float, until_s: float) -> float | None:
    """Seconds from `from_s` to the end of the first such call begun since then; None when there is none."""
    ends = [call.ended_s for call in calls if call.told == told and from_s <= call.begun_s < until_s]
    return min(ends) - from_s if ends else None


def _percentiles_ms(calls: Sequence[Call], *shares: float) -> list[float]:
    """0 without calls."""
    if not calls:
        return [0.0] * len(shares)
    lasted = np.array([call.ended_s - call.begun_s for call in calls])
    return [float(value) for value in 1000 * np.percentile(lasted, shares)]
