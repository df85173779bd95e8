"""The forecaster alone, in this process: one item at a time, then all items at once (forecast_service.py: as served).

python -m loadtests.forecasts
python -m loadtests.forecasts --items 100000 --threads 2 --json

A made-up shop of 2,000 items is forecast as `storegate train` does it; its rows are repeated until there are as many
items as asked for, written as a part of a release and read as the gateway reads it, in a process of its own: the memory
is that of the reader. Promised: one item x 28 days x 9 quantiles in 2 ms at the 99th percentile, 100,000 items x 28
days x 9 quantiles in 60 s on two cores within 4 GiB.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import click
import numpy as np
from rich import box
from rich.table import Table

from loadtests.bench.report import Result, Row
from loadtests.telling import tell
from model_repo.datasets.tables import Dataset, EventTable
from model_repo.evaluate.machine import peak_rss_mib
from model_repo.forecast.build import arrays_of, build
from serving.adapters.forecast_files import ARRAYS, FORECAST, read_forecaster
from serving.adapters.model_files import dump_arrays
from serving.core.catalogue import Item
from serving.decisions.forecast.forecaster import Forecaster
from serving.decisions.forecast.models import ForecastModel
from serving.events.types import PURCHASE

HORIZON: Final = 28
LEVELS: Final = np.array([0.005, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.995])
MADE_ITEMS, MADE_DAYS = 2000, 400
FIRST_DAY: Final = 20_458
CHUNK: Final = 2048
P99_MS, BULK_S, BULK_MIB = 2.0, 60.0, 4096.0


@dataclass(frozen=True, slots=True)
class Found:
    """p50_ms, p99_ms: of one item, busy_p99_ms: of the processor's time it took; load_s: reading the part; bulk_s: all
    items; peak_mib: of the reading process."""

    p50_ms: float
    p99_ms: float
    busy_p99_ms: float
    load_s: float
    bulk_s: float
    peak_mib: float


def made_shop(items: int, days: int, seed: int) -> Dataset:
    """Gamma-Poisson counts with a week and a trend; levels from one piece in 50 days to 20 a day."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.normal(-1.5, 1.5, items)).clip(0.02, 20)
    week = np.array([1.0, 0.9, 0.9, 1.0, 1.1, 1.4, 0.7])[np.arange(days) % 7]
    rate = level[:, None] * week * np.linspace(0.8, 1.2, days)
    units = rng.poisson(rate * rng.gamma(1.5, 1 / 1.5, rate.shape))
    item, day = np.nonzero(units)
    order = np.argsort(day, kind="stable")
    item, day = item[order], day[order]
    events = EventTable(
        user=np.full(len(item), -1, np.int32),
        item=item.astype(np.int32),
        time_s=(FIRST_DAY + day.astype(np.int64)) * 86_400,
        type=np.full(len(item), PURCHASE, np.uint8),
        quantity=units[item, day].astype(np.int32),
        price=np.full(len(item), 1000, np.int64),
        basket=np.arange(len(item), dtype=np.int64),
    )
    catalogue = tuple(
        Item(f"i{k}", title=f"thing {k}", category_path=(f"c{k % 20}",), price=1000, currency="GBP")
        for k in range(items)
    )
    return Dataset("made", "", catalogue, (), events, "GBP")


def write_part(folder: Path, items: int, seed: int) -> None:
    """The part of a shop of so many items below `folder`."""
    files = build(made_shop(min(items, MADE_ITEMS), MADE_DAYS, seed), seed=seed).files
    for name, content in files.items():
        (folder / name).write_bytes(content)
    model = repeated(read_forecaster(folder, "measured").model, items)
    (folder / ARRAYS).write_bytes(dump_arrays(arrays_of(model), FORECAST))


def repeated(model: ForecastModel, items: int) -> ForecastModel:
    """The same rows again and again until there are so many items; the groups stay at the end."""
    n, g = len(model.item_ids), len(model.groups)
    rows = np.concatenate([np.arange(items) % n, n + np.arange(g)])
    by_row = {
        name: getattr(model, name)[rows]
        for name in ("items", "base", "week", "price", "usual_price", "kind", "method", "confidence", "group", "bank",
                     "bank_method", "bank_log_size", "share", "outside_item")
    }  # fmt: skip
    return replace(model, item_ids=tuple(f"i{k}" for k in range(items)), **by_row)


