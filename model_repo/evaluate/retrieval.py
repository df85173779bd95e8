"""The command `storegate evaluate retrieval`: does the rule that picks an index pick well?"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table

from model_repo.evaluate.machine import machine, peak_rss_mib

if TYPE_CHECKING:
    from model_repo.evaluate.indexes import Measured

ROWS = "4000,100000,1000000"
ROWS_MAX = 10_000_000
PIPED_COLUMNS = 130


@click.command()
@click.option("--rows", default=ROWS, show_default=True, help="Numbers of vectors, with commas between.")
@click.option("-k", type=click.IntRange(1, 1000), default=200, show_default=True, help="Rows that a search returns.")
@click.option("--neighbours/--picked-only", default=True, show_default=True, help="Also the kinds beside the picked.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def retrieval(rows: str, k: int, neighbours: bool, seed: int, as_json_: bool) -> None:
    """Build and search the index that the rule picks for a catalogue's size, and those it does not pick.

    \b
    storegate evaluate retrieval --rows 4000,30000
    storegate evaluate retrieval --rows 1000000 --picked-only --json
    """
    sizes = sizes_of(rows)
    from model_repo.evaluate.indexes import measure  # heavy: only when it runs

    log = Console(stderr=True)
    began_s = time.perf_counter()
    found, digest = measure(
        sizes, k, neighbours, seed, lambda line: log.print(line, style="dim", highlight=False, soft_wrap=True)
    )
    seconds = time.perf_counter() - began_s
    if as_json_:
        sys.stdout.write(as_json(found, digest, k, seed, seconds) + "\n")
        return
    console = Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS)
    console.print(table(found, k))
    console.print(
        f"picked = what the rule serves; seed {seed}, {seconds:.1f} s, peak memory {peak_rss_mib()} MiB",
        highlight=False,
    )


def sizes_of(rows: str) -> list[int]:
    """The numbers in 4000,100000, each once. Raises click.BadParameter."""
    parts = [part.strip() for part in rows.split(",")]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= ROWS_MAX for part in parts):
        raise click.BadParameter(
            f"got {rows!r}, expected numbers from 1 to {ROWS_MAX} like {ROWS}", param_hint="--rows"
        )
    return list(dict.fromkeys(int(part) for part in parts))


def as_json(found: Sequence[Measured], digest: str, k: int, seed: int, seconds: float) -> str:
    """One JSON object on one line."""
    rows = [
        {
            "name": f"{one.kind} {one.rows}",
            "served": one.picked,
            "index": one.kind,
            "vectors": one.rows,
            "build_seconds": round(one.build_s, 3),
            "bytes_a_vector": round(one.bytes_a_vector, 1),
            f"recall@{k}": round(one.recall.recall, 6),
            f"recall@{k}_worst": round(one.recall.worst, 6),
            **{f"micros_batch{batch}": round(micros, 1) for batch, micros in one.micros.items()},
        }
        for one in found
    ]
    return json.dumps(
        {
            "command": "evaluate retrieval",
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "data": {"name": "generated clusters", "sha256": digest},
            "seed": seed,
            "seconds": round(seconds, 1),
            "peak_rss_mib": peak_rss_mib(),
            "rows": rows,
        },
        allow_nan=False,
    )


def table(found: Sequence[Measured], k: int) -> Table:
    """One line an index."""
    out = Table(box=box.SIMPLE_HEAD)
    for name in ("vectors", "index", "", "build s", "bytes a vector", f"recall@{k}", "worst query"):
        out.add_column(name, justify="left" if name in ("index", "") else "right", no_wrap=True)
    for batch in found[0].micros:
        out.add_column(f"micros a query, batch {batch}", justify="right")
    for one in found:
        out.add_row(
            f"{one.rows:,}", one.kind, "picked" if one.picked else "",
            f"{one.build_s:.2f}", f"{one.bytes_a_vector:.0f}",
            f"{one.recall.recall:.4f}", f"{one.recall.worst:.4f}", *(f"{micros:.0f}" for micros in one.micros.values()),
        )  # fmt: skip
    return out
