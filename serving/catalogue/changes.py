"""What a request does to items: pure, so that it can be done again when another replica was faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from serving.catalogue.contract import DeleteItems, PriceUpdate, SetPrices, SetStock, StockUpdate, UpsertItems
from serving.core.catalogue import AMOUNTS, Item
from serving.core.errors import InvalidInput

Change = UpsertItems | DeleteItems | SetStock | SetPrices


@dataclass(slots=True)
class Draft:
    """Items as they are, `current` (deleted ones included), under the changes made so far."""

    current: Callable[[str], Item | None]
    changed: dict[str, Item] = field(default_factory=dict)

    def find(self, item_id: str) -> Item | None:
        """The item as it would be now, deleted or not."""
        return self.changed.get(item_id) or self.current(item_id)


@dataclass(slots=True)
class Outcome:
    """What became of one request."""

    count: int = 0
    missing: dict[str, None] = field(default_factory=dict)
    """Ids in order, each once."""


def apply(change: Change, draft: Draft, now_s: int) -> Outcome:
    """Applies the request to the draft. Raises InvalidInput, and leaves the draft as it was then."""
    staged = Draft(draft.find)
    outcome = Outcome()
    match change:
        case UpsertItems():
            for item in change.items:
                staged.changed[item.item_id] = upserted(item, staged.find(item.item_id), now_s)
                outcome.count += 1
        case DeleteItems():
            for item_id in dict.fromkeys(change.item_ids):
                _alter(staged, outcome, item_id, partial(replace, deleted=True))
        case SetStock():
            for update in change.updates:
                _alter(staged, outcome, update.item_id, partial(with_stock, update=update, now_s=now_s))
        case SetPrices():
            for position, price in enumerate(change.updates):
                how = partial(with_price, update=price, where=f"updates[{position}]", now_s=now_s)
                _alter(staged, outcome, price.item_id, how)
    draft.changed.update(staged.changed)
    return outcome


def upserted(item: Item, before: Item | None, now_s: int) -> Item:
    """The item as given; without a time of its own it keeps the one it had, or is new now. So does its price."""
    same = before is not None and (before.price, before.currency) == (item.price, item.currency)
    priced_s = before.price_set_s if before and same else now_s if item.price else 0
    return replace(
        item,
        available_s=item.available_s or (before.available_s if before else 0) or now_s,
        stocked_s=now_s if item.stock else 0,
        price_set_s=item.price_set_s or priced_s,
    )


def with_stock(item: Item, update: StockUpdate, now_s: int = 0) -> Item:
    """The stock of one location replaced."""
    stock = {**item.stock, update.location: (update.on_hand, update.on_order)}
    return replace(item, stock=stock, stocked_s=now_s)


def with_price(item: Item, update: PriceUpdate, where: str = "update", now_s: int = 0) -> Item:
    """The given amounts replaced. An item's amounts have one currency: another one must replace all that are set."""
    given = {name: getattr(update, name) for name in AMOUNTS}
    new = {name: amount for name, amount in given.items() if amount is not None}
    left = [name for name in given if name not in new and getattr(item, name)]
    if left and item.currency and update.currency != item.currency:
        expected = f"{item.currency}, the currency of the item's {left[0]}, or all amounts in the new currency"
        raise InvalidInput(f"{where}.currency_code", update.currency, expected)
    set_s = item.price_set_s
    if update.price is not None and (update.price, update.currency) != (item.price, item.currency):
        set_s = now_s
    return replace(item, currency=update.currency, price_set_s=update.valid_from_s or set_s, **new)


def _alter(draft: Draft, outcome: Outcome, item_id: str, how: Callable[[Item], Item]) -> None:
    """Changes an item that is there; one that is not, or is deleted, is missing."""
    item = draft.find(item_id)
    if item is None or item.deleted:
        outcome.missing[item_id] = None
        return
    draft.changed[item_id] = how(item)
    outcome.count += 1
