"""Dominick's orange juice (bayesm's orangeJuice): 83 stores, 11 brands, 121 weeks, as a panel."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Final

import numpy as np

from model_repo.datasets.files import check_file, dataset_name, digest, first_line, opened
from model_repo.datasets.panel import WEEK_DAYS, Panel
from serving.core.errors import DataError

COLUMNS: Final = ("store", "brand", "week", "logmove", *(f"price{n}" for n in range(1, 12)), "deal", "feat")
OUNCES: Final = 64
"""Of a pack: sales are multiples of it, so that logmove is of ounces."""
EPOCH_DAY: Final = 7196
"""1989-09-14, on which Dominick's week 1 begins."""
BRANDS: Final = (
    "Tropicana Premium 64 oz", "Tropicana Premium 96 oz", "Florida's Natural 64 oz", "Tropicana 64 oz",
    "Minute Maid 64 oz", "Minute Maid 96 oz", "Citrus Hill 64 oz", "Tree Fresh 64 oz", "Florida Gold 64 oz",
    "Dominick's 64 oz", "Dominick's 128 oz",
)  # fmt: skip


def is_orange_juice(path: Path) -> bool:
    """By the names in its header."""
    check_file(path)
    return set(COLUMNS) <= {name.strip().strip('"') for name in first_line(path).split(",")}


def read_orange_juice(path: Path) -> Panel:
    """Series are brands in stores, categories are brands; pieces of 64 ounces at cents a piece.

    promo: a deal counts a third, a feature two thirds. competitor: geometric mean of the other ten brands' prices.
    covariates: log prices of all eleven, deal, feature. Raises DataError naming line and column.
    """
    check_file(path)
    rows = _numbers(path)
    store, brand, week = (rows[:, at].astype(np.int64) for at in range(3))
    order = np.lexsort((week, brand, store))
    rows, store, brand, week = rows[order], store[order], brand[order], week[order]
    logs = np.log(rows[:, 4:15])
    own = logs[np.arange(len(rows)), brand - 1]
    others = (logs.sum(axis=1) - own) / 10
    deal, feature = rows[:, 15], rows[:, 16]
    keys, series = np.unique(store * 100 + brand, return_inverse=True)
    twice = (np.diff(series) == 0) & (np.diff(week) == 0)
    if twice.any():
        at = int(order[1:][twice][0])
        raise DataError(str(path), "this store, brand and week stand there twice", line=at + 2)
    return Panel(
        name=dataset_name(path),
        sha256=digest(path),
        series=series.astype(np.int32),
        period=(week - week.min()).astype(np.int32),
        units=np.exp(rows[:, 3]) / OUNCES,
        price=np.maximum(np.rint(np.exp(own) * OUNCES * 100), 1).astype(np.int64),
        promo=(deal + 2.0 * feature) / 3.0,
        competitor=np.maximum(np.rint(np.exp(others) * OUNCES * 100), 1).astype(np.int64),
        sold_out=np.zeros(len(rows), np.bool_),
        ids=tuple(f"{BRANDS[key % 100 - 1]} @ store {key // 100}" for key in keys.tolist()),
        group=(keys % 100 - 1).astype(np.int32),
        groups=BRANDS,
        first_day=EPOCH_DAY + (int(week.min()) - 1) * WEEK_DAYS,
        period_days=WEEK_DAYS,
        currency="USD",
        covariates=np.column_stack([logs, deal, feature]),
    )


def _numbers(path: Path) -> np.ndarray:
    """(N, 17) float64 of COLUMNS."""
    out = []
    with opened(path) as raw, io.TextIOWrapper(io.BufferedReader(raw), "utf-8", newline="") as text:  # type: ignore[type-var]
        reader = csv.DictReader(text)
        for line, record in enumerate(reader, start=2):
            try:
                out.append([float(record[name]) for name in COLUMNS])
            except (TypeError, ValueError, KeyError) as error:
                raise DataError(str(path), f"a cell is not a number: {error}", line=line) from error
    rows = np.array(out, np.float64).reshape(-1, len(COLUMNS))
    if not len(rows):
        raise DataError(str(path), "this file has a header but no rows")
    bad = ~np.isfinite(rows)
    bad[:, 1] |= (rows[:, 1] < 1) | (rows[:, 1] > 11) | (rows[:, 1] % 1 != 0)
    bad[:, 4:15] |= rows[:, 4:15] <= 0
    if bad.any():
        row, column = (int(at[0]) for at in np.nonzero(bad))
        raise DataError(
            str(path), f"got {rows[row, column]:g}, expected a finite number, a brand from 1 to 11, a price above 0",
            line=row + 2, column=COLUMNS[column],
        )  # fmt: skip
    return rows
