"""The command `storegate evaluate forecast`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

PIPED_COLUMNS = 130


@click.command()
@click.option("--transactions", type=click.Path(path_type=Path), help="CSV or Parquet of a shop's sales, gz allowed.")
@click.option("--demo", is_flag=True, help="The built-in demo store.")
@click.option("--origins", type=click.IntRange(1, 12), default=3, show_default=True, help="Moments to forecast from.")
@click.option("--horizon", type=click.IntRange(7, 56), default=28, show_default=True, help="Days ahead, whole weeks.")
@click.option("--sample", type=click.IntRange(1), default=400, show_default=True, help="Items a library answers.")
@click.option("--peers", default="all", show_default=True, help="Rows of statsforecast: all, fast, none, or names.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=Path("var/peers"),
    show_default=True,
    help="The library's environment and answers are kept there.",
)
@click.option("--plots", type=click.Path(path_type=Path), help="Folder for fan charts (SVG).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def forecast(
    transactions: Path | None, demo: bool, origins: int, horizon: int, sample: int, peers: str, folder: Path,
    plots: Path | None, seed: int, as_json_: bool,
) -> None:  # fmt: skip
    """Forecasts as they are served, against statsforecast's, from moments of the past.

    \b
    storegate evaluate forecast --demo --peers none
    storegate evaluate forecast --transactions online_retail.csv.gz --plots plots
    storegate evaluate forecast --transactions sales.parquet --peers AutoETS,TSB --sample 100 --json
    """
    if (transactions is not None) + demo != 1:
        raise click.UsageError("give exactly one of --transactions FILE and --demo")
    if horizon % 7:
        raise click.UsageError(f"--horizon {horizon}: whole weeks, as {horizon // 7 * 7}")
    models = models_of(peers)
    from model_repo.evaluate.forecast.flow import Plan, evaluate  # heavy: only when it runs
    from model_repo.evaluate.forecast.table import show
    from model_repo.evaluate.report import as_json

    log = Console(stderr=True)

    def say(line: str) -> None:
        log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)

    if transactions is not None:
        from model_repo.datasets.transactions import read_transactions

        say(f"reading {transactions}")
        whole = read_transactions(transactions)
    else:
        from model_repo.datasets.demo_store import generate

        say("making the demo store")
        whole = generate(seed=seed)
    plan = Plan(origins, horizon, sample, models, folder, seed)
    result, origin, served = evaluate(whole, transactions, plan, say)
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        show(result, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))


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
