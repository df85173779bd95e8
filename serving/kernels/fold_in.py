"""Places a visitor among the item factors at request time, from the history alone: no stored user vectors."""

from __future__ import annotations

import numpy as np
from numba import njit

CG_STEPS = 6
"""Conjugate-gradient steps; the oracle test shows the distance to the exact solution."""


@njit(cache=True, nogil=True, fastmath=True)
def fold_in(history, vectors, gram, alpha):
    """User vectors (b, d) float32 that solve (gram + alpha * sum w y y') x = alpha * sum w y by conjugate gradients.

    history: kernels.history.History (rows >= len(vectors) are unknown to the model and left out). vectors: (n, d)
    float32; gram: (d, d) float32. A visitor without history gets zeros. O(steps * (d^2 + h d)) a request.
    Source: Takács, Pilászy, Tikk 2011, "Applications of the conjugate gradient method for implicit feedback
    collaborative filtering", section 3.
    """
    b, d = len(history.ptr) - 1, vectors.shape[1]
    out = np.zeros((b, d), np.float32)
    residual, direction, product = np.empty(d, np.float32), np.empty(d, np.float32), np.empty(d, np.float32)
    for r in range(b):
        x = out[r]
        residual[:] = 0.0
        for i in range(history.ptr[r], history.ptr[r + 1]):
            if history.row[i] < len(vectors):
                y = vectors[history.row[i]]
                weight = alpha * history.interest[i]
                for k in range(d):
                    residual[k] += weight * y[k]
        direction[:] = residual
        rr = np.float32(0.0)
        for k in range(d):
            rr += residual[k] * residual[k]
        floor = max(rr * np.float32(1e-8), np.float32(1e-20))  # below it products underflow to nothing
        for _ in range(CG_STEPS):
            if rr <= floor:
                break
            for k in range(d):
                total = np.float32(0.0)
                line = gram[k]
                for j in range(d):
                    total += line[j] * direction[j]
                product[k] = total
            for i in range(history.ptr[r], history.ptr[r + 1]):
                if history.row[i] < len(vectors):
                    y = vectors[history.row[i]]
                    total = np.float32(0.0)
                    for k in range(d):
                        total += y[k] * direction[k]
                    total *= alpha * history.interest[i]
                    for k in range(d):
                        product[k] += total * y[k]
            curvature = np.float32(0.0)
            for k in range(d):
                curvature += direction[k] * product[k]
            step = rr / curvature
            after = np.float32(0.0)
            for k in range(d):
                x[k] += step * direction[k]
                residual[k] -= step * product[k]
                after += residual[k] * residual[k]
            ratio = after / rr
            for k in range(d):
                direction[k] = residual[k] + ratio * direction[k]
            rr = after
    return out
