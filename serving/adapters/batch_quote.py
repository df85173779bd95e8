"""Quotes in blocks: the table that answers `QuotePrices`, over the items of a Parquet file.

Column in: `item_id`. All columns are passed on; added are `price`, `currency`, `lowest` and `highest` (minor units),
`bound_by`, `gave_way`, `contradiction`, `expected_units`, `expected_margin`, `propensity`, `explored`, and `error`,
why a row has no quote.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from serving.adapters.batch_kind import Computed, Kind, Pinned, Surroundings
from serving.adapters.batch_store import Request
from serving.adapters.catalogue_file import dump_items, load_items
from serving.adapters.price_live import OFF, price_model
from serving.adapters.releases import live
from serving.adapters.versions import read_version
from serving.catalogue.store import CatalogueStore
from serving.core.batch import BatchSpec
from serving.core.catalogue import Catalogue
from serving.core.errors import InvalidInput, NotReady
from serving.decisions.price.contract import CURRENCY
from serving.decisions.price.rules import RULES, Params, names
from serving.decisions.price.table import PriceTable, Pricing

CATALOGUE_FILE: Final = "items.parquet"
COLUMN: Final = "item_id"
ADDED: Final = {
    "price": pa.int64(),
    "currency": pa.string(),
    "lowest": pa.int64(),
    "highest": pa.int64(),
    "bound_by": pa.string(),
    "gave_way": pa.list_(pa.string()),
    "contradiction": pa.list_(pa.string()),
    "expected_units": pa.float32(),
    "expected_margin": pa.float64(),
    "propensity": pa.float32(),
    "explored": pa.bool_(),
    "error": pa.string(),
}
UNKNOWN: Final = "the catalogue does not know the item"


def pin(around: Surroundings, spec: BatchSpec, schema: pa.Schema, store: CatalogueStore) -> Pinned:
    """The live release, and catalogue and clock as they are now."""
    if around.prices.mode == "off":
        raise NotReady(OFF)
    check_columns(schema)
    release, news = live(around.home), store.read_all()
    base = load_items(read_version(around.home, "catalogue", release.models["catalogue"]) / CATALOGUE_FILE)
    items = {item.item_id: item for item in base} | {name: one.item for name, one in news.items.items()}
    pins = {
        "release": release.release,
        "versions": dict(release.models),
        "catalogue_version": news.version,
        "wall_s": int(time.time()),
        "prices": asdict(around.prices),
    }
    return Pinned(pins, {CATALOGUE_FILE: dump_items(list(items.values()))})


def check_columns(schema: pa.Schema) -> None:
    """Raises InvalidInput naming what is missing, of another type, or in the way."""
    if COLUMN not in schema.names:
        raise InvalidInput("input_uri", sorted(schema.names), f"a column {COLUMN}", reason="MISSING_COLUMN")
    kind = schema.field(COLUMN).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise InvalidInput(f"input_uri.{COLUMN}", str(kind), "a column of strings", reason="WRONG_COLUMN")
    for name in ADDED:
        if name in schema.names:
            raise InvalidInput(f"input_uri.{name}", name, "another name: the output has such a column of its own")


def pinned_table(home: Path, pins: Mapping[str, Any], catalogue: Catalogue) -> PriceTable:
    """The prices of what was pinned: the same in every worker."""
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in pins["prices"].items()}
    model, cause = price_model(home, pins["release"])
    return Pricing(Params(**told)).table(catalogue, model, float(pins["wall_s"]), cause=cause)


class QuoteBlocks:
    """A BlockFunction: one table, read for every row."""

    def __init__(self, table: PriceTable, currency: str = "") -> None:
        """currency: that is expected, '' = any."""
        self._table, self._currency = table, currency
        items = table.catalogue.items
        self._row_of = {item.item_id: row for row, item in enumerate(items) if not item.deleted}

    @classmethod
    def open(cls, around: Surroundings, request: Request, folder: Path) -> QuoteBlocks:
        """Raises ModelDamaged."""
        items = load_items(folder / CATALOGUE_FILE)
        catalogue = Catalogue.build(items, version=request.pins["catalogue_version"])
        return cls(pinned_table(around.home, request.pins, catalogue), request.spec.options.get(CURRENCY) or "")

    def close(self) -> None:
        """Nothing is open."""

    def run(self, rows: pa.Table, number: int) -> Computed:
        """See BlockFunction."""
        wanted = rows.column(COLUMN).to_pylist()
        at = np.array([self._row_of.get(item_id, -1) for item_id in wanted], np.int64)
        found = self._table.decided.taken(at)
        known, items = at >= 0, self._table.catalogue.items
        codes = [items[row].currency if row >= 0 else None for row in at.tolist()]
        foreign = np.array([bool(self._currency) and code not in (None, self._currency) for code in codes], np.bool_)
        priced = (found.price > 0) & ~foreign

        def number_of(values: npt.NDArray[Any]) -> pa.Array:
            return pa.array(values, mask=~priced | np.isnan(values.astype(np.float64)))

        failed = [[CURRENCY] if off else names(bits) for off, bits in zip(foreign, found.failed.tolist(), strict=True)]
        added = {
            "price": number_of(found.price),
            "currency": pa.array(codes, pa.string()),
            "lowest": number_of(found.low),
            "highest": number_of(found.high),
            "bound_by": pa.array([RULES[rule] if rule else "" for rule in found.rule.tolist()], pa.string()),
            "gave_way": pa.array([names(bits) for bits in found.gave_way.tolist()], ADDED["gave_way"]),
            "contradiction": pa.array(failed, ADDED["contradiction"]),
            "expected_units": number_of(found.units),
            "expected_margin": number_of(found.margin),
            "propensity": number_of(found.propensity),
            "explored": pa.array(found.explored),
            "error": pa.array(np.where(known, "", UNKNOWN).tolist(), pa.string()),
        }
        for name, column in added.items():
            rows = rows.append_column(name, column)
        degraded = int(priced.sum()) if self._table.degraded else 0
        return Computed(rows, degraded, int((~known).sum()))


PRICES: Final = Kind("items", pin, QuoteBlocks.open)
