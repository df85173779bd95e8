"""What a shop knows beside its sales, by day and item: weather, events, competitors' prices, promotions, stock-outs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np

from model_repo.datasets.columns import SYNONYMS, plain
from model_repo.datasets.files import check_file
from model_repo.datasets.products import text_table
from model_repo.datasets.tables import Outside
from serving.core.catalogue import Item
from serving.core.errors import DataError

COLUMNS_MAX: Final = 16
DAY: Final = ("day", "date")
FLAGS: Final = ("promo", "out_of_stock", "closed")
"""Columns that mean something of their own, 0 or 1 (see tables.Outside)."""
_EPOCH: Final = date(1970, 1, 1)


def read_outside(path: str | Path, items: Sequence[Item]) -> Outside:
    """A CSV or Parquet file (gzip allowed) with a column `day` (2026-10-31), perhaps one of item codes, and numbers.

    A row without an item is about all of them; an empty cell says nothing; rows about items that were never sold are
    left out. Days may lie in the future: what is known of them (holidays, a weather forecast) is used. Raises DataError
    naming line and column, for a day and item that are said twice too.
    """
    path = Path(path)
    check_file(path)
    table = text_table(path)
    by_plain = {plain(name): name for name in reversed(table.column_names)}
    day = next((by_plain[name] for name in DAY if name in by_plain), None)
    if day is None:
        known = ", ".join(table.column_names)
        raise DataError(str(path), f"no column is called 'day'; the columns are {known}", line=1)
    item = next((by_plain[name] for name in SYNONYMS["item"] if name in by_plain), None)
    names = [name for name in table.column_names if name not in (day, item)]
    if not 0 < len(names) <= COLUMNS_MAX:
        raise DataError(str(path), f"it has {len(names)} columns of numbers, expected 1 to {COLUMNS_MAX}", line=1)
    row_of = {one.item_id: row for row, one in enumerate(items)}
    days = _days(path, day, table[day].to_pylist())
    codes = [(value or "").strip() for value in table[item].to_pylist()] if item else [""] * len(days)
    rows = np.array([-1 if not code else row_of.get(code, -2) for code in codes], np.int32)
    values = np.empty((len(days), len(names)))
    for k, name in enumerate(names):
        values[:, k] = _numbers(path, name, table[name].to_pylist())
    _check_once(path, day, days, codes)
    known = rows > -2
    return Outside(tuple(_flag(name) or name for name in names), days[known], rows[known], values[known])


def _flag(name: str) -> str:
    return next((flag for flag in FLAGS if plain(flag) == plain(name)), "")


def _days(path: Path, column: str, cells: Sequence[str | None]) -> np.ndarray:
    out = np.empty(len(cells), np.int64)
    for at, cell in enumerate(cells):
        try:
            out[at] = (date.fromisoformat((cell or "").strip()[:10]) - _EPOCH).days
        except ValueError as error:
            raise DataError(
                str(path), f"got {cell!r}, expected a day such as 2026-10-31", line=at + 2, column=column
            ) from error
    return out


def _numbers(path: Path, column: str, cells: Sequence[str | None]) -> np.ndarray:
    """(m,) nan = empty. Flags are 0 or 1."""
    out = np.full(len(cells), np.nan)
    flag = bool(_flag(column))
    for at, cell in enumerate(cells):
        text = (cell or "").strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not np.isfinite(value) or (flag and value not in (0.0, 1.0)):
            wanted = "0 or 1" if flag else "a number, or nothing"
            raise DataError(str(path), f"got {text!r}, expected {wanted}", line=at + 2, column=column)
        out[at] = value
    return out


def _check_once(path: Path, column: str, days: np.ndarray, codes: Sequence[str]) -> None:
    seen: dict[tuple[int, str], int] = {}
    for at, key in enumerate(zip(days.tolist(), codes, strict=True)):
        before = seen.setdefault(key, at)
        if before != at:
            of = f" of {key[1]!r}" if key[1] else ""
            raise DataError(str(path), f"the same day{of} as in line {before + 2}", line=at + 2, column=column)
