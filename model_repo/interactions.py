"""Who had what: the (user, item, weight) triples that the collaborative models are built from."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from serving.core.errors import InvalidInput
from serving.core.ports import F32, I32
from serving.decisions.recommend.models import SparseRows


def by_user(users: I32, items: I32, weights: F32, n_users: int, n_items: int) -> SparseRows:
    """The triples as a CSR matrix (n_users, n_items): cols ascending within a row, duplicates summed.

    users, items: (m,) int32 within their ranges; weights: (m,) float32, positive and finite. Raises InvalidInput.
    """
    _check("users", users, n_users)
    _check("items", items, n_items)
    if not len(users) == len(items) == len(weights):
        raise InvalidInput("weights", len(weights), f"as many as users ({len(users)}) and items ({len(items)})")
    if not len(items):
        raise InvalidInput("items", 0, "at least one interaction to learn from")
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights > 0)))
    if len(bad):
        raise InvalidInput(f"weights[{bad[0]}]", float(weights[bad[0]]), "a positive, finite weight")
    matrix = sparse.csr_matrix((weights.astype(np.float32), (users, items)), shape=(n_users, n_items))
    matrix.sum_duplicates()
    return _rows(matrix)


def transposed(rows: SparseRows, n_cols: int) -> SparseRows:
    """The same matrix by column: (n_cols, rows)."""
    matrix = sparse.csr_matrix((rows.vals, rows.cols, rows.indptr), shape=(len(rows.indptr) - 1, n_cols))
    return _rows(matrix.T.tocsr())


def _rows(matrix: sparse.csr_matrix) -> SparseRows:
    matrix.sort_indices()
    return SparseRows(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float32))


def _check(field: str, numbers: npt.NDArray[np.int32], n: int) -> None:
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= n):
        at = int(np.flatnonzero((numbers < 0) | (numbers >= n))[0])
        raise InvalidInput(f"{field}[{at}]", int(numbers[at]), f"a number from 0 to {n - 1}")
