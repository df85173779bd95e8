"""`storegate replenish`: what to order now, for a few items on the screen, for all of them into a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from serving.cli.common import client_of, err, out, say, target_of, with_settings
from serving.cli.tables import money
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.decisions.replenish.contract import PlanQuery

LINE_S = 5.0
"""Between two lines of progress in a log."""
BOUNDS = {0: "", 1: "packs", 2: "minimum", 3: "maximum", 4: "nothing needed"}
POLICIES = {0: "", 1: "base-stock", 2: "(s,S)"}


@click.command()
@click.argument("items", nargs=-1, metavar="[ITEM]...")
@click.option("--out", "path", type=click.Path(path_type=Path), help="All items: a .parquet, .csv or .csv.gz.")
@click.option("--lead-time", type=float, default=7.0, show_default=True, help="Mean days from order to arrival.")
@click.option("--lead-time-sd", type=float, default=0.0, show_default=True, help="Its standard deviation.")
@click.option("--review", type=int, help="Days from one review to the next. [replenish.review_period_days]")
@click.option("--fill-rate", type=float, help="Share of demand served from stock. [replenish.fill_rate]")
@click.option("--service-level", type=float, help="Instead: chance of no shortage in a cycle.")
@click.option("--shortage-cost", type=int, help="Instead: of a unit short, in minor units; least cost is wanted.")
@click.option("--order-cost", type=int, help="Of an order, in minor units; orders are then placed seldom.")
@click.option("--currency", default="GBP", show_default=True, help="Of these costs.")
@click.option("--holding-rate", type=float, help="Of the unit cost a year. [replenish.holding_rate]")
@click.option("--pack", type=int, help="Orders are multiples of it. [1]")
@click.option("--on-hand", type=int, help="Units there are. [what the catalogue says]")
@click.option("--location", default="", help="[all together]")
@click.option("--first-day", default="", metavar="DATE", help="[the day after the last one that was learned from]")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON instead of a table.")
@click.option("--target", help="host:port of a gateway that is to answer. [this command does, from the live release]")
@with_settings(compiles=True)
def replenish(
    settings: Settings,
    items: tuple[str, ...],
    path: Path | None,
    as_json: bool,
    target: str | None,
    first_day: str,
    **terms: Any,
) -> None:
    """How much to order now, and what to expect of it.

    Needs no gateway: it reads the live release, with the stock and costs that were published with it. With --target a
    running gateway answers, with its catalogue as it is now.

    \b
    storegate replenish 22423 85123A --lead-time 14 --pack 6
    storegate replenish 22423 --on-hand 40 --service-level 0.98
    storegate replenish --out orders.csv --lead-time 10 --lead-time-sd 3
    """
    if not items and path is None:
        raise click.UsageError("name items, or --out FILE for all of them")
    if path is not None and (target or as_json):
        raise click.UsageError("--out is written here, as its name says: without --target and --json")
    aims = [name for name in ("fill_rate", "service_level", "shortage_cost") if terms[name] is not None]
    if len(aims) > 1:
        raise click.UsageError("give one of --fill-rate, --service-level and --shortage-cost")
    request = _request(items or ("all",), first_day, terms)
    if path is not None:
        _write(settings, path, items, request)
        return
    answer = _asked(settings, target, request) if target else _answered(settings, request)
    if as_json:
        from serving.transport.json_writer import to_json

        click.echo(to_json(answer))
        return
    if answer.plans:
        out.print(plans_table(answer))
    for what, missing in (("items", answer.missing_item_ids), ("locations", answer.missing_location_ids)):
        if missing:
            out.print(f"{what} that are not known: {', '.join(missing)}", markup=False, highlight=False)


def plans_table(answer: Any) -> Table:
    """answer: PlanReplenishmentResponse message."""
    day = f", from {answer.first_day} on" if answer.first_day else ""
    table = Table(
        title="what to order now", caption=f"forecast {answer.model_version or 'not asked'}{day}",
        title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD,
    )  # fmt: skip
    table.add_column("item", overflow="fold")
    for name in ("order", "there", "up to", "from", "demand", "safety", "fill rate", "stock", "value"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("bound", "policy"):
        table.add_column(name, overflow="fold")
    for one in answer.plans:
        value = (
            money(one.order_value.amount_minor, one.order_value.currency_code) if one.HasField("order_value") else ""
        )
        table.add_row(
            one.item_id + (f" @ {one.location_id}" if one.location_id else ""),
            f"{one.order_quantity:,}",
            f"{one.inventory_position:,}" if one.stock_known else "?",
            f"{one.order_up_to:,}",
            f"{one.reorder_point:,}",
            f"{one.expected_demand:,.1f}",
            f"{one.safety_stock:,.1f}",
            f"{one.expected_fill_rate:.1%}",
            f"{one.expected_stock:,.1f}",
            value,
            BOUNDS.get(one.bound, "?"),
            POLICIES.get(one.policy, "?"),
        )
    return table


def _request(items: tuple[str, ...], first_day: str, terms: dict[str, Any]) -> Any:
    """PlanReplenishmentRequest message."""
    from storegate.v1 import inventory_pb2 as pb
    from storegate.v1.common_pb2 import Money

    names = {
        "lead_time": "lead_time_days", "lead_time_sd": "lead_time_sd_days", "review": "review_period_days",
        "service_level": "cycle_service_level", "location": "location_id",
    }  # fmt: skip
    currency, fields = terms["currency"], {}
    for name, value in terms.items():
        if value is None or name == "currency":
            continue
        costs = name in ("shortage_cost", "order_cost")
        fields[names.get(name, name)] = Money(amount_minor=value, currency_code=currency) if costs else value
    asked = [pb.ReplenishItem(item_id=item, **fields) for item in dict.fromkeys(items)]
    return pb.PlanReplenishmentRequest(items=asked, first_day=first_day)


def _asked(settings: Settings, target: str, request: Any) -> Any:
    """A gateway's answer."""
    with client_of(settings, target_of(settings, target)) as client:
        return client.plan_replenishment(request.items, first_day=request.first_day)


