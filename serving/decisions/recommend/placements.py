"""What each placement is made of: which sources bring how much, what orders it, and whether it fills up.

A placement is one line of the table below; all of them run through the same stages in the same batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np

from serving.core.ports import I32
from serving.decisions.recommend import contract
from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.sources import (
    content,
    coview,
    factors,
    fresh,
    item_item,
    quotas,
    repeat,
    session,
    together,
    transitions,
    viewed,
)


class Order(IntEnum):
    """What a page is ordered by."""

    PURCHASE = 0
    """The ranker trained on next baskets; an objective may take its place."""
    BASKET = 1
    """The ranker trained on what else was in a basket."""
    FOUND = 2
    """As the sources brought it: newest view first, most popular first."""
    TOGETHER = 3
    """The lift over the items of the basket."""
    LIKENESS = 4
    """Likeness of content, helped by being viewed together."""


@dataclass(frozen=True, slots=True)
class Placement:
    """quotas: source -> candidates at most; a source that is not named brings none, though its signal is known.

    fills: popular items fill up what the sources left; else a page may be short, which is honest where an item without
    evidence would be wrong. about_items: the request's item_ids are the page; else they are ignored. fresh: whether a
    place may be kept for a new arrival.
    """

    order: Order
    quotas: Mapping[Code, int] = field(default_factory=dict)
    fills: bool = False
    about_items: bool = False
    fresh: bool = False

    @property
    def learned(self) -> bool:
        """Ordered by a ranker: what may be explored."""
        return self.order in (Order.PURCHASE, Order.BASKET)


def placements(params: Params) -> dict[str, Placement]:
    """Every placement of contract.PLACEMENTS, with the quotas of the settings."""
    personal = quotas(params, repeat, transitions, item_item, session, factors, fresh)
    beside = quotas(params, together, coview, item_item, session, content, factors, fresh)
    found = {
        contract.RECOMMENDED_FOR_YOU: Placement(Order.PURCHASE, personal, fills=True, fresh=True),
        contract.OTHERS_YOU_MAY_LIKE: Placement(Order.BASKET, beside, fills=True, about_items=True, fresh=True),
        contract.SIMILAR_ITEMS: Placement(
            Order.LIKENESS,
            {**quotas(params, coview), content.CODE: params.candidates},
            about_items=True,
        ),
        contract.FREQUENTLY_BOUGHT_TOGETHER: Placement(
            Order.TOGETHER, {together.CODE: params.candidates}, about_items=True
        ),
        contract.BUY_IT_AGAIN: Placement(Order.PURCHASE, {repeat.CODE: params.candidates}),
        contract.RECENTLY_VIEWED: Placement(Order.FOUND, quotas(params, viewed)),
        contract.TRENDING_NOW: Placement(Order.FOUND, fills=True),
        contract.ON_SALE: Placement(Order.PURCHASE, personal, fills=True),
        contract.COMPLETE_THE_BASKET: Placement(Order.BASKET, beside, fills=True, about_items=True),
    }
    assert tuple(found) == contract.PLACEMENTS
    return found


class Table:
    """The placements by number, so that a batch of mixed placements is read by one index."""

    def __init__(self, params: Params) -> None:
        every = placements(params)
        self.params: Final = params
        self.number: Final = {name: number for number, name in enumerate(every)}
        self.every: Final = tuple(every.values())
        self.quotas: Final[I32] = np.array([[p.quotas.get(source, 0) for source in Code] for p in self.every], np.int32)
        """(placements, sources)"""
