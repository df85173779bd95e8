"""CatalogService: the same over both faces; see parity_laws."""

from __future__ import annotations

from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused
from parity_shop import CATALOGUE, GBP

from serving.catalogue.contract import DeleteItems, GetItem, Imported, ImportItems, ItemFound, Written
from serving.core.errors import NotFound
from serving.core.row_files import LineError


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case GetItem(item_id=item_id):
            item = CATALOGUE.item(item_id)
            return NotFound("item", item_id) if item is None else ItemFound(item, True)
        case ImportItems():
            return Imported(1, 1, (LineError(2, "price", "negative"),), 8)
        case DeleteItems(item_ids=ids):
            return Written(len(ids), (), 8)
        case _:
            return Written(len(getattr(query, "updates", ()) or query.items), ("x",), 8)


ANSWERED: Answered = [
    ("UpsertItems", {"items": [{"itemId": "new", "title": "New", "price": GBP}]}),
    ("DeleteItems", {"itemIds": ["22423"]}),
    ("ImportItems", {"inlineJsonLines": "{}"}),
    ("GetItem", {"item_id": "22423"}),
    ("SetStock", {"updates": [{"itemId": "22423", "location": "main", "onHand": 3}]}),
    ("SetPrices", {"updates": [{"itemId": "22423", "price": GBP}]}),
]


REFUSED: Refused = [
    ("GetItem", {"item_id": "nothing"}, "NOT_FOUND"),
    ("SetStock", {"updates": [{"itemId": "22423"}]}, "INVALID_FIELD"),
]


class TestCatalog(EqualAnswers, EqualErrors):
    service = "storegate.v1.CatalogService"
    computed = staticmethod(computed)
    answered = ANSWERED
    refused = REFUSED
