"""Which index for how many vectors: the written rule, as data."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Literal

Kind = Literal["flat", "hnsw", "ivf-pq"]
KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivf-pq")
CODE_CENTROIDS = 256
"""Of each part of a product-quantised vector: one byte."""


@dataclass(frozen=True, slots=True)
class Params:
    """The rule and how each kind of index is built and searched. `storegate evaluate retrieval` judges it.

    Memory of one vector of d float32, without the allocator's share: flat 4d bytes; HNSW 4d + about 8 * links + 12;
    IVF-PQ about d / 4 (code) + 2d (float16, for the refinement) + 8 (row number) + 16d / sqrt(n) (centroids).

    flat_rows_max: 0..10,000,000; up to this many vectors every one is compared (flat, exact): below it the scan costs
        about what a graph's walk for some hundreds of rows does, needs no building and loses nothing.
    hnsw_rows_max: flat_rows_max..100,000,000; up to this many a graph [1], above it IVF-PQ [2]: a graph is slow to
        build and costs about three times the memory.
    links: 4..128, edges of a graph node and layer (HNSW's M, twice that on the ground layer).
    ef_build, ef_search: 8..2000 and 8..4000, the beams; a search for k rows never uses one narrower than 1.3 k.
    lists_per_root: 1..64; IVF has lists_per_root * sqrt(n) lists.
    probes: 1..65,536 lists that a search visits.
    refined: 1..64; from so many times k candidates by code (and from 512 at least, where there are as many) the best k
        are chosen by float16 inner product.

    [1] Malkov & Yashunin 2016, "Efficient and robust approximate nearest neighbor search using HNSW graphs".
    [2] Jégou, Douze & Schmid 2011, "Product quantization for nearest neighbor search".
    """

    flat_rows_max: int = 30_000
    hnsw_rows_max: int = 200_000
    links: int = 40
    ef_build: int = 200
    ef_search: int = 96
    lists_per_root: int = 4
    probes: int = 128
    refined: int = 4

    def __post_init__(self) -> None:
        for name, low, high in (
            ("flat_rows_max", 0, 10_000_000),
            ("hnsw_rows_max", self.flat_rows_max, 100_000_000),
            ("links", 4, 128),
            ("ef_build", 8, 2000),
            ("ef_search", 8, 4000),
            ("lists_per_root", 1, 64),
            ("probes", 1, 65_536),
            ("refined", 1, 64),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected a number from {low} to {high}")

    def kind(self, rows: int) -> Kind:
        """The index for so many vectors; never IVF-PQ for fewer than a code's centroids are learnt from."""
        if rows <= self.flat_rows_max:
            return "flat"
        return "hnsw" if rows <= max(self.hnsw_rows_max, CODE_CENTROIDS - 1) else "ivf-pq"

    def lists(self, rows: int) -> int:
        """IVF's lists for so many vectors, at least 1 and never more than there are vectors."""
        return max(1, min(rows, round(self.lists_per_root * sqrt(rows))))
