"""What was measured, as rows, as a table and as broken promises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich import box
from rich.table import Table

from loadtests.batch.asked import Asked
from loadtests.batch.beside import Stretches
from loadtests.batch.run import Ran

RATIO_MAX = 1.2
"""p99 of Recommend beside a batch over its own without one: the aim."""
Report = tuple[list[dict[str, object]], Table, list[str]]
"""(rows, table, broken promises)"""


def of_run(ran: Ran, asked: Asked) -> Report:
    """Of one batch."""
    rate = ran.rows / ran.seconds
    row: dict[str, object] = {
        "name": "batch recommend", "served": True, "rows": ran.rows, "seconds": round(ran.seconds, 1),
        "rows_per_s": round(rate), "rows_per_s_per_core": round(rate / asked.workers),
        "computing_s": round(ran.computing_s, 1), "peak_pss_mib": round(ran.peak_mib),
        "worker_peak_mib": ran.worker_peak_mib, "blocks": ran.blocks,
    }  # fmt: skip
    notes = []
    if ran.rows != asked.users:
        notes.append(f"{ran.rows:,} rows came out of {asked.users:,}")
    if ran.peak_mib > asked.memory_mib:
        notes.append(f"the batch's processes held {ran.peak_mib:.0f} MiB, {asked.memory_mib} are allowed")
    if asked.kill:
        row |= {"blocks_cut_short": ran.cut_short, "blocks_recomputed": ran.recomputed, "workers_more": ran.restarts}
        if ran.recomputed:
            notes.append(f"{ran.recomputed} blocks that were there were computed again")
        if ran.restarts < 1:
            notes.append("no worker took the place of the killed one")
    table = Table(box=box.SIMPLE_HEAD, show_header=False, title=str(row["name"]))
    for name, value in row.items():
        if name not in ("name", "served"):
            table.add_row(name.replace("_", " "), f"{value:,}")
    return [row], table, notes


def of_stretches(stretches: Stretches, problems: Sequence[str], rate: float) -> Report:
    """Of calls alone and beside a batch. rate: rows a second of the batch meanwhile."""
    rows: list[dict[str, object]] = []
    for name, busy in (("recommend alone", False), ("recommend beside a batch", True)):
        some = [took for was_busy, took in stretches if was_busy == busy]
        rows.append(
            {
                "name": name, "served": True, "calls": sum(map(len, some)),
                "p50_ms": round(float(np.median([np.percentile(took, 50) for took in some])), 3),
                "p99_ms": round(float(np.median([np.percentile(took, 99) for took in some])), 3),
                "worst_ms": round(max(map(max, some)), 1),
            }
        )  # fmt: skip
    ratio = float(rows[1]["p99_ms"]) / float(rows[0]["p99_ms"])  # type: ignore[arg-type]
    rows[1] |= {"ratio": round(ratio, 2), "batch_rows_per_s": round(rate)}
    notes = [f"a call failed: {problem}" for problem in problems[:3]]
    if ratio > RATIO_MAX:
        notes.append(f"p99 is {ratio:.2f} times as long beside a batch, {RATIO_MAX} is the aim")
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "calls", "p50 ms", "p99 ms", "worst ms", "x", "batch rows/s"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row["name"]), f"{row['calls']:,}", str(row["p50_ms"]), str(row["p99_ms"]), str(row["worst_ms"]),
            str(row.get("ratio", "")), f"{row['batch_rows_per_s']:,}" if "batch_rows_per_s" in row else "",
        )  # fmt: skip
    return rows, table, notes
