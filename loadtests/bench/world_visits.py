"""Generated visits of a generated shop: what the statistics, the session store and the visitors' profiles come from."""

from __future__ import annotations

import numpy as np

from loadtests.bench.world_items import DAY_S, NOW_S, Shelves
from model_repo.datasets.tables import EventTable
from serving.core.catalogue import Catalogue
from serving.core.ports import I64
from serving.events.history import U64, history_from_events, splitmix64
from serving.events.types import PURCHASE, VIEW

VISITS_AN_ITEM = 10
"""Of the shop's history; at most VISITS_MAX of them are stored, as many as training keeps."""
VISITS_MAX = 1_000_000
ITEMS_A_VISIT = 4.0
"""On average; at least two, at most ITEMS_MAX."""
ITEMS_MAX = 30
STRAY_SHARE = 0.2
"""Of the items of a visit that are of another category than it is about."""
BOUGHT_SHARE = 0.4
"""Of the visits that are a purchase; the others are views."""
DAYS = 365
RECORDS_MEAN = 46
"""Records of a profile on average, lognormal; at most RECORDS_MAX, as the store keeps them."""
RECORDS_MAX = 512
RECORDS_SIGMA = 1.0
TASTES = 4
"""Categories a visitor comes back to."""
RECENT_S = 2 * 3600
"""How long ago the newest event of a visitor was, at most."""


def visits(shelf: Shelves, seed: int) -> EventTable:
    """One basket number a visit, ordered by time; nobody is known, as these are the visits of all others."""
    n = len(shelf)
    rng = np.random.default_rng([seed, n, 3])
    count = min(VISITS_AN_ITEM * n, VISITS_MAX)
    size = np.minimum(1 + rng.geometric(1.0 / (ITEMS_A_VISIT - 1.0), count), ITEMS_MAX)
    start_s = np.sort(rng.integers(NOW_S - DAYS * DAY_S, NOW_S - RECENT_S, count))
    kind = np.where(rng.random(count) < BOUGHT_SHARE, PURCHASE, VIEW).astype(np.uint8)
    about = np.repeat(shelf.categories(count, rng), size)
    item = shelf.draw(_with_strays(shelf, about, rng), rng)
    lines = len(item)
    return EventTable(
        user=np.full(lines, -1, np.int32),
        item=item,
        time_s=np.repeat(start_s, size),
        type=np.repeat(kind, size),
        quantity=np.ones(lines, np.int32),
        price=np.zeros(lines, np.int64),
        basket=np.repeat(np.arange(count, dtype=np.int64), size),
    )


def profiles(shelf: Shelves, catalogue: Catalogue, visitors: int, seed: int) -> dict[str, bytes]:
    """Profile key -> records, of visitors who come back to a few categories, in visits of a few items each."""
    rng = np.random.default_rng([seed, len(shelf), 4])
    mean = np.log(RECORDS_MEAN) - RECORDS_SIGMA**2 / 2
    records = np.clip(rng.lognormal(mean, RECORDS_SIGMA, visitors), 1, RECORDS_MAX).astype(np.int64)
    users = np.repeat(np.arange(visitors), records)
    ends = np.cumsum(records)
    from_end = np.repeat(ends, records) - 1 - np.arange(len(users))
    visit = from_end // int(ITEMS_A_VISIT)  # 0 = the newest
    gap_s = rng.exponential(DAYS * DAY_S / 24, visitors)[users]
    newest_s = NOW_S - rng.integers(60, RECENT_S, visitors)[users]
    time_s = np.maximum(newest_s - visit * gap_s, NOW_S - 3 * DAYS * DAY_S).astype(np.int64) - from_end
    bought = (_mixed(users, visit) % np.uint64(100)) < np.uint64(100 * BOUGHT_SHARE)
    favourites = shelf.categories(visitors * TASTES, rng).reshape(visitors, TASTES)
    about = favourites[users, (_mixed(users, visit) >> np.uint64(8)) % np.uint64(TASTES)]
    item = shelf.draw(_with_strays(shelf, about, rng), rng)
    hashes = item_hashes(catalogue)
    kind = np.where(bought, PURCHASE, VIEW).astype(np.uint8)
    found = history_from_events(users, hashes[item], time_s, kind, np.ones(len(users), np.int64))
    cuts, blob = (found.offsets * found.records.itemsize).tolist(), found.records.tobytes()
    return {f"u:V{user:06d}": blob[cuts[at] : cuts[at + 1]] for at, user in enumerate(found.users.tolist())}


def item_hashes(catalogue: Catalogue) -> U64:
    """(n,) the hash under which records name the item of each row."""
    out = np.zeros(len(catalogue), np.uint64)
    used = np.flatnonzero(catalogue.hash_keys)
    out[catalogue.hash_rows[used]] = catalogue.hash_keys[used]
    return out


def _with_strays(shelf: Shelves, about: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The categories of the items of visits about `about`."""
    return np.where(rng.random(len(about)) < STRAY_SHARE, shelf.categories(len(about), rng), about)


def _mixed(users: I64, visit: I64) -> U64:
    """(k,) a number that is one visit's, whatever items it has."""
    return splitmix64((users.astype(np.uint64) << np.uint64(32)) | visit.astype(np.uint64))
