"""Recommendations in blocks: the pipeline that answers `Recommend`, over the visitors of a Parquet file.

Columns in: `user_id` or `visitor_id` (or both), and if the placement is about items `item_ids` (a list) or `item_id`.
All columns are passed on; added are `results`, a list of {item_id, score, price, source}, best first; `degraded`, the
stages that fell back; and `error`, why a row has no answer.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from serving.adapters.batch_kind import Computed, Kind, Pinned, Surroundings
from serving.adapters.batch_quote import pinned_table
from serving.adapters.batch_store import Request
from serving.adapters.catalogue_file import dump_items, load_items
from serving.adapters.counter_files import CounterFiles, read_counters
from serving.adapters.model_loader import load_release
from serving.adapters.releases import Release, live, manifest
from serving.adapters.versions import read_version
from serving.catalogue.store import CatalogueStore
from serving.core.batch import BatchSpec
from serving.core.catalogue import Catalogue
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput, StoreUnavailable
from serving.core.ids import check_id
from serving.core.ports import ProfileStore
from serving.core.turn import Turn
from serving.decisions.recommend.contract import (
    CONTEXT_ITEMS_MAX,
    NEED_ITEMS,
    SOURCE_NAMES,
    Answer,
    Query,
)
from serving.decisions.recommend.live import live_of
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.record_bytes import query_from_dict
from serving.features import FEATURES

SLICE: Final = 64
"""Visitors in one run of the pipeline, and profiles in one round trip."""
TRIES: Final = 20
PAUSE_S: Final = 0.5
"""A store that is away is asked so often, with such a pause: nobody waits for a batch, and none of its answers shall be
without the profile."""
PROFILE_MS: Final = 1000.0
CATALOGUE_FILE: Final = "items.parquet"
COUNTERS_FILE: Final = "counters.npz"
RESULT: Final = pa.struct(
    [("item_id", pa.string()), ("score", pa.float32()), ("price", pa.int64()), ("source", pa.string())]
)
"""price: in minor units."""
ADDED: Final = {"results": pa.list_(RESULT), "degraded": pa.list_(pa.string()), "error": pa.string()}
PERSON: Final = ("user_id", "visitor_id")


def pin(around: Surroundings, spec: BatchSpec, schema: pa.Schema, store: CatalogueStore) -> Pinned:
    """The live release, or the one asked for, and the catalogue and the counters as they are now."""
    query = query_from_dict(spec.options["query"])
    check_columns(schema, query)
    wanted = spec.options.get("release") or ""
    release = manifest(around.home).find(wanted) if wanted else live(around.home)
    news = store.read_all()
    base = load_items(read_version(around.home, "catalogue", release.models["catalogue"]) / CATALOGUE_FILE)
    items = {item.item_id: item for item in base} | {name: one.item for name, one in news.items.items()}
    counted = CounterFiles(around.counters).published() if around.counters else b""
    pins = {
        "release": release.release,
        "versions": dict(release.models),
        "catalogue_version": news.version,
        "wall_s": int(time.time()),
        "params": asdict(replace(around.params, profile_timeout_ms=PROFILE_MS, shadow_share=0.0)),
    }
    if around.prices.mode == "live":
        pins["prices"] = asdict(around.prices)
        if wanted:
            pins["prices_of"] = live(around.home).release
    files = {CATALOGUE_FILE: dump_items(list(items.values()))}
    return Pinned(pins, {**files, COUNTERS_FILE: counted} if counted else files)


def check_columns(schema: pa.Schema, query: Query) -> None:
    """Raises InvalidInput naming what is missing, of another type, or in the way."""
    found = {name: schema.field(name).type for name in schema.names}
    if not any(name in found for name in PERSON):
        raise InvalidInput("input_uri", sorted(found), "a column user_id or visitor_id", reason="MISSING_COLUMN")
    for name in (*PERSON, "item_id"):
        if name in found and not _is_text(found[name]):
            raise InvalidInput(f"input_uri.{name}", str(found[name]), "a column of strings", reason="WRONG_COLUMN")
    items = found.get("item_ids")
    if items is not None and not (_is_list(items) and _is_text(items.value_type)):
        raise InvalidInput("input_uri.item_ids", str(items), "a column of lists of strings", reason="WRONG_COLUMN")
    needs = query.placement in NEED_ITEMS and not query.item_ids
    if needs and items is None and "item_id" not in found:
        expected = f"a column item_ids or item_id: {query.placement} is about items"
        raise InvalidInput("input_uri", sorted(found), expected, reason="MISSING_COLUMN")
    for name in ADDED:
        if name in found:
            raise InvalidInput(f"input_uri.{name}", name, "another name: the output has such a column of its own")


class RecommendBlocks:
    """A BlockFunction: the pipeline over one release, one catalogue and one state of the counters, the profiles as they
    are now."""

    def __init__(self, pipeline: Recommender, query: Query, wall_s: float, seed: str) -> None:
        """seed: 16 hexadecimal digits; with the row it makes the decision ids, which seed what is left to chance."""
        self._pipeline, self._query, self._wall_s, self._seed = pipeline, query, wall_s, seed
        self._ids: tuple[Catalogue | None, pa.Array] = (None, pa.array([], pa.string()))
        self._profiles: ProfileStore | None = None

    @classmethod
    def open(cls, around: Surroundings, request: Request, folder: Path) -> RecommendBlocks:
        """Raises ModelDamaged, StoreUnavailable."""
        pins = request.pins
        models = load_release(around.home, Release(pins["release"], pins["versions"]), FEATURES).models
        items = load_items(folder / CATALOGUE_FILE)
        catalogue = Catalogue.build(items, model_ids=models.item_ids, version=pins["catalogue_version"])
        profiles = around.open_profiles()
        params = Params(**pins["params"])
        pipeline = Recommender(models, lambda: catalogue, profiles, params)
        if (counted := folder / COUNTERS_FILE).exists():
            pipeline.live = live_of(read_counters(counted), models, catalogue, params)
        if "prices" in pins:  # those of the live release, whichever of them ranks
            priced = {**pins, "release": pins.get("prices_of", pins["release"])}
            pipeline.quoted = pinned_table(around.home, priced, catalogue).quoted()
        seed = blake2b(request.name.encode(), digest_size=8).hexdigest()
        made = cls(pipeline, query_from_dict(request.spec.options["query"]), float(pins["wall_s"]), seed)
        made._profiles = profiles
        return made

    def close(self) -> None:
        close = getattr(self._profiles, "close", None)
        if close is not None:
            close()

    def run(self, rows: pa.Table, number: int) -> Computed:
        """See BlockFunction."""
        queries = self._queries(rows, number)
        asked = [query for query in queries if isinstance(query, Query)]
        answers = [one for at in range(0, len(asked), SLICE) for one in self._answered(asked[at : at + SLICE])]
        errors = ["" if isinstance(query, Query) else query for query in queries]
        left = iter(answers)
        of_row = [next(left) if isinstance(query, Query) else None for query in queries]
        stages = [[stage for stage, _ in one.degraded] if one else [] for one in of_row]
        added = {
            "results": self._results(of_row, answers),
            "degraded": pa.array(stages, ADDED["degraded"]),
            "error": pa.array(errors, pa.string()),
        }
        for name, column in added.items():
            rows = rows.append_column(name, column)
        return Computed(rows, sum(map(bool, stages)), len(queries) - len(asked))

    def _queries(self, rows: pa.Table, number: int) -> list[Query | str]:
        """A query a row, or what is wrong with it."""
        columns = {
            name: rows.column(name).to_pylist()
            for name in (*PERSON, "item_ids", "item_id")
            if name in rows.column_names
        }
        nothing = [None] * len(rows)
        people = zip(columns.get("user_id", nothing), columns.get("visitor_id", nothing), strict=True)
        items = _context(columns, len(rows), self._query)
        fields = {name: getattr(self._query, name) for name in Query.__dataclass_fields__}
        found: list[Query | str] = []
        for place, ((user, visitor), context) in enumerate(zip(people, items, strict=True)):
            fields["user_id"], fields["visitor_id"], fields["item_ids"] = user or "", visitor or "", context
            fields["decision_id"] = f"{self._seed}{(number << 32) + place:016x}"
            try:
                check_id("user_id", fields["user_id"])
                check_id("visitor_id", fields["visitor_id"])
                _check_items(context, self._query)
                found.append(Query(**fields))
            except InvalidInput as error:
                found.append(error.message)
        return found

    def _answered(self, queries: Sequence[Query]) -> list[Answer]:
        """Once the profiles can be read. Raises StoreUnavailable when they cannot for long."""
        turn = Turn(0.0, self._wall_s, NEVER)
        for left in reversed(range(TRIES)):
            answers = self._pipeline.run(queries, turn)
            cause = next((cause for one in answers for stage, cause in one.degraded if stage == "profile"), "")
            if not cause:
                return answers
            if left:
                time.sleep(PAUSE_S)
        raise StoreUnavailable(cause)

    def _results(self, of_row: Sequence[Answer | None], answers: Sequence[Answer]) -> pa.Array:
        sizes = [len(one.rows) if one else 0 for one in of_row]
        offsets = pa.array(np.concatenate(([0], np.cumsum(sizes))).astype(np.int32))
        if not answers:
            return pa.ListArray.from_arrays(offsets, pa.array([], RESULT))
        rows = np.concatenate([one.rows for one in answers])
        catalogue = answers[0].catalogue
        if self._ids[0] is not catalogue:
            self._ids = (catalogue, pa.array([item.item_id for item in catalogue.items], pa.string()))
        columns = [
            self._ids[1].take(pa.array(rows)),
            pa.array(np.concatenate([one.scores for one in answers])),
            pa.array(np.concatenate([one.prices for one in answers])),
            pa.array(SOURCE_NAMES, pa.string()).take(pa.array(np.concatenate([one.sources for one in answers]))),
        ]
        return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(RESULT)))


def _context(columns: Mapping[str, list[Any]], rows: int, query: Query) -> list[tuple[str, ...]]:
    """What each row is about: its own items, else those of the question."""
    lists, ones = columns.get("item_ids"), columns.get("item_id")
    if lists is None and ones is None:
        return [query.item_ids] * rows
    found = []
    for place in range(rows):
        own = [each for each in (lists[place] if lists is not None else None) or () if each]
        if ones is not None and ones[place] and ones[place] not in own:
            own.append(ones[place])
        found.append(tuple(own) or query.item_ids)
    return found


def _check_items(items: tuple[str, ...], query: Query) -> None:
    if not items:
        if query.placement in NEED_ITEMS:
            raise InvalidInput("item_ids", [], f"the items that {query.placement} is about")
        return
    if len(items) > CONTEXT_ITEMS_MAX:
        raise InvalidInput("item_ids", f"{len(items)} ids", f"at most {CONTEXT_ITEMS_MAX}")
    for item in items:
        check_id("item_ids", item)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


RECOMMEND: Final = Kind("users", pin, RecommendBlocks.open)
