"""Turns a batch of queries into the arrays the kernels read: the only per-query Python on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.core.catalogue import Catalogue
from serving.core.ports import I32, I64
from serving.decisions.recommend.contract import Query
from serving.decisions.recommend.kinds import KIND_FIELDS, kind_of
from serving.decisions.recommend.named_items import NO_ROWS, named_in, no_rows_of
from serving.decisions.recommend.placements import Table
from serving.decisions.recommend.session_records import session_of
from serving.decisions.recommend.shapes import shape_of
from serving.events.types import profile_key
from serving.kernels.candidates import Request
from serving.kernels.rerank import Page

SEED_DIGITS = 16
"""Digits of a decision's id that are the seed of its random choices: the last ones, which count."""


@dataclass(slots=True)
class Asked:
    """A batch of b queries as arrays, and as lists what Python looks at."""

    keys: list[str]
    """(b,) profile keys, '' = nobody, or no consent."""
    session: list[bytes]
    """(b,) records of what the visitor has just done."""
    context: I32
    context_ptr: I64
    placement: list[int]
    """(b,) numbers of placements.Table."""
    order: list[int]
    """(b,) placements.Order of the page."""
    quotas: I32
    """(len(Source), b) candidates at most, by source."""
    most: list[int]
    """(len(Source),) the largest of each source."""
    least: list[int]
    """(len(Source),) the smallest of each source."""
    request: Request
    page: Page
    objective: list[int]
    """(b,) position in contract.OBJECTIVES."""
    lean: list[float]
    """(b,) how far the order leans to the objective, 0..1."""
    wanted: I32
    """(b,) 1 where reasons are wanted."""
    missing: list[tuple[str, ...]]


def ask(
    queries: Sequence[Query], ids: Sequence[str], catalogue: Catalogue, table: Table, mask_of: Sequence[int],
    groups: Sequence[int], now_s: int,
) -> Asked:  # fmt: skip
    """Reads every query once. Unknown items are collected in `missing`; nothing raises on what a caller may send.

    ids: (b,) of the decisions, which seed their random choices; mask_of, groups: (b,) the mask of each query, and the
    shop page it belongs to (-1 = it is alone).
    """
    kinds = [
        kind_of(table, mask, group, query.given is not None, *KIND_FIELDS(query))
        for query, mask, group in zip(queries, mask_of, groups, strict=True)
    ]
    context, named, missing = named_in(queries, kinds, catalogue)
    context_rows, context_ptr = context.arrays() if context else (NO_ROWS, no_rows_of(len(queries)))
    shape = shape_of(kinds, table, named)
    both = list(zip(queries, kinds, strict=True))
    return Asked(
        keys=[profile_key(query.user_id, query.visitor_id) if kind.personal else "" for query, kind in both],
        session=[session_of(query, now_s) if query.session and kind.personal else b"" for query, kind in both],
        context=context_rows,
        context_ptr=context_ptr,
        placement=[kind.placement for kind in kinds],
        order=[kind.order for kind in kinds],
        quotas=shape.quotas,
        most=shape.most,
        least=shape.least,
        request=shape.request,
        page=shape.page._replace(seed=np.array([int(one[-SEED_DIGITS:], 16) for one in ids], np.uint64)),
        objective=[kind.objective for kind in kinds],
        lean=[kind.lean for kind in kinds],
        wanted=shape.wanted,
        missing=missing,
    )
