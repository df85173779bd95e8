"""`python -m loadtests.price_speed`: one quote in this process, and the prices of a whole catalogue.

The demand model is trained here, on the demo store, by the code that trains a shop's; its items stand for as many as
are priced. Says when an aim of the project is missed, and ends with 1.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace

import click
import numpy as np
from rich import box
from rich.table import Table

from loadtests.bench.report import Result, Row
from loadtests.telling import tell
from model_repo.datasets.demo_store import generate
from model_repo.price.build import build_from
from serving.core.catalogue import Catalogue, Item
from serving.decisions.price import quoting
from serving.decisions.price.contract import QuoteQuery
from serving.decisions.price.posterior import PosteriorDemand
from serving.decisions.price.rules import Params
from serving.decisions.price.table import PriceTable, Pricing
from serving.transport import pricing_codec as codec
from storegate.v1 import pricing_pb2 as pb

WALL_S = 1_800_000_000.0
QUOTE_MS, BULK_S = 1.0, 3.0
"""The aims."""
OF_ITEMS = ("usual", "usual_competitor", "promo", "cross", "size", "group")


def world(items: int, seed: int) -> tuple[Catalogue, PosteriorDemand]:
    """A catalogue of so many items, a tenth of them packs of another, and a model that knows all of them."""
    shop = generate(items=1000, customers=1500, days=180, seed=seed)
    built = build_from(shop, seed=seed)
    assert built is not None
    model, rng = built.model, np.random.default_rng(seed)
    at = rng.integers(0, len(model.item_ids), items)
    names = tuple(f"item-{number}" for number in range(items))
    curves = {name: getattr(model.curves, name)[at] for name in OF_ITEMS}
    many = replace(
        model, curves=replace(model.curves, item_ids=names, **curves), mean=model.mean[at], cov=model.cov[at]
    )
    usual, luck = curves["usual"], rng.random((items, 4))
    found = [
        Item(
            name, currency=model.curves.currency, price=max(round(usual[n]), 1), cost=max(round(0.55 * usual[n]), 1),
            list_price=round(1.3 * usual[n]) if luck[n, 0] < 0.5 else 0, brand=f"b{n % 50}",
            competitor_price=round(usual[n] * (0.8 + 0.4 * luck[n, 1])) if luck[n, 1] < 0.5 else 0,
            stock={"main": (int(60 * luck[n, 2]), 0)} if luck[n, 2] < 0.7 else {},
            price_set_s=int(WALL_S) if luck[n, 3] < 0.1 else 0,
            attributes={"pack_of": f"p{n // 3}", "pack_size": str(1 + 5 * (n % 3))} if n % 30 < 3 else {},
        )
        for n, name in enumerate(names)
    ]  # fmt: skip
    return Catalogue.build(found), many


def timed(run: Callable[[int], object], times: int) -> tuple[float, float]:
    """Median and 99th percentile in microseconds, after a tenth of the runs to warm up."""
    for number in range(times // 10):
        run(number)
    took = np.empty(times)
    for number in range(times):
        began = time.perf_counter_ns()
        run(number)
        took[number] = time.perf_counter_ns() - began
    return float(np.quantile(took, 0.5)) / 1000, float(np.quantile(took, 0.99)) / 1000


def quoted(table: PriceTable, payload: bytes) -> bytes:
    """From a request's bytes to the answer's, as a replica does it."""
    return codec.encode_quotes(quoting.quote(table, codec.decode_quote(payload)))


def measure(items: int, quotes: int, seed: int) -> tuple[list[Row], dict[str, float]]:
    """The rows, and the figures that have an aim."""
    catalogue, model = world(items, seed)
    pricing = Pricing(Params(endings=("99", "49")))
    pricing.table(Catalogue.build(catalogue.items[:200]), model, WALL_S)  # compiles
    rows: list[Row] = []
    best = np.inf
    for _ in range(3):
        began = time.perf_counter()
        table = pricing.table(catalogue, model, WALL_S)
        best = min(best, time.perf_counter() - began)
    rows.append({"name": "bulk", "items": items, "prices": 64, "seconds": round(best, 3)})
    names, rng = [item.item_id for item in catalogue.items], np.random.default_rng(seed)
    asked = rng.integers(0, items, (quotes, 1))
    payloads = [pb.QuotePricesRequest(item_ids=[names[n] for n in row]).SerializeToString() for row in asked]
    p50, p99 = timed(lambda number: quoted(table, payloads[number]), quotes)
    rows.append({"name": "quote", "served": True, "batch": 1, "p50_us": round(p50, 1), "p99_us": round(p99, 1)})
    many = pb.QuotePricesRequest(item_ids=names[:1000]).SerializeToString()
    p50_many, p99_many = timed(lambda number: quoted(table, many), 200)
    rows.append(
        {"name": "quote", "served": True, "batch": 1000, "p50_us": round(p50_many, 1), "p99_us": round(p99_many, 1)}
    )

    def simulated(number: int) -> object:
        return quoting.simulate(table, codec.decode_simulate(payloads[number]))

    p50_curve, p99_curve = timed(simulated, min(quotes, 2000))
    rows.append({"name": "simulate", "batch": 1, "p50_us": round(p50_curve, 1), "p99_us": round(p99_curve, 1)})

    def anew(number: int) -> object:
        at = asked[number]
        return table.decided_anew(at)

    p50_anew, p99_anew = timed(anew, min(quotes, 2000))
    rows.append(
        {"name": "decide", "batch": 1, "prices": 64, "p50_us": round(p50_anew, 1), "p99_us": round(p99_anew, 1)}
    )
    assert quoting.quote(table, QuoteQuery((names[0],))).rows == (0,)
    return rows, {"bulk": best, "quote": p99 / 1000}


@click.command()
@click.option("--items", default=100_000, show_default=True, type=click.IntRange(1000))
@click.option("--quotes", default=20_000, show_default=True, type=click.IntRange(100))
@click.option("--seed", default=0, show_default=True)
@click.option("--json", is_flag=True, help="One JSON object instead of a table.")
def main(items: int, quotes: int, seed: int, json: bool) -> None:
    """How long quotes take."""
    began = time.perf_counter()
    rows, figures = measure(items, quotes, seed)
    table = Table(title="prices", box=box.SIMPLE_HEAD)
    names = ("name", "batch", "items", "prices", "seconds", "p50_us", "p99_us")
    for name in names:
        table.add_column(name, justify="left" if name == "name" else "right")
    for row in rows:
        table.add_row(
            *(f"{row[name]:,}" if isinstance(row.get(name), (int, float)) else str(row.get(name, "")) for name in names)
        )
    notes = []
    if figures["quote"] > QUOTE_MS:
        notes.append(f"one quote: p99 {figures['quote']:.3f} ms, the aim is {QUOTE_MS:g}")
    if items >= 100_000 and figures["bulk"] > BULK_S:
        notes.append(f"{items:,} items: {figures['bulk']:.2f} s, the aim is {BULK_S:g}")
    command = f"python -m loadtests.price_speed --items {items} --quotes {quotes} --seed {seed}"
    setup = {"cores": len(os.sched_getaffinity(0))}
    tell(
        Result(command, {"name": "demo store"}, seed, setup, rows, time.perf_counter() - began, notes), table, json=json
    )


if __name__ == "__main__":
    main()
