"""What became of every item: which sources found it, what each stage kept and removed, and why.

Computed after the answer, from what the stages of its batch left behind; nothing is run again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from serving.core.ports import F32, I32, I64
from serving.decisions.recommend.asking import Asked
from serving.decisions.recommend.contract import SOURCE_NAMES, Answer, Query, Trace, TraceItem, TraceStage
from serving.decisions.recommend.rules import Rules
from serving.decisions.recommend.world import World
from serving.kernels.handed import unpack
from serving.kernels.history import BOUGHT, CARTED, CONTEXT, SEEN
from serving.kernels.signals import (
    CONTENT,
    COVIEW,
    FACTORS,
    ITEM_ITEM,
    PINNED,
    REPEAT,
    S_BUYS,
    S_CONTENT,
    S_COVIEW,
    S_FACTORS,
    S_ITEM_ITEM,
    S_SESSION,
    S_SOURCE,
    S_TOGETHER,
    S_TRANSITIONS,
    SESSION,
    SIGNALS,
    TOGETHER,
    TRANSITIONS,
)

if TYPE_CHECKING:
    from serving.decisions.recommend.pipeline import Retrieved

SAYING: Final = (
    (REPEAT, S_BUYS),
    (ITEM_ITEM, S_ITEM_ITEM),
    (SESSION, S_SESSION),
    (TRANSITIONS, S_TRANSITIONS),
    (TOGETHER, S_TOGETHER),
    (COVIEW, S_COVIEW),
    (FACTORS, S_FACTORS),
    (CONTENT, S_CONTENT),
)
"""Sources that say something of every candidate, and where they say it."""


@dataclass(frozen=True, slots=True)
class Considered:
    """What the stages of a batch left behind."""

    world: World
    asked: Asked
    masks: npt.NDArray[np.bool_]
    """(g, n) what could come at all; the row of a request stands in asked.request.mask."""
    found: Retrieved
    scores: F32
    """(m,) what the pages were ordered by."""
    picks: I64
    """(p,) positions of the shown candidates."""
    ptr: I64
    """(b + 1,) of the picks."""
    rules: Rules
    now_s: float


@dataclass(frozen=True, slots=True)
class _Case:
    """One request's part of it."""

    query: Query
    considered: Considered
    rows: I32
    """(k,) its candidates."""
    signals: F32
    scores: F32
    ranks: I64
    """(k,) 1 = the best score."""
    shown: frozenset[int]
    """Catalogue rows on the page."""
    barred: dict[int, str]
    """Catalogue row -> why the request itself keeps it out."""


def trace(query: Query, r: int, answer: Answer, considered: Considered) -> Trace:
    """The trace of request `r` of a batch: the stages; the results, then the items that were asked about."""
    found = considered.found
    cut = slice(int(found.ptr[r]), int(found.ptr[r + 1]))
    scores = considered.scores[cut]
    ranks = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    case = _Case(
        query, considered, found.rows[cut], found.signals[cut], scores, ranks,
        frozenset(answer.rows.tolist()), _barred(query, r, considered),
    )  # fmt: skip
    items = answer.catalogue.items
    ids = [*(items[row].item_id for row in answer.rows.tolist()), *query.trace_items]
    return Trace(_stages(case, r), tuple(_item(case, item_id) for item_id in dict.fromkeys(ids)))


def _barred(query: Query, r: int, considered: Considered) -> dict[int, str]:
    """Rows that the request's exclusions and the visitor's doings keep out; the first cause counts."""
    request, (history, _, _) = considered.asked.request, unpack(considered.found.block)
    out: dict[int, str] = {}
    for row in request.blocked[request.blocked_ptr[r] : request.blocked_ptr[r + 1]].tolist():
        out.setdefault(row, "excluded by the request")
    for i in range(int(history.ptr[r]), int(history.ptr[r + 1])):
        row, kind = int(history.row[i]), history.kind[i]
        if kind == CONTEXT:
            out.setdefault(row, "the page is about it")
        elif kind == CARTED and not request.keep_cart[r]:
            out.setdefault(row, "in the cart")
        elif query.exclude_bought and (kind == BOUGHT or history.buys[i] > 0):
            out.setdefault(row, "bought before (constraints.exclude_bought)")
        elif query.exclude_viewed and (kind in (SEEN, CARTED) or history.seen[i] > 0 or history.viewed_s[i] > 0):
            out.setdefault(row, "viewed before (constraints.exclude_viewed)")
    return out


def _stages(case: _Case, r: int) -> tuple[TraceStage, ...]:
    considered = case.considered
    catalogue, mask = considered.world.catalogue, considered.masks[considered.asked.request.mask[r]]
    n, available, allowed = len(catalogue), int(catalogue.available.sum()), int(mask.sum())
    causes = {"out of stock or deleted": n - available, "filter, margin, delivery or sale": available - allowed}
    brought = Counter(case.signals[:, S_SOURCE].astype(int).tolist())
    shown = int(considered.ptr[r + 1] - considered.ptr[r])
    return (
        TraceStage("rules", allowed, {cause: count for cause, count in causes.items() if count}),
        TraceStage("exclusions", allowed, dict(Counter(case.barred.values()))),
        *(TraceStage(f"source {SOURCE_NAMES[code]}", count) for code, count in sorted(brought.items())),
        TraceStage("rank", len(case.rows)),
        TraceStage("page", shown, {"below the page, capped or on another place": len(case.rows) - shown}),
    )


def _item(case: _Case, item_id: str) -> TraceItem:
    row = case.considered.world.catalogue.row_of.get(item_id)
    at = [] if row is None else np.flatnonzero(case.rows == row).tolist()
    if row is None or not len(at):
        return TraceItem(item_id, False, 0, 0.0, (), _why_no_candidate(case, row), {})
    line, rank, score = case.signals[at[0]], int(case.ranks[at[0]]), float(case.scores[at[0]])
    names = [SOURCE_NAMES[int(line[S_SOURCE])], *(SOURCE_NAMES[code] for code, column in SAYING if line[column] > 0)]
    shown = row in case.shown
    return TraceItem(
        item_id,
        shown,
        rank,
        score,
        tuple(dict.fromkeys(names)),
        "" if shown else _why_not_picked(case, row, rank, int(line[S_SOURCE])),
        {name: float(value) for name, value in zip(SIGNALS[:-1], line[:-1], strict=True)},
    )


def _why_no_candidate(case: _Case, row: int | None) -> str:
    """Why an item was never ranked."""
    world = case.considered.world
    if row is None:
        return "not in the catalogue"
    ruled = case.considered.rules.why(case.query, row, world.catalogue, world.prices, case.considered.now_s)
    return ruled or case.barred.get(row, "") or "no source of this placement brought it among its best"


def _why_not_picked(case: _Case, row: int, rank: int, source: int) -> str:
    """Why a candidate is not on the page."""
    query, catalogue = case.query, case.considered.world.catalogue
    page = list(case.shown)
    for name, cap, numbers in (
        ("max_per_brand", query.max_per_brand, catalogue.brand),
        ("max_per_category", query.max_per_category, catalogue.category),
    ):
        if cap and numbers[row] and int((numbers[page] == numbers[row]).sum()) >= cap:
            return f"constraints.{name}: {cap} like it are on the page"
    if source == PINNED:
        return "its pinned place is taken"
    need = query.offset + query.page_size
    if rank > need:
        return f"ranked {rank} of {len(case.rows)}, the page ends at {need}"
    if rank <= query.offset:
        return "on a page before this one"
    return (
        "gave way: to a pin, to diversity, to a new arrival, to chance, or it stands in another placement of the page"
    )
