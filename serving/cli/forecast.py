"""`storegate forecast`: how much will sell, for a few items on the screen, for all of them into a file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from serving.cli.common import client_of, err, out, say, target_of, with_settings
from serving.cli.forecast_tables import forecast_table
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.adapters.forecast_bulk import Written
    from serving.decisions.forecast.contract import Query
    from serving.decisions.forecast.pipeline import ForecastPipeline

LINE_S = 5.0
"""Between two lines of progress in a log."""


@click.command()
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option("--out", "path", type=click.Path(path_type=Path), help="Instead of a table: .parquet, .csv or .csv.gz.")
@click.option("--horizon", type=int, help="Days from the first one on. [28]")
@click.option("--quantile", "quantiles", type=float, multiple=True, help="Above 0, below 1; repeatable. [0.1 0.5 0.9]")
@click.option("--location", "locations", multiple=True, help="Each on its own; repeatable. [all together]")
@click.option("--week", is_flag=True, help="Weeks instead of days.")
@click.option("--first-day", default="", metavar="DATE", help="[the day after the last one that was learned from]")
@click.option("--threads", type=click.IntRange(1, 64), help="With --out. [one a core]")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON instead of a table.")
@click.option("--target", help="host:port of a gateway that is to answer. [this command does, from the live release]")
@with_settings(compiles=True)
def forecast(
    settings: Settings,
    items: tuple[str, ...],
    path: Path | None,
    horizon: int | None,
    quantiles: tuple[float, ...],
    locations: tuple[str, ...],
    week: bool,
    first_day: str,
    threads: int | None,
    as_json: bool,
    target: str | None,
) -> None:
    """Expected units and their quantiles, by item and day.

    Needs no gateway: it reads the live release, with the prices that were published with it. With --target a running
    gateway answers, with the prices of its catalogue as it is now.

    \b
    storegate forecast 22423 85123A
    storegate forecast 22423 --week --horizon 84 --quantile 0.5 --quantile 0.95
    storegate forecast --out demand.parquet
    """
    if not items and path is None:
        raise click.UsageError("name items, or --out FILE for all of them")
    if path is not None and (target or as_json):
        raise click.UsageError("--out is written here, as its name says: without --target and --json")
    fields = {
        "item_ids": items,
        "location_ids": locations,
        "horizon_days": horizon,
        "quantiles": quantiles,
        "period": "FORECAST_PERIOD_WEEK" if week else "FORECAST_PERIOD_DAY",
        "first_day": first_day,
    }
    if path is not None:
        _write(settings, path, fields, threads or len(os.sched_getaffinity(0)))
        return
    answer = _asked(settings, target, fields) if target else _answered(settings, fields)
    if as_json:
        from serving.transport.json_writer import to_json

        click.echo(to_json(answer))
        return
    if answer.forecasts:
        out.print(forecast_table(answer))
    for what, missing in (("items", answer.missing_item_ids), ("locations", answer.missing_location_ids)):
        if missing:
            out.print(f"{what} that the model does not know: {', '.join(missing)}", markup=False, highlight=False)


def _asked(settings: Settings, target: str, fields: dict[str, Any]) -> Any:
    """A gateway's ForecastDemandResponse."""
    with client_of(settings, target_of(settings, target)) as client:
        return client.forecast_demand(fields.pop("item_ids"), **fields)


def _answered(settings: Settings, fields: dict[str, Any]) -> Any:
    """The same, computed here."""
    from serving.adapters.forecast_bulk import TURN
    from serving.core.errors import StoregateError
    from serving.transport.forecast_codec import encode_forecast
    from storegate.v1 import forecast_pb2 as pb

    (found,) = _pipeline(settings).run([_query(fields)], TURN)
    if isinstance(found, StoregateError):
        raise found
    return pb.ForecastDemandResponse.FromString(encode_forecast(found))


def _write(settings: Settings, path: Path, fields: dict[str, Any], threads: int) -> None:
    """All items, or those that are named, into a file."""
    from serving.adapters.forecast_bulk import check_path

    check_path("--out", path)
    query = _query(fields)
    began = time.monotonic()
    pipeline = _pipeline(settings)
    if not query.item_ids:
        say(f"forecast {pipeline.model.version}: {len(pipeline.model.item_ids):,} items")
    done = _with_progress(path, pipeline, query, threads)
    seconds = time.monotonic() - began
    out.print(
        f"{path}: {done.items:,} items, {done.rows:,} rows, {done.bytes / 1e6:,.1f} MB in {seconds:.1f} s",
        highlight=False, markup=False,
    )  # fmt: skip
    if done.missing:
        out.print(f"{done.missing:,} items are not known to the model", highlight=False)
    if done.degraded:
        out.print(f"{done.degraded:,} items without the trained model, which could not run", highlight=False)


def _with_progress(path: Path, pipeline: ForecastPipeline, query: Query, threads: int) -> Written:
    """A terminal has a bar, a log a line now and then."""
    from serving.adapters.forecast_bulk import write_forecasts

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} of {task.total:,} items"),
        TimeElapsedColumn(), TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("forecast", total=None)
        told_at = time.monotonic()

        def told(done: int, of: int) -> None:
            nonlocal told_at
            bar.update(task, completed=done, total=of)
            if not err.is_terminal and time.monotonic() - told_at > LINE_S:
                told_at = time.monotonic()
                say(f"{done:,} of {of:,} items")

        return write_forecasts(path, pipeline, query, told, threads)


def _query(fields: dict[str, Any]) -> Query:
    """Checked by the codec that checks requests; no items = all."""
    from dataclasses import replace

    from serving.transport.forecast_codec import decode_forecast
    from storegate.v1 import forecast_pb2 as pb

    items = fields["item_ids"]
    request = pb.ForecastDemandRequest(**{**fields, "item_ids": items[:1] or ("all",)})
    return replace(decode_forecast(request.SerializeToString()), item_ids=_unique(items))


def _unique(items: tuple[str, ...]) -> tuple[str, ...]:
    from serving.transport import checks

    return checks.ids("ITEM", dict.fromkeys(items), len(items))


def _pipeline(settings: Settings) -> ForecastPipeline:
    """Over the live release and the catalogue that was published with it. Raises NotReady, ModelDamaged."""
    from serving.adapters.forecast_live import published_pipeline

    return published_pipeline(settings.home)
