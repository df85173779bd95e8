"""The candidate sources, one file each: those that need the history alone are recalled (recall.py), the others search
an index. How much each brings to a placement stands in placements.py; the order in which they do is that of
kernels/candidates.py. Trending and given items need no search: the union's kernel takes them itself."""

from __future__ import annotations

from typing import Final

from serving.decisions.recommend.sources.content import Content
from serving.decisions.recommend.sources.factors import Factors
from serving.decisions.recommend.sources.protocol import Evidence, Source

SEARCHED: Final[tuple[Source, Source]] = (Factors(), Content())

__all__ = ["SEARCHED", "Evidence", "Source"]
