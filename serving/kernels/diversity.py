"""How much a candidate repeats what the page already shows: its penalty, by maximal marginal relevance or by DPP.

Both choose greedily the largest (1 - diversity) * relevance - diversity * penalty, with relevance in 0..1:

MMR  penalty = largest cosine to a chosen item, at least 0. [1] Carbonell & Goldstein 1998, "The use of MMR", section 2.
DPP  penalty = -log of the factor by which the candidate multiplies det(S) of the chosen. That is greedy MAP inference
     for the kernel L = diag(q) S diag(q) with q_i = exp(alpha * relevance_i), alpha = (1 - diversity) /
     (2 * diversity): log det L then gains 2 * alpha * relevance_i - penalty_i, and times `diversity` it is the
     value above. [2] Chen, Zhang, Zhou 2018, "Fast Greedy MAP Inference for Determinantal Point Process to Improve
     Recommendation Diversity", algorithm 1; section 5 for the trade-off.

S = (1 + cosine) / 2: the sum of two Gram matrices, so S and L are positive semidefinite; cosines cut off at 0 would not
be. With the cosine itself, opposite items would count as repeating each other. The determinant is exhausted once the
chosen items span the candidates' vectors: then all have the same largest penalty and relevance decides.
"""

from __future__ import annotations

import numpy as np
from numba import njit

MMR, DPP = 0, 1

FLAT = np.float32(1e-4)
"""Factor of det(S) below which a candidate adds nothing new: float32 keeps some digits of what is above."""


@njit(cache=True, nogil=True, fastmath=True)
def _cosine(a, b):
    total = np.float32(0.0)
    for k in range(len(a)):
        total += a[k] * b[k]
    return total


@njit(cache=True, nogil=True)
def mmr_update(units, members, at, is_live, penalty):
    """Member `at` joined the page: raises penalty (m,) float32 of the live members to their cosine to it. O(m * d).

    units: (n, d) float32 of length one; members: (m,) rows; is_live: (m,) bool.
    """
    unit = units[members[at]]
    for i in range(len(members)):
        if is_live[i]:
            penalty[i] = max(penalty[i], _cosine(unit, units[members[i]]))


@njit(cache=True, nogil=True)
def dpp_update(units, members, at, is_live, penalty, volume, basis, steps):
    """Member `at` joined the page: one column of the incremental Cholesky factor. Returns the new count of columns.

    volume: (m,) float32, d_i^2 of [2], 1 at the start; basis: (s, m) float32, c_i of [2] by columns, `steps` of them
    filled. An item that added nothing (volume below FLAT) leaves all as it is. O(m * (d + steps)).
    """
    if volume[at] < FLAT:
        return steps
    unit, scale = units[members[at]], np.float32(1.0) / np.sqrt(volume[at])
    column = basis[steps]
    for i in range(len(members)):
        column[i] = 0.0
        if is_live[i]:
            column[i] = np.float32(0.5) * (np.float32(1.0) + _cosine(unit, units[members[i]]))
    for t in range(steps):
        own, earlier = basis[t, at], basis[t]
        for i in range(len(members)):
            column[i] -= own * earlier[i]
    for i in range(len(members)):
        column[i] *= scale
        volume[i] -= column[i] * column[i]
        if is_live[i]:
            penalty[i] = -np.log(max(volume[i], FLAT))
    return steps + 1
