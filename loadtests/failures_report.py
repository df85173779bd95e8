"""What a blow cost: calls lost, the longest silence, the time until all was well; the promises it broke. No clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from rich import box
from rich.table import Table

from loadtests.bench.report import Row
from loadtests.crowd import Asked


class Allowed(Enum):
    """How many calls may fail."""

    NONE = "none"
    IN_FLIGHT = "in flight"
    """Those that were under way when it happened; none that was begun later."""
    RECORDED = "any"
    """No promise is made; it is told."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One event as one kind of client saw it. Times: seconds of one monotonic clock.

    begun_s: just before it was done; struck_s: when it was done, for a process when it was dead. back_s: when all was
    well again; None = not in time. ended_s: end of the look at it.
    """

    event: str
    way: str
    client: str
    allowed: Allowed
    begun_s: float
    struck_s: float
    back_s: float | None
    ended_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one blow. failed: what was wrong with each lost call; later: with those that were begun after the blow. gap_s:
    the longest time without an answer to any caller. p99_ms: of the answers."""

    blow: Blow
    calls: int
    failed: tuple[str, ...]
    later: tuple[str, ...]
    without_profile: int
    gap_s: float
    p99_ms: float

    @property
    def back_s(self) -> float | None:
        """From the blow until all was well."""
        return None if self.blow.back_s is None else self.blow.back_s - self.blow.begun_s


def cost(blow: Blow, asked: Iterable[Asked]) -> Cost:
    """asked: at least all calls that were under way between the beginning and the end of the look."""
    some = [call for call in asked if call.ended_s >= blow.begun_s and call.begun_s < blow.ended_s]
    answered = [call for call in some if not call.problem]
    moments = sorted([blow.begun_s, *(min(call.ended_s, blow.ended_s) for call in answered), blow.ended_s])
    took_ms = [1000 * (call.ended_s - call.begun_s) for call in answered]
    return Cost(
        blow,
        len(some),
        tuple(call.problem for call in some if call.problem),
        tuple(call.problem for call in some if call.problem and call.begun_s > blow.struck_s),
        sum(call.degraded for call in answered),
        float(np.diff(moments).max()),
        float(np.percentile(took_ms, 99)) if took_ms else float("nan"),
    )


def broken(costs: Sequence[Cost]) -> list[str]:
    """The promises that were not kept, in words; empty when all were."""
    said = []
    for each in costs:
        name = f"{each.blow.event}, {each.blow.way}, {each.blow.client} client"
        if each.blow.allowed is Allowed.NONE and each.failed:
            said.append(f"{name}: {len(each.failed)} calls failed, the first with {each.failed[0]!r}")
        if each.blow.allowed is Allowed.IN_FLIGHT and each.later:
            said.append(f"{name}: {len(each.later)} calls begun later failed, the first with {each.later[0]!r}")
        if each.blow.back_s is None:
            said.append(f"{name}: not all was well again when the look at it ended")
        if not each.calls:
            said.append(f"{name}: nobody asked")
    return said


def as_rows(costs: Sequence[Cost]) -> list[Row]:
    """For the JSON document; what does not apply is absent."""
    rows: list[Row] = []
    for each in costs:
        row: Row = {
            "name": "failure", "event": each.blow.event, "way": each.blow.way, "client": each.blow.client,
            "allowed": each.blow.allowed.value, "calls": each.calls, "failed": len(each.failed),
            "failed_later": len(each.later), "without_profile": each.without_profile,
            "gap_ms": round(1000 * each.gap_s, 1),
        }  # fmt: skip
        if each.p99_ms == each.p99_ms:
            row["p99_ms"] = round(each.p99_ms, 2)
        if each.back_s is not None:
            row["back_s"] = round(each.back_s, 2)
        rows.append(row)
    return rows


def table(costs: Sequence[Cost]) -> Table:
    """A line for every blow and client. Fits into 80 columns."""
    shown = Table(
        box=box.SIMPLE,
        padding=0,
        title="What is lost when something dies or is replaced",
        caption="lost: calls that failed; later: those of them begun after the blow; may: which may fail. bare: "
        "answers without the profile, which they say. gap: longest time without any answer, ms. p99: ms. back: seconds "
        "from the blow until replicas, store or edge were all there again.",
        caption_justify="left",
    )
    for title in ("event", "way", "client"):
        shown.add_column(title, no_wrap=True)
    for title in ("calls", "lost", "later", "may", "bare", "gap", "p99", "back"):
        shown.add_column(title, justify="right", no_wrap=True)
    for each in costs:
        blow = each.blow
        shown.add_row(
            blow.event, blow.way, blow.client, str(each.calls), str(len(each.failed)), str(len(each.later)),
            blow.allowed.value, str(each.without_profile), f"{1000 * each.gap_s:.0f}", f"{each.p99_ms:.0f}",
            "never" if each.back_s is None else f"{each.back_s:.1f}",
        )  # fmt: skip
    return shown