def _answered(settings: Settings, request: Any) -> Any:
    """The same, computed here."""
    from serving.adapters.forecast_bulk import TURN
    from serving.adapters.inventory_live import published_inventory
    from serving.core.errors import StoregateError
    from serving.transport.inventory_codec import encode_plan
    from storegate.v1 import inventory_pb2 as pb

    (found,) = published_inventory(settings.home, settings.replenish).service.run_plan([_query(request)], TURN)
    if isinstance(found, StoregateError):
        raise found
    return pb.PlanReplenishmentResponse.FromString(encode_plan(found))


def _query(request: Any) -> PlanQuery:
    """Checked by the codec that checks requests."""
    from serving.transport.inventory_codec import decode_plan

    return decode_plan(request.SerializeToString())


def _write(settings: Settings, path: Path, items: tuple[str, ...], request: Any) -> None:
    """All items of the catalogue that are on sale, or those that are named, into a file."""
    from serving.adapters.forecast_bulk import check_path
    from serving.adapters.inventory_bulk import write_plans
    from serving.adapters.inventory_live import published_inventory

    check_path("--out", path)
    del request.items[1:]
    like = _query(request)
    began = time.monotonic()
    published = published_inventory(settings.home, settings.replenish)
    every = items or tuple(item.item_id for item in published.catalogue.items if not item.deleted)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,} of {task.total:,} items"),
        TimeElapsedColumn(), TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal,
    ) as bar:  # fmt: skip
        task, told_at = bar.add_task("replenish", total=len(every)), began

        def told(done: int, of: int) -> None:
            nonlocal told_at
            bar.update(task, completed=done)
            if not err.is_terminal and time.monotonic() - told_at > LINE_S:
                told_at = time.monotonic()
                say(f"{done:,} of {of:,} items")

        done = write_plans(path, published.service, every, like, told)
    out.print(
        f"{path}: {done.items:,} items, {done.ordered:,} to be ordered, {done.bytes / 1e6:,.1f} MB in "
        f"{time.monotonic() - began:.1f} s",
        highlight=False, markup=False,
    )  # fmt: skip
    if done.missing:
        out.print(f"{done.missing:,} items are not known to the forecast", highlight=False)
