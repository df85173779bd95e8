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
    IN_FLIGHT = "those in flight"
    """No more than were under way when it happened."""
    RECORDED = "recorded"
    """No promise is made; it is told."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One event as one kind of client saw it. Times: seconds of one monotonic clock.

    begun_s: before it was done; struck_s: when it was done, for a process when it was dead. back_s: when all was well
    again; None = not in time. ended_s: end of the look at it.
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
    """Of one blow. in_flight: calls under way at it, lost ones among them. gap_s: the longest time without an answer
    to any caller. p99_ms: of the answers."""

    blow: Blow
    calls: int
    failed: tuple[str, ...]
    in_flight: int
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
        sum(call.begun_s <= blow.struck_s <= call.ended_s for call in some),
        sum(call.degraded for call in answered),
        float(np.diff(moments).max()),
        float(np.percentile(took_ms, 99)) if took_ms else float("nan"),
    )


def broken(costs: Sequence[Cost]) -> list[str]:
    """The promises that were not kept, in words; empty when all were."""
    said = []
    for each in costs:
        name = f"{each.blow.event}, {each.blow.way}, {each.blow.client} client"
        most = {Allowed.NONE: 0, Allowed.IN_FLIGHT: each.in_flight}.get(each.blow.allowed, each.calls)
        if len(each.failed) > most:
            said.append(f"{name}: {len(each.failed)} calls failed, {most} may; the first with {each.failed[0]!r}")
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
            "in_flight": each.in_flight, "without_profile": each.without_profile, "gap_ms": round(1000 * each.gap_s, 1),
        }  # fmt: skip
        if each.p99_ms == each.p99_ms:
            row["p99_ms"] = round(each.p99_ms, 2)
        if each.back_s is not None:
            row["back_s"] = round(each.back_s, 2)
        rows.append(row)
    return rows


def table(costs: Sequence[Cost]) -> Table:
    """A line for every blow and client."""
    shown = Table(
        box=box.SIMPLE_HEAD,
        title="What is lost when something dies or is replaced",
        caption="in flight: calls under way at the blow. gap: longest time without any answer. back: from the blow "
        "until all replicas, the store or the edge were there again.",
        caption_justify="left",
    )
    shown.add_column("event", no_wrap=True)
    shown.add_column("way, client", no_wrap=True)
    for title in ("calls", "failed", "in flight", "may fail", "no profile", "gap ms", "p99 ms", "back s"):
        shown.add_column(title, justify="right")
    for each in costs:
        shown.add_row(
            each.blow.event, f"{each.blow.way}, {each.blow.client}", str(each.calls), str(len(each.failed)),
            str(each.in_flight), each.blow.allowed.value, str(each.without_profile), f"{1000 * each.gap_s:.0f}",
            f"{each.p99_ms:.1f}", "never" if each.back_s is None else f"{each.back_s:.1f}",
        )  # fmt: skip
    return shown