def measure(folder: str, calls: int, threads: int, seed: int) -> Found:
    """In a process of its own: reads the part, asks for single items, then for all of them."""
    begun = time.perf_counter()
    forecaster = read_forecaster(Path(folder), "measured")
    load_s = time.perf_counter() - begun
    n = len(forecaster.item_ids)
    asked = np.random.default_rng(seed).integers(0, n, (calls + 50, 1)).astype(np.int32)
    seconds = []
    for rows in asked:
        begun, busy = time.perf_counter(), time.thread_time()
        forecaster.forecast(rows, HORIZON, LEVELS)
        seconds.append((time.perf_counter() - begun, time.thread_time() - busy))
    (p50_ms, _), (p99_ms, busy_ms) = np.percentile(seconds[50:], [50, 99], axis=0) * 1e3
    bulk_s = all_items(forecaster, threads)
    return Found(float(p50_ms), float(p99_ms), float(busy_ms), load_s, bulk_s, float(peak_rss_mib()))


def all_items(forecaster: Forecaster, threads: int) -> float:
    """Seconds that all items take, in chunks over so many threads."""
    n = len(forecaster.item_ids)
    chunks = [np.arange(at, min(n, at + CHUNK), dtype=np.int32) for at in range(0, n, CHUNK)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        rows = sum(pool.map(lambda some: len(forecaster.forecast(some, HORIZON, LEVELS).mean), chunks))
    assert rows == n
    return time.perf_counter() - begun


def broken(found: Found, items: int) -> list[str]:
    """The promises that were not kept; the bulk's are about 100,000 items or more."""
    notes = []
    if found.p99_ms > P99_MS:
        notes.append(f"one item took {found.p99_ms:.2f} ms at the 99th percentile, promised {P99_MS:.0f}")
    if items <= 100_000 and found.bulk_s > BULK_S:
        notes.append(f"{items} items took {found.bulk_s:.1f} s, promised {BULK_S:.0f}")
    if items <= 100_000 and found.peak_mib > BULK_MIB:
        notes.append(f"{found.peak_mib:.0f} MiB were in use, promised {BULK_MIB:.0f}")
    return notes


def table_of(found: Found, items: int, threads: int) -> Table:
    table = Table(box=box.SIMPLE, title=f"{items:,} items x {HORIZON} days x {len(LEVELS)} quantiles")
    for name in (
        "one item p50",
        "one item p99",
        "of it busy",
        "loading",
        f"all items, {threads} threads",
        "peak memory",
    ):
        table.add_column(name, justify="right")
    table.add_row(
        f"{found.p50_ms:.2f} ms", f"{found.p99_ms:.2f} ms", f"{found.busy_p99_ms:.2f} ms",
        f"{found.load_s:.2f} s", f"{found.bulk_s:.1f} s", f"{found.peak_mib:,.0f} MiB",
    )  # fmt: skip
    return table


@click.command()
@click.option("--items", type=click.IntRange(1, 2_000_000), default=100_000, show_default=True)
@click.option("--calls", type=click.IntRange(10, 1_000_000), default=5000, show_default=True, help="Of one item.")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="For all items.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", is_flag=True, help="One JSON object instead of the table.")
def main(items: int, calls: int, threads: int, seed: int, json: bool) -> None:
    """Measures the forecaster in process; ends with 1 when a promise was broken."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="storegate-forecasts-") as folder:
        write_part(Path(folder), items, seed)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure, (folder, calls, threads, seed))
    tell(
        result_of(found, items, threads, seed, time.perf_counter() - begun), table_of(found, items, threads), json=json
    )


def result_of(found: Found, items: int, threads: int, seed: int, seconds: float) -> Result:
    row: Row = {"name": "forecaster", "served": True}
    row |= {name: round(getattr(found, name), 4) for name in Found.__slots__}
    return Result(
        command=" ".join(["python", "-m", "loadtests.forecasts", *sys.argv[1:]]),
        data={"name": "a made-up shop, its rows repeated", "items": items, "days": MADE_DAYS},
        seed=seed,
        setup={"threads": threads, "horizon": HORIZON, "quantiles": len(LEVELS)},
        rows=[row],
        seconds=seconds,
        notes=broken(found, items),
    )


if __name__ == "__main__":
    main()
