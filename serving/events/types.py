"""Behaviour events: what may happen, and one event as the gateway passes it around."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVENT_TYPES: Final = (
    "home-page-view",
    "category-page-view",
    "detail-page-view",
    "search",
    "add-to-cart",
    "remove-from-cart",
    "shopping-cart-page-view",
    "purchase-complete",
    "wishlist-add",
    "return",
    "recommendation-impression",
    "promotion-offered",
    "stockout-seen",
)
"""The vocabulary of api.md that this version serves; the position is the code in stored records, so append only."""

TYPE_CODES: Final = {name: code for code, name in enumerate(EVENT_TYPES)}
NEEDS_ITEM: Final = frozenset(
    {
        "detail-page-view",
        "add-to-cart",
        "remove-from-cart",
        "purchase-complete",
        "wishlist-add",
        "return",
        "recommendation-impression",
        "promotion-offered",
        "stockout-seen",
    }
)
LOGGED_ONLY: Final = frozenset({"recommendation-impression", "promotion-offered", "stockout-seen"})
"""What the shop did, not the visitor: it stands in the event log, and takes no place in his profile."""
FUTURE_S_MAX: Final = 300
"""An event may be this far in the future: clocks of shops differ."""
VIEW: Final = TYPE_CODES["detail-page-view"]
CART: Final = TYPE_CODES["add-to-cart"]
UNCART: Final = TYPE_CODES["remove-from-cart"]
PURCHASE: Final = TYPE_CODES["purchase-complete"]
WISHLIST: Final = TYPE_CODES["wishlist-add"]
RETURN: Final = TYPE_CODES["return"]


@dataclass(frozen=True, slots=True)
class UserEvent:
    """One event. items: (item id, quantity) pairs. time_s: epoch seconds."""

    event_id: str
    event_type: str
    user_id: str
    visitor_id: str
    time_s: int
    items: tuple[tuple[str, int], ...] = ()
    search_query: str = ""

    @property
    def profile_key(self) -> str:
        return profile_key(self.user_id, self.visitor_id)


def profile_key(user_id: str, visitor_id: str) -> str:
    """The key of a profile: users and visitors live in name spaces of their own; '' = nobody."""
    return f"u:{user_id}" if user_id else f"v:{visitor_id}" if visitor_id else ""
