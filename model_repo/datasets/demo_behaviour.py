"""A day in the demo store: who comes, what they look at, what they put in the cart, buy, and buy again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.demo_calendar import HOUR_SHARES
from model_repo.datasets.demo_catalogue import Goods
from model_repo.datasets.demo_customers import FAVOURITES, Customers
from model_repo.datasets.demo_memory import Owned
from serving.events.types import CART, PURCHASE, TYPE_CODES, UNCART, VIEW

SEARCH: Final = TYPE_CODES["search"]
DAY_S: Final = 86_400
_VIEWS_MAX: Final = 12
_CHOICES: Final = 16
"""Items a customer compares before looking at one: a draw by popularity, then the best fit of these."""
_ANONYMOUS: Final = 0.12
_SEARCHES: Final = 0.35
_CONVERTS: Final = 0.62
_REMOVES: Final = 0.06
_PARTNER: Final = 0.35
_WHIM_CONSUMED: Final = 0.4
_WHIM_DURABLE: Final = 0.15

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(slots=True)
class Rows:
    """Events of one day as columns; `session` is the number of the session within the day."""

    session: Ints
    item: Ints
    second: Ints
    type: int
    quantity: Ints | int = 1


@dataclass(slots=True)
class Sessions:
    """S sessions of a day. due: (session, item) pairs that are bought because they are used up."""

    user: Ints
    anonymous: Bools
    due_session: Ints
    due_item: Ints


@dataclass(slots=True)
class Day:
    """What the shop looks like on one day."""

    number: int
    traffic: float
    price: npt.NDArray[np.int64]
    discount: npt.NDArray[np.float64]
    sold: Bools
    season: npt.NDArray[np.float32]
    """(leaves,) demand for each leaf's season."""
    attention: npt.NDArray[np.float64]
    """(n + 1,) running sum of what draws the eye, in the order of Goods.by_leaf."""


def open_day(goods: Goods, number: int, traffic: float, season: npt.NDArray[np.float32]) -> Day:
    """Prices, stock and attention of the day. Items that are out are seen by nobody; promotions draw the eye."""
    price, discount, sold = goods.on(number)
    age = np.clip(number - goods.launch_day, 0, None)
    novelty = 1.0 + np.exp(-age / 20.0)
    weight = np.where(sold, goods.popularity * novelty * (1.0 + 5.0 * discount), 0.0)
    attention = np.concatenate([[0.0], np.cumsum(weight[goods.by_leaf])])
    return Day(number, traffic, price, discount, sold, season, attention)


def visits(people: Customers, day: Day, due: tuple[Ints, Ints], rng: np.random.Generator) -> Sessions:
    """Who comes: by chance at their own rate, and those whose consumables are used up."""
    chance = people.rate * np.float32(day.traffic)
    comes = (rng.random(len(people), dtype=np.float32) < chance) & (people.joined <= day.number)
    due_user, due_item = due[0][day.sold[due[1]]], due[1][day.sold[due[1]]]
    user = rng.permutation(np.union1d(np.flatnonzero(comes), due_user).astype(np.int64))
    order = np.argsort(user)
    due_session = order[np.searchsorted(user, due_user, sorter=order)] if len(due_user) else due_user
    anonymous = rng.random(len(user)) < _ANONYMOUS
    anonymous[due_session] = False
    return Sessions(user, anonymous, due_session, due_item)


def shop(
    goods: Goods, people: Customers, day: Day, come: Sessions, owned: Owned, rng: np.random.Generator
) -> tuple[list[Rows], tuple[Ints, Ints]]:
    """All events of the day, and the bought (session, item) pairs. Seconds count from midnight, UTC."""
    sessions = len(come.user)
    curiosity = np.full(sessions, 0.3)
    curiosity[come.due_session] = 0.7  # who comes to buy again looks around less
    session = np.repeat(np.arange(sessions), np.minimum(rng.geometric(curiosity), _VIEWS_MAX))
    item, fit = _look(goods, people, day, come.user[session], session, rng)
    seen = item >= 0
    session, item, fit = session[seen], item[seen], fit[seen]
    second, start, leaves = _clock(sessions, session, rng)
    views = Rows(session, item, second, VIEW)

    wanted = rng.random(len(item)) < 1.0 / (1.0 + np.exp(2.2 - 0.4 * fit - 3.0 * day.discount[item]))
    wanted &= _still_wanted(goods, owned, come.user[session], item, rng)
    carts = Rows(session[wanted], item[wanted], second[wanted] + rng.integers(4, 15, int(wanted.sum())), CART)
    removed = rng.random(len(carts.item)) < _REMOVES
    uncarts = Rows(carts.session[removed], carts.item[removed], leaves[carts.session[removed]] + 5, UNCART)

    # what goes with the things in the cart, and what is used up, is found without looking around
    partner = goods.partner[carts.item].astype(np.int64)
    add = (rng.random(len(partner)) < _PARTNER) & (partner >= 0) & ~removed
    add[add] = day.sold[partner[add]]
    add[add] = _still_wanted(goods, owned, come.user[carts.session[add]], partner[add], rng)
    extra_session = np.concatenate([carts.session[add], come.due_session])
    extra_item = np.concatenate([partner[add], come.due_item])
    extras = Rows(extra_session, extra_item, leaves[extra_session] + rng.integers(10, 40, len(extra_item)), CART)

    converts = rng.random(sessions) < _CONVERTS
    converts[come.due_session] = True
    basket_session = np.concatenate([carts.session[~removed], extras.session])
    basket_item = np.concatenate([carts.item[~removed], extras.item])
    paid = converts[basket_session]
    pair = np.unique(basket_session[paid] * len(goods) + basket_item[paid])
    bought_session, bought_item = np.divmod(pair, len(goods))
    pieces = 1 + np.where(goods.interval[bought_item] > 0, rng.poisson(0.6, len(pair)), rng.poisson(0.12, len(pair)))
    paid_at = leaves + rng.integers(60, 240, sessions)
    buys = Rows(bought_session, bought_item, paid_at[bought_session], PURCHASE, pieces)

    first = np.flatnonzero(np.diff(session, prepend=-1))
    first = first[rng.random(len(first)) < _SEARCHES]
    searches = Rows(session[first], item[first], second[first] - rng.integers(4, 15, len(first)), SEARCH)
    rows = [searches, views, carts, extras, uncarts, buys]
    for one in rows:
        one.second = one.second + start[one.session]
    return rows, (bought_session, bought_item)


