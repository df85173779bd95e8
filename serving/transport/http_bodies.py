"""Long bodies are read on a thread: a loop that reads JSON for a second answers nobody in that second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from serving.core.errors import Overloaded

LONG_BYTES: Final = 1 << 15
"""Shorter bodies are read on the loop: they take about a millisecond, and the way to the thread and back costs too."""
WAITING_BYTES_MAX: Final = 64 << 20
"""Of long bodies that are read or wait for it; one alone is always read."""
RETRY_S: Final = 1.0

_T = TypeVar("_T")


class Bodies:
    """One thread for the long ones of a loop, one after another. Belongs to that loop."""

    def __init__(self, waiting_bytes_max: int = WAITING_BYTES_MAX) -> None:
        self._waiting_max, self._waiting = waiting_bytes_max, 0
        self._thread: ThreadPoolExecutor | None = None

    async def read(self, size: int, work: Callable[[], _T]) -> _T:
        """What `work` makes of a body of so many bytes, and what it raises; Overloaded where too many wait. A caller
        that is cancelled before its turn costs nothing more."""
        if size < LONG_BYTES:
            return work()
        if self._waiting and self._waiting + size > self._waiting_max:
            raise Overloaded(f"{self._waiting} bytes of long requests wait to be read already", RETRY_S)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "http-bodies")
        self._waiting += size
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._waiting -= size
