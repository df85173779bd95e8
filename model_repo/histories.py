"""Everybody's events as the gateway stores them, cut at any moment: training sees what serving would have seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset, EventTable
from serving.core.catalogue import Catalogue
from serving.core.ids import hash64
from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.params import Params
from serving.events.fold import fold
from serving.events.records import RECORD
from serving.events.types import PURCHASE
from serving.kernels.history import DAY_S, History


@dataclass(frozen=True, slots=True)
class Histories:
    """Records sorted by owner, then time. An owner is a user, or a basket whose buyer nobody knows."""

    owner: npt.NDArray[np.int64]
    """(m,) number of the user; n_users + number of the basket for anonymous ones."""
    records: npt.NDArray[np.void]
    """(m,) RECORD."""
    n_users: int

    @classmethod
    def of(cls, dataset: Dataset) -> Histories:
        """All events of a dataset; O(m log m)."""
        events, n_users = dataset.events, len(dataset.users)
        _, basket = np.unique(events.basket, return_inverse=True)
        owner = np.where(events.user >= 0, events.user, n_users + basket).astype(np.int64)
        order = np.lexsort((events.time_s, owner))
        hashes = np.array([hash64(item.item_id) for item in dataset.items], np.uint64)
        records = np.zeros(len(events), RECORD)
        records["item"] = hashes[events.item]
        records["time_s"] = events.time_s
        records["quantity"] = np.clip(events.quantity, 1, 65535)
        records["type"] = events.type
        return cls(owner[order], records[order], n_users)

    def before(self, moment_s: float, records_max: int, *, users_only: bool) -> tuple[I64, npt.NDArray[np.void], I64]:
        """Owners (o,) with events before the moment, their newest `records_max` records, and ptr (o + 1,)."""
        mask = self.records["time_s"] < moment_s
        if users_only:
            mask &= self.owner < self.n_users
        owner, records = self.owner[mask], self.records[mask]
        owners, start, count = np.unique(owner, return_index=True, return_counts=True)
        place = np.arange(len(owner)) - np.repeat(start, count)
        keep = np.repeat(count, count) - place <= records_max
        ptr = np.zeros(len(owners) + 1, np.int64)
        np.cumsum(np.minimum(count, records_max), out=ptr[1:])
        return owners, records[keep], ptr


def interactions(
    histories: Histories, catalogue: Catalogue, moment_s: float, records_max: int, params: Params
) -> tuple[I32, I32, F32, int]:
    """(owner, item, interest) triples of everything before the moment, and the number of owners.

    The interest is the one of the serving fold, so that a model is trained on what it will be asked with.
    """
    _, records, ptr = histories.before(moment_s, records_max, users_only=False)
    history = folded(records, ptr, catalogue, moment_s, params)
    owner = np.repeat(np.arange(len(ptr) - 1, dtype=np.int32), np.diff(history.ptr))
    keep = history.interest > 1e-4
    return owner[keep], history.row[keep], history.interest[keep], len(ptr) - 1


def folded(records: npt.NDArray[np.void], ptr: I64, catalogue: Catalogue, moment_s: float, params: Params) -> History:
    """The serving fold over many owners at once."""
    none, nowhere = np.zeros(0, np.int32), np.zeros(len(ptr), np.int64)
    history, _ = fold(
        records, ptr, none, nowhere, catalogue.hash_keys, catalogue.hash_rows, catalogue.price,
        float(moment_s), params.half_life_days * DAY_S, params.short_half_life_days * DAY_S,
        np.full(len(catalogue), -1, np.int32),
    )  # fmt: skip
    return history


def next_baskets(
    events: EventTable, after_s: float, until_s: float, types: tuple[int, ...] = (PURCHASE,)
) -> dict[int, I32]:
    """user -> distinct items (k,) of the user's first basket with events of `types` in [after_s, until_s)."""
    wanted = np.isin(events.type, np.array(types, np.uint8))
    mask = (events.time_s >= after_s) & (events.time_s < until_s) & (events.user >= 0) & wanted
    user, item, basket = events.user[mask], events.item[mask], events.basket[mask]
    order = np.argsort(user, kind="stable")  # events are in time order, and stay so within a user
    user, item, basket = user[order], item[order], basket[order]
    if not len(user):
        return {}
    users, start = np.unique(user, return_index=True)
    stops = np.append(start[1:], len(user))
    return {int(u): np.unique(item[a:z][basket[a:z] == basket[a]]) for u, a, z in zip(users, start, stops, strict=True)}
