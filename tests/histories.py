"""Random visitors of a small shop: event records, and what the fold makes of them."""

from __future__ import annotations

import numpy as np
from worlds import NOW

from serving.core.catalogue import Catalogue, Item
from serving.core.ids import hash64
from serving.events.fold import fold
from serving.events.records import RECORD
from serving.events.types import EVENT_TYPES
from serving.kernels.history import DAY_S, History
from serving.kernels.scratch import scratch

N = 60
"""Items of the shop."""
HALF, SHORT = 90 * DAY_S, 21 * DAY_S


def shop() -> Catalogue:
    """N items that the models know."""
    items = [Item(f"i{row}", price=50 + row, brand=f"b{row % 3}", category_path=(f"c{row % 4}",)) for row in range(N)]
    return Catalogue.build(items, model_ids=[item.item_id for item in items])


def random_records(rng: np.random.Generator, count: int) -> np.ndarray:
    """Every type of event, oldest first, some in one second, some of unknown items and some in the future."""
    records = np.zeros(count, RECORD)
    names = [f"i{row}" for row in range(N)] + ["unknown"]
    records["item"] = [hash64(names[k]) for k in rng.integers(0, len(names), count)]
    records["item"][rng.random(count) < 0.1] = 0
    records["time_s"] = NOW - rng.integers(-3600, 200 * DAY_S, count) // 600 * 600
    records["type"] = rng.integers(0, len(EVENT_TYPES), count)
    lately = slice(count - count // 3, count)
    records["time_s"][lately] = NOW - rng.integers(0, 2 * DAY_S, count // 3) // 600 * 600
    records["time_s"].sort()
    return records


def folded(books: list[np.ndarray], pages: list[list[int]] | None = None) -> tuple[History, np.ndarray]:
    """The fold of each visitor's records, with the context items of each; checks that the slots are given back."""
    one, slots = shop(), scratch(N).slot
    pages = pages or [[] for _ in books]
    context = np.array([row for page in pages for row in page], np.int32)
    history, stats = fold(
        np.concatenate(books), np.cumsum([0, *map(len, books)]), context, np.cumsum([0, *map(len, pages)]),
        one.hash_keys, one.hash_rows, one.price, NOW, HALF, SHORT, slots,
    )  # fmt: skip
    assert (slots == -1).all()
    return history, stats


def random_history(rng: np.random.Generator, requests: int) -> History:
    """Visitors with up to 40 records; every other one on the page of one or two items."""
    books = [random_records(rng, int(size)) for size in rng.integers(0, 40, requests)]
    pages = [rng.permutation(N)[: 1 + r % 3].tolist() if r % 2 else [] for r in range(requests)]
    return folded(books, pages)[0]
