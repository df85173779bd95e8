"""The newest release that is whole, as the pipeline needs it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.adapters.catalogue_file import load_items
from serving.adapters.faiss_index import FaissIndex
from serving.adapters.history_scorer import HistoryScorer
from serving.adapters.model_files import (
    CONTENT,
    FACTORS,
    ITEM_ITEM,
    ROWS,
    SESSIONS,
    Spec,
    decode_ids,
    fingerprint,
    load_arrays,
)
from serving.adapters.onnx_scorer import OnnxScorer
from serving.adapters.onnx_shadow import OnnxShadow
from serving.adapters.releases import Release, live, releases
from serving.adapters.versions import MODELS, PARTS, SHADOW, read_version
from serving.core.catalogue import Item
from serving.core.content import ContentModel
from serving.core.errors import InvalidInput, ModelDamaged
from serving.decisions.recommend.models import Models, Rankers, SparseRows
from serving.features.columns import ITEM_STATS
from serving.kernels.session_knn import Sessions

RANKERS: Final = ("purchase", "basket", "click")
"""One ONNX file each in the part "ranker"."""
SHADOW_FILE: Final = "shadow.onnx"
"""In the part "shadow", of the contract in history_scorer.py."""

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
    shadow: OnnxShadow | None = None
    """Compared with what is served; a damaged one is among `refused`, and the release is served without."""
    ranker_dir: Path | None = None
    """The verified folder of the rankers, with their golden rows and their budget."""


def _everything(_: Loaded) -> None:
    pass


def load(home: Path, feature_names: Sequence[str], admit: Callable[[Loaded], None] = _everything) -> Loaded:
    """The live release or, where it is damaged or not admitted, the newest one before it that is neither.

    feature_names: what this program computes; a ranker trained on others is refused. admit: raises ModelRefused for a
    release that must not serve, see admission.py. Raises NotReady when nothing was ever trained, ModelDamaged listing
    what was tried when nothing whole is left.
    """
    refused = []
    try:
        live(home)
    except ModelDamaged as error:
        refused.append(error.message)
    for release in releases(home):
        try:
            found = _load(home, release, feature_names, refused)
            admit(found)
        except (ModelDamaged, InvalidInput) as error:
            refused.append(f"release {release.release}: {error.message}")
            continue
        for line in refused:
            _log.warning("refused: %s; serving release %s", line, release.release)
        return found
    raise ModelDamaged(f"no whole release is left in {home}: " + "; ".join(refused))


def load_release(home: Path, release: Release, feature_names: Sequence[str]) -> Loaded:
    """One release, live or not. Raises ModelDamaged naming the part and the file, InvalidInput for a bad manifest."""
    return _load(home, release, feature_names, [])


def _load(home: Path, release: Release, feature_names: Sequence[str], refused: list[str]) -> Loaded:
    """Everything of one release, verified. Raises ModelDamaged naming the part and the file."""
    absent = [part for part in PARTS if part not in release.models]
    if absent:
        raise ModelDamaged(f"the manifest names no version of {', '.join(absent)}")
    paths = {part: read_version(home, part, release.models[part]) for part in PARTS}
    main = load_arrays(paths["item-item"] / "item_item.npz", ITEM_ITEM)
    item_ids = decode_ids(main["item_ids"])
    mark = fingerprint(item_ids)

    def arrays(part: str, file: str, spec: Spec) -> dict[str, npt.NDArray[Any]]:
        found = load_arrays(paths[part] / file, spec)
        if not np.array_equal(mark, found["items"]):
            raise ModelDamaged(f"{part}: {file}: built over other items than item-item", model=part)
        return found

    factors = arrays("factors", "factors.npz", FACTORS)
    content = arrays("content", "content.npz", CONTENT)
    sessions = arrays("sessions", "sessions.npz", SESSIONS)
    index = FaissIndex.load(paths["index"] / "index.faiss")
    content_index = FaissIndex.load(paths["index"] / "content.faiss")
    models = Models(
        versions={part: release.models[part] for part in (*MODELS, "index")},
        item_ids=item_ids,
        item_item=_rows(main),
        transitions=_rows(arrays("transitions", "transitions.npz", ROWS)),
        together=_rows(arrays("together", "together.npz", ROWS)),
        coview=_rows(arrays("together", "coview.npz", ROWS)),
        sessions=Sessions(**{name: sessions[name] for name in Sessions._fields}),
        vectors=factors["vectors"],
        gram=factors["gram"],
        fold_alpha=float(factors["fold_alpha"]),
        content_model=ContentModel(content["terms"], content["idf"], content["projection"]),
        content=content["vectors"],
        item_stats=main["item_stats"],
        trending=main["trending"],
        index=index,
        content_index=content_index,
        rankers=Rankers(**{name: _scorer(paths["ranker"], name, feature_names) for name in RANKERS}),
        trained_through_s=int(main["trained_through_s"]),
    )
    _check_shapes(models, index.shape, content_index.shape)
    shadow = _shadow(home, release, item_ids, refused)
    items = load_items(paths["catalogue"] / "items.parquet")
    return Loaded(models, items, paths["history"], release.release, refused, shadow, paths["ranker"])


def _shadow(home: Path, release: Release, item_ids: Sequence[str], refused: list[str]) -> OnnxShadow | None:
    """The release's shadow, where it has a whole one; nothing wrong with it may keep the release from serving."""
    if SHADOW not in release.models:
        return None
    try:
        path = read_version(home, SHADOW, release.models[SHADOW]) / SHADOW_FILE
        return OnnxShadow(HistoryScorer(path.read_bytes(), item_ids, f"{SHADOW}: {path.name}"), item_ids)
    except (ModelDamaged, InvalidInput) as error:
        refused.append(f"release {release.release}: {error.message}")
    except FileNotFoundError:
        refused.append(f"release {release.release}: {SHADOW}: {SHADOW_FILE}: it is not there")
    return None


