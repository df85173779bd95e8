"""What kinds of batches share: columns of the input, and the catalogue that a batch is computed with."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa

from serving.adapters.catalogue_file import dump_items, load_items
from serving.adapters.releases import Release
from serving.adapters.versions import read_version
from serving.catalogue.store import CatalogueStore

CATALOGUE_FILE: Final = "items.parquet"
"""Of an operation, and of a release."""


def is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def pinned_catalogue(home: Path, release: Release, store: CatalogueStore) -> tuple[int, bytes]:
    """The release's items with all that was written since, as they are now: (catalogue version, CATALOGUE_FILE).

    Raises ModelDamaged, StoreUnavailable.
    """
    news = store.read_all()
    base = load_items(read_version(home, "catalogue", release.models["catalogue"]) / CATALOGUE_FILE)
    items = {item.item_id: item for item in base} | {name: one.item for name, one in news.items.items()}
    return news.version, dump_items(list(items.values()))
