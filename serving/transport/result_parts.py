"""The words of results, kept as bytes, so that an answer is put together by a kernel and not by Python.

Of an item all that is said in an answer is made once per change of the item, and only when an answer needs it: neither
a start nor a change costs anything for the rest of the catalogue.
"""

from __future__ import annotations

import threading
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InternalError
from serving.decisions.recommend.contract import SOURCE_NAMES, Answer, ReasonCode
from serving.kernels.answers import ALONE, CODE, SOURCE, TOO_SMALL, WITH_ITEM, Columns, Kept
from serving.transport.reasons import named, sentence_alone, sentence_start

KEPT_BYTES: Final = 64 << 20
"""Room for the parts of one spelling, about 150 bytes an item; memory is taken as it is used, a full one is emptied."""
OUT_BYTES_FIRST: Final = 64 << 10
OUT_DOUBLINGS_MAX: Final = 16
NUMBERS: Final = 16
"""Sources and reason codes are below."""

NOTHING: Final = Columns(
    np.zeros(0, np.int32),
    np.zeros(0, np.uint8),
    np.zeros(0, np.uint8),
    np.zeros(0, np.int32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.int64),
    np.zeros(0, np.float32),
)

Serials = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class Spelling(Protocol):
    """How parts are written; see kernels/answers.py for what stands between them."""

    def write(self, columns: Columns, serials: Serials, kept: Kept, out: Bytes) -> int:
        """One of the writers of kernels/answers.py."""
        ...

    def source(self, name: str) -> bytes: ...

    def code(self, name: str) -> bytes: ...

    def words(self, text: str) -> bytes:
        """A piece of the reason's sentence."""
        ...

    def item(self, item: Item) -> bytes:
        """What is said of the item itself."""
        ...

    def currency(self, item: Item) -> bytes:
        """The field of its price beside the amount; empty where the item has none."""
        ...

    def related(self, item: Item) -> bytes:
        """The reason's field that names the item."""
        ...


class ResultParts:
    """Of one spelling. Works from any thread."""

    def __init__(self, spelling: Spelling, bytes_max: int = KEPT_BYTES) -> None:
        self._spelling, self._write, self._lock = spelling, spelling.write, threading.Lock()
        self._bytes = np.empty(bytes_max, np.uint8)
        self._fixed = np.zeros((4, NUMBERS, 2), np.int64)
        self._used = self._first = self._put_fixed()
        self._out = np.empty(OUT_BYTES_FIRST, np.uint8)
        self._kept = self._for_rows(0)
        self._write(NOTHING, self._kept.serial, self._kept, self._out)  # compiles it: no request pays for that

    def results(self, answer: Answer) -> bytes:
        """All results of the answer in the spelling."""
        columns = Columns(
            answer.rows,
            answer.sources,
            answer.reasons,
            answer.related,
            answer.scores,
            answer.weights,
            answer.prices,
            answer.propensities,
        )
        catalogue = answer.catalogue
        serials = catalogue.serials
        with self._lock:
            if len(serials) > len(self._kept.serial):
                self._kept = self._for_rows(2 * len(serials))
            for _ in range(2 * len(answer.rows) + OUT_DOUBLINGS_MAX):
                size = self._write(columns, serials, self._kept, self._out)
                if size >= 0:
                    return self._out[:size].tobytes()
                if size == TOO_SMALL:
                    self._out = np.empty(2 * len(self._out), np.uint8)
                    continue
                self._put(catalogue, -1 - size)
        raise InternalError(f"an answer of {len(answer.rows)} results is too large to be written")

    def _put(self, catalogue: Catalogue, row: int) -> None:
        """Makes the parts of a row."""
        item, spelling, kept = catalogue.items[row], self._spelling, self._kept
        parts = (spelling.item(item), spelling.currency(item), spelling.related(item), spelling.words(named(item)))
        size = sum(map(len, parts))
        if size > self._room[row]:
            if self._used + size > len(self._bytes):
                self._forget()
            kept.start[row], self._room[row] = self._used, size
            self._used += size
        kept.serial[row], kept.sizes[row] = catalogue.serials[row], [len(part) for part in parts]
        self._write_at(int(kept.start[row]), b"".join(parts))

    def _put_fixed(self) -> int:
        """Makes the parts of no row; how many bytes they take."""
        spelling, fixed, self._used = self._spelling, self._fixed, 0
        for number, name in enumerate(SOURCE_NAMES):
            fixed[SOURCE, number] = self._append(spelling.source(name))
        for code in ReasonCode:
            if code is ReasonCode.NONE:
                continue
            fixed[CODE, code] = self._append(spelling.code(code.name))
            fixed[ALONE, code] = self._append(spelling.words(sentence_alone(code)))
            start = sentence_start(code)
            fixed[WITH_ITEM, code] = (0, -1) if start is None else self._append(spelling.words(start))
        return self._used

    def _append(self, part: bytes) -> tuple[int, int]:
        """Start and length of the part where it now stands."""
        start = self._used
        self._used += len(part)
        self._write_at(start, part)
        return start, len(part)

    def _write_at(self, start: int, part: bytes) -> None:
        self._bytes[start : start + len(part)] = np.frombuffer(part, np.uint8)

    def _forget(self) -> None:
        """All rows."""
        self._kept.serial.fill(0)
        self._room.fill(0)
        self._used = self._first

    def _for_rows(self, n: int) -> Kept:
        """Places for n rows; what was kept is forgotten."""
        self._used = self._first
        # What a row has once had it keeps: releases that take turns must not fill the room with what each says anew.
        self._room = np.zeros(n, np.int64)
        return Kept(
            self._bytes,
            self._fixed,
            np.zeros(n, np.int64),
            np.zeros(n, np.int64),
            np.zeros((n, 4), np.int32),
        )
