"""Recent requests, kept so that a release can be warmed with, and judged by, what is really asked.

<home>/requests.jsonl   at most KEPT_MAX lines, each a query in JSON, without who asked: no user, visitor or request id

What a visitor did in this session stays in a line, because it decides what is computed; it belongs to nobody.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from serving.adapters import disk
from serving.core.errors import InvalidInput, SettingError
from serving.decisions.recommend.contract import OBJECTIVES, PLACEMENTS, RERANK_ITEMS_MAX, Query
from serving.decisions.recommend.filters import compiled
from serving.decisions.recommend.record_bytes import query_from_dict, query_to_dict

FILE: Final = "requests.jsonl"
LOCK: Final = "requests.lock"
FILE_BYTES_MAX: Final = 16 << 20
"""A larger file was not written by us."""
SPACING_S: Final = 1.0
"""Between two requests once the ring is full, so that it tells of minutes and not of one moment."""

_log = logging.getLogger(__name__)


class RecentRequests:
    """A bounded ring of requests: `note` on the engine's thread, `save` on another. Starts with what the file holds."""

    def __init__(self, home: Path, kept_max: int) -> None:
        """kept_max: requests, 0 = none is kept."""
        self._home, self._kept_max = home, kept_max
        self._ring: deque[Query] = deque(_read(home / FILE)[-kept_max:] if kept_max else (), maxlen=kept_max)
        self._next_s = 0.0
        self._noted = self._saved = 0

    def note(self, queries: Sequence[Query], now_s: float) -> None:
        """Takes a request of a batch, now and then. now_s: of the monotonic clock."""
        if not self._kept_max or (now_s < self._next_s and len(self._ring) == self._kept_max):
            return
        self._next_s = now_s + SPACING_S
        query = queries[self._noted % len(queries)]
        self._noted += 1
        self._ring.append(query)

    def queries(self) -> list[Query]:
        """What is kept, oldest first, without who asked."""
        return [_anonymous(query) for query in self._ring.copy()]

    def save(self) -> None:
        """Writes the file if there is something new. What cannot be written is said, and tried again with the next."""
        noted = self._noted
        if noted == self._saved:
            return
        lines = "".join(json.dumps(query_to_dict(query), ensure_ascii=False) + "\n" for query in self.queries())
        try:
            with disk.locked(self._home / LOCK):
                disk.replace(self._home / FILE, lines.encode())
        except SettingError:  # another replica of this home is writing its own, which is as good
            return
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._home / FILE, error)
            return
        self._saved = noted


def _anonymous(query: Query) -> Query:
    return replace(query, user_id="", visitor_id="", request_id="", decision_id="", validate_only=False)


def _read(path: Path) -> list[Query]:
    """The queries of the file that this version can answer; none where it is not there."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ValueError(f"more than {FILE_BYTES_MAX} bytes")
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read: %s; the warm-up goes on without recorded requests", path, error)
        return []
    return [query for query in map(_query, lines) if query is not None]


def _query(line: str) -> Query | None:
    """The query of a line, None for one that no codec of this version would let through."""
    try:
        query = query_from_dict(json.loads(line))
        compiled(query.filter)
        known = query.placement in PLACEMENTS and query.objective in OBJECTIVES
        return _anonymous(query) if known and 0 < query.page_size <= RERANK_ITEMS_MAX else None
    except (ValueError, TypeError, AttributeError, InvalidInput):
        return None
