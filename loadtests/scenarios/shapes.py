"""The scenarios: how much load when, as pure functions of time; no Locust, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from typing import Final

from serving.core.errors import SettingError


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of a scenario. share: of its length; load: of the peak. Both above 0, at most 1."""

    share: float
    load: float
    bulk: bool = False
    """Whether the heavy calls of the bulk users are made meanwhile."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a stage is, in seconds since the beginning."""

    begin_s: float
    end_s: float
    stage: Stage


@dataclass(frozen=True, slots=True)
class Scenario:
    """seconds: its length when nobody says; expect: the thresholds that hold when nobody says (thresholds.py)."""

    name: str
    text: str
    seconds: float
    stages: tuple[Stage, ...]
    expect: tuple[str, ...]

    def spans(self, seconds: float) -> list[Span]:
        """All stages of a run of so many seconds, one after another without a gap."""
        shares = [Fraction(stage.share).limit_denominator(1000) for stage in self.stages]  # exact: 0.4 + 0.2 is 0.6
        ends = [float(Fraction(seconds) * end / sum(shares)) for end in accumulate(shares)]
        return [Span(b, e, stage) for b, e, stage in zip([0.0, *ends], ends, self.stages, strict=False)]

    def stage_at(self, at_s: float, seconds: float) -> Stage | None:
        """The stage at a time since the beginning; None before and after the run."""
        if at_s < 0:
            return None
        return next((span.stage for span in self.spans(seconds) if at_s < span.end_s), None)

    def users_at(self, at_s: float, seconds: float, peak: int) -> int | None:
        """How many users, at least one; None before and after the run."""
        stage = self.stage_at(at_s, seconds)
        return None if stage is None else max(1, round(peak * stage.load))

    @property
    def bulky(self) -> bool:
        """Whether it has bulk users at all."""
        return any(stage.bulk for stage in self.stages)


def _stairs(count: int) -> Iterator[Stage]:
    return (Stage(1 / count, (number + 1) / count) for number in range(count))


SCENARIOS: Final = {
    one.name: one
    for one in (
        Scenario("steady", "the peak from beginning to end", 60, (Stage(1.0, 1.0),), ("failures<=0",)),
        Scenario("step", "eight equal steps up to the peak: where latency bends", 120, tuple(_stairs(8)), ()),
        Scenario(
            "spike", "a fifth of the peak, suddenly all of it, then a fifth again", 60,
            (Stage(0.4, 0.2), Stage(0.2, 1.0), Stage(0.4, 0.2)), ("failures<=0.05",),
        ),
        Scenario(
            "soak", "half of the peak for long, told in quarters that should look alike", 3600,
            tuple(Stage(0.25, 0.5) for _ in range(4)), ("failures<=0.0001",),
        ),
        Scenario(
            "bulk", "half of the peak; in the middle third, heavy calls beside it", 90,
            (Stage(1 / 3, 0.5), Stage(1 / 3, 0.5, bulk=True), Stage(1 / 3, 0.5)), ("failures<=0.001",),
        ),
    )
}  # fmt: skip


def scenario(name: str) -> Scenario:
    """By its name. Raises SettingError that names those there are."""
    if name not in SCENARIOS:
        raise SettingError(f"--scenario: got {name!r}, expected one of {', '.join(SCENARIOS)}", key="--scenario")
    return SCENARIOS[name]
