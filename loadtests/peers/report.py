"""What the comparison found: for people, for programs (bench.report.as_json), and as lines of RESULTS.md."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from loadtests.bench.report import Result, Row, as_json
from loadtests.peers.registry import PEERS
from model_repo.evaluate.machine import machine

__all__ = ["as_json", "as_markdown", "report"]

TITLES = {peer.name: peer.title for peer in PEERS}
HEAD = (
    "| date | items | server | callers | requests/s | ours is x | p50 ms | p99 ms | CPU ms | start s | PSS MiB |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def lines(rows: Sequence[Row]) -> list[Row]:
    """One for each server and number of callers, with what is known of the server as a whole; most requests first
    within a number of callers."""
    wholes = {row["name"]: row for row in rows if "start_s" in row}
    ratios = {(row["peer"], row["callers"]): row["ours_over"] for row in rows if row["name"] == "ratio"}
    shares = {(row["peer"], row["callers"]): row["share"] for row in rows if row["name"] == "share"}
    made = []
    for row in rows:
        if "requests_per_s" not in row:
            continue
        key, whole = (row["name"], row["callers"]), wholes.get(row["name"], {})
        also = {"start_s": whole.get("start_s"), "pss_mib": whole.get("pss_mib")}
        joined = {**row, **also, "ours_over": ratios.get(key), "share": shares.get(key)}
        made.append({name: value for name, value in joined.items() if value is not None})
    return sorted(made, key=lambda row: (int(str(row["callers"])), -float(str(row["requests_per_s"]))))


def as_markdown(result: Result) -> str:
    """The table, then one line with everything else."""
    told, day = machine(), result.when.date().isoformat()
    where, items = f"{told['cores']} cores, {told['cpu']}", f"{result.data['items']:,}"
    table = []
    for row in lines(result.rows):
        keys = ("callers", "requests_per_s", "ours_over", "p50_ms", "p99_ms", "cpu_ms", "start_s", "pss_mib")
        cells = " | ".join(f"{row[key]:,}" if key in row else "" for key in keys)
        table.append(f"| {day} | {items} | {TITLES[str(row['name'])]} | {cells} |")
    return "\n".join(
        [HEAD, *table, "", f"{day}, {where}, `{result.command}`: {_rest(result.rows)}.",
         *(f"Note: {note}." for note in result.notes)]
    )  # fmt: skip


def report(result: Result, console: Console) -> None:
    """The table, the rest, and what a reader must know."""
    console.print(", ".join(f"{name} {value}" for name, value in (*result.data.items(), *result.setup.items())))
    table = Table(box=box.SIMPLE, title="one pipeline, one core for each server")
    titles = {
        "callers": "callers", "requests_per_s": "req/s", "ours_over": "ours is x", "p50_ms": "p50 ms",
        "p99_ms": "p99 ms", "cpu_ms": "CPU ms", "share": "share", "spread_pct": "spread %", "start_s": "start s",
        "pss_mib": "PSS MiB", "failed": "failed",
    }  # fmt: skip
    table.add_column("server", no_wrap=True)
    for title in titles.values():
        table.add_column(title, justify="right", no_wrap=True)
    for row in lines(result.rows):
        table.add_row(str(row["name"]), *(f"{row[key]:,}" if key in row else "" for key in titles))
    console.print(table)
    console.print(_rest(result.rows), highlight=False)
    for note in result.notes:
        console.print(f"note: {note}", highlight=False)


def _rest(rows: Sequence[Row]) -> str:
    """ "in process, microseconds a request at batch 1 / 8: 240 / 150; index: recall@200 1.0; control: micros 600.1,
    spread pct 3.0"."""
    floor = [row for row in rows if row["name"] == "pipeline"]
    told = []
    if floor:
        sizes, micros = (" / ".join(str(row[key]) for row in floor) for key in ("batch", "micros"))
        told.append(f"in process, microseconds a request at batch {sizes}: {micros}")
    for row in rows:
        if row["name"] in ("index", "control"):
            told.append(
                f"{row['name']}: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in row.items() if k != "name")
            )
    return "; ".join(told)
