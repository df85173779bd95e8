"""The index follows the number of vectors, and every kind finds enough of the exact answer."""

from __future__ import annotations

import faiss
import numpy as np
import numpy.typing as npt
import pytest

import retrieval
from retrieval.build import PART, lengthened
from retrieval.rule import CODE_CENTROIDS

HNSW = retrieval.Params(flat_rows_max=0)
IVF_PQ = retrieval.Params(flat_rows_max=0, hnsw_rows_max=0)
CENTRES, WIDTH = 60, 32


def clustered(n: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Vectors of unequal length around the same centres whatever the seed: hard for a graph by inner product."""
    centres = np.random.default_rng(99).standard_normal((CENTRES, WIDTH))
    rng = np.random.default_rng(seed)
    around = centres[rng.integers(0, CENTRES, n)] + 0.7 * rng.standard_normal((n, WIDTH))
    return (around * rng.lognormal(0, 0.5, (n, 1))).astype(np.float32)


def test_the_kind_follows_the_number_of_vectors() -> None:
    """Flat, then HNSW, then IVF-PQ, each up to and including its limit."""
    params = retrieval.Params(flat_rows_max=300, hnsw_rows_max=500)
    assert [params.kind(rows) for rows in (1, 300, 301, 500, 501)] == ["flat", "flat", "hnsw", "hnsw", "ivf-pq"]
    types = [type(retrieval.build(clustered(rows), params)) for rows in (300, 301, 501)]
    assert types == [faiss.IndexFlat, faiss.IndexHNSWFlat, faiss.IndexRefine]


def test_codes_need_enough_vectors_to_be_learnt_from() -> None:
    """Fewer vectors than a code has centroids never become IVF-PQ, whatever the limits say."""
    assert [IVF_PQ.kind(rows) for rows in (CODE_CENTROIDS - 1, CODE_CENTROIDS)] == ["hnsw", "ivf-pq"]
    assert retrieval.build(clustered(CODE_CENTROIDS), IVF_PQ).ntotal == CODE_CENTROIDS


def test_there_are_never_more_lists_than_vectors() -> None:
    """Four times the root, but at most one a vector."""
    assert [retrieval.Params().lists(rows) for rows in (1, 10, 10_000, 1_000_000)] == [1, 10, 400, 4000]


def test_limits_that_contradict_each_other_are_refused() -> None:
    """HNSW's limit below the flat one would leave it no number of vectors."""
    with pytest.raises(ValueError, match="hnsw_rows_max"):
        retrieval.Params(flat_rows_max=10, hnsw_rows_max=5)


@pytest.mark.parametrize("params", [HNSW, IVF_PQ])
def test_recall_at_200_among_clusters_of_unequal_lengths(params: retrieval.Params) -> None:
    """At least 95 %, which a graph without its pruned edges does not reach with this beam."""
    base, queries = clustered(10_000), clustered(32, seed=1)
    assert retrieval.recall_report(retrieval.build(base, params), base, queries, 200).recall >= 0.95


def test_equally_long_vectors_keep_their_inner_products() -> None:
    """The added coordinate makes all lengths equal and meets a zero in every query."""
    base, query = clustered(50), clustered(1, seed=1)[0]
    long = lengthened(base)
    assert long.shape[1] % PART == 0
    assert long.shape[1] > base.shape[1]
    lengths = np.linalg.norm(long, axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(base, axis=1).max(), rtol=1e-5)
    padded = np.pad(query, (0, long.shape[1] - len(query)))
    np.testing.assert_allclose(long @ padded, base @ query, rtol=1e-4, atol=1e-4)


def test_the_process_wide_switch_changes_no_index() -> None:
    """An index built after `tune` has the bytes of one built before, and the switch is left as it was."""
    base = clustered(2000)
    faiss.cvar.distance_compute_blas_threshold = 20
    before = retrieval.dumps(retrieval.build(base, IVF_PQ))
    retrieval.tune()
    threshold = faiss.cvar.distance_compute_blas_threshold
    assert retrieval.dumps(retrieval.build(base, IVF_PQ)) == before
    assert faiss.cvar.distance_compute_blas_threshold == threshold


def test_what_float16_cannot_hold_is_refused() -> None:
    """The refinement would see infinity and rank it first."""
    base = clustered(CODE_CENTROIDS)
    base[7, 3] = 70_000
    with pytest.raises(ValueError, match="float16"):
        retrieval.build(base, IVF_PQ)
    assert retrieval.build(base, HNSW).ntotal == len(base)
