"""Gateways with prices for tests: the checkerboard at 10.00 each, and what its pages and its quotes say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from releases import NEIGHBOURS_ONLY, N, release

from model_repo.publish import Trained
from serving.adapters.live_models import LiveModels
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.price_live import LivePrices
from serving.catalogue.contract import PriceUpdate, SetPrices
from serving.core.clock import NEVER
from serving.core.turn import Turn
from serving.decisions.price.contract import QuoteQuery, Quotes
from serving.decisions.price.rules import Params
from serving.decisions.recommend.contract import OBJECTIVES, Query

WALL_S = 1_800_000_000.0
TURN = Turn(0.0, WALL_S, NEVER)
IDS = tuple(f"i{n}" for n in range(N))
QUERIES = [
    Query(placement="others-you-may-like", item_ids=("i0",), page_size=8),
    Query(placement="trending", page_size=20, filter="price >= 1050"),
    Query(placement="trending", page_size=20, objective=OBJECTIVES[-1], objective_weight=1.0),
    Query(placement="on-sale", page_size=20),
    Query(placement="trending", page_size=20, min_margin=0.45),
]
GIVEN = Query(given=("i2", "i4", "i6"), page_size=3, personal=False)


class Clock:
    wall_s = WALL_S

    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return self.wall_s


def priced(order: np.ndarray, name: str, files: dict[str, bytes] | None = None) -> Trained:
    """The checkerboard at 10.00 each, bought at 5.50; every fourth on sale."""
    made = release(order, name)
    items = [
        replace(item, price=1000, cost=550, currency="GBP", list_price=0 if int(item.item_id[1:]) % 4 else 1500)
        for item in made.items
    ]
    return replace(made, items=items, decisions={"price": files} if files else {})


@contextmanager
def serving(home: Path, mode: str = "live", **settings: object) -> Iterator[tuple[LiveModels, LivePrices]]:
    prices = LivePrices(home, Params(mode=mode, **settings), Clock())  # type: ignore[arg-type]
    models = LiveModels(home, NEIGHBOURS_ONLY, None, MemoryCatalogue(), prices=prices)
    try:
        yield models, prices
    finally:
        prices.close()
        models.close()


def shown(models: LiveModels, query: Query) -> dict[str, int]:
    (answer,) = models.run([query], TURN)
    ids = [answer.catalogue.items[row].item_id for row in answer.rows]
    return dict(zip(ids, answer.prices.tolist(), strict=True))


def quoted(prices: LivePrices, *ids: str) -> dict[str, int]:
    (answer,) = prices.run_quote([QuoteQuery(ids)], TURN)
    assert isinstance(answer, Quotes)
    items, found = answer.table.catalogue.items, answer.table.decided.price
    return {items[row].item_id: int(found[row]) for row in answer.rows}


def new_price(models: LiveModels, price: int) -> None:
    update = PriceUpdate("i2", "GBP", price=price, valid_from_s=1_700_000_000)
    models.catalogue.run_write([SetPrices((update,))], TURN)
