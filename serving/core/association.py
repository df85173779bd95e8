"""How much more often two things come together than by chance. Training and the live counters judge pairs alike.

[1] Dunning 1993, "Accurate methods for the statistics of surprise and coincidence", section 4 (log-likelihood ratio).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


def likelihood_ratio(both: F64, one: F64, other: F64, total: float) -> F64:
    """Dunning's G2 of the 2 x 2 tables: pairs of both items, with one, with the other, of all. Elementwise (k,)."""
    a, b, c = both, one - both, other - both
    d = np.maximum(total - one - other + both, 0.0)
    table = [(a, one, other), (b, one, total - other), (c, total - one, other), (d, total - one, total - other)]
    ratio = np.zeros_like(both)
    for observed, row, col in table:
        some = (observed > 0) & (row > 0) & (col > 0)
        ratio[some] += observed[some] * np.log(observed[some] * total / (row * col)[some])
    return 2.0 * ratio


def lower_bound(both: F64, one: F64, other: F64, total: float, z: float) -> F64:
    """ln lift less z standard errors, elementwise (k,), half a pair added to the count and to what chance would give.

    The error is that of a Poisson count's logarithm, both^-1/2: it belongs to the pair and not to its direction, and
    the items' own counts are far better known.
    """
    bound: F64 = np.log((both + 0.5) / (one * other / total + 0.5)) - z / np.sqrt(both + 0.5)
    return bound
