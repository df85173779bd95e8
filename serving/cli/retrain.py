"""`storegate retrain`: what happened since teaches a new release, which goes live if it is not worse."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.table import Table

from serving.adapters.retrain_schedule import EXIT_KEPT, EXIT_PROMOTED
from serving.cli.common import out, say, with_settings
from serving.cli.train import progress
from serving.core.errors import SettingError, StoregateError, StoreUnavailable
from serving.settings import Settings

if TYPE_CHECKING:
    from model_repo.datasets.tables import Dataset
    from model_repo.recommend import Report
    from model_repo.retrain.flow import Outcome
    from serving.core.catalogue import Item

WAIT_S = 5.0
NICE = 19
OPTIONS = (
    ("transactions", "retrain.transactions"),
    ("outside", "retrain.outside"),
    ("columns", "retrain.columns"),
    ("currency", "retrain.currency"),
    ("days", "retrain.days"),
    ("holdout_days", "retrain.holdout_days"),
    ("margin", "retrain.margin_percent"),
    ("customers_min", "retrain.customers_min"),
    ("moments", "retrain.moments"),
    ("seed", "retrain.seed"),
)


def _absolute(context: click.Context, option: click.Parameter, path: Path | None) -> str | None:
    """A setting's path would be below home; an option's is where the command was called."""
    return None if path is None else str(path.absolute())


def _none(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...] | None:
    return values or None


@click.command()
@click.option(
    "--transactions", type=click.Path(path_type=Path), callback=_absolute,
    help="CSV or Parquet of sales lines, gz allowed, to learn from beside the log. [what the live release has learnt]",
)  # fmt: skip
@click.option(
    "--outside", type=click.Path(path_type=Path), callback=_absolute,
    help="CSV or Parquet of what is known beside the sales, by day and item; as of `storegate train`.",
)  # fmt: skip
@click.option("--column", "columns", multiple=True, metavar="KEY=NAME", callback=_none, help="Which is what. [guessed]")
@click.option("--currency", help="Of the file's prices, ISO 4217. [GBP]")
@click.option("--days", type=int, help="Newest days of the event log that are learnt from. [365]")
@click.option("--holdout-days", type=float, help="Length of the newest slice, on which both are compared. [7]")
@click.option("--margin", type=float, metavar="PERCENT", help="How much worse the new one may be. [5]")
@click.option("--customers-min", type=int, help="With fewer in the slice nothing changes. [100]")
@click.option("--moments", type=int, help="Past moments from which the rankers learn; fewer take less time. [6]")
@click.option("--seed", type=int, help="The same data and seed give the same models. [0]")
@click.option("--dry-run", is_flag=True, help="Train, compare and tell; change nothing.")
@click.option("--background", is_flag=True, help="Give way to everything else on the machine.")
@click.option("--json", "as_json", is_flag=True, help="The card as one JSON object on standard output.")
@with_settings(*OPTIONS, compiles=True)
def retrain(settings: Settings, dry_run: bool, background: bool, as_json: bool) -> int:
    """Trains from the catalogue, the event log and what was known before, compares with what is live on the newest
    slice, and promotes what is not worse. Gateways that run take it over within a second.

    \b
    storegate retrain
    storegate retrain --dry-run
    storegate retrain --transactions sales.parquet --margin 2

    Exit code 0: promoted (with --dry-run: it would be); 3: the live release stays; 2: it could not be done.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the drafts go
    if background:
        give_way()
    from serving.adapters import retrain_files as files

    with files.alone(settings.home):
        began_s = time.time()
        try:
            outcome = _run(settings, dry_run)
        except BaseException as error:
            _count_failure(settings.home, error, began_s, dry_run)
            if isinstance(error, OSError):  # a full disk, a file that cannot be written
                raise SettingError(f"home: {settings.home}: {error}", key="home") from error
            raise
        if not dry_run:
            kind = files.PROMOTED if outcome.promoted else files.KEPT
            files.count(settings.home, files.Last(kind, outcome.reason, outcome.release, began_s, time.time()))
    if as_json:
        click.echo(json.dumps(outcome.facts))
    else:
        _show(outcome, dry_run)
    return EXIT_PROMOTED if outcome.promoted else EXIT_KEPT