def _still_wanted(goods: Goods, owned: Owned, user: Ints, item: Ints, rng: np.random.Generator) -> Bools:
    """(r,) whether the customer would buy the item: who has it buys it again by habit (Reorders), rarely by whim."""
    whim = np.where(goods.interval[item] > 0, _WHIM_CONSUMED, _WHIM_DURABLE)
    out: Bools = (rng.random(len(item)) < whim) | ~owned.has(user, item)
    return out


def use_up(
    goods: Goods, people: Customers, day: int, user: Ints, item: Ints, rng: np.random.Generator
) -> tuple[Ints, Ints, Ints]:
    """(day, user, item) of the consumables among the bought ones that their buyers will buy again."""
    again = (goods.interval[item] > 0) & (rng.random(len(item)) < people.habit[user])
    user, item = user[again], item[again]
    wait = goods.interval[item] * rng.lognormal(0.0, 0.2, len(item))
    return day + np.maximum(2, np.rint(wait)).astype(np.int64), user, item


def _look(
    goods: Goods, people: Customers, day: Day, user: Ints, session: Ints, rng: np.random.Generator
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """item (r,) looked at, -1 = nothing on sale there, and how well it fits (r,): one row a view.

    A session has one leaf in mind; a third of its views stray to another of the customer's favourites. Within the leaf
    the customer compares `_CHOICES` items drawn by attention and takes the best of taste, price and chance (Gumbel).
    """
    pull = people.liking[user] * day.season[people.favourites[user]]
    pull = np.cumsum(pull, axis=1)
    sessions = int(session[-1]) + 1 if len(session) else 0
    focus = rng.random(sessions, dtype=np.float32)[session]
    stray = rng.random(len(user)) < 0.33
    dart = np.where(stray, rng.random(len(user), dtype=np.float32), focus)[:, None] * pull[:, -1:]
    leaf = people.favourites[user, np.minimum((pull <= dart).sum(axis=1), FAVOURITES - 1)].astype(np.int64)

    low, high = day.attention[goods.leaf_start[leaf]], day.attention[goods.leaf_start[leaf + 1]]
    darts = low[:, None] + (high - low)[:, None] * rng.random((len(user), _CHOICES))
    place = np.searchsorted(day.attention, darts, side="right") - 1
    choice = goods.by_leaf[np.clip(place, 0, len(goods) - 1)]
    taste = np.einsum("rd,rkd->rk", people.taste[user], goods.style[choice])
    bargain = 4.0 * day.discount[choice] - np.log(day.price[choice] / day.price[choice].mean(axis=1, keepdims=True))
    fit = taste + people.thrift[user][:, None] * bargain
    best = (fit + rng.gumbel(0.0, 1.0, fit.shape)).argmax(axis=1)[:, None]
    item = np.take_along_axis(choice, best, 1)[:, 0]
    chosen = np.take_along_axis(fit, best, 1)[:, 0].astype(np.float64)
    return np.where((high > low) & day.sold[item], item, -1), chosen


def _clock(sessions: int, session: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """second (r,) of each view from its session's start, start (S,) in the day, end (S,) from the start.

    `session` is sorted. A session that would run past midnight is moved forward, so that no event leaves its day.
    """
    gap = rng.integers(16, 120, len(session))
    running = np.cumsum(gap)
    first = np.flatnonzero(np.diff(session, prepend=-1))
    base = np.zeros(sessions, np.int64)
    base[session[first]] = running[first] - gap[first]
    second = running - base[session]
    end = np.full(sessions, 20, np.int64)
    np.maximum.at(end, session, second)
    hour = rng.choice(24, sessions, p=HOUR_SHARES)
    start = hour * 3600 + rng.integers(0, 3600, sessions)
    return second, np.minimum(start, DAY_S - 400 - end), end + 15
