"""The part "forecast" of a release: arrays and, where the history was long enough, two ONNX files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.adapters.model_files import decode_ids, load_arrays
from serving.adapters.onnx_scorer import OnnxScorer
from serving.core.errors import ModelDamaged
from serving.decisions.forecast.features import FEATURES, ITEM_COLUMNS
from serving.decisions.forecast.forecaster import Forecaster
from serving.decisions.forecast.models import (
    BLOCKS,
    BUCKETS,
    CLASSES,
    CONFIDENCE,
    GRID,
    HORIZON_KEPT,
    HORIZON_MAX,
    METHODS,
    ForecastModel,
)

PART: Final = "forecast"
ARRAYS: Final = "forecast.npz"
MEAN: Final = "mean.onnx"
SPREAD: Final = "spread.onnx"
FORECAST: Final = {
    "item_ids": ("uint8", 1),  # as model_files.encode_ids; likewise groups, locations
    "groups": ("uint8", 1),
    "locations": ("uint8", 1),
    "first_day": ("int64", 0),
    "year_known": ("bool", 0),
    "items": ("float32", 2),
    "base": ("float32", 1),
    "week": ("float32", 2),
    "shop_week": ("float32", 1),
    "price": ("int64", 1),
    "usual_price": ("float32", 1),
    "kind": ("uint8", 1),
    "method": ("uint8", 1),
    "confidence": ("uint8", 1),
    "group": ("int32", 1),
    "bank": ("float32", 2),
    "bank_method": ("uint8", 1),
    "bank_log_size": ("float32", 1),
    "factor": ("float32", 2),
    "group_mean": ("float32", 2),
    "spread_at": ("float64", 0),
    "size_shift": ("float32", 3),
    "zero_share": ("float32", 3),
    "level_map": ("float32", 4),
    "share": ("float32", 2),
    "outside": ("uint8", 1),  # names, as the ids
    "outside_day": ("float32", 2),
    "outside_item": ("float32", 2),
    "closed": ("bool", 1),
}
"""Array name -> (dtype, number of dimensions); shapes in decisions/forecast/models.py."""


def read_forecaster(folder: Path, version: str) -> Forecaster:
    """folder: of a version that versions.read_version has verified. Raises ModelDamaged naming the file and array."""
    arrays = load_arrays(folder / ARRAYS, FORECAST)
    ids = decode_ids(arrays.pop("item_ids"))
    groups = tuple(arrays.pop("groups").tobytes().decode().split("\n"))
    locations = decode_ids(arrays.pop("locations"))
    first_day, years, spread_at = arrays.pop("first_day"), arrays.pop("year_known"), arrays.pop("spread_at")
    outside = decode_ids(arrays.pop("outside"))
    mean, spread = _scorer(folder / MEAN, outside), _scorer(folder / SPREAD, outside)
    if (mean is None) != (spread is None):
        raise _damaged(f"{MEAN} and {SPREAD} must both be there, or neither")
    model = ForecastModel(
        item_ids=ids, groups=groups, locations=locations, outside=outside, first_day=int(first_day),
        year_known=bool(years), spread_at=float(spread_at), mean=mean, spread=spread, **arrays,
    )  # fmt: skip
    _check(model, arrays)
    return Forecaster(model, version)


def _scorer(path: Path, outside: Sequence[str]) -> OnnxScorer | None:
    names = (*FEATURES, *outside)
    return OnnxScorer(path.read_bytes(), names, f"{PART}: {path.name}") if path.is_file() else None


def _check(model: ForecastModel, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Raises ModelDamaged unless the shapes fit each other and every code is one: the kernels trust their bounds."""
    g, cells = len(model.groups), (len(BLOCKS), CLASSES, len(BUCKETS) + 1)
    n = len(model.item_ids) + g
    shapes = {
        "items": (n, len(ITEM_COLUMNS)), "base": (n,), "week": (n, 7), "shop_week": (7,), "price": (n,),
        "usual_price": (n,), "kind": (n,), "method": (n,), "confidence": (n,), "group": (n,), "bank": (n, 7),
        "bank_method": (n,), "bank_log_size": (n,), "factor": (g, HORIZON_KEPT), "group_mean": (g, HORIZON_KEPT),
        "size_shift": cells, "zero_share": cells, "level_map": (*cells, len(GRID)),
        "share": (n, len(model.locations)), "outside_day": (len(model.outside), HORIZON_MAX),
        "outside_item": (n, len(model.outside)), "closed": (HORIZON_MAX,),
    }  # fmt: skip
    for name, shape in shapes.items():
        found = arrays[name]
        if found.shape != shape:
            raise _damaged(f"{name} is {found.shape}, expected {shape}")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise _damaged(f"{name} has values that are no numbers")
    codes = {
        "kind": CLASSES, "method": len(METHODS), "confidence": len(CONFIDENCE), "group": g, "bank_method": len(METHODS)
    }  # fmt: skip
    for name, count in codes.items():
        found = arrays[name]
        if len(found) and (found.min() < 0 or found.max() >= count):
            raise _damaged(f"{name} has codes outside 0..{count - 1}")
    if (np.diff(model.level_map) < 0).any():
        raise _damaged("level_map falls")


def _damaged(problem: str) -> ModelDamaged:
    return ModelDamaged(f"{PART}: {ARRAYS}: {problem}", model=PART, file=ARRAYS)
