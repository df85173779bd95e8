"""The command `storegate evaluate forecast`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

if TYPE_CHECKING:
    from model_repo.datasets.tables import Dataset
    from model_repo.evaluate.report import Result

PIPED_COLUMNS = 130
WEEK = 7


@click.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of a shop's sales, gz allowed.")
@click.option("--demo", is_flag=True, help="The built-in demo store.")
@click.option("--products", type=click.Path(path_type=Path), help="CSV or Parquet of what --transactions sell.")
@click.option("--series", type=click.Path(path_type=Path), help="CSV of bare series: M4's form, or a column a series.")
@click.option("--test", type=click.Path(path_type=Path), help="What came after --series. [its last --horizon periods]")
@click.option("--season", type=click.IntRange(1, 1000), help="Periods of a season of --series, 1 = none.")
@click.option("--origins", type=click.IntRange(1, 12), default=3, show_default=True, help="Moments to forecast from.")
@click.option("--horizon", type=click.IntRange(1, 182), help="Days, whole weeks; of --series: periods. [28]")
@click.option("--sample", type=click.IntRange(1), default=300, show_default=True, help="Items that a library answers.")
@click.option("--peers", help="Rows of statsforecast: all, fast, none, or names. [all; --series: those for counts]")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("var/peers"),
    show_default=True,
    help="For the library's environment and its answers.",
)
@click.option("--plots", type=click.Path(path_type=Path), help="Folder for fan charts (SVG).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def forecast(
    transactions: Path | None,
    demo: bool,
    products: Path | None,
    series: Path | None,
    test: Path | None,
    season: int | None,
    origins: int,
    horizon: int | None,
    sample: int,
    peers: str | None,
    folder: Path,
    plots: Path | None,
    seed: int,
    as_json_: bool,
) -> None:
    """Forecasts as they are served, against statsforecast's, from moments of the past.

    \b
    storegate evaluate forecast --demo --peers none
    storegate evaluate forecast --transactions online_retail.csv.gz --plots plots
    storegate evaluate forecast --transactions sales.parquet --peers AutoETS,TSB --sample 100 --json
    storegate evaluate forecast --series Weekly-train.csv.gz --test Weekly-test.csv.gz --season 52
    storegate evaluate forecast --series carparts.csv.gz --season 12 --horizon 6
    """
    check(transactions, demo, series, test, season, horizon, plots)
    if products is not None and transactions is None:
        raise click.UsageError("--products is for --transactions FILE")
    log = Console(stderr=True)

    def say(line: str) -> None:
        log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)

    from model_repo.evaluate.forecast.table import show
    from model_repo.evaluate.report import as_json

    if series is not None:
        result = _of_series(series, test, season or 1, horizon or 0, origins, peers, folder, seed, say)
    else:
        result = _of_shop(transactions, products, horizon or 28, origins, sample, peers, folder, plots, seed, say)
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        show(result, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))


def check(
    transactions: Path | None,
    demo: bool,
    series: Path | None,
    test: Path | None,
    season: int | None,
    horizon: int | None,
    plots: Path | None,
) -> None:
    """Options that contradict each other. Raises click.UsageError that says what would be right."""
    if (transactions is not None) + demo + (series is not None) != 1:
        raise click.UsageError("give exactly one of --transactions FILE, --demo and --series FILE")
    if series is None:
        if test is not None or season is not None:
            raise click.UsageError("--test and --season are for --series FILE")
        if horizon is not None and horizon % WEEK:
            raise click.UsageError(f"--horizon {horizon}: give whole weeks, such as {max(horizon // WEEK, 1) * WEEK}")
        return
    if (test is None) == (horizon is None):
        raise click.UsageError("--series needs either --test FILE or --horizon PERIODS to hold out")
    if plots is not None:
        raise click.UsageError("--plots is for --transactions and --demo")


def _of_shop(
    transactions: Path | None, products: Path | None, horizon: int, origins: int, sample: int, peers: str | None,
    folder: Path, plots: Path | None, seed: int, say: Callable[[str], None],
) -> Result:  # fmt: skip
    from model_repo.evaluate.forecast.flow import Plan, evaluate  # heavy: only when it runs

    models, read = models_of(peers or "all"), None
    if transactions is not None:
        from model_repo.datasets.transactions import read_transactions

        say(f"reading {transactions}")
        whole = read_transactions(transactions, products=products)
        read = partial(_before, transactions, products)
    else:
        from model_repo.datasets.demo_store import generate

        say("making the demo store")
        whole = generate(seed=seed)
    result, origin, served = evaluate(whole, read, Plan(origins, horizon, sample, models, folder, seed), say)
    if plots is not None:
        from model_repo.evaluate.forecast.picture import draw

        for file in draw(origin, served, plots):
            say(f"wrote {file}")
    return result


def _before(transactions: Path, products: Path | None, until_s: int) -> Dataset:
    from model_repo.datasets.transactions import read_transactions

    return read_transactions(transactions, until_s=until_s, products=products)


def _of_series(
    series: Path, test: Path | None, season: int, horizon: int, origins: int, peers: str | None, folder: Path,
    seed: int, say: Callable[[str], None],
) -> Result:  # fmt: skip
    from model_repo.datasets.series import read_series
    from model_repo.evaluate.forecast.series_flow import SeriesPlan, evaluate_series

    train = read_series(series)
    models = None if peers is None else models_of(peers)
    plan = SeriesPlan(season, horizon, origins, models, folder, seed)
    return evaluate_series(train, None if test is None else read_series(test), plan, say)


def models_of(peers: str) -> tuple[str, ...]:
    """The models of peers.MODELS that --peers names. Raises click.UsageError that lists them."""
    from model_repo.evaluate.forecast.peers import FAST, MODELS

    if peers in ("all", "fast", "none"):
        return {"all": MODELS, "fast": FAST, "none": ()}[peers]
    names = tuple(name.strip() for name in peers.split(","))
    for name in names:
        if name not in MODELS:
            raise click.UsageError(f"--peers {name}: give all, fast, none or some of {', '.join(MODELS)}")
    return names
