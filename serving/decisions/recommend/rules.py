"""Which items a request allows at all: the mask that every candidate source of every placement reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue
from serving.core.prices import Prices
from serving.decisions.recommend.contract import ON_SALE, Query
from serving.decisions.recommend.filters import compiled
from serving.decisions.recommend.filters.vocabulary import stock_at

MASKS_MAX: Final = 64
MASK_BYTES_MAX: Final = 64 << 20
"""Of all masks kept together; a few are kept however large the catalogue is."""
_MASKS_MIN: Final = 4
_DAY_S: Final = 86_400

Mask = npt.NDArray[np.bool_]


class Rule(NamedTuple):
    """What a query demands of items, free of the moment: queries with the same rule have the same mask."""

    filter: str
    min_margin: float
    location: str
    """Where the item must lie; '' = anywhere."""
    on_sale: bool


NO_RULE: Final = Rule("", 0.0, "", False)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The masks of one catalogue at one set of prices. Replaced as a whole when either changes."""

    catalogue: Catalogue
    prices: Prices
    masks: dict[Rule, Mask] = field(default_factory=dict)
    """The last ones used at the end."""

    def of(self, catalogue: Catalogue, prices: Prices) -> bool:
        """Whether these are the masks of this catalogue and these prices."""
        mine = self.prices
        return (
            self.catalogue is catalogue
            and mine.price is prices.price
            and mine.cost is prices.cost
            and mine.list_price is prices.list_price
        )


class Rules:
    """Makes masks and keeps the last ones used. Any thread may ask; two at once may make the same mask twice.

    Masks are read-only arrays.
    """

    def __init__(self, transfer_days: float, masks_max: int = MASKS_MAX) -> None:
        """transfer_days: in which stock of one location can be at another."""
        self._transfer_s, self._masks_max = transfer_days * _DAY_S, masks_max
        self._kept: _Kept | None = None

    def masks(
        self, queries: Sequence[Query], catalogue: Catalogue, prices: Prices, now_s: float
    ) -> tuple[Mask, list[int]]:
        """(g, n) the different masks of a batch and (b,) which one each query has; mask 0 is `catalogue.available`.

        Raises InvalidInput for a filter that cannot be read.
        """
        rules = [self.rule(query, now_s) for query in queries]
        numbers = {NO_RULE: 0}
        mask_of = [numbers.setdefault(rule, len(numbers)) for rule in rules]
        if len(numbers) == 1:
            return catalogue.available[None, :], mask_of
        return np.stack([self._mask(rule, catalogue, prices) for rule in numbers]), mask_of

    def eligible(self, query: Query, catalogue: Catalogue, prices: Prices, now_s: float) -> Mask:
        """(n,) whether the query may show the item. Raises InvalidInput for a filter that cannot be read."""
        return self._mask(self.rule(query, now_s), catalogue, prices)

    def rule(self, query: Query, now_s: float) -> Rule:
        """What the query demands at this moment: a delivery date asks for local stock once it is near."""
        hurry = bool(query.deliver_to) and 0 < query.need_by_s < now_s + self._transfer_s
        on_sale = query.placement == ON_SALE
        if not (query.filter or query.min_margin or hurry or on_sale):  # the usual query
            return NO_RULE
        return Rule(query.filter, query.min_margin, query.deliver_to if hurry else "", on_sale)

    def why(self, query: Query, row: int, catalogue: Catalogue, prices: Prices, now_s: float) -> str:
        """Which rule forbids the item in `row`, in words; '' = none does."""
        rule, item = self.rule(query, now_s), catalogue.items[row]
        if item.deleted:
            return "not in the catalogue"
        if not catalogue.available[row]:
            return "out of stock"
        if rule.filter and (unmet := compiled(rule.filter).unmet(catalogue, prices, row)):
            return f"filter: {unmet}"
        if rule.min_margin and (short := _short_of_margin(rule.min_margin, prices, row)):
            return short
        if rule.location and not stock_at(catalogue, rule.location)[row]:
            return f"no stock at {rule.location}, and none can be there in time"
        if rule.on_sale and not prices.on_sale()[row]:
            return "not on sale"
        return ""

    def _mask(self, rule: Rule, catalogue: Catalogue, prices: Prices) -> Mask:
        if rule == NO_RULE:
            return catalogue.available
        kept = self._kept
        if kept is None or not kept.of(catalogue, prices):
            kept = self._kept = _Kept(catalogue, prices)
        mask = kept.masks.pop(rule, None)
        if mask is None:
            mask = _made(rule, catalogue, prices)
        kept.masks[rule] = mask
        room = min(self._masks_max, max(_MASKS_MIN, MASK_BYTES_MAX // max(1, len(catalogue))))
        while len(kept.masks) > room:
            kept.masks.pop(next(iter(kept.masks.copy()), rule), None)
        return mask


def _made(rule: Rule, catalogue: Catalogue, prices: Prices) -> Mask:
    mask = catalogue.available.copy()
    if rule.filter:
        mask &= compiled(rule.filter).mask(catalogue, prices)
    if rule.min_margin:
        mask &= prices.margin() >= np.float32(rule.min_margin)
    if rule.location:
        mask &= stock_at(catalogue, rule.location) != 0
    if rule.on_sale:
        mask &= prices.on_sale()
    mask.setflags(write=False)
    return mask


def _short_of_margin(least: float, prices: Prices, row: int) -> str:
    only = slice(row, row + 1)
    margin = Prices(prices.price[only], prices.cost[only], prices.list_price[only]).margin()[0]
    if margin >= np.float32(least):
        return ""
    return f"margin {margin:.2f} below {least:g}" if np.isfinite(margin) else f"margin not known, {least:g} asked for"
