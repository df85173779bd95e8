"""`storegate batch`: recommendations and scores for many, from Parquet to Parquet."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from serving.cli.batch_follow import OVER, View, follow, view_of
from serving.cli.common import F, client_of, out, target_of, with_settings
from serving.decisions.recommend.contract import OBJECTIVES, PLACEMENTS
from serving.settings import Settings

BEGIN_S_MAX = 120.0
"""The footer of every file is read before a batch is begun."""


@click.group()
def batch() -> None:
    """A gateway that runs works on it, and goes on when this command is left; without one, this command does.

    \b
    storegate batch recommend --input users.parquet --output recommended --page-size 20
    storegate batch score ranker.purchase --input rows.parquet --output scores
    storegate batch prices --input items.parquet --output quotes
    storegate batch list
    storegate batch resume 20261126T221500-0badcafe
    """


def places(command: F) -> F:
    """Where from and where to, and who works."""
    for option in (
        click.option("--detach", is_flag=True, help="Begin it at a running gateway, and do not wait."),
        click.option("--local", is_flag=True, help="Without a gateway: in processes of this machine, without Ray."),
        click.option("--workers", type=int, help="Without a gateway: processes. [the setting batch.workers]"),
        click.option("--target", help="host:port of the gateway. [the one that runs on this home, if one does]"),
        click.option("--output", "output_uri", required=True, help="A folder that is not there yet, or a URI."),
        click.option("--input", "input_uri", required=True, help="A Parquet file, a folder of them, or a URI."),
    ):
        command = option(command)
    return command


@batch.command()
@places
@click.option("--page-size", default=10, show_default=True, help="Items for each, 1 to 100.")
@click.option("--placement", default="", help=f"{' | '.join(PLACEMENTS)} [{PLACEMENTS[0]}]")
@click.option("--filter", "rule", default="", help="What may be shown: 'price < 5000 AND NOT category:\"gift\"'.")
@click.option("--objective", default="", help=f"{' | '.join(OBJECTIVES)} [{OBJECTIVES[0]}]")
@click.option("--diversity", type=float, help="0 (relevance alone) to 1. [the setting recommend.diversity]")
@click.option("--model", default="", help="The release that answers. [the live one]")
@with_settings(("workers", "batch.workers"))
def recommend(
    settings: Settings,
    page_size: int,
    placement: str,
    rule: str,
    objective: str,
    diversity: float | None,
    model: str,
    input_uri: str,
    output_uri: str,
    **how: Any,
) -> None:
    """What `storegate recommend` shows, for every row with a user_id or visitor_id.

    The output has a part a block, with all columns of the input, `results` (item_id, score, price, source, best first),
    `degraded` and `error`, and _manifest.json when all of it is there.
    """
    from storegate.v1 import batch_pb2 as pb
    from storegate.v1 import recommendation_pb2 as rec

    each = rec.RecommendRequest(
        page_size=page_size, placement=placement, filter=rule, objective=objective, diversity=diversity
    )
    source, target = _resolved(input_uri, how["target"]), _resolved(output_uri, how["target"])
    request = pb.BatchRecommendRequest(input_uri=source, output_uri=target, each=each, model=model)
    _run(settings, "batch_recommend", request, **how)


@batch.command()
@click.argument("model")
@places
@click.option("--version", default="", help="[the live one]")
@click.option("--column", "outputs", multiple=True, help="Output of the model that is wanted; repeatable. [all]")
@with_settings(("workers", "batch.workers"))
def score(
    settings: Settings,
    model: str,
    version: str,
    outputs: tuple[str, ...],
    input_uri: str,
    output_uri: str,
    **how: Any,
) -> None:
    """Every row through an ONNX model: a column for each of its inputs, by name; the others are passed on."""
    from storegate.v1 import batch_pb2 as pb

    source, target = _resolved(input_uri, how["target"]), _resolved(output_uri, how["target"])
    request = pb.BatchScoreRequest(model=model, version=version, outputs=outputs, input_uri=source, output_uri=target)
    _run(settings, "batch_score", request, **how)


@batch.command()
@places
@click.option("--currency", default="", help="That is expected, ISO 4217; items of another one get no price. [any]")
@with_settings(("workers", "batch.workers"))
def prices(settings: Settings, currency: str, input_uri: str, output_uri: str, **how: Any) -> None:
    """The quote of every row's item_id: price, lowest and highest allowed, which rule bound it, what is expected."""
    from storegate.v1 import batch_pb2 as pb

    source, target = _resolved(input_uri, how["target"]), _resolved(output_uri, how["target"])
    request = pb.BatchQuotePricesRequest(input_uri=source, output_uri=target, currency_code=currency)
    _run(settings, "batch_quote_prices", request, **how)


