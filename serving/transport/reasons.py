"""Reasons as people read them, in English."""

from __future__ import annotations

from typing import Final

from serving.core.catalogue import Item
from serving.decisions.recommend.contract import ReasonCode

_WITH_ITEM: Final[dict[ReasonCode, str]] = {
    ReasonCode.BECAUSE_YOU_BOUGHT: "Because you bought ",
    ReasonCode.BECAUSE_YOU_VIEWED: "Because you viewed ",
    ReasonCode.BOUGHT_TOGETHER: "Often bought with ",
    ReasonCode.SIMILAR_ITEM: "Similar to ",
    ReasonCode.OFTEN_NEXT: "Often chosen after ",
}
_ALONE: Final = {
    ReasonCode.BECAUSE_YOU_BOUGHT: "Because of what you bought",
    ReasonCode.BECAUSE_YOU_VIEWED: "You have viewed this before",
    ReasonCode.BOUGHT_TOGETHER: "Often bought together",
    ReasonCode.BUY_AGAIN: "You have bought this before",
    ReasonCode.FITS_YOUR_TASTE: "Fits your taste",
    ReasonCode.TRENDING: "Popular right now",
    ReasonCode.NEW_ARRIVAL: "New in the shop",
    ReasonCode.SIMILAR_ITEM: "Similar to what you are looking at",
    ReasonCode.OFTEN_NEXT: "Often chosen next",
    ReasonCode.LIKE_YOUR_SESSION: "Others who looked at the same chose this",
    ReasonCode.ON_SALE: "On sale now",
    ReasonCode.CHOSEN_BY_THE_SHOP: "Chosen by the shop",
}


def sentence_alone(code: ReasonCode) -> str:
    """The sentence that names no item."""
    return _ALONE[code]


def sentence_start(code: ReasonCode) -> str | None:
    """What stands before the item's name, None = the sentence never names one."""
    return _WITH_ITEM.get(code)


def named(item: Item) -> str:
    """What an item is called in a sentence."""
    return item.title or item.item_id


def reason_text(code: ReasonCode, related: Item | None) -> str:
    """The sentence for `code`; an item without a title is named by its id."""
    if related is not None and code in _WITH_ITEM:
        return _WITH_ITEM[code] + named(related)
    return _ALONE[code]
