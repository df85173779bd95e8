"""The newest release that is whole, as the pipeline needs it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.adapters.catalogue_file import load_items
from serving.adapters.faiss_index import FaissIndex
from serving.adapters.model_files import FACTORS, ITEM_ITEM, decode_ids, fingerprint, load_arrays
from serving.adapters.onnx_scorer import OnnxScorer
from serving.adapters.releases import Release, live, releases
from serving.adapters.versions import PARTS, read_version
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput, ModelDamaged
from serving.decisions.recommend.models import Models, SparseRows

_log = logging.getLogger("storegate.models")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One release in memory."""

    models: Models
    catalogue_items: list[Item]
    history_dir: Path
    """The verified folder of the shop's past, see model_repo/publish.py."""
    release: str
    refused: list[str]
    """What was newer but damaged, one line each, naming release, part and file."""


def load(home: Path, feature_names: Sequence[str]) -> Loaded:
    """The live release or, where it is damaged, the newest whole one before it.

    feature_names: what this program computes; a ranker trained on others is refused. Raises NotReady when nothing was
    ever trained, ModelDamaged listing what was tried when nothing whole is left.
    """
    refused = []
    try:
        live(home)
    except ModelDamaged as error:
        refused.append(error.message)
    for release in releases(home):
        try:
            found = _load(home, release, feature_names, refused)
        except (ModelDamaged, InvalidInput) as error:
            refused.append(f"release {release.release}: {error.message}")
            continue
        for line in refused:
            _log.warning("refused: %s; serving release %s", line, release.release)
        return found
    raise ModelDamaged(f"no whole release is left in {home}: " + "; ".join(refused))


def _load(home: Path, release: Release, feature_names: Sequence[str], refused: list[str]) -> Loaded:
    """Everything of one release, verified. Raises ModelDamaged naming the part and the file."""
    absent = [part for part in PARTS if part not in release.models]
    if absent:
        raise ModelDamaged(f"the manifest names no version of {', '.join(absent)}")
    paths = {part: read_version(home, part, release.models[part]) for part in PARTS}
    rows = load_arrays(paths["item-item"] / "item_item.npz", ITEM_ITEM)
    factors = load_arrays(paths["factors"] / "factors.npz", FACTORS)
    index = FaissIndex.load(paths["index"] / "index.faiss")
    models = Models(
        versions={part: release.models[part] for part in ("item-item", "factors", "ranker", "index")},
        item_ids=decode_ids(rows["item_ids"]),
        item_item=SparseRows(rows["indptr"], rows["cols"], rows["vals"]),
        vectors=factors["vectors"],
        gram=factors["gram"],
        fold_alpha=float(factors["fold_alpha"]),
        item_stats=rows["item_stats"],
        trending=rows["trending"],
        index=index,
        scorer=OnnxScorer((paths["ranker"] / "model.onnx").read_bytes(), feature_names),
        trained_through_s=int(rows["trained_through_s"]),
    )
    if not np.array_equal(fingerprint(models.item_ids), factors["items"]):
        raise ModelDamaged("factors: built over other items than item-item", model="factors")
    _check_shapes(models, index.shape)
    return Loaded(models, load_items(paths["catalogue"] / "items.parquet"), paths["history"], release.release, refused)


def _check_shapes(models: Models, index_shape: tuple[int, int]) -> None:
    """Raises ModelDamaged unless all parts are over the same items: the kernels trust their bounds."""
    n, (rows, d) = len(models.item_ids), models.vectors.shape
    matrix = models.item_item
    steps = np.diff(matrix.indptr)
    wrong = {
        "item-item: the rows are not a CSR matrix over the items": len(matrix.indptr) != n + 1
        or matrix.indptr[0] != 0
        or bool((steps < 0).any())
        or not len(matrix.cols) == len(matrix.vals) == matrix.indptr[-1]
        or not _within(matrix.cols, n),
        "item-item: the statistics are not one row an item": len(models.item_stats) != n,
        "item-item: trending names rows that are not there": not _within(models.trending, n),
        "factors: the vectors are not one an item": rows != n,
        "factors: gram is not (d, d)": models.gram.shape != (d, d),
        "index: its vectors are not those of the factors": index_shape != (n, d),
    }
    for problem, is_so in wrong.items():
        if is_so:
            raise ModelDamaged(problem, model=problem.split(":")[0])


def _within(rows: np.ndarray, n: int) -> bool:
    return not len(rows) or bool(rows.min() >= 0 and rows.max() < n)
