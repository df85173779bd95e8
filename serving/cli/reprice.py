"""What new prices for the whole catalogue would change: as a report, and as a file."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Group
from rich.table import Table

from serving.cli.tables import money

LARGEST: Final = 10
"""Changes that are shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item. Amounts in minor units, None = not known; price 0 = no price satisfies the rules."""

    item_id: str
    currency: str
    current_price: int
    price: int
    change: float
    """Share of the current price."""
    lowest: int
    highest: int
    bound_by: str
    gave_way: str
    contradiction: str
    current_margin: float | None
    expected_margin: float | None
    expected_units: float | None
    propensity: float
    explored: bool


@dataclass(slots=True)
class Repriced:
    """All items."""

    rows: list[Row] = field(default_factory=list)

    def add(self, rows: Sequence[Row]) -> None:
        self.rows += rows

    @property
    def changed(self) -> list[Row]:
        """Those with another price."""
        return [row for row in self.rows if row.price and row.price != row.current_price]


def rows_of(quotes: Any) -> list[Row]:
    """PriceQuote messages."""
    return [
        Row(
            one.item_id,
            one.current_price.currency_code,
            one.current_price.amount_minor,
            one.price.amount_minor,
            one.price.amount_minor / one.current_price.amount_minor - 1 if one.price.amount_minor else 0.0,
            one.lowest.amount_minor,
            one.highest.amount_minor,
            one.bound_by,
            " ".join(one.gave_way),
            " ".join(one.contradiction),
            one.current_margin_minor if one.HasField("current_margin_minor") else None,
            one.expected_margin_minor if one.HasField("expected_margin_minor") else None,
            one.expected_units if one.HasField("expected_units") else None,
            one.propensity,
            one.explored,
        )
        for one in quotes
    ]


def table_of(found: Repriced, info: Any) -> Group:
    """The report. info: PricingInfo."""
    return Group(_directions(found, info), _largest(found))


def write(path: Path, rows: Sequence[Row]) -> None:
    """All rows as .csv or .parquet, whole or not at all."""
    names = [each.name for each in fields(Row)]
    draft = path.with_name(f".{path.name}.draft")
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({name: [getattr(row, name) for row in rows] for name in names}), draft)
    else:
        with open(draft, "w", newline="", encoding="utf-8") as file:
            lines = csv.DictWriter(file, names)
            lines.writeheader()
            lines.writerows(asdict(row) for row in rows)
    os.replace(draft, path)


def _directions(found: Repriced, info: Any) -> Table:
    parts = [f"model {info.model_version}" if info.model_version else "no model", f"rules {info.rules_version}"]
    if info.degraded:
        parts.append(f"degraded: {info.degraded}")
    parts.append(f"margins are expected over {info.units_days:g} days, of items of which both are known")
    table = Table(caption=" · ".join(parts), caption_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("would")
    table.add_column("items", justify="right")
    table.add_column("bound by", overflow="fold")
    for name in ("margin now", "margin then"):
        table.add_column(name, justify="right", no_wrap=True)
    groups = {
        "go up": [row for row in found.changed if row.change > 0],
        "go down": [row for row in found.changed if row.change < 0],
        "stay": [row for row in found.rows if row.price and row.price == row.current_price],
        "have no price by the rules": [row for row in found.rows if not row.price],
    }
    for name, rows in groups.items():
        why = Counter(row.contradiction.replace(" ", " and ") if not row.price else row.bound_by for row in rows)
        told = ", ".join(f"{rule or 'none'} {count:,}" for rule, count in why.most_common())
        known = [row for row in rows if row.current_margin is not None and row.expected_margin is not None]
        margins = ("", "")
        if known:
            margins = (_sum(known, "current_margin"), _sum(known, "expected_margin"))
        table.add_row(name, f"{len(rows):,}", told, *margins)
    return table


def _sum(rows: Sequence[Row], name: str) -> str:
    """By currency."""
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row.currency] += getattr(row, name)
    return "\n".join(money(round(total), currency) for currency, total in sorted(totals.items()))


def _largest(found: Repriced) -> Table:
    table = Table(title="largest changes", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("item", overflow="fold")
    for name in ("now", "then", "change"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("bound by")
    for row in sorted(found.changed, key=lambda row: (-abs(row.change), row.item_id))[:LARGEST]:
        table.add_row(
            row.item_id, money(row.current_price, row.currency), money(row.price, row.currency),
            f"{100 * row.change:+.1f} %", row.bound_by,
        )  # fmt: skip
    return table
