"""Content vectors: TF-IDF over the catalogue's terms, then a truncated SVD by random projection.

[1] Halko, Martinsson, Tropp 2011, "Finding structure with randomness", algorithms 4.1 and 4.4, section 5.1.
[2] Manning, Raghavan, Schütze 2008, "Introduction to Information Retrieval", section 6.2.1 (idf).
[3] Bingham, Mannila 2001, "Random projection in dimensionality reduction: applications to image and text data".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from model_repo.work import one_blas_thread
from serving.core.catalogue import Item
from serving.core.content import U64, ContentModel, TermCounts, count_terms, hash_terms
from serving.core.ranges import check_ranges

OVERSAMPLING = 10
"""Directions looked for beyond those kept ([1], section 4.2)."""
TINY = 1e-6
"""Singular values below this share of the largest are rounding noise: fewer directions are kept."""

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Params:
    """How the model is built.

    d: 1..512, length of a vector at most; never more than the catalogue has independent directions.
    min_items: 1..1000, items a term must stand in: what stands in one only makes no two alike.
    terms_max: 1..1_000_000, terms kept, those in most items first.
    rounds: 0..8, power iterations of the range finder ([1], algorithm 4.4). Each comes nearer to the true SVD, and
        so to what most items share. None by default: words of titles have nearly flat singular values, and the
        directions of a plain random range (4.1) keep something of the rarer words too, which tell items apart, as
        random projections do [3].
    """

    d: int = 64
    min_items: int = 2
    terms_max: int = 50_000
    rounds: int = 0

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "content",
            ("d", 1, 512),
            ("min_items", 1, 1000),
            ("terms_max", 1, 1_000_000),
            ("rounds", 0, 8),
        )


def build(items: Sequence[Item], *, params: Params | None = None, seed: int = 0) -> ContentModel:
    """The model of a catalogue; the vectors are `serving.core.content.embed(model, items)`.

    The same items and seed give the same model on any number of cores. Items without a shared term give a model
    without terms, whose vectors are zeros. Raises InvalidInput for parameters out of range.
    """
    params = params or Params()
    counts, terms = _counts(items, params)
    frequency = np.bincount(counts.place, minlength=len(terms))
    idf = np.log((1.0 + len(items)) / (1.0 + frequency)) + 1.0  # smooth: a term of all items still counts ([2])
    with one_blas_thread():
        _, right = truncated_svd(_tf_idf(counts, idf, len(items)), params.d, params.rounds, seed)
    # V, so that items lie at U S, where cosines are those of TF-IDF. Equal weights (U) would put any two items of a
    # shop with no more of them than directions at right angles.
    return ContentModel(terms, idf.astype(np.float32), right.astype(np.float32))


def truncated_svd(matrix: csr_matrix, d: int, rounds: int, seed: int) -> tuple[F64, F64]:
    """The largest singular values (k,), descending, and their right vectors (v, k), of (n, v); 1 <= k <= d.

    Randomised subspace iteration ([1], algorithm 4.4) and the SVD of what it caught (5.1). The entry of a vector
    that is largest in size is positive. A matrix of zeros, or without rows or columns: one value 0, vector zeros.
    """
    n, v = matrix.shape
    if not matrix.nnz:
        return np.zeros(1), np.zeros((v, 1))
    wide = min(d + OVERSAMPLING, n, v)
    back = matrix.T.tocsr()
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(matrix @ rng.standard_normal((v, wide)))
    for _ in range(rounds):
        other, _ = np.linalg.qr(back @ basis)
        basis, _ = np.linalg.qr(matrix @ other)
    right, values, _ = np.linalg.svd(back @ basis, full_matrices=False)
    kept = min(d, int(np.count_nonzero(values > TINY * values[0])))
    right = right[:, :kept]
    sign = np.sign(right[np.abs(right).argmax(axis=0), np.arange(kept)])
    return values[:kept], right * sign


def _counts(items: Sequence[Item], params: Params) -> tuple[TermCounts, U64]:
    """The counts of the terms that are kept, and these terms (v,), ascending."""
    item, term = hash_terms(items)
    every = np.unique(term)
    frequency = np.bincount(count_terms(item, term, every).place, minlength=len(every))
    enough = np.flatnonzero(frequency >= params.min_items)
    terms = np.sort(every[enough[np.argsort(-frequency[enough], kind="stable")[: params.terms_max]]])
    return count_terms(item, term, terms), terms


def _tf_idf(counts: TermCounts, idf: F64, n: int) -> csr_matrix:
    """(n, v) with rows of length one, so that an item with much text does not decide the directions."""
    weight = counts.tf * idf[counts.place]
    length = np.sqrt(np.bincount(counts.item, weights=weight**2, minlength=n))
    return csr_matrix((weight / length[counts.item], (counts.item, counts.place)), shape=(n, len(idf)))