@batch.command("list")
@click.option("--target", help="host:port of the gateway. [what lies below this home]")
@with_settings()
def list_(settings: Settings, target: str | None) -> None:
    """The newest batches."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("batch", "kind", "state"):
        table.add_column(name, overflow="fold")
    for name in ("rows", "of", "rows/s"):
        table.add_column(name, justify="right")
    table.add_column("output", overflow="fold")
    for one in _all(settings, target):
        table.add_row(
            one.name, one.kind, one.state, f"{one.rows_done:,}", f"{one.rows_total:,}",
            f"{one.rows_per_second:,.0f}" if one.rows_per_second else "", one.output_uri,
        )  # fmt: skip
    out.print(table)


@batch.command()
@click.argument("name")
@click.option("--target", help="host:port of the gateway. [what lies below this home]")
@with_settings()
def cancel(settings: Settings, name: str, target: str | None) -> None:
    """Ends a batch; what is done stays, and `resume` goes on from there."""
    found = _changed(settings, target, name, "cancel_operation", lambda store: store.cancel(name))
    out.print(f"{name} {'is being cancelled' if found.state not in OVER else found.state.lower()}", highlight=False)


@batch.command()
@click.argument("name")
@click.option("--target", help="host:port of the gateway. [the one that runs on this home, if one does]")
@click.option("--detach", is_flag=True, help="Do not wait.")
@click.option("--local", is_flag=True, help="Without a gateway: in processes of this machine, without Ray.")
@click.option("--workers", type=int, help="Without a gateway: processes. [the setting batch.workers]")
@with_settings(("workers", "batch.workers"))
def resume(settings: Settings, name: str, target: str | None, detach: bool, local: bool) -> None:
    """Goes on with one that has failed, was cancelled or cut short; what is there is not computed again."""
    from serving.runtime.home import replicas

    if target or replicas(settings.home):
        with client_of(settings, target_of(settings, target)) as client:
            client.resume_operation(name)
            if not detach:
                _end(follow(lambda: view_of(client.get_operation(name))))
        return
    from serving.cli.batch_here import BatchHere

    with BatchHere(settings, local=local) as here:
        _end(here.resume(name))


def _run(settings: Settings, method: str, request: Any, *, target: str | None, detach: bool, local: bool) -> None:
    """At the gateway, where there is one; else here."""
    from serving.runtime.home import replicas

    if target or replicas(settings.home):
        with client_of(settings, target_of(settings, target)) as client:
            name = getattr(client, method)(request, timeout_s=BEGIN_S_MAX).operation.name
            out.print(f"batch {name}", highlight=False)
            if not detach:
                _end(follow(lambda: view_of(client.get_operation(name))))
        return
    if detach:
        raise click.UsageError("--detach needs a gateway that runs on this home, or --target")
    from serving.cli.batch_here import BatchHere

    with BatchHere(settings, local=local) as here:
        _end(here.begin(method, request))


def _end(found: View) -> None:
    """Says what came of it; exit code 1 where it is not what was wanted."""
    if found.state == "SUCCEEDED":
        speed = f", {found.rows_per_second:,.0f} a second" if found.rows_per_second else ""
        out.print(f"{found.rows_done:,} rows in {found.output_uri}{speed}", highlight=False, markup=False)
        return
    told = f": {found.error_reason}: {found.error_message}" if found.error_message else ""
    raise click.ClickException(
        f"batch {found.name} {found.state.lower()} after {found.rows_done:,} of {found.rows_total:,} rows{told}; "
        f"`storegate batch resume {found.name}` goes on"
    )


def _all(settings: Settings, target: str | None) -> list[View]:
    from serving.adapters.batch_store import BatchStore

    if not target:
        return [view_of(one) for one in BatchStore(settings.home).all()]
    with client_of(settings, target) as client:
        return [view_of(one) for one in client.list_operations().operations]


def _changed(settings: Settings, target: str | None, name: str, method: str, change: Callable[[Any], Any]) -> View:
    from serving.adapters.batch_store import BatchStore

    if not target:
        return view_of(change(BatchStore(settings.home)))
    with client_of(settings, target) as client:
        return view_of(getattr(client, method)(name))


def _resolved(uri: str, target: str | None) -> str:
    """A path as the gateway of this machine finds it; another machine's is left alone."""
    return uri if "://" in uri or target else os.path.abspath(Path(uri).expanduser())
