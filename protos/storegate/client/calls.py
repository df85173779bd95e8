"""How a call is made, whatever it asks."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from typing import Any, Self

from storegate.client.connections import Slot, Tls, dialler


class Calls:
    """What the calls of every service share: connections that are used in turn, a token, a deadline."""

    def __init__(
        self,
        target: str,
        token: str | None = None,
        timeout_s: float = 0.2,
        *,
        tls: Tls | None = None,
        connections: int = 4,
        redial_s: float = 300.0,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """target: "host:port". timeout_s: deadline of every call that is not given one, its retries included.
        tls: None = none, for a gateway on this machine. redial_s: mean age of a connection at which it is replaced,
        50 % more or less at random (rng); must be far above every timeout."""
        if connections < 1 or timeout_s <= 0 or redial_s <= 2 * timeout_s:
            raise ValueError("connections must be 1 or more, timeout_s above 0, redial_s above twice timeout_s")
        self._timeout_s = timeout_s
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        dial = dialler(target, tls)
        self._slots = tuple(Slot(dial, redial_s, rng or random.Random(), clock) for _ in range(connections))
        self._turn = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all connections and what runs on them."""
        for slot in self._slots:
            slot.close()

    def _call(self, stub: str, method: str, request: Any, timeout_s: float | None) -> Any:
        slot = self._slots[next(self._turn) % len(self._slots)]
        run = getattr(slot.stubs()[stub], method)
        return run(request, timeout=timeout_s or self._timeout_s, metadata=self._metadata)
