"""What an evaluation found, for people and for programs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.evaluate.machine import machine, peak_rss_mib
from model_repo.evaluate.search import Chosen, spelt

SERVED_NAME = "served"
LOWER: Final = frozenset({
    "rmse", "mae", "mape", "regret", "pinball", "spl", "wspl", "rmsse", "wrmsse", "owa", "smape", "mase", "cost",
    "violations", "metres", "moves", "worse", "late", "ms",
})  # fmt: skip
"""Words in a metric's name that make lower the better; else higher is."""
NEITHER: Final = frozenset({"elasticity", "bias", "questions", "se"})
"""Words of what is no better for being higher or lower."""


@dataclass(frozen=True, slots=True)
class Row:
    """One method. chosen: what the search found; None = nothing to search."""

    name: str
    metrics: Mapping[str, float]
    seconds: float
    """Fitting with the chosen values and recommending; for the served row training, publishing, loading, answering."""
    chosen: Chosen | None = None
    competes: bool = True
    """False = it knows what nobody can know: a yardstick, never the best of the table."""

    @property
    def served(self) -> bool:
        return self.name == SERVED_NAME


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    command: str
    data: str
    sha256: str
    seed: int
    protocol: str
    """The question, in one sentence."""
    counts: Mapping[str, int]
    rows: Sequence[Row]
    seconds: float
    notes: Sequence[str] = ()
    """What a reader must know: rows left out and why, items left out of the ranking."""
    when: datetime = field(default_factory=lambda: datetime.now(UTC))


def as_json(result: Result) -> str:
    """One JSON object on one line; a figure that was not measured is absent."""
    rows = []
    for row in result.rows:
        line: dict[str, Any] = {"name": row.name, "served": row.served}
        if not row.competes:
            line["competes"] = False
        line |= {key: round(value, 6) for key, value in row.metrics.items()}
        line["seconds"] = round(row.seconds, 2)
        if row.chosen is not None:
            line["chosen"] = {name: _plain(value) for name, value in row.chosen.values.items()}
            line["tuning_ndcg@10"] = round(row.chosen.ndcg, 6)
            line["tried"] = row.chosen.tried
        rows.append(line)
    return json.dumps(
        {
            "command": result.command,
            "date": result.when.isoformat(timespec="seconds"),
            "machine": machine(),
            "data": {"name": result.data, "sha256": result.sha256},
            "seed": result.seed,
            "seconds": round(result.seconds, 1),
            "peak_rss_mib": peak_rss_mib(),
            "protocol": result.protocol,
            "counts": dict(result.counts),
            "notes": list(result.notes),
            "rows": rows,
        },
        allow_nan=False,
    )


def report(result: Result, console: Console) -> None:
    """The counts, a table with the best figure of each line in bold, and the values that were chosen."""
    console.print(f"[bold]{result.data}[/bold]: {result.protocol}", highlight=False)
    console.print(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in result.counts.items()))
    console.print(_table(result.rows))
    for row in result.rows:
        if row.chosen is not None:
            console.print(
                f"{row.name}: {spelt(row.chosen.values)} "
                f"(best of {row.chosen.tried}, NDCG@10 {row.chosen.ndcg:.4f} on the tuning split)",
                highlight=False,
            )
    for note in result.notes:
        console.print(f"note: {note}", highlight=False)
    console.print(f"seed {result.seed}, {result.seconds:.1f} s, peak memory {peak_rss_mib()} MiB", highlight=False)


def _table(rows: Sequence[Row]) -> Table:
    """One line a metric, one column a method: there are many metrics and few methods."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("metric", no_wrap=True)
    for row in rows:
        table.add_column(row.name, justify="right")
    for name in dict.fromkeys(name for row in rows for name in row.metrics):
        best = _best(name, [row.metrics[name] for row in rows if row.competes and name in row.metrics])
        table.add_row(name, *(_cell(row.metrics.get(name), best if row.competes else None) for row in rows))
    table.add_row("seconds", *(f"{row.seconds:.1f}" for row in rows))
    return table


def _best(name: str, values: Sequence[float]) -> float | None:
    """By the metric's direction; None = it has none."""
    words = set(re.findall(r"[a-z]+", name.lower()))
    if words & NEITHER or not values:
        return None
    return min(values) if words & LOWER else max(values)


def _cell(value: float | None, best: float | None) -> str:
    if value is None:
        return ""
    return f"[bold]{value:.4f}[/bold]" if value == best else f"{value:.4f}"


def _plain(value: Any) -> Any:
    """Infinity is no JSON number: it is spelt out."""
    return "inf" if isinstance(value, float) and math.isinf(value) else value
