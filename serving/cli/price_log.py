"""`storegate price log`: what was quoted, from when on, and by which chance."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich import box
from rich.table import Table

from serving.cli.common import out, say, with_settings
from serving.settings import Settings

PERIODS_SHOWN = 14


@click.command()
@click.option("--days", type=click.IntRange(1, 3650), help="Newest days. [all that are kept]")
@click.option(
    "--out", "path", type=click.Path(dir_okay=False, path_type=Path), help="File for all quotes: .csv or .parquet."
)
@with_settings()
def log(settings: Settings, days: int | None, path: Path | None) -> None:
    """Every quote that stood, with the chance it had (propensity) and whether it was left to chance.

    Read from home, without a gateway. To judge another way of pricing, weigh what an item sold while a quote stood by
    the chance that the other way would have given this price, over its propensity.

    \b
    storegate price log --days 7
    storegate price log --out quotes.parquet
    """
    from serving.adapters.quote_log import read_quotes

    if path is not None and path.suffix not in (".csv", ".parquet"):
        raise click.BadParameter(f"{path}: a name that ends in .csv or .parquet", param_hint="--out")
    wanted = {} if days is None else {"since": datetime.now(UTC).date() - timedelta(days=days - 1)}
    found = read_quotes(settings.home, **wanted)
    if not len(found):
        say("no quotes are logged: price.mode and price.log_days say whether they are")
        return
    out.print(periods_table(found))
    if path is not None:
        _write(path, found)
        say(f"{len(found):,} quotes in {path}")


def periods_table(found: Any) -> Table:
    """The newest periods of a table of quotes (quote_log.SCHEMA)."""
    starts = np.array(found["period_start"].cast("int64").to_pylist())
    propensity = found["propensity"].to_numpy()
    explored, priced = found["explored"].to_numpy(), found["price"].to_numpy() > 0
    items = np.array(found["item_id"].to_pylist())
    periods = np.unique(starts)
    older = len(periods) - PERIODS_SHOWN
    table = Table(caption=f"{older} older periods" if older > 0 else None, caption_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("period", no_wrap=True)
    for name in ("items", "quotes", "no price", "left to chance", "least chance"):
        table.add_column(name, justify="right")
    for start in periods[-PERIODS_SHOWN:]:
        mine = starts == start
        table.add_row(
            f"{datetime.fromtimestamp(int(start), UTC):%Y-%m-%d %H:%M}", f"{len(np.unique(items[mine])):,}",
            f"{mine.sum():,}", f"{(mine & ~priced).sum():,}", f"{(mine & explored).sum():,}",
            f"{propensity[mine & priced].min():.3g}" if (mine & priced).any() else "",
        )  # fmt: skip
    return table


def _write(path: Path, found: Any) -> None:
    """Whole or not at all; lists as words in a CSV."""
    import pyarrow.compute as pc
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    draft = path.with_name(f".{path.name}.draft")
    if path.suffix == ".parquet":
        pq.write_table(found, draft)
    else:
        for name in ("gave_way", "contradiction"):
            at = found.schema.get_field_index(name)
            found = found.set_column(at, name, pc.binary_join(found[name], " "))
        pa_csv.write_csv(found, draft)
    os.replace(draft, path)
