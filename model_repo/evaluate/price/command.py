"""The command `storegate evaluate price`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from model_repo.datasets.panel import WEEK_DAYS

PIPED_COLUMNS = 150
FIRST_SEED = 9000
"""Seeds of the simulated markets from here on were never looked at while the served code was made."""


@click.command()
@click.option("--panel", type=click.Path(path_type=Path), help="CSV or Parquet: item, location, period, units, price.")
@click.option("--simulate", "simulated", is_flag=True, help="A simulated market of another form of demand.")
@click.option("--holdout", type=click.IntRange(1, 1000), default=24, show_default=True, help="Last periods judged.")
@click.option("--ahead", type=click.IntRange(1, 52), default=2, show_default=True, help="Periods looked ahead.")
@click.option("--currency", default="GBP", show_default=True, help="Of the panel's prices.")
@click.option(
    "--period-days", type=click.IntRange(1, 366), default=WEEK_DAYS, show_default=True, help="Of its periods."
)
@click.option("--worlds", type=click.IntRange(2, 1000), default=8, show_default=True, help="Simulated markets.")
@click.option("--days", type=click.IntRange(7, 1000), default=90, show_default=True, help="Of the trial in each.")
@click.option("--categories", type=click.IntRange(1, 1000), default=10, show_default=True, help="Of ten items each.")
@click.option("--neural", is_flag=True, help="Rows for DQN and PPO too: needs PyTorch, minutes.")
@click.option("--plot", type=click.Path(path_type=Path), help="Writes this SVG of the cumulative regret.")
@click.option("--seed", type=click.IntRange(0), help=f"Of the training; of the first market. [0; {FIRST_SEED}]")
@click.option("--json", "as_json_", is_flag=True, help="One JSON object on standard output instead of the table.")
def price(
    panel: Path | None, simulated: bool, holdout: int, ahead: int, currency: str, period_days: int, worlds: int,
    days: int, categories: int, neural: bool, plot: Path | None, seed: int | None, as_json_: bool,
) -> None:  # fmt: skip
    """How good are the prices, and the demand behind them?

    \b
    storegate evaluate price --panel oj_yx.csv.gz
    storegate evaluate price --panel panel.parquet --holdout 12 --ahead 1 --json
    storegate evaluate price --simulate --plot regret.svg
    """
    if simulated == (panel is not None):
        raise click.UsageError("give exactly one of --panel FILE and --simulate")
    if (neural or plot is not None) and not simulated:
        raise click.UsageError("--neural and --plot are for --simulate")
    from model_repo.evaluate.report import as_json, report  # heavy: only when it runs

    log = Console(stderr=True)

    def say(line: str) -> None:
        log.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)

    if panel is not None:
        from model_repo.evaluate.price.panel import evaluate_panel, read

        say(f"reading {panel}")
        result = evaluate_panel(
            read(panel, currency, period_days), holdout=holdout, ahead=ahead, seed=seed or 0, say=say,
            command="evaluate price --panel",
        )  # fmt: skip
    else:
        from model_repo.evaluate.price.simulated import evaluate_simulated

        result = evaluate_simulated(
            first_seed=FIRST_SEED if seed is None else seed, worlds=worlds, days=days, categories=categories,
            neural=neural, plot=plot, say=say,
        )  # fmt: skip
    if as_json_:
        sys.stdout.write(as_json(result) + "\n")
    else:
        report(result, Console(width=None if sys.stdout.isatty() else PIPED_COLUMNS))
