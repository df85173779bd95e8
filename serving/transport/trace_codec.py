"""Traces as the contract writes them."""

from __future__ import annotations

from typing import Any

from serving.decisions.recommend.contract import Trace


def encode_trace(trace: Trace, out: Any) -> None:
    """Fills the message `out` (a pb.Trace)."""
    for stage in trace.stages:
        out.stages.add(name=stage.name, kept=stage.kept, removed=stage.removed)
    for item in trace.items:
        out.items.add(
            item_id=item.item_id,
            shown=item.shown,
            rank=item.rank,
            score=item.score,
            sources=item.sources,
            why_not=item.why_not,
            signals=item.signals,
        )
