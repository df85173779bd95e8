"""Questions of the past with known answers: what a storefront would have asked at a moment, and what came after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.tables import Dataset, EventTable
from model_repo.histories import Histories, next_baskets
from serving.core.errors import InvalidInput
from serving.core.ports import I32
from serving.decisions.recommend.contract import COMPLETE_THE_BASKET, CONTEXT_ITEMS_MAX, EXPLAIN_NONE, Query
from serving.events.types import CART, PURCHASE, VIEW


@dataclass(frozen=True, slots=True)
class Cases:
    """One question an owner: a user, or number of users + number of the basket where nobody knows the buyer.

    queries: as a storefront asks; truth: distinct item numbers (k,) that followed, none of them in the query. What a
    query says of the time after the moment is the context of a basket, and nothing else.
    """

    owners: list[int]
    queries: list[Query]
    truth: list[I32]

    def __len__(self) -> int:
        return len(self.owners)

    def of(self, places: npt.NDArray[np.intp]) -> Cases:
        """The cases at these places."""
        return Cases(*([column[p] for p in places] for column in (self.owners, self.queries, self.truth)))


def next_basket(dataset: Dataset, histories: Histories, moment_s: float, until_s: float, seed: int) -> Cases:
    """Users who bought something before the moment and again until `until_s`: what is in the next basket?"""
    return _of_users(histories, moment_s, next_baskets(dataset.events, moment_s, until_s))


def next_visit(dataset: Dataset, histories: Histories, moment_s: float, until_s: float, seed: int) -> Cases:
    """Users known before the moment who come again until `until_s`: what is looked at, or put into the cart?"""
    events = dataset.events
    looks = (events.time_s >= moment_s) & (events.time_s < until_s) & (events.user >= 0)
    looks &= (events.type == VIEW) | (events.type == CART)
    visits = _first_of_each(events.user[looks].astype(np.int64), events.where(looks))
    return _of_users(histories, moment_s, {owner: np.unique(items) for owner, items in visits})


def rest_of_basket(dataset: Dataset, histories: Histories, moment_s: float, until_s: float, seed: int) -> Cases:
    """Owners' first baskets of two items and more in [moment_s, until_s): a part of it is given, what is the rest?

    The part is drawn with `seed`, from one item up to half of the basket; each owner has draws of their own, so that
    nobody's question depends on what others bought.
    """
    events, n_users = dataset.events, histories.n_users
    bought = events.where((events.time_s >= moment_s) & (events.time_s < until_s) & (events.type == PURCHASE))
    buyers = np.where(bought.user >= 0, bought.user, n_users + bought.basket)
    found = Cases([], [], [])
    for owner, basket in _first_of_each(buyers, bought):
        items = np.unique(basket)
        if len(items) < 2:
            continue
        rng = np.random.default_rng((seed, owner))
        shuffled = rng.permutation(items)
        given = int(rng.integers(1, min(len(items) // 2, CONTEXT_ITEMS_MAX) + 1))
        context = tuple(dataset.items[item].item_id for item in shuffled[:given])
        user = str(owner) if owner < n_users else ""
        found.owners.append(owner)
        found.queries.append(Query(COMPLETE_THE_BASKET, user_id=user, item_ids=context, explain=EXPLAIN_NONE))
        found.truth.append(np.sort(shuffled[given:]))
    return found


Maker = Callable[[Dataset, Histories, float, float, int], Cases]
MAKERS: Final[dict[str, Maker]] = {"next-basket": next_basket, "basket": rest_of_basket, "click": next_visit}
"""Kind of question -> who makes it. Each has the arguments (dataset, histories, moment_s, until_s, seed)."""


def cases(
    dataset: Dataset, histories: Histories, moment_s: float, until_s: float, kind: str, *, cases_max: int, seed: int
) -> Cases:
    """At most `cases_max` of all cases of a kind, drawn with `seed`, in the owners' order. Raises InvalidInput."""
    if kind not in MAKERS:
        raise InvalidInput("kind", kind, "one of " + ", ".join(MAKERS))
    found = MAKERS[kind](dataset, histories, moment_s, until_s, seed)
    if len(found) <= cases_max:
        return found
    return found.of(np.sort(np.random.default_rng(seed).choice(len(found), cases_max, replace=False)))


def _of_users(histories: Histories, moment_s: float, truth: dict[int, I32]) -> Cases:
    """The plain question, for those who have a history at the moment."""
    known = np.unique(histories.owner[histories.records["time_s"] < moment_s])
    owners = [int(owner) for owner in known if int(owner) in truth]
    queries = [Query(user_id=str(owner), explain=EXPLAIN_NONE) for owner in owners]
    return Cases(owners, queries, [truth[owner] for owner in owners])


def _first_of_each(owner: npt.NDArray[np.int64], events: EventTable) -> Iterator[tuple[int, I32]]:
    """Owner, ascending, and the items of the owner's first basket or visit in `events`, which are in time order."""
    order = np.argsort(owner, kind="stable")
    owner, item, basket = owner[order], events.item[order], events.basket[order]
    cuts = [*np.flatnonzero(np.diff(owner, prepend=-1)).tolist(), len(owner)]
    for a, z in pairwise(cuts):
        yield int(owner[a]), item[a:z][basket[a:z] == basket[a]]
