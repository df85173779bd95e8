"""A tidy panel as CSV or Parquet: one line an item, place and period, with the units sold and the price asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from model_repo.datasets.columns import plain
from model_repo.datasets.files import check_file, dataset_name, digest, first_line, is_parquet, opened
from model_repo.datasets.panel import DAY_S, WEEK_DAYS, Panel
from model_repo.datasets.source import Source
from model_repo.datasets.values import codes, money, numbers, refuse_first, times
from serving.core.errors import DataError, InvalidInput

NAMES: Final = {
    "item": ("item", "itemid", "sku", "product", "productid", "stockcode"),
    "location": ("location", "store", "storeid", "shop", "warehouse"),
    "time": ("period", "date", "day", "week", "month"),
    "units": ("units", "quantity", "sales", "sold"),
    "price": ("price", "unitprice"),
    "promo": ("promo", "promotion", "deal", "onpromotion"),
    "competitor": ("competitorprice", "competitor", "rivalprice"),
    "category": ("category", "group", "brand"),
    "sold_out": ("soldout", "stockout", "outofstock"),
    "currency": ("currency",),
}
"""Key -> names of columns, in lower case without spaces, '_', '-' and '.'; those of NEEDED must be there."""
NEEDED: Final = ("item", "time", "units", "price")
UNITS_MAX = 1e9


def read_panel(path: Path, *, currency: str = "GBP", period_days: int = WEEK_DAYS) -> Panel:
    """The panel in the file. Series are items in locations; categories default to the items where there are locations.

    Periods are dates, a whole number of the shortest distance apart, or whole numbers, `period_days` long. Prices are
    in units of `currency`, which a column "currency" must name too where there is one. promo: 0..1.
    Raises DataError naming line and column: unreadable or missing cells, NaN, a price not above 0, negative units, a
    line twice, another currency, no rows, nothing but zeros.
    """
    if not re.fullmatch("[A-Z]{3}", currency):
        raise InvalidInput("currency", currency, "an ISO 4217 code such as GBP")
    if not 1 <= period_days <= 366:
        raise InvalidInput("period_days", period_days, "a number from 1 to 366")
    source = _source(path)
    if not source.table.num_rows:
        raise DataError(str(path), "this file has a header but no rows: a panel needs at least one")
    _check_currency(source, currency)
    units = numbers(source, "units", blank=None)
    refuse_first(source, "units", (units < 0) | (units > UNITS_MAX), "units from 0 to 1,000,000,000")
    if not units.any():
        raise DataError(
            str(path), "all units are 0: demand cannot be learnt from no sale", column=source.names["units"]
        )
    numbers(source, "price", blank=None)  # an empty price is an error here, not an unknown one
    price = money(source, "price", currency)
    refuse_first(source, "price", price < 1, "a price above 0")
    promo = _share(source, "promo")
    sold_out = _share(source, "sold_out") > 0.5
    competitor = np.maximum(money(source, "competitor", currency), 0)
    ids, series, group, groups = _series(source)
    period, first_day, days = _periods(source, period_days)
    order = np.lexsort((period, series))
    twice = (np.diff(series[order]) == 0) & (np.diff(period[order]) == 0)
    if twice.any():
        raise source.refuse(int(order[1:][twice][0]), "time", "this item, location and period stand there twice")
    return Panel(
        dataset_name(path), digest(path), series[order].astype(np.int32), period[order].astype(np.int32),
        units[order], price[order], promo[order], competitor[order], sold_out[order], ids, group, groups, first_day,
        days, currency,
    )  # fmt: skip


def _source(path: Path) -> Source:
    check_file(path)
    present = _schema(path) if is_parquet(path) else [name.strip() for name in first_line(path).split(",")]
    by_plain = {plain(name.strip('"')): name for name in present}
    names = {}
    for key, known in NAMES.items():
        found = next((by_plain[name] for name in known if name in by_plain), None)
        if found is not None:
            names[key] = found
        elif key in NEEDED:
            raise DataError(
                str(path), f"no column looks like {key!r} ({', '.join(known)}); the columns are {', '.join(present)}",
                line=1, column=key,
            )  # fmt: skip
    columns = list(names.values())
    with opened(path) as stream:
        try:
            if is_parquet(path):
                data = pa.BufferReader(stream.read())
                table, delimiter = pa.parquet.read_table(data, columns=columns), ""
            else:
                convert = pa.csv.ConvertOptions(
                    column_types={name.strip('"'): pa.string() for name in columns},
                    include_columns=[name.strip('"') for name in columns], strings_can_be_null=False,
                )  # fmt: skip
                table, delimiter = pa.csv.read_csv(stream, convert_options=convert), ","
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(str(path), f"this file cannot be read: {str(error)[:200]}") from error
    plainly = {key: name.strip('"') for key, name in names.items()}
    table = table.select(list(plainly.values())).rename_columns(list(plainly))
    return Source(path, plainly, table, delimiter)


def _schema(path: Path) -> list[str]:
    with opened(path) as stream:
        try:
            return list(pa.parquet.read_schema(pa.BufferReader(stream.read())).names)
        except pa.ArrowException as error:
            raise DataError(str(path), f"this file cannot be read as Parquet: {str(error)[:200]}") from error


def _check_currency(source: Source, currency: str) -> None:
    if "currency" not in source.names:
        return
    other = pc.not_equal(pc.utf8_upper(pc.utf8_trim_whitespace(source.table["currency"].cast(pa.string()))), currency)
    expected = f"{currency}: one currency a panel, the one that is asked for"
    refuse_first(source, "currency", np.array(pc.fill_null(other, True)), expected)


def _share(source: Source, key: str) -> npt.NDArray[np.float64]:
    """(n,) 0..1; words for yes and no too; 0 where there is no such column."""
    if key not in source.names:
        return np.zeros(source.table.num_rows)
    words: dict[str, float] = {"true": 1.0, "yes": 1.0, "y": 1.0, "false": 0.0, "no": 0.0, "n": 0.0, "": 0.0}
    cells = [str(cell).strip().lower() for cell in source.table[key].to_pylist()]
    value = np.array([words[cell] if cell in words else _number(cell) for cell in cells])
    refuse_first(source, key, ~((value >= 0) & (value <= 1)), "a number from 0 to 1, or yes or no")
    return value


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _series(source: Source) -> tuple[tuple[str, ...], Any, npt.NDArray[np.int32], tuple[str, ...]]:
    """ids, number of each row's series, group of each series, groups."""
    item, place = codes(source, "item"), codes(source, "location")
    refuse_first(source, "item", item.code < 0, "the item's id")
    keys, series = np.unique(item.code.astype(np.int64) * (len(place.values) + 1) + place.code + 1, return_inverse=True)
    items, places = keys // (len(place.values) + 1), keys % (len(place.values) + 1) - 1

    def name(i: int, p: int) -> str:
        return item.values[i] if p < 0 else f"{item.values[i]} @ {place.values[p]}"

    ids = tuple(name(i, p) for i, p in zip(items.tolist(), places.tolist(), strict=True))
    if "category" in source.names:
        category = codes(source, "category")
        group = np.full(len(keys), -1, np.int64)
        group[series] = category.code
        return ids, series, (group + 1).astype(np.int32), ("", *category.values)
    if place.values:
        return ids, series, items.astype(np.int32), item.values
    return ids, series, np.zeros(len(keys), np.int32), ("",)


def _periods(source: Source, period_days: int) -> tuple[npt.NDArray[np.int64], int, int]:
    """Number of each row's period from 0, first day, days of a period."""
    column = source.table["time"]
    text = column if pa.types.is_temporal(column.type) else pc.utf8_trim_whitespace(column.cast(pa.string()))
    if not pa.types.is_temporal(column.type) and pc.all(pc.match_substring_regex(text, r"^\d{1,6}$")).as_py():
        number = text.cast(pa.int64()).to_numpy()
        return number - int(number.min()), 0, period_days
    day = times(source) // DAY_S
    unique = np.unique(day)
    step = int(np.gcd.reduce(np.diff(unique))) if len(unique) > 1 else period_days
    return (day - int(day.min())) // step, int(day.min()), step
