"""The data as it stood at the cut: what was corrected, renamed, repriced or cancelled later is not known yet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_repo.datasets.tables import Dataset, EventTable
from model_repo.datasets.transactions import recent_price
from serving.core.ports import I32
from serving.events.types import PURCHASE
from serving.kernels.history import DAY_S


def joined(past: Dataset, whole: Dataset, cut_s: int) -> Dataset:
    """`past` (read as if the source had ended at `cut_s`), and from `whole` only what happened from then on.

    One read of the whole source is not enough: a cancellation after the cut takes back a sale before it, and titles
    and prices would be those of the end. Items and users of `past` come first, with its facts.
    """
    items = {item.item_id: row for row, item in enumerate(past.items)}
    users = {user: row for row, user in enumerate(past.users)}
    more_items = tuple(item for item in whole.items if item.item_id not in items)
    more_users = tuple(user for user in whole.users if user not in users)
    items |= {item.item_id: row for row, item in enumerate(more_items, len(items))}
    users |= {user: row for row, user in enumerate(more_users, len(users))}
    later = whole.events.where(whole.events.time_s >= cut_s)
    item_row = np.array([items[item.item_id] for item in whole.items], np.int32)
    user_row = np.array([*(users[user] for user in whole.users), -1], np.int32)  # the last one is for user -1
    later = replace(
        later,
        item=item_row[later.item],
        user=user_row[later.user],
        basket=later.basket + (past.events.basket.max(initial=-1) + 1),
    )
    events = EventTable.joined([past.events, later])
    beside = whole.outside and whole.outside.renumbered(item_row)
    return replace(
        whole, items=past.items + more_items, users=past.users + more_users, events=events, outside=beside
    )  # fmt: skip


def known_before(dataset: Dataset, train: EventTable) -> tuple[Dataset, I32]:
    """The dataset when `train` was all there was, and the number (n,) in `dataset` of each of its items.

    Items nobody had seen are gone. Prices are those of the newest sales then, or of views where nothing was sold. Stock
    is of the end of the data, so nothing is said about it, nor about items being deleted. What was known beside the
    sales ends with their last day: later figures may have been measured later.
    """
    kept, renumbered = np.unique(train.item, return_inverse=True)
    events = replace(train, item=renumbered.astype(np.int32))
    sold = events.where((events.type == PURCHASE) & (events.price > 0))
    seen = events.where(events.price > 0)
    price = recent_price(sold.item, sold.price, len(kept))
    price = np.where(price > 0, price, recent_price(seen.item, seen.price, len(kept)))
    items = tuple(
        replace(item, price=int(now), list_price=0, stock={}, deleted=False)
        for item, now in zip((dataset.items[row] for row in kept), price, strict=True)
    )
    beside = None
    if dataset.outside is not None:
        row_of = np.full(len(dataset.items), -1, np.int32)
        row_of[kept] = np.arange(len(kept), dtype=np.int32)
        last = int(train.time_s.max(initial=0)) // DAY_S
        beside = dataset.outside.renumbered(row_of).through(last)
    return replace(dataset, items=items, events=events, outside=beside, report=()), kept.astype(np.int32)
