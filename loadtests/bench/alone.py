"""The candidate sources that cost most one by one, for one visitor at a time: session kNN and those that search."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter_ns

import numpy as np
import numpy.typing as npt

from loadtests.bench.timing import SLICE_S, Row, Took, row
from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.contract import RECOMMENDED_FOR_YOU, Query, Source
from serving.decisions.recommend.pipeline import Recommender
from serving.decisions.recommend.placements import Table
from serving.decisions.recommend.session_records import records_of
from serving.decisions.recommend.sources import SEARCHING, Evidence
from serving.decisions.recommend.sources.protocol import Quota
from serving.decisions.recommend.sources.recall import Asking, habits
from serving.decisions.recommend.sources.session import votes
from serving.decisions.recommend.steps import know
from serving.kernels.handed import unpack
from serving.kernels.history import DAY_S, History

NO_ROWS: I32 = np.zeros(0, np.int32)
NO_CONTEXT: I64 = np.zeros(2, np.int64)
PREFIX = "alone: "
WARM = 20
"""Visitors before the clock runs."""
COUNTED = 500
"""Visitors whose candidates are counted."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the pipeline knows of one visitor before it asks its sources."""

    history: History
    evidence: Evidence
    quotas: npt.NDArray[np.int32]
    """(len(Source), 1)"""
    now_s: float


def clock(recommender: Recommender, wall: float) -> float:
    """Epoch seconds that events age by, as in the pipeline: models that nobody trains any more stop the clock."""
    return min(wall, recommender.models.trained_through_s + recommender.params.stale_days * DAY_S)


def knowledge(recommender: Recommender, blob: bytes, wall: float) -> Known:
    """Of the visitor with these records, for recommended-for-you without any rule."""
    world, params = recommender.world(), recommender.params
    models, catalogue = world.models, world.catalogue
    records, ptr = records_of([blob], [b""])
    wall = clock(recommender, wall)
    mask, masks = np.zeros(1, np.int32), catalogue.available[None, :]
    table = Table(params)
    quotas = np.ascontiguousarray(table.quotas[table.number[RECOMMENDED_FOR_YOU]][:, None])
    asking = Asking(quotas, mask, masks, NO_CONTEXT)
    block, tastes, contents = know(
        records, ptr, NO_ROWS, NO_CONTEXT, catalogue.hash_keys, catalogue.hash_rows, world.prices.price, wall,
        params.half_life_days * DAY_S, params.short_half_life_days * DAY_S, world.vectors, models.gram,
        np.float32(models.fold_alpha), world.content, world.scratch.slot, asking, world.popularity, world.fresh,
        models.sessions, world.session_scratch, habits(params),
    )  # fmt: skip
    history, _, _ = unpack(block)
    return Known(history, Evidence(world, tastes, contents, mask, masks), quotas, wall)


def tastes(recommender: Recommender, blobs: Iterable[bytes], wall: float) -> tuple[F32, F32]:
    """(m, d) factor and (m, c) content tastes of the visitors: what the indexes are asked for."""
    found = [knowledge(recommender, blob, wall).evidence for blob in blobs]
    return np.concatenate([one.tastes for one in found]), np.concatenate([one.contents for one in found])


def alone(recommender: Recommender, blobs: Sequence[bytes], wall: float, seconds: float) -> list[Row]:
    """Microseconds of session kNN, with the weights that it begins with, and of every source that searches, at batch 1.
    Sources with a quota of 0 on recommended-for-you are asked for as many as item-item brings.

    The sources take turns within one visitor, so that none finds what it needs in the cache because it has just run.
    """
    world, how = recommender.world(), habits(recommender.params)

    def session(known: Known, quota: I32) -> None:
        votes(known.history, NO_CONTEXT, known.now_s, world.models.sessions, world.session_scratch, how)

    every: list[tuple[Source, Callable[[Known, I32], object]]] = [(Source.SESSION, session)]
    every += [(source.CODE, partial(_search, source.find)) for source in SEARCHING]
    took: Took = defaultdict(list)
    begun, at = time.monotonic(), 0
    while at <= WARM or time.monotonic() - begun < max(seconds, SLICE_S):
        known = knowledge(recommender, blobs[at % len(blobs)], wall)
        for code, find in every:
            quota = known.quotas[code]
            quota = quota if quota[0] else known.quotas[Source.ITEM_ITEM]
            before = perf_counter_ns()
            find(known, quota)
            after = perf_counter_ns()
            if at >= WARM:
                took[f"{PREFIX}{code.name.lower()}"].append((after - before) / 1000)
        at += 1
    return [row(name, 1, micros) for name, micros in took.items()]


def _search(find: Callable[[Evidence, Quota], I32], known: Known, quota: I32) -> I32:
    return find(known.evidence, Quota(quota, int(quota[0]), int(quota[0])))


def candidate_count(recommender: Recommender, blobs: Sequence[bytes], wall: float) -> Row:
    """How many candidates a request has that were ranked, of the first visitors."""
    wall = clock(recommender, wall)
    counts = [int(recommender.features([Query(user_id="anyone")], [blob], wall)[1][-1]) for blob in blobs[:COUNTED]]
    return {
        "name": "candidate count", "p50": float(np.median(counts)), "least": min(counts), "most": max(counts),
        "requests": len(counts),
    }  # fmt: skip
