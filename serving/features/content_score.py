"""Cosine of the item's words with those of the visitor's items; what a new arrival is judged by."""

from __future__ import annotations

from numba import njit

from serving.kernels.signals import S_CONTENT


@njit(cache=True, inline="always")
def value(x, r, i):
    return x.signals[i, S_CONTENT]
