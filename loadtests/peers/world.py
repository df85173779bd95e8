"""What the pipeline works on, made by a seed: a catalogue, its index, a ranker; and the requests."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import faiss
import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from loadtests.peers.pipeline import ATTRIBUTES, CANDIDATES, DIMS, FEATURES, FIRST_ID, HISTORY, PAGE_MAX, Query

CLUSTERS, CATEGORIES = 64, 40
SPREAD = 0.12
"""Standard deviation of a coordinate around its cluster's centre, whose length is 1."""
FLAT_ITEMS_MAX = 30_000
LISTS, PROBES = 256, 16
"""Of the inverted file above FLAT_ITEMS_MAX items. The list asked for is long: a graph would need a beam of hundreds of
steps through memory for it, where a few lists are read one after the other. floor.py prints what is found."""
LAYERS = (FEATURES, 64, 32, 1)
OPSET, IR_VERSION = 17, 8
"""Old enough for every onnxruntime of the peers."""
VERSION = 2
"""Counted up when the same arguments make another folder."""
ITEMS_MIN, ITEMS_MAX = CANDIDATES, 1_000_000


def build(folder: Path, items: int, seed: int) -> Path:
    """The pipeline's folder below `folder`, made when it is not there. items: ITEMS_MIN..ITEMS_MAX. Deterministic."""
    if not ITEMS_MIN <= items <= ITEMS_MAX:
        raise ValueError(f"items: got {items}, expected {ITEMS_MIN}..{ITEMS_MAX}")
    place = folder / f"items-{items}-seed-{seed}"
    told = {"version": VERSION, "items": items, "seed": seed}
    mark = place / "world.json"
    if mark.exists() and json.loads(mark.read_text()) == told:
        return place
    place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CLUSTERS, DIMS))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = centres[rng.integers(CLUSTERS, size=items)] + rng.normal(0, SPREAD, (items, DIMS))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    np.save(place / "vectors.npy", vectors)
    np.save(place / "attributes.npy", rng.normal(size=(items, ATTRIBUTES)).astype(np.float32))
    np.save(place / "categories.npy", rng.integers(CATEGORIES, size=items).astype(np.int32))
    faiss.write_index(index(vectors), str(place / "items.faiss"))
    (place / "ranker.onnx").write_bytes(ranker(rng))
    mark.write_text(json.dumps(told))
    return place


def index(vectors: np.ndarray) -> faiss.Index:
    """Exact for few items, an inverted file for many. One thread: the same vectors give the same lists."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        if len(vectors) <= FLAT_ITEMS_MAX:
            made = faiss.IndexFlatIP(DIMS)
        else:
            made = faiss.IndexIVFFlat(faiss.IndexFlatIP(DIMS), DIMS, LISTS, faiss.METRIC_INNER_PRODUCT)
            made.nprobe = PROBES
            made.train(vectors)
        made.add(vectors)
    finally:
        faiss.omp_set_num_threads(before)
    return made


def ranker(rng: np.random.Generator) -> bytes:
    """A network of LAYERS with ReLU between: "features" float32 [n, FEATURES] to "scores" float32 [n].

    Its weights are drawn, not learnt: they cost the same.
    """
    nodes, constants, last = [], [numpy_helper.from_array(np.array([-1], np.int64), "flat")], "features"
    for layer, (width, out) in enumerate(pairwise(LAYERS)):
        weights = rng.normal(0, np.sqrt(2 / width), (width, out)).astype(np.float32)
        constants += [
            numpy_helper.from_array(weights, f"weights-{layer}"),
            numpy_helper.from_array(np.zeros(out, np.float32), f"bias-{layer}"),
        ]
        nodes.append(helper.make_node("Gemm", [last, f"weights-{layer}", f"bias-{layer}"], [f"linear-{layer}"]))
        last = f"linear-{layer}"
        if out > 1:
            nodes.append(helper.make_node("Relu", [last], [f"relu-{layer}"]))
            last = f"relu-{layer}"
    nodes.append(helper.make_node("Reshape", [last, "flat"], ["scores"]))
    graph = helper.make_graph(
        nodes,
        "ranker",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FEATURES])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def queries(items: int, count: int, seed: int) -> list[Query]:
    """`count` requests for a full page, each with a history of its own."""
    rng = np.random.default_rng((seed, 1))
    histories = FIRST_ID + rng.integers(items, size=(count, HISTORY))
    return [Query(history, PAGE_MAX) for history in histories.tolist()]
