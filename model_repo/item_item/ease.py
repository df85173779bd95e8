"""EASE: the linear autoencoder with a zero diagonal, in closed form. [1] Steck 2019, section 3."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.linalg import lapack

from model_repo.interactions import transposed
from model_repo.item_item.kernels import gram_rows
from model_repo.work import Progress, over_rows
from serving.core.errors import InternalError
from serving.core.ports import F32
from serving.decisions.recommend.models import SparseRows

BLOCK_ROWS = 256


def ease_rows(x: SparseRows, n: int, l2: float, power: float, progress: Progress) -> Iterator[F32]:
    """The rows of B (n, n) float32 in blocks of BLOCK_ROWS, -inf on the diagonal; scores = x @ B.

    B = I - P / diag(P), P = (X'X + L)^-1 ([1], equation 8). L is diagonal, l2 s (g / mean g)^power with g the diagonal
    of X'X and s the mean squared weight, so that one l2 serves any scale of weights; power 0 is the paper, power > 0
    holds popular items back. One (n, n) float32 array in memory.
    """
    inverse = _inverse(x, n, l2, power, progress)
    diagonal = np.diagonal(inverse).copy()
    for lo in range(0, n, BLOCK_ROWS):
        hi = min(lo + BLOCK_ROWS, n)
        block = inverse[lo:hi].copy()
        block[:, :lo] = inverse[:lo, lo:hi].T
        corner = np.triu(block[:, lo:hi])
        block[:, lo:hi] = corner + np.triu(corner, 1).T
        block /= -diagonal
        block[np.arange(hi - lo), np.arange(lo, hi)] = -np.inf
        yield block


def _inverse(x: SparseRows, n: int, l2: float, power: float, progress: Progress) -> F32:
    """P, its upper triangle only: Cholesky, then inversion, in the place of X'X."""
    by_item = transposed(x, n)
    gram = np.zeros((n, n), np.float32)
    over_rows(
        lambda lo, hi: gram_rows(lo, hi, by_item.indptr, by_item.cols, by_item.vals, x.indptr, x.cols, x.vals, gram),
        n,
        lambda share: progress(0.3 * share),
    )
    diagonal = np.diagonal(gram)
    scale = np.maximum(diagonal, diagonal[diagonal > 0].min()) / diagonal.mean()
    gram[np.arange(n), np.arange(n)] += np.float32(l2 * np.mean(x.vals**2)) * scale ** np.float32(power)
    factor, info = lapack.spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if info:
        raise InternalError(f"EASE: the Cholesky factorisation failed at row {info}; try a larger l2 than {l2}")
    progress(0.6)
    inverse, info = lapack.spotri(factor, lower=1, overwrite_c=1)
    if info:
        raise InternalError(f"EASE: the inversion failed at row {info}; try a larger l2 than {l2}")
    progress(0.9)
    upper: F32 = inverse.T
    return upper
