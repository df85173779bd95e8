"""The arrays of the trained parts as .npz files: written by the publisher, read by the loader, by the same names."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import ModelDamaged

ITEM_ITEM: Final = {
    "indptr": ("int64", 1),
    "cols": ("int32", 1),
    "vals": ("float32", 1),
    "item_ids": ("uint8", 1),  # UTF-8, one id a line: ids have no control characters
    "item_stats": ("float32", 2),
    "trending": ("int32", 1),
    "trained_through_s": ("int64", 0),
}
FACTORS: Final = {
    "vectors": ("float32", 2),
    "gram": ("float32", 2),
    "fold_alpha": ("float64", 0),
    "items": ("uint8", 1),  # fingerprint of the item ids, so that parts over other items are never mixed
}
ROWS: Final = {
    "indptr": ("int64", 1),
    "cols": ("int32", 1),
    "vals": ("float32", 1),
    "items": ("uint8", 1),  # fingerprint of the item ids
}
"""A CSR matrix over the items: transitions, together, coview."""
SESSIONS: Final = {
    "item_ptr": ("int64", 1),
    "item_sessions": ("int32", 1),
    "session_ptr": ("int64", 1),
    "session_items": ("int32", 1),
    "session_time_s": ("int64", 1),
    "items": ("uint8", 1),
}
CONTENT: Final = {
    "terms": ("uint64", 1),
    "idf": ("float32", 1),
    "projection": ("float32", 2),
    "vectors": ("float32", 2),
    "items": ("uint8", 1),
}
GOLDEN: Final = {
    "features": ("float32", 2),
    "purchase": ("float32", 1),
    "basket": ("float32", 1),
    "click": ("float32", 1),
}
"""Rows of features (r, f), and what each ranker scored them (r,) when it was trained."""
Spec = Mapping[str, tuple[str, int]]
"""Array name -> (dtype, number of dimensions)."""


def dump_arrays(arrays: Mapping[str, npt.ArrayLike], spec: Spec) -> bytes:
    """The .npz file of the arrays that `spec` names; the same arrays give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, (dtype, _) in spec.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(arrays[name], dtype), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())  # ZipInfo: a fixed date
    return out.getvalue()


def load_arrays(path: Path, spec: Spec, data: bytes | None = None) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the file; data: its content, where that has been read already.

    Raises ModelDamaged, naming file and array, unless they are as `spec` says.
    """
    found: dict[str, npt.NDArray[Any]] = {}
    try:
        with np.load(path if data is None else io.BytesIO(data), allow_pickle=False) as archive:
            for name, (dtype, dimensions) in spec.items():
                array = archive[name]
                if array.dtype != dtype or array.ndim != dimensions:
                    problem = f"{array.dtype} with {array.ndim} dimensions, expected {dtype} with {dimensions}"
                    raise ModelDamaged(f"{path.name}: {name} is {problem}", file=path.name)
                found[name] = array
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ModelDamaged(f"{path.name}: {error}", file=path.name) from error
    return found


def encode_ids(item_ids: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Ids as bytes, one a line."""
    return np.frombuffer("\n".join(item_ids).encode(), np.uint8)


def decode_ids(data: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    """The ids that `encode_ids` wrote."""
    return tuple(data.tobytes().decode().split("\n")) if len(data) else ()


def fingerprint(item_ids: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(32,) SHA-256 of the ids in their order."""
    return np.frombuffer(hashlib.sha256(encode_ids(item_ids).tobytes()).digest(), np.uint8)