def _rows(arrays: dict[str, npt.NDArray[Any]]) -> SparseRows:
    return SparseRows(arrays["indptr"], arrays["cols"], arrays["vals"])


def _scorer(folder: Path, name: str, feature_names: Sequence[str]) -> OnnxScorer:
    path = folder / f"{name}.onnx"
    if not path.is_file():
        raise ModelDamaged(f"ranker: {path.name}: it is not there", file=path.name)
    return OnnxScorer(path.read_bytes(), feature_names, f"ranker: {path.name}")


def _check_shapes(models: Models, index_shape: tuple[int, int], content_shape: tuple[int, int]) -> None:
    """Raises ModelDamaged unless all parts are over the same items: the kernels trust their bounds."""
    n, (rows, d) = len(models.item_ids), models.vectors.shape
    matrices = {
        "item-item": models.item_item,
        "transitions": models.transitions,
        "together": models.together,
        "together: coview": models.coview,
    }
    described = models.content_model
    wrong = {
        **{f"{name}: the rows are not a CSR matrix over the items": not _is_csr(m, n) for name, m in matrices.items()},
        "item-item: the statistics are not a row an item, of what this program reads": models.item_stats.shape
        != (n, len(ITEM_STATS)),
        "item-item: trending names rows that are not there": not _within(models.trending, n),
        "sessions: they are not visits of the items": not _are_sessions(models.sessions, n),
        "factors: the vectors are not one an item": rows != n,
        "factors: gram is not (d, d)": models.gram.shape != (d, d),
        "content: the vectors are not one an item": len(models.content) != n
        or described.projection.shape != (len(described.terms), models.content.shape[1])
        or len(described.idf) != len(described.terms),
        "index: its vectors are not those of the factors": index_shape != (n, d),
        "index: content.faiss does not hold the content vectors": content_shape != models.content.shape,
    }
    for problem, is_so in wrong.items():
        if is_so:
            raise ModelDamaged(problem, model=problem.split(":")[0])


def _is_csr(matrix: SparseRows, n: int) -> bool:
    """Whether it is one row an item, with columns among the items, ascending: the reasons are looked up by halving."""
    if len(matrix.cols) != len(matrix.vals) or not _is_list(matrix.indptr, matrix.cols, n, n):
        return False
    begins = np.zeros(len(matrix.cols) + 1, np.bool_)
    begins[matrix.indptr] = True
    return bool((begins[1:-1] | (np.diff(matrix.cols) > 0)).all())


def _are_sessions(sessions: Sessions, n: int) -> bool:
    """Whether items and visits point at each other and nowhere else."""
    visits = len(sessions.session_time_s)
    return _is_list(sessions.item_ptr, sessions.item_sessions, n, visits) and _is_list(
        sessions.session_ptr, sessions.session_items, visits, n
    )


def _is_list(ptr: npt.NDArray[Any], values: npt.NDArray[Any], lines: int, n: int) -> bool:
    """Whether ptr cuts `values`, all within 0..n-1, into so many lines."""
    return (
        len(ptr) == lines + 1
        and ptr[0] == 0
        and ptr[-1] == len(values)
        and not bool((np.diff(ptr) < 0).any())
        and _within(values, n)
    )


def _within(rows: np.ndarray, n: int) -> bool:
    return not len(rows) or bool(rows.min() >= 0 and rows.max() < n)
