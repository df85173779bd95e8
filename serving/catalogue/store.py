"""What the catalogue needs of the store that all replicas share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from serving.core.catalogue import Item


class Stored(NamedTuple):
    """An item as the store has it. version: of the write that made it so, from 1."""

    version: int
    item: Item


@dataclass(frozen=True, slots=True)
class News:
    """What others and we have written. cursor: where to go on reading, opaque."""

    items: Mapping[str, Stored]
    version: int
    cursor: str


class CatalogueStore(Protocol):
    """Items that were written since the published catalogue, and the log of writes. Raises StoreUnavailable."""

    def read(self, item_ids: Sequence[str]) -> dict[str, Stored]:
        """The items that the store has."""
        ...

    def write(self, changes: Sequence[tuple[int, Item]]) -> int:
        """Writes all items (each id once), or none and returns 0 when one has another version than the one given.

        0 = the store must not have the item. Returns the new version, which grows by one with every write. After
        StoreUnavailable the write may or may not have happened.
        """
        ...

    def read_all(self) -> News:
        """All items. What is written meanwhile is in the answer, or comes after its cursor, or both."""
        ...

    def follow(self, cursor: str, wait_s: float) -> News | None:
        """Waits up to `wait_s` for writes after `cursor`.

        None = the log does not reach back to the cursor any more, or has another past: read all.
        """
        ...
