"""What the bench found: for people, for programs, and as lines of RESULTS.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.figures import Figures, share, spread_pct
from loadtests.bench.frames import RECOMMEND
from loadtests.bench.measure import Case
from loadtests.bench.process import Memory
from model_repo.evaluate.machine import machine, peak_rss_mib

Row = dict[str, object]
SHARE_CALLERS, SHARE_BATCH = 64, 8
AFTER_ROW = "request, after"
"""The floor once more, when the load has ended."""
FLOOR_ROWS = ("request", AFTER_ROW)
NOISY_PCT = 20.0
"""A control that varies more than this was measured on a machine that was not quiet."""


FOREIGN_PCT = 5.0
"""So much of the server's cores may belong to others before the figures are said to be disturbed."""


@dataclass(frozen=True, slots=True)
class Result:
    """One run of the bench."""

    command: str
    data: Mapping[str, object]
    seed: int
    setup: Mapping[str, object]
    """How it was measured: runtime, replicas, cores, generator, settings that differ from the defaults."""
    rows: Sequence[Row]
    seconds: float
    notes: Sequence[str] = ()
    when: datetime = field(default_factory=lambda: datetime.now(UTC))


def load_row(case: Case, found: Figures) -> Row:
    """A case under load. What was not measured is absent."""
    row: Row = {
        "name": case.name,
        "callers": case.callers,
        "requests_per_s": round(found.requests_per_s, 1),
        "p50_ms": round(found.p50_ms, 3),
        "p99_ms": round(found.p99_ms, 3),
        "cpu_ms": round(found.cpu_ms, 4),
        "calls": found.calls,
        "foreign_pct": round(found.foreign_pct, 1),
        "failed": found.failed + case.refused + len(case.problems),
    }
    if len(found.rounds) > 1:
        row["spread_pct"] = round(spread_pct(found.rounds), 1)
    if case.method == RECOMMEND:
        row["probed"], row["degraded"] = case.probed, case.degraded
    if case.name == "recommend":
        row["served"] = True
    return row


def share_rows(rows: Sequence[Row]) -> list[Row]:
    """The share of the floor: requests a second at 64 callers x in-process seconds a request at batch 8, the mean of
    what was measured before the load and after it: the machine does not stay as fast as it was."""
    rates = [
        row["requests_per_s"] for row in rows if row["name"] == "recommend" and row.get("callers") == SHARE_CALLERS
    ]
    works = [float(str(row["micros"])) for row in rows if row["name"] in FLOOR_ROWS and row.get("batch") == SHARE_BATCH]
    return [
        {
            "name": "share",
            "callers": SHARE_CALLERS,
            "batch": SHARE_BATCH,
            "share": round(share(rate, sum(works) / len(works)), 3),
        }
        for rate in rates
        if isinstance(rate, float) and works
    ]


def memory_row(held: Memory) -> Row:
    return {
        "name": "memory",
        "pss_mib": round(held.pss_mib, 1),
        "uss_mib": round(held.uss_mib, 1),
        "processes": held.processes,
    }


def control_row(micros: Sequence[float]) -> Row:
    """The machine itself: one fixed piece of arithmetic before every round."""
    row: Row = {"name": "control", "micros": round(sorted(micros)[len(micros) // 2], 1)}
    if len(micros) > 1:
        row["spread_pct"] = round(spread_pct(tuple(micros)), 1)
    return row


def as_json(result: Result) -> str:
    """One JSON object on one line."""
    return json.dumps(
        {
            "command": result.command,
            "date": result.when.isoformat(timespec="seconds"),
            "machine": machine(),
            "data": dict(result.data),
            "seed": result.seed,
            "seconds": round(result.seconds, 1),
            "peak_rss_mib": peak_rss_mib(),
            "setup": dict(result.setup),
            "notes": list(result.notes),
            "rows": list(result.rows),
        },
        allow_nan=False,
    )


MARKDOWN_HEAD = (
    "| date | case | callers | requests/s | p50 ms | p99 ms | CPU ms | machine | command |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def as_markdown(result: Result) -> str:
    """Lines for loadtests/RESULTS.md: the load rows, then one line with everything else."""
    told = machine()
    where = f"{told['cores']} cores, {told['cpu']}"
    day, lines = result.when.date().isoformat(), []
    runtime = result.setup.get("runtime", "")
    for row in result.rows:
        if "requests_per_s" in row:
            cells = [row[key] for key in ("callers", "requests_per_s", "p50_ms", "p99_ms", "cpu_ms")]
            figures = " | ".join(f"{cell:,}" for cell in cells)
            lines.append(f"| {day} | {row['name']} ({runtime}) | {figures} | {where} | `{result.command}` |")
    sizes, stages = _stages(result.rows)
    told_stages = "; ".join(
        f"{name} " + " / ".join(str(by_size.get(size, "-")) for size in sizes) for name, by_size in stages.items()
    )
    others = "; ".join(_spelt(row) for row in result.rows if "requests_per_s" not in row and "micros" not in row)
    return "\n".join(
        [
            MARKDOWN_HEAD,
            *lines,
            "",
            f"{day}, {runtime}, {where}, `{result.command}`: {others}.",
            f"In process, microseconds a request at batch {' / '.join(map(str, sizes))}: {told_stages}.",
            *(f"Note: {note}." for note in result.notes),
        ]
    )


def report(result: Result, console: Console) -> None:
    """Tables: in process, under load, and the rest; then what a reader must know."""
    console.print(", ".join(f"{name} {value}" for name, value in result.setup.items()), highlight=False)
    console.print(_inprocess(result.rows))
    console.print(_load(result.rows))
    for row in result.rows:
        if ("batch" not in row and "callers" not in row) or row["name"] == "share":
            console.print(_spelt(row), highlight=False)
    for note in result.notes:
        console.print(f"note: {note}", highlight=False)


def _inprocess(rows: Sequence[Row]) -> Table:
    """One line a stage, one column a size of batch."""
    sizes, stages = _stages(rows)
    table = Table(box=box.SIMPLE, title="in process: microseconds a request")
    table.add_column("stage")
    for size in sizes:
        table.add_column(f"batch {size}", justify="right")
    for name, by_size in stages.items():
        table.add_row(name, *(str(by_size.get(size, "")) for size in sizes))
    return table


def _stages(rows: Sequence[Row]) -> tuple[list[int], dict[str, dict[int, object]]]:
    """Sizes of batches, ascending, and stage -> size -> microseconds."""
    stages: dict[str, dict[int, object]] = {}
    for row in rows:
        if "batch" in row and "micros" in row:
            stages.setdefault(str(row["name"]), {})[int(str(row["batch"]))] = row["micros"]
    return sorted({size for by_size in stages.values() for size in by_size}), stages


def _load(rows: Sequence[Row]) -> Table:
    table = Table(box=box.SIMPLE, title="under load: the whole server on its own cores")
    keys = {
        "callers": "callers",
        "requests_per_s": "req/s",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "cpu_ms": "CPU ms",
        "spread_pct": "spread %",
        "failed": "failed",
    }
    table.add_column("case", no_wrap=True)
    for title in keys.values():
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        if "requests_per_s" in row:
            table.add_row(str(row["name"]), *(f"{row[key]:,}" if key in row else "" for key in keys))
    return table


def _spelt(row: Row) -> str:
    """ "memory: pss mib 812.0, processes 12"."""
    return f"{row['name']}: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in row.items() if k != "name")
