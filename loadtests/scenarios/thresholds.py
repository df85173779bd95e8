"""What is expected of a run, as text: "p99_ms<=50", "event:failures<=0.01", "spike/known user:p99_ms<=200".

    [SCENARIO/][REQUEST NAME:]METRIC<=LIMIT        (>= for requests_per_s)

Without a scenario it holds in every one; without a name it is about the interactive requests of all names together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from loadtests.scenarios.levels import ALL, Figures
from serving.core.errors import SettingError

METRICS: Final = {"p50_ms": "<=", "p95_ms": "<=", "p99_ms": "<=", "failures": "<=", "requests_per_s": ">="}
"""Metric -> how it is bounded."""
_FORM = re.compile(r"(?:(?P<scenario>[^/:]+)/)?(?:(?P<name>[^:/]+):)?(?P<metric>\w+)\s*(?P<how><=|>=)\s*(?P<limit>.+)")


@dataclass(frozen=True, slots=True)
class Threshold:
    """scenario: "" = every one. name: of requests, ALL = all interactive ones."""

    scenario: str
    name: str
    metric: str
    limit: float

    @property
    def what(self) -> tuple[str, str]:
        """What it is about: of two about the same thing, the later one holds."""
        return self.name, self.metric

    def __str__(self) -> str:
        scenario, name = f"{self.scenario}/" if self.scenario else "", f"{self.name}:" if self.name else ""
        return f"{scenario}{name}{self.metric}{METRICS[self.metric]}{self.limit:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """found: None when nothing of that name was asked."""

    threshold: Threshold
    found: float | None

    @property
    def held(self) -> bool:
        """NaN (nothing was answered) and nothing at all never hold."""
        if self.found is None:
            return False
        least = METRICS[self.threshold.metric] == ">="
        return self.found >= self.threshold.limit if least else self.found <= self.threshold.limit

    def __str__(self) -> str:
        told = "nothing of that name was asked" if self.found is None else f"found {self.found:.4g}"
        return f"{self.threshold}: {'held' if self.held else 'BROKEN'}, {told}"


def parse(text: str, scenarios: Iterable[str] = ()) -> Threshold:
    """Raises SettingError that says what is wrong. scenarios: the names there are."""
    form = _FORM.fullmatch(text.strip())
    metrics = ", ".join(f"{metric}{how}" for metric, how in METRICS.items())
    if form is None or form["metric"] not in METRICS or METRICS[form["metric"]] != form["how"]:
        raise _refusal(text, f"[SCENARIO/][REQUEST NAME:]METRIC and a number, with METRIC one of {metrics}")
    if form["scenario"] and form["scenario"].strip() not in (known := tuple(scenarios)):
        raise _refusal(text, f"a scenario among {', '.join(known)}")
    try:
        limit = float(form["limit"])
    except ValueError:
        limit = -1.0
    if not 0 <= limit < float("inf"):
        raise _refusal(text, f"a number from 0 on after {form['how']}")
    return Threshold((form["scenario"] or "").strip(), (form["name"] or ALL).strip(), form["metric"], limit)


def chosen(given: Iterable[Threshold], defaults: Iterable[Threshold], scenario: str) -> list[Threshold]:
    """Those that hold in this scenario: the defaults, unless one that was given is about the same thing."""
    held = {one.what: one for one in defaults}
    held |= {one.what: one for one in given if one.scenario in ("", scenario)}
    return list(held.values())


def judged(thresholds: Iterable[Threshold], found: Mapping[str, Figures]) -> list[Verdict]:
    """found: of every name, and ALL."""
    asked = {name: one for name, one in found.items() if one.calls}
    return [
        Verdict(one, float(getattr(asked[one.name], one.metric)) if one.name in asked else None) for one in thresholds
    ]


def _refusal(text: str, expected: str) -> SettingError:
    return SettingError(f"--expect: got {text!r}, expected {expected}", key="--expect")
