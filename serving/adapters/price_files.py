"""The pricing model of a release: read, verified, ready to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.adapters.model_files import Spec, decode_ids, dump_arrays, encode_ids, load_arrays
from serving.adapters.onnx_scorer import OnnxScorer
from serving.adapters.versions import read_version
from serving.core.errors import ModelDamaged
from serving.decisions.price.posterior import Curves, PosteriorDemand
from serving.decisions.price.price_features import FEATURES

PART: Final = "price"
CURVES_FILE, TREES_FILE = "curves.npz", "bend.onnx"
CURVES: Final[Spec] = {
    "item_ids": ("uint8", 1),
    "mean": ("float64", 2),
    "cov": ("float64", 2),
    "usual": ("float64", 1),
    "usual_competitor": ("float64", 1),
    "promo": ("float64", 1),
    "cross": ("float64", 1),
    "size": ("float64", 1),
    "group": ("int32", 1),
    "drift": ("float64", 1),
    "prior": ("float64", 1),
    "common": ("float64", 0),
    "shape": ("float64", 0),
    "middle": ("float64", 0),
    "first_day": ("int64", 0),
    "period_days": ("int64", 0),
    "currency": ("uint8", 1),
}
_OF_ITEMS: Final = ("mean", "cov", "usual", "usual_competitor", "promo", "cross", "size", "group")


def read_price_model(home: Path, version: str) -> PosteriorDemand:
    """The version's model. Raises ModelDamaged naming the file and what is wrong with it."""
    folder = read_version(home, PART, version)
    model = load_price_model(
        {name: (folder / name).read_bytes() for name in (CURVES_FILE, TREES_FILE) if (folder / name).exists()}
    )
    return replace(model, curves=replace(model.curves, version=version))


def load_price_model(files: Mapping[str, bytes]) -> PosteriorDemand:
    """The same from the files' contents; a model without trees has no bend.onnx."""
    if CURVES_FILE not in files:
        raise ModelDamaged(f"{PART}: {CURVES_FILE}: missing", model=PART, file=CURVES_FILE)
    found = load_arrays(Path(CURVES_FILE), CURVES, files[CURVES_FILE])
    ids = decode_ids(found["item_ids"])
    _check(found, ids)
    trees = OnnxScorer(files[TREES_FILE], FEATURES, PART) if TREES_FILE in files else None
    curves = Curves(
        item_ids=ids,
        **{name: found[name] for name in (*_OF_ITEMS[2:], "drift", "prior")},
        shape=float(found["shape"]),
        middle=float(found["middle"]),
        first_day=int(found["first_day"]),
        period_days=int(found["period_days"]),
        currency=found["currency"].tobytes().decode(),
    )
    return PosteriorDemand(curves, found["mean"], found["cov"], trees, float(found["common"]))


def dump_price_model(model: PosteriorDemand, trees: bytes | None) -> dict[str, bytes]:
    """The files of a model; trees: bend.onnx. The same model gives the same bytes."""
    c = model.curves
    arrays: dict[str, npt.ArrayLike] = {
        name: getattr(c, name) for name in CURVES if name not in ("mean", "cov", "common")
    }
    arrays |= {
        "item_ids": encode_ids(c.item_ids),
        "mean": model.mean,
        "cov": model.cov,
        "common": model.common,
        "currency": np.frombuffer(c.currency.encode(), np.uint8),
    }
    return {CURVES_FILE: dump_arrays(arrays, CURVES), **({} if trees is None else {TREES_FILE: trees})}


def _check(found: Mapping[str, npt.NDArray[Any]], ids: tuple[str, ...]) -> None:
    shapes = {"mean": (len(ids), 2), "cov": (len(ids), 3), "drift": (2,), "prior": (2,)}
    shapes |= {name: (len(ids),) for name in _OF_ITEMS[2:]}
    for name, shape in shapes.items():
        if found[name].shape != shape:
            raise _damaged(f"{name} has shape {found[name].shape}, expected {shape}")
        if not np.isfinite(found[name]).all():
            raise _damaged(f"{name} has values that are not finite")
    for name in ("usual", "size"):
        if not (found[name] > 0).all():
            raise _damaged(f"{name} has values that are not above 0")
    if not (found["cov"][:, [0, 2]] >= 0).all():
        raise _damaged("cov has negative variances")
    if not np.isfinite(found["common"]):
        raise _damaged("common is not finite")
    if not 0 <= float(found["shape"]) <= 4:
        raise _damaged(f"shape is {found['shape']}, expected 0 to 4")
    if not 1 <= int(found["period_days"]) <= 366 or not float(found["middle"]) > 0:
        raise _damaged("period_days or middle is out of range")


def _damaged(problem: str) -> ModelDamaged:
    return ModelDamaged(f"{PART}: {CURVES_FILE}: {problem}", model=PART, file=CURVES_FILE)
