"""One half-step of iALS: every row's least-squares problem against the fixed other side."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from serving.core.ports import F32, I32, I64


@njit(cache=True, nogil=True, fastmath=True)
def solve_rows(
    lo: int, hi: int, indptr: I64, cols: I32, vals: F32, other: F32, gram: F32, ridge: F32, alpha: float, out: F32
) -> None:  # pragma: no cover
    """out[r] = solve(gram + ridge[r] I + alpha sum_i w_i y_i y_i', alpha sum_i w_i y_i) for r in lo..hi.

    indptr, cols, vals: the rows' observations; other: (m, d) the fixed side; gram: (d, d) = w0 Y'Y; ridge: (n,).
    Normal equations in float32, lower triangle, then Cholesky: d^2 per observation, d^3 / 3 per row.
    """
    d = other.shape[1]
    a = np.empty((d, d), np.float32)
    b = np.empty(d, np.float32)
    scale = np.float32(alpha)
    for r in range(lo, hi):
        a[:, :] = gram
        b[:] = 0.0
        for e in range(d):
            a[e, e] += ridge[r]
        at, end = indptr[r], indptr[r + 1]
        while at + 4 <= end:  # four at once: one pass over the matrix instead of four
            y0, y1, y2, y3 = other[cols[at]], other[cols[at + 1]], other[cols[at + 2]], other[cols[at + 3]]
            w0, w1, w2, w3 = scale * vals[at], scale * vals[at + 1], scale * vals[at + 2], scale * vals[at + 3]
            for e in range(d):
                c0, c1, c2, c3 = w0 * y0[e], w1 * y1[e], w2 * y2[e], w3 * y3[e]
                b[e] += c0 + c1 + c2 + c3
                line = a[e]
                for f in range(e + 1):
                    line[f] += c0 * y0[f] + c1 * y1[f] + c2 * y2[f] + c3 * y3[f]
            at += 4
        for rest in range(at, end):
            y0, w0 = other[cols[rest]], scale * vals[rest]
            for e in range(d):
                c0 = w0 * y0[e]
                b[e] += c0
                line = a[e]
                for f in range(e + 1):
                    line[f] += c0 * y0[f]
        for e in range(d):
            for f in range(e + 1):
                total = a[e, f]
                for g in range(f):
                    total -= a[e, g] * a[f, g]
                a[e, f] = total / a[f, f] if f < e else math.sqrt(total)
        for e in range(d):
            total = b[e]
            for g in range(e):
                total -= a[e, g] * b[g]
            b[e] = total / a[e, e]
        for e in range(d - 1, -1, -1):
            value = b[e] / a[e, e]
            b[e] = value
            for g in range(e):
                b[g] -= a[e, g] * value
        out[r] = b
