"""What the catalogue's methods ask and answer, free of any wire format. Money: minor units; times: epoch seconds."""

from __future__ import annotations

from dataclasses import dataclass

from serving.core.catalogue import Item
from serving.core.row_files import LineError


@dataclass(frozen=True, slots=True)
class UpsertItems:
    """Creates or replaces whole items; of items with one id in a request the last one wins."""

    items: tuple[Item, ...]
    """An item with `available_s` 0 keeps the time it has, or gets the time of the write."""
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class DeleteItems:
    """Takes items off sale; their rows stay, marked as deleted."""

    item_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StockUpdate:
    """The stock of one item at one location, replacing what was known of that location."""

    item_id: str
    location: str
    on_hand: int
    on_order: int = 0


@dataclass(frozen=True, slots=True)
class SetStock:
    """Stock reports; later ones win over earlier ones for the same item and location."""

    updates: tuple[StockUpdate, ...]


@dataclass(frozen=True, slots=True)
class PriceUpdate:
    """New amounts of one item; None = unchanged. All given amounts are in `currency`."""

    item_id: str
    currency: str
    price: int | None = None
    cost: int | None = None
    list_price: int | None = None
    map_price: int | None = None
    competitor_price: int | None = None
    valid_from_s: int = 0
    """Epoch seconds since when the price holds; 0 = since now, if it is another one."""


@dataclass(frozen=True, slots=True)
class SetPrices:
    """Price reports; later ones win over earlier ones for the same item and amount."""

    updates: tuple[PriceUpdate, ...]


@dataclass(frozen=True, slots=True)
class GetItem:
    """Asks for one item; the answer is ItemFound, or the error NotFound."""

    item_id: str


@dataclass(frozen=True, slots=True)
class ImportItems:
    """Upserts items from text or from a file below the import folder; exactly one of the two is given."""

    inline: str | None = None
    """JSON lines."""
    file: str | None = None
    """A path below the import folder: .jsonl, .csv or .parquet, .gz allowed."""
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """Answer to UpsertItems, DeleteItems, SetStock and SetPrices."""

    count: int
    """Items upserted or deleted; updates applied."""
    missing: tuple[str, ...]
    """Item ids that the catalogue does not know, in the order of the request, each once."""
    version: int
    """Of the catalogue, after the write; grows with every write."""


@dataclass(frozen=True, slots=True)
class ItemFound:
    """Answer to GetItem."""

    item: Item
    in_model: bool
    """Whether the served models were trained with it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """Answer to ImportItems."""

    imported: int
    refused: int
    errors: tuple[LineError, ...]
    """The first 100."""
    version: int
