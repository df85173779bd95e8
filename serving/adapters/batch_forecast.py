"""Forecasts in blocks: the stages that answer `ForecastDemand`, over the items of a Parquet file.

Columns in: `item_id` and, where a row is about one location, `location_id`. All columns are passed on; added are
`first_day`, `mean` and a column for each quantile (`q0.9`), lists with a value a period; `method`, `confidence`, and
`error`, why a row has no answer. Prices are those of the catalogue when the batch was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from serving.adapters.batch_columns import CATALOGUE_FILE, is_text, pinned_catalogue
from serving.adapters.batch_kind import Computed, Kind, Pinned, Surroundings
from serving.adapters.batch_store import Request
from serving.adapters.catalogue_file import load_items
from serving.adapters.forecast_files import read_forecaster
from serving.adapters.forecast_live import PART
from serving.adapters.forecast_table import list_columns, quantile_name
from serving.adapters.releases import live, manifest
from serving.adapters.versions import read_version
from serving.catalogue.store import CatalogueStore
from serving.core.batch import BatchSpec
from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput, NotFound, NotReady, StoregateError
from serving.core.ids import check_id
from serving.core.turn import Turn
from serving.decisions.forecast.batch import query_of
from serving.decisions.forecast.contract import Answer, Query
from serving.decisions.forecast.pipeline import ForecastPipeline, items_at_once

ITEM, LOCATION = "item_id", "location_id"
ERROR: Final = "error"
BLOCK_VALUES_MAX: Final = 100_000_000
"""Numbers of a block, which a worker holds in memory: 400 MB."""


def pin(around: Surroundings, spec: BatchSpec, schema: pa.Schema, store: CatalogueStore) -> Pinned:
    """The live release, or the one asked for, and the catalogue as it is now. Raises NotReady, InvalidInput."""
    query = query_of(spec.options)
    check_columns(schema, query)
    wanted = spec.options.get("release") or ""
    release = manifest(around.home).find(wanted) if wanted else live(around.home)
    version = release.models.get(PART)
    if version is None:
        raise NotReady(f"release {release.release} has no {PART} model: run `storegate train`", part=PART)
    model = read_forecaster(read_version(around.home, PART, version), version)
    (checked,) = ForecastPipeline(model, lambda: Catalogue.build([])).run([query], Turn(0.0, 0.0, NEVER))
    if isinstance(checked, StoregateError):
        raise checked
    values = around.block_rows * (query.horizon_days // query.period) * (1 + len(query.quantiles))
    if values > BLOCK_VALUES_MAX:
        expected = f"at most {BLOCK_VALUES_MAX} numbers a block: fewer days or quantiles, or a lower batch.block_rows"
        raise InvalidInput("quantiles", f"{values} numbers a block", expected)
    catalogue_version, items = pinned_catalogue(around.home, release, store)
    pins = {
        "release": release.release,
        "versions": {PART: version, "catalogue": release.models["catalogue"]},
        "catalogue_version": catalogue_version,
    }
    return Pinned(pins, {CATALOGUE_FILE: items})


def check_columns(schema: pa.Schema, query: Query) -> None:
    """Raises InvalidInput naming what is missing, of another type, or in the way."""
    found = {name: schema.field(name).type for name in schema.names}
    if ITEM not in found:
        raise InvalidInput("input_uri", sorted(found), f"a column {ITEM}", reason="MISSING_COLUMN")
    for name in (ITEM, LOCATION):
        if name in found and not is_text(found[name]):
            raise InvalidInput(f"input_uri.{name}", str(found[name]), "a column of strings", reason="WRONG_COLUMN")
    for name in ("first_day", "mean", *map(quantile_name, query.quantiles), "method", "confidence", ERROR):
        if name in found:
            raise InvalidInput(f"input_uri.{name}", name, "another name: the output has such a column of its own")


class ForecastBlocks:
    """A BlockFunction: one model, one catalogue."""

    def __init__(self, pipeline: ForecastPipeline, query: Query) -> None:
        self._pipeline, self._query = pipeline, query

    @classmethod
    def open(cls, around: Surroundings, request: Request, folder: Path) -> ForecastBlocks:
        """Raises ModelDamaged."""
        version = request.pins["versions"][PART]
        model = read_forecaster(read_version(around.home, PART, version), version)
        catalogue = Catalogue.build(load_items(folder / CATALOGUE_FILE), version=request.pins["catalogue_version"])
        return cls(ForecastPipeline(model, lambda: catalogue), query_of(request.spec.options))

    def close(self) -> None:
        """Nothing is open."""

    def run(self, rows: pa.Table, number: int) -> Computed:
        """See BlockFunction."""
        items = rows.column(ITEM).to_pylist()
        places = rows.column(LOCATION).to_pylist() if LOCATION in rows.column_names else [None] * len(items)
        asked = [(place or "", item or "") for place, item in zip(places, items, strict=True)]
        answers = self._answered(asked)
        made = [pair for one in answers for pair in zip(one.location_ids, one.item_ids, strict=True)]
        row_of = {pair: row for row, pair in enumerate(made)}
        at = np.array([row_of.get(pair, -1) for pair in asked], np.int64)
        errors = ["" if row >= 0 else self._why(*pair) for pair, row in zip(asked, at, strict=True)]
        for name, column in list_columns(answers, at).items():
            rows = rows.append_column(name, column)
        degraded = sum(len(one.item_ids) for one in answers if one.degraded)
        return Computed(rows.append_column(ERROR, pa.array(errors, pa.string())), degraded, int((at < 0).sum()))

    def _answered(self, asked: Sequence[tuple[str, str]]) -> list[Answer]:
        """Answers that hold every (location, item) that has one; at least one answer."""
        items_of: dict[str, dict[str, None]] = {}
        for place, item in asked:
            items_of.setdefault(place, {})[item] = None
        queries = [self._query]
        for place, items in items_of.items():
            query, named = replace(self._query, location_ids=(place,) if place else ()), tuple(items)
            step = items_at_once(query)
            queries += [replace(query, item_ids=named[at : at + step]) for at in range(0, len(named), step)]
        answers: list[Answer] = []
        for one in self._pipeline.run(queries, Turn(0.0, 0.0, NEVER)):
            if isinstance(one, StoregateError):
                raise one
            answers.append(one)
        return answers

    def _why(self, place: str, item: str) -> str:
        """Why a row has no answer."""
        if not item:
            return InvalidInput(ITEM, item, "an id of 1 to 256 bytes").message
        try:
            check_id(ITEM, item)
            check_id(LOCATION, place)
        except InvalidInput as error:
            return error.message
        unknown = NotFound("location", place) if place and place not in self._pipeline.model.locations else None
        return (unknown or NotFound("item", item)).message


FORECAST: Final = Kind("items", pin, ForecastBlocks.open)