def give_way() -> None:
    """This process, and the threads it will start, run when nobody else wants to."""
    os.nice(NICE)
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def _run(settings: Settings, dry_run: bool) -> Outcome:
    from model_repo.datasets.events import read_log
    from model_repo.retrain.flow import Sources, retrain
    from serving.stores import event_archive

    rules = settings.retrain
    with progress() as report:
        log = read_log(event_archive(settings), days=rules.days, rows_max=rules.rows_max, report=report)
        sources = Sources(
            log, _written(settings), _reader(settings, report) if rules.transactions else None,
            settings.home / rules.outside if rules.outside else None,
        )  # fmt: skip
        return retrain(
            settings.home, sources, rules, params=settings.recommend, admission=settings.models, report=report,
            records_max=settings.events.profile_records_max, dry_run=dry_run,
        )  # fmt: skip


def _reader(settings: Settings, report: Report) -> Callable[[int | None], Dataset]:
    from model_repo.datasets.transactions import read_transactions

    rules = settings.retrain
    columns = dict(pair.split("=", 1) for pair in rules.columns)
    path = settings.home / rules.transactions
    return lambda until_s: read_transactions(path, columns, rules.currency, report, until_s=until_s)


def _written(settings: Settings) -> Mapping[str, Item]:
    """What was written through the catalogue service. Raises StoreUnavailable."""
    from serving.adapters.redis_catalogue import RedisCatalogue
    from serving.adapters.redis_connection import RedisServer

    with _redis(settings) as url:
        store = RedisCatalogue(RedisServer(url), prefix=settings.redis.prefix)
        try:
            if not store.wait_ready(WAIT_S):
                raise StoreUnavailable(f"redis: no connection within {WAIT_S:g} s")
            return {item_id: stored.item for item_id, stored in store.read_all().items.items()}
        finally:
            store.close()


@contextmanager
def _redis(settings: Settings) -> Iterator[str]:
    """Of the settings, else the one that runs on this home, else one that is started for this moment."""
    from serving.adapters.embedded_redis import EmbeddedRedis, running_url

    if url := settings.redis.url or running_url(settings.home):
        yield url
        return
    embedded = EmbeddedRedis(settings.home, fsync=settings.redis.embedded_fsync)
    try:
        yield embedded.url
    finally:
        embedded.close()


def _count_failure(home: Path, error: BaseException, began_s: float, dry_run: bool) -> None:
    """What was done on purpose, and a full disk, is counted here; what is a defect of ours too."""
    from serving.adapters import retrain_files as files

    if dry_run or not isinstance(error, Exception):  # a signal
        return
    reason = error.message if isinstance(error, StoregateError) else f"{type(error).__name__}: {error}"
    with suppress(OSError):
        files.count(home, files.Last(files.FAILED, reason, "", began_s, time.time()))


def _show(outcome: Outcome, dry_run: bool) -> None:
    from model_repo.retrain.card import parts_told

    table = Table(title="on the newest slice", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("metric")
    for name in ("live", "new"):
        table.add_column(name, justify="right")
    figures = outcome.facts["metrics"]
    for name, value in figures["candidate"].items():
        table.add_row(name, f"{figures['live'].get(name, 0.0):.4f}", f"{value:.4f}")
    out.print(table)
    for line in (*(parts_told(outcome.facts) if outcome.promoted else ()), *_verdict(outcome, dry_run)):
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    if outcome.card is not None:
        say(f"the card: {outcome.card}")


def _verdict(outcome: Outcome, dry_run: bool) -> tuple[str, str]:
    live = outcome.facts["before"]["release"]
    if dry_run:
        return outcome.reason, f"it would go live in place of {live}" if outcome.promoted else f"{live} would stay live"
    if outcome.promoted:
        return outcome.reason, f"release {outcome.release} is live"
    return outcome.reason, f"release {live} stays live; {outcome.release} is kept beside it"
