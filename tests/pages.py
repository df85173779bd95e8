"""Pages to ask the rerank kernel for: plain unless said, and the arrays around them."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.kernels.rerank import Page, rerank
from serving.kernels.signals import S_SOURCE, SIGNALS, TRENDING


def page_of(b: int, pins: list[list[tuple[int, int]]] | None = None, **fields: Any) -> Page:
    """b first pages of 10 without any rule; `fields`: numbers for all or lists by request; `pins`: (row, place)s."""
    first = fields.get("size", 10)
    plain = Page(10, first, 0.0, 0, 0, 0, 0.0, 0, -1, 0, None, None, None)._replace(**fields)
    types = (np.int32, np.int32, np.float32, np.int32, np.int32, np.int32, np.float32, np.uint64, np.int32, np.int32)
    by_request = [np.broadcast_to(np.array(value, kind), b).copy() for value, kind in zip(plain, types, strict=False)]
    lists = pins or [[] for _ in range(b)]
    flat = np.array([pin for some in lists for pin in some], np.int32).reshape(-1, 2)
    return Page(*by_request, np.cumsum([0, *map(len, lists)]), flat[:, 0].copy(), flat[:, 1].copy())


def signals_of(sources: np.ndarray | None, m: int) -> np.ndarray:
    """(m, len(SIGNALS)) float32, zero but for the source."""
    signals = np.zeros((m, len(SIGNALS)), np.float32)
    signals[:, S_SOURCE] = TRENDING if sources is None else sources
    return signals


def shown(
    page: Page, rows: Any, scores: Any, units: Any, brand: Any, category: Any, ptr: Any = None, sources: Any = None
) -> list[tuple[list[int], list[float]]]:
    """Each request's picks, counted from its first candidate, and the propensities; checks that `slot` stays clean."""
    m, slot = len(rows), np.full(len(brand), -1, np.int32)
    ptr = np.array([0, m], np.int64) if ptr is None else np.asarray(ptr, np.int64)
    picks, out, propensity = rerank(
        np.asarray(rows, np.int32), np.asarray(scores, np.float32), ptr, signals_of(sources, m), page,
        units, brand, category, slot,
    )  # fmt: skip
    assert (slot == -1).all()
    assert len(propensity) == len(picks) == out[-1]
    parts = [slice(out[r], out[r + 1]) for r in range(len(ptr) - 1)]
    return [((picks[part] - ptr[r]).tolist(), propensity[part].tolist()) for r, part in enumerate(parts)]
