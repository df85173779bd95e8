"""What an elastic run saw: figures over time, the promises it broke, a table, a picture. No clock, no socket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich import box
from rich.table import Table

from loadtests.bench.report import Row
from loadtests.crowd import Asked

BIN_S = 2.0
"""Figures are taken over so long."""
NEW_S_MAX = 15.0
"""From the moment Ray grants a replica to its first answer."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. present: replicas that say they are ready; serving: those of them that have answered a call."""

    at_s: float
    present: int
    serving: int
    callers: int


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A replica that came. granted_s: when its process was made, or, if that had waited, when the step began."""

    granted_s: float
    served_s: float
    cpu_s: float
    """Processor time from its beginning to its first answer."""

    @property
    def took_s(self) -> float:
        return self.served_s - self.granted_s


@dataclass(frozen=True, slots=True)
class Story:
    """A whole run; times in seconds of one monotonic clock. way: "edge" or "direct". step_s, calm_s: when the many
    came, and left."""

    way: str
    begun_s: float
    step_s: float
    calm_s: float
    seen: tuple[Seen, ...]
    asked: tuple[Asked, ...]
    newcomers: tuple[Newcomer, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """One stretch. at_s: since the beginning. p50_ms, p99_ms: NaN without an answer."""

    at_s: float
    callers: int
    replicas: int
    serving: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


def bins(story: Story) -> Iterator[Bin]:
    """The run in stretches of BIN_S, the last one whole too; replicas and callers as at its end."""
    ended = story.seen[-1].at_s
    for number in range(int((ended - story.begun_s) / BIN_S)):
        from_s = story.begun_s + number * BIN_S
        looks = [look for look in story.seen if look.at_s < from_s + BIN_S]
        some = [asked for asked in story.asked if from_s <= asked.begun_s < from_s + BIN_S]
        took_ms = [1000 * (asked.ended_s - asked.begun_s) for asked in some if not asked.problem]
        p50, p99 = np.percentile(took_ms, [50, 99]) if took_ms else (np.nan, np.nan)
        failed = sum(bool(asked.problem) for asked in some)
        last = looks[-1]
        yield Bin(
            number * BIN_S,
            last.callers,
            last.present,
            last.serving,
            len(took_ms) / BIN_S,
            float(p50),
            float(p99),
            failed,
        )


def course(story: Story) -> list[int]:
    """The numbers of replicas, one after another: [1, 2, 3, 2, 1]."""
    numbers: list[int] = []
    for look in story.seen:
        if look.present and (not numbers or numbers[-1] != look.present):
            numbers.append(look.present)
    return numbers


def broken(story: Story, replicas_max: int) -> list[str]:
    """The promises that were not kept, in words; empty when all were."""
    said = []
    failed = [asked.problem for asked in story.asked if asked.problem]
    if failed:
        said.append(f"{len(failed)} calls of {len(story.asked)} failed, the first with {failed[0]!r}")
    numbers = course(story)
    top = numbers.index(max(numbers))
    if max(numbers) != replicas_max or numbers != sorted(numbers[:top]) + sorted(numbers[top:], reverse=True):
        said.append(f"replicas went {arrows(numbers)}, not up to {replicas_max} and down again")
    late = [newcomer.took_s for newcomer in story.newcomers if newcomer.took_s > NEW_S_MAX]
    if late and story.way == "edge":  # without one, clients find a new replica when they dial anew
        said.append(f"a replica served {max(late):.1f} s after Ray granted it, {NEW_S_MAX:g} s are promised")
    return said


def arrows(numbers: Sequence[int]) -> str:
    """ "1 -> 2 -> 3"."""
    return " -> ".join(map(str, numbers))


def as_rows(story: Story) -> list[Row]:
    """For the JSON document."""
    rows: list[Row] = [
        {
            "name": "over time", "at_s": each.at_s, "callers": each.callers, "replicas": each.replicas,
            "requests_per_s": round(each.requests_per_s, 1), "failed": each.failed,
            **({"p50_ms": round(each.p50_ms, 2), "p99_ms": round(each.p99_ms, 2)} if each.requests_per_s else {}),
        }
        for each in bins(story)
    ]  # fmt: skip
    return [*rows, {"name": "elastic", **summary(story)}]


def summary(story: Story) -> Row:
    """Of the whole run."""
    took = [round(newcomer.took_s, 1) for newcomer in story.newcomers]
    return {
        "calls": len(story.asked),
        "failed": sum(bool(asked.problem) for asked in story.asked),
        "replicas": course(story),
        "all_serve_after_s": round(
            max((new.served_s for new in story.newcomers), default=story.step_s) - story.step_s, 1
        ),
        "new_replicas_serve_after_s": took,
        "new_replicas_cpu_s": [round(newcomer.cpu_s, 1) for newcomer in story.newcomers],
    }


def table(story: Story) -> Table:
    """A line for every stretch, and the whole below."""
    told = summary(story)
    took, used = (
        ", ".join(map(str, told[name]))  # type: ignore[call-overload]
        for name in ("new_replicas_serve_after_s", "new_replicas_cpu_s")
    )
    shown = Table(
        box=box.SIMPLE_HEAD,
        title="Replicas that follow the load",
        caption=f"{told['calls']} calls, {told['failed']} failed; replicas {arrows(course(story))}; all of them serve "
        f"{told['all_serve_after_s']} s after the step began, each one {took} s after "
        f"Ray granted it (processor time: {used} s).",
        caption_justify="left",
    )
    for title in ("s", "callers", "replicas", "serving", "req/s", "p50 ms", "p99 ms", "failed"):
        shown.add_column(title, justify="right")
    for each in bins(story):
        times = [f"{ms:.1f}" if each.requests_per_s else "" for ms in (each.p50_ms, each.p99_ms)]
        shown.add_row(
            f"{each.at_s:.0f}", str(each.callers), str(each.replicas), str(each.serving), f"{each.requests_per_s:.0f}",
            *times, str(each.failed),
        )  # fmt: skip
    return shown


WIDTH, HEIGHT, LEFT, TOP = 640, 110, 60, 44
PANELS = (
    ("replicas", "replicas", "#0b6e4f"),
    ("requests_per_s", "requests/s", "#4c6085"),
    ("p99_ms", "p99, ms", "#c1666b"),
)


def svg(story: Story) -> str:
    """Three panels over time, the step of load shaded; an SVG without anything from outside."""
    some = list(bins(story))
    seconds = some[-1].at_s + BIN_S
    panels = [
        _panel(some, seconds, name, label, colour, TOP + number * (HEIGHT + 30), story)
        for number, (name, label, colour) in enumerate(PANELS)
    ]
    height = TOP + len(PANELS) * (HEIGHT + 30) + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="22" font-size="15">Replicas that follow the load, over {seconds:.0f} s</text>'
        f"{''.join(panels)}</svg>\n"
    )


def _panel(some: Sequence[Bin], seconds: float, name: str, label: str, colour: str, top: int, story: Story) -> str:
    """One figure as steps, from 0 up."""
    values = [float(getattr(each, name)) for each in some]
    most = max((value for value in values if value == value), default=1.0) or 1.0
    x = [LEFT + WIDTH * each.at_s / seconds for each in some]
    width = WIDTH * BIN_S / seconds
    path = "".join(
        f"{'L' if number else 'M'}{x[number]:.1f} {top + HEIGHT * (1 - value / most):.1f}h{width:.1f}"
        for number, value in enumerate(values)
        if value == value
    )
    begun, ended = (LEFT + WIDTH * (at_s - story.begun_s) / seconds for at_s in (story.step_s, story.calm_s))
    return (
        f'<rect x="{begun:.1f}" y="{top}" width="{ended - begun:.1f}" height="{HEIGHT}" fill="#f3efe3"/>'
        f'<path d="M{LEFT} {top}V{top + HEIGHT}H{LEFT + WIDTH}" fill="none" stroke="#888"/>'
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        f'<text x="{LEFT}" y="{top - 6}" fill="{colour}">{label}</text>'
        f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:,.4g}</text>'
        f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>'
    )
