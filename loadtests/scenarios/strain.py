"""Whether the client itself was the bottleneck: then the figures judge it, and not the gateway."""

from __future__ import annotations

from loadtests.scenarios.levels import Level

BUSY_MAX = 0.9
"""CPU share of a process of ours: it is one thread, and at one core it has nothing left."""
LAG_MS_MAX, LAG_SHARE_MAX = 5.0, 0.5
"""A p99 of the client's own delay above both, the second as a share of the p99 latency, which includes it."""


def strained(level: Level) -> str:
    """Why the client was the bottleneck at this level; empty when it was not."""
    lag_ms, p99_ms = level.figures.lag_p99_ms, level.figures.p99_ms
    if level.busy >= BUSY_MAX:
        return f"a client process used {level.busy:.0%} of a core"
    if lag_ms > LAG_MS_MAX and not lag_ms <= LAG_SHARE_MAX * p99_ms:
        return f"requests left up to {lag_ms:.0f} ms late (p99), of {p99_ms:.0f} ms that answers took"
    return ""
