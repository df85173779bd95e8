"""From trained parts in memory to a live release on disk: every part first, the manifest last."""

from __future__ import annotations

import hashlib
import json
import time
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy.typing as npt

import retrieval
from serving.adapters import disk
from serving.adapters.admission import GOLDEN_FILE
from serving.adapters.catalogue_file import dump_items
from serving.adapters.model_files import (
    CONTENT,
    FACTORS,
    GOLDEN,
    ITEM_ITEM,
    ROWS,
    SESSIONS,
    dump_arrays,
    encode_ids,
    fingerprint,
)
from serving.adapters.model_loader import SHADOW_FILE
from serving.adapters.versions import SHADOW, Release, folder, offer, promote, sweep, write_version
from serving.core.catalogue import Item
from serving.core.ports import F32
from serving.decisions.recommend.models import Models, SparseRows

PUBLISH_LOCK = "publish.lock"
UNSEALED = "metrics.json"
"""Left out of a version's digest: it may hold seconds and dates, the model is the same."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Everything one training made."""

    models: Models
    """All but `versions`, the indexes and the rankers, which are made here from the vectors and the files."""
    rankers: Mapping[str, bytes]
    """Name in adapters/model_loader.py's RANKERS -> ONNX file."""
    feature_names: Sequence[str]
    """What the ranker reads, in order."""
    items: Sequence[Item]
    """The catalogue; it holds every id of models.item_ids."""
    history: Mapping[str, bytes | Path]
    """File name -> content: the shop's past as the gateway imports it. At least one file."""
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Model -> what its metrics.json says."""
    golden: Mapping[str, F32] = field(default_factory=dict)
    """As model_files.GOLDEN: rows and what the trained rankers score them; a release must score them so before it
    serves. Empty = nobody asks."""
    shadow: bytes | None = None
    """An ONNX file of adapters/history_scorer.py's contract, compared with what is served; None = there is none."""
    decisions: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    """Model of versions.DECISIONS -> file name -> content; a decision whose model is not there is not answered."""
    carried: Mapping[str, str] = field(default_factory=dict)
    """Model of versions.DECISIONS -> a version of it that is on disk, and is part of this release too."""


def publish(home: Path, trained: Trained, *, wall_s: float, go_live: bool = True) -> str:
    """Writes all parts of a release, makes it live, removes what is out of the window; returns the release's id.

    go_live: False = it is a candidate, to be promoted later; where nothing is live yet it becomes it all the same.
    wall_s: epoch seconds, for the id: "20261123T011500-" + 8 hexadecimal digits of the content's digest. Killed at any
    moment it leaves the old release live. Raises SettingError when another process is publishing here.
    """
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(wall_s))
    parts = contents(trained)
    with disk.locked(home / PUBLISH_LOCK):
        sweep(home)
        versions = {part: f"{stamp}-{digest(files)[:8]}" for part, files in parts.items()}
        for part, files in parts.items():
            write_version(home, part, versions[part], files)
        whole = hashlib.sha256("".join(digest(parts[part]) for part in sorted(parts)).encode()).hexdigest()
        release = f"{stamp}-{whole[:8]}"
        (promote if go_live else offer)(home, Release(release, {**trained.carried, **versions}))
        sweep(home)
    return release


def contents(trained: Trained) -> dict[str, dict[str, bytes | Path]]:
    """Part -> file name -> content. The same training gives the same bytes (metrics.json apart)."""
    models, ids = trained.models, trained.models.item_ids
    rows: dict[str, npt.ArrayLike] = {
        "indptr": models.item_item.indptr,
        "cols": models.item_item.cols,
        "vals": models.item_item.vals,
        "item_ids": encode_ids(ids),
        "item_stats": models.item_stats,
        "trending": models.trending,
        "trained_through_s": models.trained_through_s,
    }
    factors: dict[str, npt.ArrayLike] = {
        "vectors": models.vectors,
        "gram": models.gram,
        "fold_alpha": models.fold_alpha,
        "items": fingerprint(ids),
    }
    described = models.content_model
    content: dict[str, npt.ArrayLike] = {
        "terms": described.terms,
        "idf": described.idf,
        "projection": described.projection,
        "vectors": models.content,
        "items": fingerprint(ids),
    }
    sessions: dict[str, npt.ArrayLike] = {**models.sessions._asdict(), "items": fingerprint(ids)}
    main: dict[str, dict[str, bytes]] = {
        "item-item": {"item_item.npz": dump_arrays(rows, ITEM_ITEM)},
        "transitions": {"transitions.npz": _csr(models.transitions, ids)},
        "together": {"together.npz": _csr(models.together, ids), "coview.npz": _csr(models.coview, ids)},
        "sessions": {"sessions.npz": dump_arrays(sessions, SESSIONS)},
        "factors": {"factors.npz": dump_arrays(factors, FACTORS)},
        "content": {"content.npz": dump_arrays(content, CONTENT)},
        "ranker": {f"{name}.onnx": file for name, file in trained.rankers.items()},
    }
    if trained.golden:
        main["ranker"][GOLDEN_FILE] = dump_arrays(trained.golden, GOLDEN)
    return {
        **{model: _model_files(model, files, trained) for model, files in (*main.items(), *trained.decisions.items())},
        "index": {
            "index.faiss": retrieval.dumps(retrieval.build(models.vectors)),
            "content.faiss": retrieval.dumps(retrieval.build(models.content)),
        },
        "catalogue": {"items.parquet": dump_items(trained.items)},
        "history": dict(trained.history),
        **({} if trained.shadow is None else {SHADOW: {SHADOW_FILE: trained.shadow}}),
    }


def _csr(rows: SparseRows, ids: Sequence[str]) -> bytes:
    return dump_arrays({"indptr": rows.indptr, "cols": rows.cols, "vals": rows.vals, "items": fingerprint(ids)}, ROWS)


def metrics_of(home: Path, model: str, version: str) -> dict[str, float]:
    """What a version's metrics.json says; nothing where it cannot be read."""
    try:
        return dict(json.loads((folder(home, model, version) / UNSEALED).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def registry() -> dict[str, dict[str, object]]:
    """models.toml: model -> package, decision, files."""
    with (Path(__file__).parent / "models.toml").open("rb") as file:
        return tomllib.load(file)


def digest(files: Mapping[str, bytes | Path]) -> str:
    """SHA-256 over names and contents, but for metrics.json."""
    sums = (
        f"{disk.digest(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()}  {name}\n"
        for name, content in sorted(files.items())
        if name != UNSEALED
    )
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def _model_files(model: str, files: Mapping[str, bytes], trained: Trained) -> dict[str, bytes | Path]:
    """The model's files with their description beside them."""
    source = Path(__file__).parent / str(registry()[model]["package"]).split(".")[-1]
    description = (source / "model.toml").read_text()
    facts = [f"items = {len(trained.models.item_ids)}", f"trained_through_s = {trained.models.trained_through_s}"]
    if model == "ranker":
        facts.append("features = " + json.dumps(list(trained.feature_names)))  # a JSON list of words is one in TOML
    metrics = json.dumps(dict(trained.metrics.get(model, {})), indent=2, sort_keys=True) + "\n"
    return {
        **files,
        "model.toml": "\n".join([description, "[trained]", *facts, ""]).encode(),
        UNSEALED: metrics.encode(),
        "card.md": (source / "card.md").read_bytes(),
    }
