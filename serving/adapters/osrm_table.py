"""Distances and travel times from a server that answers as OSRM's table service does.

Asked block by block, over kept connections, several at a time; every question has a timeout, a bounded number of
repeats and a bounded answer. Source: https://project-osrm.org/docs/v5.24.0/api/#table-service
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import numpy as np
import numpy.typing as npt

from serving.core.clock import Clock
from serving.core.errors import DeadlineExpired, InvalidInput, TableUnavailable
from serving.decisions.route.params import TableParams

F64 = npt.NDArray[np.float64]

ENTRY_BYTES_MAX: Final = 48
"""Of one number in an answer, with its comma."""
ANSWER_BYTES_SPARE: Final = 1 << 20
"""Of what else stands in an answer: names of streets, hints."""
PIECE_BYTES: Final = 1 << 16
PAUSE_S: Final = 0.05
"""Before the first repeat; doubled before each further one."""
AGAIN: Final = (429, 500, 502, 503, 504)
NO_PLACE: Final = ("NoSegment", "InvalidValue", "InvalidOptions", "InvalidQuery", "TooBig")
"""Answers that another attempt would get again."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows and columns of the table that are asked for together."""

    rows: range
    columns: range
    square: bool
    """Both are the same places."""


class OsrmTable:
    """Works from any thread. Keeps nothing but open connections while a table is fetched."""

    def __init__(self, params: TableParams, clock: Clock, pause: Callable[[float], object] | None = None) -> None:
        """pause: waits so many seconds before a repeat. Raises InvalidInput where there is no server."""
        if not params.url:
            raise InvalidInput(
                "table_server", "", "a gateway whose setting route.table.url names one", reason="NO_TABLE_SERVER"
            )
        self._params, self._clock = params, clock
        self._pause = pause or threading.Event().wait
        self._site = urlsplit(params.url)

    def table(self, rows: F64, columns: F64, deadline: float, profile: str = "") -> tuple[F64, F64]:
        """(distances in metres, durations in seconds), (r, c) float64 both; infinite where there is no way.

        rows (r, 2), columns (c, 2): float64, latitude and longitude in degrees. deadline: of the monotonic clock.
        Raises TableUnavailable, InvalidInput for places it cannot use, DeadlineExpired.
        """
        distance, duration = np.zeros((len(rows), len(columns))), np.zeros((len(rows), len(columns)))
        size, square = self._params.block, rows is columns
        blocks = [
            _Block(range(i, min(i + size, len(rows))), range(j, min(j + size, len(columns))), square and i == j)
            for i in range(0, len(rows), size)
            for j in range(0, len(columns), size)
        ]
        froms, tos = _places(rows), _places(columns)
        local, opened = threading.local(), list[http.client.HTTPConnection]()

        def fetch(block: _Block) -> None:
            if not hasattr(local, "line"):
                local.line = self._connection()
                opened.append(local.line)
            listed = [froms[at] for at in block.rows] + ([] if block.square else [tos[at] for at in block.columns])
            path = _path(self._site.path, profile or self._params.profile, listed, block)
            found = self._ask(local.line, path, _size_max(block), deadline)
            here = slice(block.rows.start, block.rows.stop), slice(block.columns.start, block.columns.stop)
            distance[here] = _numbers(found, "distances", block)
            duration[here] = _numbers(found, "durations", block)

        try:
            with ThreadPoolExecutor(min(self._params.connections, len(blocks)), "osrm") as pool:
                futures = [pool.submit(fetch, block) for block in blocks]
                done, rest = wait(futures, return_when=FIRST_EXCEPTION)
                for future in rest:
                    future.cancel()
                for future in done:
                    future.result()
        finally:
            for line in opened:
                line.close()
        if square:
            for matrix in (distance, duration):
                np.fill_diagonal(matrix, 0.0)
        return distance, duration

    def _connection(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._site.scheme == "https" else http.client.HTTPConnection
        return kind(self._site.hostname or "", self._site.port, timeout=self._params.timeout_s)

    def _ask(self, line: http.client.HTTPConnection, path: str, bytes_max: int, deadline: float) -> Any:
        """The decoded answer, after as many attempts as are allowed."""
        problem = ""
        for attempt in range(self._params.retries + 1):
            if attempt:
                self._pause(min(PAUSE_S * 2 ** (attempt - 1), max(deadline - self._clock.monotonic(), 0.0)))
            if self._clock.monotonic() >= deadline:
                told = f" ({problem})" if problem else ""
                raise DeadlineExpired(f"the deadline passed before the table of travel times was there{told}")
            try:
                status, body = self._once(line, path, bytes_max, deadline)
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                line.close()
                continue
            if status not in AGAIN:
                return self._read(status, body)
            problem = f"HTTP {status}"
        raise TableUnavailable(problem)

    def _once(self, line: http.client.HTTPConnection, path: str, bytes_max: int, deadline: float) -> tuple[int, bytes]:
        """One question: (status, body)."""
        now = self._clock.monotonic()
        until = min(now + self._params.timeout_s, deadline)
        line.timeout = max(until - now, 0.001)
        if line.sock is not None:
            line.sock.settimeout(line.timeout)
        line.request("GET", path, headers={"Accept": "application/json"})
        response = line.getresponse()
        pieces, size = [], 0
        while piece := response.read1(PIECE_BYTES):
            pieces.append(piece)
            size += len(piece)
            if size > bytes_max:
                line.close()
                raise TableUnavailable(f"an answer of more than {bytes_max} bytes")
            if self._clock.monotonic() > until:  # a trickle never times out by itself
                raise TimeoutError("the answer came too slowly")
        response.read()  # nothing is left; now the connection may be used again
        return response.status, b"".join(pieces)

    def _read(self, status: int, body: bytes) -> Any:
        """What the answer says. Raises TableUnavailable, InvalidInput."""
        try:
            found = json.loads(body)
            code = found["code"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise TableUnavailable(f"HTTP {status} and no answer of a table service") from None
        if code in NO_PLACE:
            told = str(found.get("message", ""))[:200]
            raise InvalidInput("table_server", code, f"places and a profile that it can use: {told or code}")
        if code != "Ok":
            raise TableUnavailable(f"it says {str(code)[:80]}")
        return found


def _places(points: F64) -> list[str]:
    return [f"{east:.6f},{north:.6f}" for north, east in points.tolist()]


def _path(base: str, profile: str, places: Sequence[str], block: _Block) -> str:
    """The question; places: of the rows, then of the columns where they are others."""
    url = f"{base.rstrip('/')}/table/v1/{quote(profile, safe='')}/{';'.join(places)}?annotations=duration,distance"
    if block.square:
        return url
    rows = len(block.rows)
    sources = ";".join(map(str, range(rows)))
    return f"{url}&sources={sources}&destinations={';'.join(map(str, range(rows, len(places))))}"


def _size_max(block: _Block) -> int:
    return ANSWER_BYTES_SPARE + 2 * ENTRY_BYTES_MAX * len(block.rows) * len(block.columns)


def _numbers(found: Any, name: str, block: _Block) -> F64:
    """(rows, columns) of one table of an answer; null = no way."""
    shape = len(block.rows), len(block.columns)
    try:
        numbers = np.array(found[name], np.float64)
    except (KeyError, TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != shape:
        raise TableUnavailable(f"its answer has no table {name!r} of {shape[0]} x {shape[1]} numbers")
    numbers[np.isnan(numbers)] = np.inf
    if (numbers < 0).any():
        raise TableUnavailable(f"its answer has a negative number among the {name}")
    return numbers
