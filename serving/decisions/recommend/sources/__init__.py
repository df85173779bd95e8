"""The candidate sources: one file each, one Protocol (protocol.py), one tuple.

A new source = its file, its line in SOURCES, its quota's setting (params.py), and a placement that wants it
(placements.py); one that needs the history alone also has a line in recall.py, which compiles these as one.
"""

from __future__ import annotations

from typing import Final

from serving.decisions.recommend.contract import Source as Code
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.sources import (
    content,
    coview,
    factors,
    fresh,
    item_item,
    repeat,
    session,
    together,
    transitions,
    trending,
    viewed,
)
from serving.decisions.recommend.sources.protocol import Evidence, Searching, Source
from serving.kernels.candidates import LINEAR_CODES

SOURCES: Final[tuple[Source, ...]] = (
    repeat,
    viewed,
    together,
    coview,
    transitions,
    item_item,
    session,
    fresh,
    factors,
    content,
    trending,
)
"""In the order in which they bring candidates: an item that several know counts as the first one's."""
SEARCHING: Final = tuple(source for source in SOURCES if isinstance(source, Searching))

assert tuple(source.CODE for source in SOURCES if hasattr(source, "weigh")) == LINEAR_CODES


def quotas(params: Params, *sources: Source) -> dict[Code, int]:
    """How many candidates each of `sources` brings at most, by the settings."""
    return {source.CODE: int(getattr(params, source.QUOTA)) for source in sources}


__all__ = ["SEARCHING", "SOURCES", "Evidence", "Source", "quotas"]
