"""What a batch of recommendations is asked for, fit for JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from serving.decisions.recommend.contract import EXPLAIN_NONE, Query
from serving.decisions.recommend.record_bytes import query_to_dict


def options_of(query: Query, release: str = "") -> dict[str, Any]:
    """Options of a core.batch.BatchSpec. query: asked for each visitor, who takes his place in it; release: which one
    answers, "" = the live one."""
    return {"query": query_to_dict(replace(query, explain=EXPLAIN_NONE)), "release": release}
