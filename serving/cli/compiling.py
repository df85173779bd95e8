"""Says that kernels are compiled, while they are: once for a home, and after every change of the sources."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from serving.cli.common import say

LINE_S: Final = 10.0
"""Between two lines."""


@contextmanager
def told_while_compiling(line_s: float = LINE_S, say: Callable[[str], None] = say) -> Iterator[None]:
    """Around what calls kernels. Silent where all come out of their cache."""
    from numba.core import event  # not before: numba asks once where its cache is

    class Told(event.Listener):  # type: ignore[misc]  # numba has no types
        kernels = 0
        began = told_at = 0.0

        def on_start(self, _: Any) -> None:
            if not self.began:
                self.began = self.told_at = time.monotonic()
                say("compiling, which takes a few minutes; later runs find it ready")

        def on_end(self, _: Any) -> None:
            self.kernels += 1
            now = time.monotonic()
            if now - self.told_at >= line_s:
                self.told_at = now
                say(f"kernels compiled: {self.kernels}, in {now - self.began:.0f} s")

    with event.install_listener("numba:compile", Told()):
        yield
