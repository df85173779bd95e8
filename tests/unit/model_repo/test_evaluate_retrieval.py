"""`storegate evaluate retrieval` measures what the rule picks, and what stands beside it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

import retrieval as vectors_index
from model_repo.evaluate.indexes import FORCED, generated, judged, measured
from model_repo.evaluate.retrieval import retrieval, sizes_of


def test_the_judged_kinds_are_the_picked_one_and_those_beside_it() -> None:
    """At the ends of the rule there is one on one side only; too few vectors for codes leave IVF-PQ out."""
    assert judged(4000, True) == ("flat", "hnsw")
    assert judged(100_000, True) == ("flat", "hnsw", "ivf-pq")
    assert judged(1_000_000, True) == ("hnsw", "ivf-pq")
    assert [judged(rows, False) for rows in (4000, 100_000, 1_000_000)] == [("flat",), ("hnsw",), ("ivf-pq",)]


def test_vectors_are_the_seed_s_and_of_unequal_lengths() -> None:
    """The same seed, the same vectors; another one, others; queries are near some of the vectors."""
    vectors, queries = generated(2000, 8, seed=3)
    np.testing.assert_array_equal(vectors, generated(2000, 8, seed=3)[0])
    assert not np.array_equal(vectors, generated(2000, 8, seed=4)[0])
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.quantile(lengths, 0.9) > 2 * np.quantile(lengths, 0.1)
    cosines = (queries @ vectors.T) / np.outer(np.linalg.norm(queries, axis=1), lengths)
    assert (cosines.max(axis=1) > 0.5).all()


@pytest.mark.parametrize("kind", vectors_index.KINDS)
def test_one_measurement(kind: vectors_index.Kind) -> None:
    """What is served is marked; memory and recall are those of the kind."""
    vectors, queries = generated(3000, 64 + 128 * 9, seed=0)
    one = measured(vectors, queries, kind, 50)
    assert one.picked == (kind == "flat")
    assert (one.recall.queries, one.recall.k) == (64, 50)
    assert one.recall.recall == 1.0 if kind == "flat" else one.recall.recall > 0.9
    assert sorted(one.micros) == [1, 8]
    assert len(vectors_index.dumps(vectors_index.build(vectors, FORCED[kind]))) == pytest.approx(
        one.bytes_a_vector * 3000
    )


def test_the_command_prints_one_json_object() -> None:
    """Every key that architecture promises, a row a kind, `served` at the one that the rule picks."""
    result = CliRunner().invoke(retrieval, ["--rows", "300,500", "-k", "20", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {"command", "date", "machine", "data", "seed", "seconds", "peak_rss_mib", "rows"} <= found.keys()
    assert [(row["name"], row["served"]) for row in found["rows"]] == [
        ("flat 300", True), ("hnsw 300", False), ("flat 500", True), ("hnsw 500", False),
    ]  # fmt: skip
    assert found["rows"][0]["recall@20"] == 1.0
    assert all(row["micros_batch8"] > 0 and row["bytes_a_vector"] >= 256 for row in found["rows"])


def test_the_command_prints_a_table() -> None:
    """A line an index, the picked one marked."""
    result = CliRunner().invoke(retrieval, ["--rows", "300", "-k", "20", "--picked-only"])
    assert result.exit_code == 0, result.output
    assert "picked" in result.stdout
    assert "hnsw" not in result.stdout


@pytest.mark.parametrize("rows", ["", "0", "4000,", "many", "-5", "1e6", "10000001", "²"])
def test_numbers_that_are_none_are_refused(rows: str) -> None:
    """The message says what was got and what would be right."""
    result = CliRunner().invoke(retrieval, ["--rows", rows])
    assert result.exit_code == 2
    assert "expected numbers from 1" in result.output


def test_a_number_given_twice_is_measured_once() -> None:
    """In the order given, spaces allowed."""
    assert sizes_of("500, 300,500") == [500, 300]
