"""`python -m loadtests.replenish_speed`: one plan in this process, and the plans of a whole catalogue.

The forecast is that of `loadtests.forecasts`: a made-up shop as `storegate train` learns it, its rows repeated. Every
plan goes from the bytes of a PlanReplenishment request to the bytes of the answer, as the worker makes it.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from rich import box
from rich.table import Table

from loadtests.bench.report import Result, Row
from loadtests.forecasts import write_part
from loadtests.telling import tell
from serving.adapters.forecast_files import read_forecaster
from serving.adapters.min_cost_flow import min_cost_flow
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import StoregateError
from serving.core.turn import Turn
from serving.decisions.replenish.params import Params
from serving.decisions.replenish.service import InventoryService
from serving.transport.inventory_codec import decode_plan, encode_plan
from storegate.v1 import inventory_pb2 as pb
from storegate.v1.common_pb2 import Money

TURN: Final = Turn(0.0, 0.0, 0.0)
CURRENCY: Final = "GBP"
LEAD_DAYS: Final = 7
MANY: Final = 1000
"""Items of a large request: as many as it may have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is asked of every item. bulk: share of the items that are planned at once."""

    name: str
    terms: dict[str, Any]
    bulk: float = 1.0


KINDS: Final = (
    Kind("base-stock, fill rate", {"fill_rate": 0.95}),
    Kind("base-stock, least cost", {"shortage_cost": Money(amount_minor=100, currency_code=CURRENCY)}),
    Kind(
        "(s,S), fill rate",
        {"fill_rate": 0.95, "order_cost": Money(amount_minor=200, currency_code=CURRENCY)},
        bulk=0.1,
    ),
)


def service_of(folder: Path, items: int, seed: int) -> InventoryService:
    """With stock and costs for every item of the forecast that was written to `folder`."""
    model, rng = read_forecaster(folder, "measured"), np.random.default_rng(seed)
    stock = rng.poisson(20, items)
    catalogue = Catalogue.build(
        [
            Item(item, price=1000, cost=600, currency=CURRENCY, stock={"main": (int(there), 0)})
            for item, there in zip(model.item_ids, stock, strict=True)
        ]
    )
    service = InventoryService(lambda: model, lambda: catalogue, min_cost_flow, Params())
    service.warm()
    return service


def asked(kind: Kind, rows: np.ndarray) -> bytes:
    """One request for the items of `rows`, review and lead time of a week each."""
    return pb.PlanReplenishmentRequest(
        items=[
            pb.ReplenishItem(item_id=f"i{row}", lead_time_days=LEAD_DAYS, review_period_days=7, **kind.terms)
            for row in rows
        ]
    ).SerializeToString()


def planned(service: InventoryService, payload: bytes) -> bytes:
    """From the request's bytes to the answer's. Raises StoregateError."""
    (answer,) = service.run_plan([decode_plan(payload)], TURN)
    if isinstance(answer, StoregateError):
        raise answer
    return encode_plan(answer)


def measured(service: InventoryService, kind: Kind, items: int, calls: int, seed: int) -> Iterator[Row]:
    """One item a request, then all items in large ones; each first once without the clock."""
    rng = np.random.default_rng(seed)
    took = np.empty(calls)
    ones = [asked(kind, rows) for rows in rng.integers(0, items, (calls + calls // 10, 1))]
    for payload in ones[calls:]:
        planned(service, payload)
    for number, payload in enumerate(ones[:calls]):
        began = time.perf_counter_ns()
        planned(service, payload)
        took[number] = time.perf_counter_ns() - began
    p50, p99 = np.quantile(took, [0.5, 0.99]) / 1e6
    yield {
        "name": kind.name,
        "served": True,
        "batch": 1,
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
    }
    count = max(min(items, MANY), round(items * kind.bulk))
    many = [asked(kind, np.arange(at, min(count, at + MANY))) for at in range(0, count, MANY)]
    planned(service, many[0])
    began = time.perf_counter()
    found = sum(len(pb.PlanReplenishmentResponse.FromString(planned(service, payload)).plans) for payload in many)
    seconds = time.perf_counter() - began
    assert found == count
    yield {
        "name": kind.name, "served": True, "batch": MANY, "items": count, "seconds": round(seconds, 3),
        "items_per_s": round(count / seconds),
    }  # fmt: skip


@click.command()
@click.option("--items", default=20_000, show_default=True, type=click.IntRange(1000, 2_000_000))
@click.option("--calls", default=1000, show_default=True, type=click.IntRange(100), help="Of one item.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--json", is_flag=True, help="One JSON object instead of a table.")
def main(items: int, calls: int, seed: int, json: bool) -> None:
    """How many items are planned in a second, by one process."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="storegate-replenish-") as name:
        click.echo("learning the forecast", err=True)
        write_part(Path(name), items, seed)
        service = service_of(Path(name), items, seed)
    rows: list[Row] = []
    for kind in KINDS:
        click.echo(f"planning: {kind.name}", err=True)
        rows += measured(service, kind, items, calls, seed)
    table = Table(title="plans of PlanReplenishment, one process", box=box.SIMPLE_HEAD)
    names = ("name", "batch", "items", "seconds", "items_per_s", "p50_ms", "p99_ms")
    for name in names:
        table.add_column(name, justify="left" if name == "name" else "right")
    for row in rows:
        table.add_row(
            *(f"{row[name]:,}" if isinstance(row.get(name), (int, float)) else str(row.get(name, "")) for name in names)
        )
    command = f"python -m loadtests.replenish_speed --items {items} --calls {calls} --seed {seed}"
    setup = {"cores": len(os.sched_getaffinity(0)), "lead_days": LEAD_DAYS, "review_days": 7}
    data = {"name": "a made-up shop, its rows repeated", "items": items}
    tell(Result(command, data, seed, setup, rows, time.perf_counter() - began, []), table, json=json)


if __name__ == "__main__":
    main()
