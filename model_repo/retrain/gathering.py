"""Everything there is to learn from, as one Dataset: the catalogue, the past, and the log of events.

The past is a file of transactions or, without one, what the live release has learnt: the profiles that it brought with
it. Profiles know neither prices nor baskets of unknown buyers, so a file teaches more.

| left out | why |
|---|---|
| rows about items that were deleted, or that neither the catalogue nor the file knows | they cannot be shown |
| users and visitors with more than EVENTS_A_DAY_MAX rows on one day | programs, not people |
| of the past, what stands in the log too | the store has one record of it |
| a purchase of the log where the past has that user, item and day (UTC) | the file tells the same order again |

Nobody is left out for having done little: what is bought together is learnt from everybody. Users without consent are
not in the log at all. Visitors who are no users count as baskets whose buyer nobody knows, a session a basket.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.events import Log, sessions
from model_repo.datasets.tables import Dataset, EventTable, Kept
from model_repo.train import HISTORY_FILE
from serving.adapters.catalogue_file import dump_items
from serving.adapters.model_loader import Loaded
from serving.core.catalogue import Item
from serving.core.ids import hash64
from serving.core.ports import I32
from serving.events.history import read_history, splitmix64
from serving.events.records import RECORD
from serving.events.types import PURCHASE
from serving.kernels.history import DAY_S

EVENTS_A_DAY_MAX: Final = 1000
"""Rows of one owner on one day; nobody looks at so many items."""
DAYS_MAX: Final = 65_536
"""Since 1970; times are 32 bits."""
USER: Final = "u:"

Bools = npt.NDArray[np.bool_]
U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Goods:
    """The catalogue as it is now."""

    published: Sequence[Item]
    """Of the live release."""
    written: Mapping[str, Item]
    """What was written since through the catalogue service, deleted items too; these win."""

    def known(self, past: Dataset) -> dict[str, Item]:
        """Id -> item, of all that can be shown: of the file's items, those that are not in the catalogue too.

        What the file says of an item's title and price is newer than what was published, and older than what was
        written.
        """
        items = {item.item_id: item for item in self.published}
        for item in past.items:
            was = items.get(item.item_id)
            items[item.item_id] = (
                item if was is None else replace(was, title=item.title or was.title, price=item.price or was.price)
            )
        items |= self.written
        return {item_id: items[item_id] for item_id in sorted(items) if not items[item_id].deleted}


def learnt(loaded: Loaded) -> Dataset:
    """What a release has learnt from, as far as its profiles tell. Raises DataError."""
    items = tuple(loaded.catalogue_items)
    row_of = {hash64(item.item_id): row for row, item in enumerate(items)}
    users, blobs = [], []
    for key, blob in read_history(loaded.history_dir / HISTORY_FILE):
        if key.startswith(USER):
            users.append(key.removeprefix(USER))
            blobs.append(blob)
    records = np.frombuffer(b"".join(blobs), RECORD)
    owner = np.repeat(np.arange(len(users), dtype=np.int32), [len(blob) // RECORD.itemsize for blob in blobs])
    hashes, inverse = np.unique(records["item"], return_inverse=True)
    item = np.array([row_of.get(int(one), -1) for one in hashes], np.int32)[inverse]
    known = item >= 0
    records, owner, item = records[known], owner[known], item[known]
    order = np.argsort(records["time_s"], kind="stable")
    records, owner, item = records[order], owner[order], item[order]
    time_s = records["time_s"].astype(np.int64)
    prices = np.array([one.price for one in items], np.int64)
    events = EventTable(
        user=owner,
        item=item,
        time_s=time_s,
        type=records["type"].copy(),
        quantity=records["quantity"].astype(np.int32),
        price=prices[item] if len(item) else np.zeros(0, np.int64),
        basket=sessions(owner, time_s),
        mark=records["event"].copy(),
    )
    return Dataset(f"history of release {loaded.release}", "", items, tuple(users), events, currency="")


def until(dataset: Dataset, cut_s: int) -> Dataset:
    """As if the data had ended at `cut_s` (epoch seconds)."""
    return replace(dataset, events=dataset.events.where(dataset.events.time_s < cut_s))


def gather(goods: Goods, past: Dataset, log: Log) -> Dataset:
    """All of it. Deterministic: items and users in order of their ids, rows by time, those of the past first."""
    items = goods.known(past)
    item_row = {item_id: row for row, item_id in enumerate(items)}
    users = sorted(_seen(past, log))
    user_row = {user: row for row, user in enumerate(users)}
    prices = np.array([item.price for item in items.values()], np.int64)

    ours = past.events
    ours = replace(
        ours,
        item=_renumbered([item_row.get(item.item_id, -1) for item in past.items], ours.item),
        user=_renumbered([*(user_row.get(user, -1) for user in past.users), -1], ours.user),  # the last is for user -1
    )
    theirs = _logged(log, item_row, user_row, prices)
    robots = _robots(log)
    gone, unknown = ours.item < 0, theirs.item < 0
    told = _told_by(theirs, ours) if ours.mark is not None else np.zeros(len(ours), np.bool_)
    mine = ours.where(~gone & ~told)
    again = ~unknown & ~robots & _told_again(theirs, mine)
    kept = theirs.where(~unknown & ~robots & ~again)
    joined = EventTable.joined([mine, replace(kept, basket=kept.basket + (mine.basket.max(initial=-1) + 1))])
    events = joined.take(np.argsort(joined.time_s, kind="stable"))
    events = replace(events, basket=np.unique(events.basket, return_inverse=True)[1].astype(np.int64))
    report = (
        Kept(f"kept: {past.name}", len(mine), "the past"),
        Kept("kept: event log", len(kept), "one row an item of an event"),
        Kept("dropped: item is gone", int(gone.sum()), "of the past: deleted, or not in the catalogue"),
        Kept("dropped: item not known", int(unknown.sum()), "of the log: neither in the catalogue nor in the file"),
        Kept("dropped: program", int((robots & ~unknown).sum()), f"more than {EVENTS_A_DAY_MAX} rows on one day"),
        Kept("dropped: in the log too", int((told & ~gone).sum()), "of the past: the same record"),
        Kept("dropped: told again", int(again.sum()), "of the log: the past has that user, item and day"),
    )
    made = Dataset(
        past.name,
        "",
        tuple(items.values()),
        tuple(users),
        events,
        past.currency,
        tuple(k for k in report if k.rows),
        past.places,
    )
    return replace(made, sha256=_digest(made))


def _seen(past: Dataset, log: Log) -> set[str]:
    """The users who did something: others are not known yet."""
    ours = {past.users[user] for user in np.unique(past.events.user).tolist() if user >= 0}
    theirs = (log.owners[owner] for owner in np.unique(log.owner).tolist())
    return ours | {key.removeprefix(USER) for key in theirs if key.startswith(USER)}


def _renumbered(numbers: Sequence[int], column: I32) -> I32:
    return np.array(numbers, np.int32)[column] if len(numbers) else column


def _logged(
    log: Log, item_row: Mapping[str, int], user_row: Mapping[str, int], prices: npt.NDArray[np.int64]
) -> EventTable:
    """The log's rows by our numbers; item -1 = not known. An event says no price: it is the item's."""
    item = _renumbered([item_row.get(item_id, -1) for item_id in log.items], log.item)
    users = [user_row.get(key.removeprefix(USER), -1) if key.startswith(USER) else -1 for key in log.owners]
    price = np.where(item >= 0, prices[item], 0) if len(prices) else np.zeros(len(item), np.int64)
    return EventTable(
        user=_renumbered(users, log.owner), item=item, time_s=log.time_s, type=log.type, quantity=log.quantity,
        price=price, basket=sessions(log.owner, log.time_s), mark=log.mark,
    )  # fmt: skip


def _robots(log: Log) -> Bools:
    """(n,) rows of owners who did more on one day than people do."""
    if not len(log):
        return np.zeros(0, np.bool_)
    days = log.owner.astype(np.int64) * 1_000_000 + log.time_s // DAY_S
    _, inverse, count = np.unique(days, return_inverse=True, return_counts=True)
    found: Bools = np.isin(log.owner, log.owner[count[inverse] > EVENTS_A_DAY_MAX])
    return found


def _told_by(theirs: EventTable, ours: EventTable) -> Bools:
    """(n,) rows of the past whose record the log has too."""
    assert ours.mark is not None
    assert theirs.mark is not None
    found: Bools = np.isin(_marks(ours.user, ours.mark), _marks(theirs.user, theirs.mark)) & (ours.mark != 0)
    return found


def _marks(user: I32, mark: U64) -> U64:
    """An event id counts once for each user."""
    return mark ^ splitmix64(user.astype(np.int64).astype(np.uint64))


def _told_again(theirs: EventTable, ours: EventTable) -> Bools:
    """(n,) purchases of the log by a user of an item on a day on which the past has that purchase."""

    items = int(max(theirs.item.max(initial=0), ours.item.max(initial=0))) + 1

    def keys(table: EventTable) -> npt.NDArray[np.int64]:
        return (table.user.astype(np.int64) * items + table.item) * DAYS_MAX + table.time_s // DAY_S

    bought = ours.where((ours.type == PURCHASE) & (ours.user >= 0))
    found: Bools = np.isin(keys(theirs), keys(bought)) & (theirs.type == PURCHASE) & (theirs.user >= 0)
    return found


def _digest(dataset: Dataset) -> str:
    """SHA-256 over all that is learnt from."""
    digest = hashlib.sha256(dump_items(dataset.items))
    digest.update("\n".join(dataset.users).encode())
    for f in fields(EventTable):
        column = getattr(dataset.events, f.name)
        digest.update(b"" if column is None else np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()
