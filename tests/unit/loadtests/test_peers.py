"""The reference pipeline of the comparison with peers: against plain NumPy, and the same whoever runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from loadtests.peers import floor, generate, world
from loadtests.peers.pipeline import CANDIDATES, FEATURES, FIRST_ID, HISTORY, PAGE_MAX, TRADE, Pipeline, Query

ITEMS, SEED = 300, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.build(tmp_path_factory.mktemp("peers"), ITEMS, SEED)


@pytest.fixture(scope="module")
def pipeline(folder: Path) -> Pipeline:
    return Pipeline(folder)


def slow(folder: Path, query: Query) -> tuple[list[int], list[float]]:
    """The whole pipeline for one request, as plainly as can be."""
    vectors, attributes, categories = (
        np.load(folder / f"{name}.npy") for name in ("vectors", "attributes", "categories")
    )
    rows = [each - FIRST_ID for each in query.history if 0 <= each - FIRST_ID < ITEMS]
    weights = [1 / (h + 1) for h, each in enumerate(query.history) if 0 <= each - FIRST_ID < ITEMS]
    user = np.array(weights) @ vectors[rows]
    user /= np.linalg.norm(user)
    candidates = np.argsort(-(vectors @ user), kind="stable")[:CANDIDATES]
    features = np.zeros((CANDIDATES, FEATURES), np.float32)
    own = np.zeros((HISTORY, vectors.shape[1]))
    for h, each in enumerate(query.history):
        if 0 <= each - FIRST_ID < ITEMS:
            own[h] = vectors[each - FIRST_ID]
    for c, row in enumerate(candidates):
        near, similarity = own @ vectors[row], vectors[row] @ user
        far = np.abs(attributes[row] - attributes[rows].mean(axis=0))
        alike = np.mean(categories[rows] == categories[row])
        last = (alike, similarity * attributes[row, 0])
        features[c] = (similarity, 1 / (c + 1), *near, near.max(), near.mean(), *attributes[row], *far, *last)
    session = onnxruntime.InferenceSession((folder / "ranker.onnx").read_bytes(), providers=["CPUExecutionProvider"])
    scores = session.run(["scores"], {"features": features})[0]
    chosen: list[int] = []
    while len(chosen) < query.page_size:
        likeness = (vectors[candidates] @ vectors[candidates[chosen]].T).max(axis=1) if chosen else 0.0
        value = TRADE * scores - (1 - TRADE) * likeness
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
    return (candidates[chosen] + FIRST_ID).tolist(), scores[chosen].tolist()


def test_the_pipeline_equals_its_twin(folder: Path, pipeline: Pipeline) -> None:
    """Unknown items in the history and short pages too; in a batch as alone."""
    queries = [
        *world.queries(ITEMS, 4, SEED),
        Query([FIRST_ID + 5, 7, FIRST_ID + 9], 3),
        Query([FIRST_ID + ITEMS, FIRST_ID], 1),
    ]
    pages = pipeline.rank(queries)
    for query, page in zip(queries, pages, strict=True):
        ids, scores = slow(folder, query)
        assert page.ids == ids
        np.testing.assert_allclose(page.scores, scores, atol=1e-4)
        assert pipeline.rank([query])[0].ids == page.ids
    assert len({tuple(page.ids) for page in pages}) == len(pages), "different work in each request"


def test_the_index_of_many_items_is_judged(
    folder: Path, pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exact one finds all, one that looks at few lists does not; a batch still finds what each finds alone."""
    queries = world.queries(ITEMS, 16, SEED)
    assert floor.recall(pipeline, folder, queries) == 1.0
    monkeypatch.setattr(world, "FLAT_ITEMS_MAX", 0)
    monkeypatch.setattr(world, "LISTS", 4)
    monkeypatch.setattr(world, "PROBES", 3)
    many = world.build(tmp_path, ITEMS, SEED)
    assert 0.5 < floor.recall(Pipeline(many), many, queries) < 1.0
    together = Pipeline(many).rank(queries)
    assert together == [page for query in queries for page in Pipeline(many).rank([query])]


def test_a_page_size_out_of_range_is_refused(pipeline: Pipeline) -> None:
    """The error says what was given and what would be right."""
    with pytest.raises(ValueError, match=rf"page_size: got \[0\], expected 1..{PAGE_MAX}"):
        pipeline.rank([Query([FIRST_ID], 0)])


def test_the_same_seed_makes_the_same_world(folder: Path, tmp_path: Path) -> None:
    """File by file; another seed makes another."""
    again, other = world.build(tmp_path, ITEMS, SEED), world.build(tmp_path, ITEMS, SEED + 1)
    for file in ("vectors.npy", "attributes.npy", "categories.npy", "items.faiss", "ranker.onnx"):
        assert (again / file).read_bytes() == (folder / file).read_bytes()
        assert (other / file).read_bytes() != (folder / file).read_bytes()


def test_generated_code_is_what_the_proto_gives(tmp_path: Path) -> None:
    """`python -m loadtests.peers.generate` changes nothing."""
    generate.generate(tmp_path)
    for path in tmp_path.rglob("*.py*"):
        assert (generate.ROOT / path.relative_to(tmp_path)).read_bytes() == path.read_bytes()
