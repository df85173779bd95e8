"""`storegate train`: from a file of sales, or the demo store, to a live release."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from serving.cli.common import err, out, say, with_settings
from serving.core.errors import InvalidInput
from serving.settings import Settings

if TYPE_CHECKING:
    from model_repo.datasets.tables import Dataset

Report = Callable[[str, int, int], None]
DEMO = {"items": 4000, "customers": 8000, "days": 180}


@click.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of sales lines, gz allowed.")
@click.option(
    "--column", "columns", multiple=True, metavar="KEY=NAME", help="Which column is what; repeatable. [guessed]"
)
@click.option(
    "--outside",
    type=click.Path(path_type=Path),
    help="CSV or Parquet of what is known beside the sales, by day and item: weather, events, promo, closed, ...",
)
@click.option("--currency", default="GBP", show_default=True, help="Of the file's prices, ISO 4217.")
@click.option("--items", type=click.IntRange(50, 1_000_000), help=f"Of the demo store. [{DEMO['items']}]")
@click.option("--customers", type=click.IntRange(50, 10_000_000), help=f"Of the demo store. [{DEMO['customers']}]")
@click.option("--days", type=click.IntRange(30, 3650), help=f"Of the demo store. [{DEMO['days']}]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same data and seed, same models.")
@click.option(
    "--shadow", default="", metavar="MODEL", help="Train neumf, wide-deep, mult-vae or item2vec too, to be compared."
)
@click.option("--candidate", is_flag=True, help="Do not make it live: `storegate model promote` does, when it is time.")
@with_settings(compiles=True)
def train(
    settings: Settings,
    transactions: Path | None,
    columns: tuple[str, ...],
    outside: Path | None,
    currency: str,
    items: int | None,
    customers: int | None,
    days: int | None,
    seed: int,
    shadow: str,
    candidate: bool,
) -> None:
    """Nothing becomes live unless all of it was written; a gateway that runs takes the new release over by itself.

    \b
    storegate train
    storegate train --items 100000 --customers 1000000
    storegate train --transactions online_retail.csv.gz
    storegate train --transactions sales.parquet --column item=sku --column customer=buyer
    storegate train --transactions sales.parquet --outside weather.csv
    storegate train --shadow mult-vae
    storegate train --candidate
    """
    demo = {"items": items, "customers": customers, "days": days}
    if transactions is not None and any(value is not None for value in demo.values()):
        raise click.UsageError("--items, --customers and --days are for the demo store, not for --transactions")
    if transactions is None and columns:
        raise click.UsageError("--column needs --transactions")
    from model_repo.datasets.outside import read_outside
    from model_repo.neural.models import check_trainable
    from model_repo.train import train as run
    from serving.adapters.releases import live

    if shadow:
        check_trainable(shadow)  # before minutes of other work
    began = time.monotonic()
    with progress() as report:
        dataset = _read(transactions, columns, currency, report) if transactions else _generate(demo, seed, report)
    if outside is not None:
        dataset = replace(dataset, outside=read_outside(outside, dataset.items))
    _show(dataset)
    with progress() as report:
        made = run(
            settings.home, dataset, seed=seed, progress=report, params=settings.recommend, shadow=shadow,
            go_live=not candidate,
        )  # fmt: skip
    say(f"trained in {time.monotonic() - began:.0f} s below {settings.home}")
    for line in made.told:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    is_live = live(settings.home).release == made.release
    out.print(f"release {made.release} is {'live' if is_live else 'a candidate'}", markup=False, highlight=False)


@contextmanager
def progress() -> Iterator[Report]:
    """A bar on standard error for (what, done, total); where that is no terminal, a line for each tenth of the way."""
    if not err.is_terminal:
        said: list[tuple[str, int]] = []

        def line(what: str, done: int, total: int) -> None:
            tenth = 10 * done // max(total, 1)
            if not said or said[-1] != (what, tenth):
                said.append((what, tenth))
                say(f"{what} ({done} of {total})")

        yield line
        return
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=err
    ) as bar:
        task = bar.add_task("beginning", total=None)

        def report(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield report


def _read(path: Path, columns: tuple[str, ...], currency: str, report: Report) -> Dataset:
    from model_repo.datasets.transactions import read_transactions

    chosen = {}
    for column in columns:
        key, separator, name = column.partition("=")
        if not separator or not key or not name:
            raise InvalidInput("--column", column, "KEY=NAME, for example item=StockCode")
        chosen[key] = name
    return read_transactions(path, chosen, currency, report)


def _generate(demo: dict[str, int | None], seed: int, report: Report) -> Dataset:
    from model_repo.datasets.demo_store import generate

    sizes = DEMO | {name: value for name, value in demo.items() if value is not None}
    return generate(sizes["items"], sizes["customers"], sizes["days"], seed, report)


def _show(dataset: Dataset) -> None:
    """What was kept and what was dropped, and why."""
    table = Table(title=f"{dataset.name}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("rows", justify="right")
    table.add_column("what", overflow="fold")
    table.add_column("why", overflow="fold")
    for kept in dataset.report:
        table.add_row(f"{kept.rows:,}", kept.what, kept.why)
    table.add_section()
    table.add_row(
        f"{len(dataset.events):,}", "events", f"of {len(dataset.items):,} items, {len(dataset.users):,} users"
    )
    out.print(table)
