"""`storegate price`: quotes, what other prices would bring, and new prices for the whole catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.table import Table

from serving.cli.common import client_of, out, say, target_of, with_settings
from serving.cli.price_log import log
from serving.cli.reprice import Repriced, Row, rows_of, table_of, write
from serving.cli.tables import money
from serving.settings import Settings

PAGE = 2000
WRITE = 500
WRITE_S = 30.0
TARGET = click.option("--target", help="host:port of the gateway. [the one that runs on this home]")
CURRENCY = click.option("--currency", default="", help="That is expected, ISO 4217. [any]")


@click.group()
def price() -> None:
    """Prices within the rules of the settings; see "Prices" in serving/README.md.

    \b
    storegate price quote 22423 85123A
    storegate price simulate 22423 --price 995 --price 1095
    storegate price reprice --out prices.csv
    storegate price reprice --apply
    storegate price log --out quotes.parquet
    """


price.add_command(log)


@price.command()
@click.argument("items", nargs=-1, required=True)
@CURRENCY
@TARGET
@with_settings()
def quote(settings: Settings, items: tuple[str, ...], currency: str, target: str | None) -> None:
    """The price of each item, what the rules allow, and which rule bound it."""
    with client_of(settings, target_of(settings, target)) as client:
        answer = client.quote_prices(items, currency_code=currency)
    out.print(quotes_table(answer.quotes, answer.info))
    _tell_missing(answer.missing_item_ids)


@price.command()
@click.argument("items", nargs=-1, required=True)
@click.option("--price", "prices", type=int, multiple=True, help="In minor units; repeatable. [around the item's own]")
@TARGET
@with_settings()
def simulate(settings: Settings, items: tuple[str, ...], prices: tuple[int, ...], target: str | None) -> None:
    """What other prices would bring, and which rule forbids them."""
    with client_of(settings, target_of(settings, target)) as client:
        answer = client.simulate_prices(items, prices)
    for curve in answer.curves:
        out.print(curve_table(curve, answer.info))
    _tell_missing(answer.missing_item_ids)


@price.command()
@click.option("--apply", "applies", is_flag=True, help="Set the prices in the catalogue. [only say what would change]")
@click.option("--degraded", is_flag=True, help="With --apply: also prices that no demand model was asked for.")
@click.option(
    "--out", "path", type=click.Path(dir_okay=False, path_type=Path), help="File for all rows: .csv or .parquet."
)
@CURRENCY
@TARGET
@with_settings()
def reprice(
    settings: Settings, applies: bool, degraded: bool, path: Path | None, currency: str, target: str | None
) -> None:
    """The quoted price of every item on sale against the one it has: how many go up and down, by which rule, the
    largest changes, and the margin that is expected. Nothing is written without --apply."""
    from storegate.v1 import batch_pb2 as pb

    if path is not None and path.suffix not in (".csv", ".parquet"):
        raise click.BadParameter(f"{path}: a name that ends in .csv or .parquet", param_hint="--out")
    with client_of(settings, target_of(settings, target)) as client:
        found, token, info = Repriced(), "", None
        while token or info is None:
            request = pb.BatchQuotePricesRequest(
                all_items=True, page_size=PAGE, page_token=token, currency_code=currency
            )
            answer = client.batch_quote_prices(request)
            found.add(rows_of(answer.quotes))
            token, info = answer.next_page_token, _together(info, answer.info)
            say(f"{len(found.rows):,} items")
        out.print(table_of(found, info))
        if path is not None:
            write(path, found.rows)
            say(f"{len(found.rows):,} rows in {path}")
        if applies and info.degraded and not degraded:
            raise click.ClickException(
                f"nothing was written: these prices were decided without a demand model ({info.degraded}); "
                "--degraded sets them all the same"
            )
        if applies:
            out.print(_applied(client, found), highlight=False)
        elif found.changed:
            say("nothing was written; --apply sets these prices")


def _together(before: Any, info: Any) -> Any:
    """The PricingInfo of all pages so far, degraded if one of them was. before: of the earlier ones, None = none."""
    if before is None:
        return info
    for name in ("rules_version", "model_version", "period_start"):
        if getattr(before, name) != getattr(info, name):
            raise click.ClickException(
                f"nothing was written: {name} has changed from page to page "
                f"({_shown(getattr(before, name))}, then {_shown(getattr(info, name))}); begin again"
            )
    info.degraded = before.degraded or info.degraded
    return info


def _shown(value: Any) -> str:
    return (value if isinstance(value, str) else value.ToJsonString()) or "none"


def _applied(client: Any, found: Repriced) -> str:
    """Writes the new prices; an item that has another price since it was quoted, or another quote, is left alone."""
    from storegate.v1 import catalog_pb2, common_pb2

    done, left, changed = 0, 0, found.changed
    for start in range(0, len(changed), WRITE):
        rows = changed[start : start + WRITE]
        now = client.quote_prices([row.item_id for row in rows], timeout_s=WRITE_S)
        same = {one.item_id for one, row in _paired(now.quotes, rows) if _stands(one, row)}
        updates = [
            catalog_pb2.PriceUpdate(
                item_id=row.item_id, price=common_pb2.Money(amount_minor=row.price, currency_code=row.currency)
            )
            for row in rows
            if row.item_id in same
        ]
        if updates:
            done += client.set_prices(updates, timeout_s=WRITE_S).updated
        left = min(start + WRITE, len(changed)) - done
        say(f"{done:,} of {len(changed):,} prices set")
    return f"{done:,} prices set" + (f", {left:,} items left alone: they have changed meanwhile" if left else "")


def _paired(quotes: Any, rows: Sequence[Row]) -> list[tuple[Any, Row]]:
    """Each quote with the row of its item."""
    by_id = {row.item_id: row for row in rows}
    return [(one, by_id[one.item_id]) for one in quotes]


def _stands(quote: Any, row: Row) -> bool:
    """Whether the item has the price it had, and its quote is the one it was: stock, cost or a bound may have moved."""
    pairs = (quote.current_price, row.current_price), (quote.price, row.price)
    return all((one.amount_minor, one.currency_code) == (minor, row.currency) for one, minor in pairs)


def quotes_table(quotes: Any, info: Any) -> Table:
    """quotes: PriceQuote messages; info: PricingInfo."""
    table = Table(caption=footer(info), caption_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("item", overflow="fold")
    for name in ("price", "now", "lowest", "highest"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("bound by")
    for name in ("units", "margin", "chance"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("rules that gave way", overflow="fold")
    for one in quotes:
        code = one.price.currency_code or one.current_price.currency_code
        if one.contradiction:
            why = "no price: " + " and ".join(one.contradiction)
            table.add_row(one.item_id, "", _minor(one.current_price), "", "", why)
            continue
        table.add_row(
            one.item_id, _minor(one.price), _minor(one.current_price), _minor(one.lowest), _minor(one.highest),
            one.bound_by, f"{one.expected_units:.2f}" if one.HasField("expected_units") else "",
            money(round(one.expected_margin_minor), code) if one.HasField("expected_margin_minor") else "",
            f"{one.propensity:.3g}" + (" explored" if one.explored else ""), ", ".join(one.gave_way),
        )  # fmt: skip
    return table


def curve_table(curve: Any, info: Any) -> Table:
    """curve: PriceCurve message."""
    title = f"{curve.quote.item_id}: elasticity {curve.elasticity:.2f}"
    table = Table(title=title, caption=footer(info), title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD)
    for name in ("price", "units", "of now", "revenue", "margin"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("forbidden by")
    for point in curve.points:
        code = point.price.currency_code
        here = point.price.amount_minor == curve.quote.price.amount_minor
        table.add_row(
            _minor(point.price), f"{point.expected_units:.2f}" if point.HasField("expected_units") else "",
            f"{100 * point.relative_units:.0f} %",
            money(round(point.expected_revenue_minor), code) if point.HasField("expected_revenue_minor") else "",
            money(round(point.expected_margin_minor), code) if point.HasField("expected_margin_minor") else "",
            "(the quote)" if here else point.forbidden_by,
        )  # fmt: skip
    return table


def footer(info: Any) -> str:
    """What quotes were made of."""
    days = f"units of {info.units_days:g} days"
    parts = [f"model {info.model_version}" if info.model_version else "no model", f"rules {info.rules_version}", days]
    parts.append(f"until {info.period_end.ToJsonString()}")
    if info.degraded:
        parts.append(f"degraded: {info.degraded}")
    return " · ".join(parts)


def _minor(amount: Any) -> str:
    return money(amount.amount_minor, amount.currency_code)


def _tell_missing(missing: Any) -> None:
    if missing:
        say("not in the catalogue: " + ", ".join(missing))
