"""Arrays and items on disk: deterministic, typed, and refused by name when they are something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.adapters.catalogue_file import dump_items, load_items
from serving.adapters.model_files import decode_ids, dump_arrays, encode_ids, fingerprint, load_arrays
from serving.core.catalogue import Item
from serving.core.errors import ModelDamaged

SPEC = {"a": ("float32", 2), "n": ("int64", 0)}


def test_arrays_round_trip_with_their_types(tmp_path: Path) -> None:
    """Values are converted to the dtypes of the spec; the same arrays give the same bytes."""
    path = tmp_path / "x.npz"
    arrays = {"a": np.arange(6.0).reshape(2, 3), "n": 7, "left out": [1]}
    path.write_bytes(dump_arrays(arrays, SPEC))
    assert dump_arrays(arrays, SPEC) == path.read_bytes()
    found = load_arrays(path, SPEC)
    assert (found["a"].dtype, found["a"].shape, int(found["n"])) == (np.float32, (2, 3), 7)
    assert set(found) == {"a", "n"}


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    """An array of another type, one missing, a file that is no archive, an object array that would run code."""
    path = tmp_path / "x.npz"
    path.write_bytes(dump_arrays({"a": [1], "n": 1}, {"a": ("float64", 1), "n": ("int64", 0)}))
    with pytest.raises(ModelDamaged, match=r"x\.npz: a is float64 with 1 dimensions, expected float32 with 2"):
        load_arrays(path, SPEC)
    with pytest.raises(ModelDamaged, match=r"x\.npz.*other"):
        load_arrays(path, {"other": ("int64", 0)})
    path.write_bytes(b"no archive")
    with pytest.raises(ModelDamaged, match=r"x\.npz"):
        load_arrays(path, SPEC)
    np.savez(path, a=np.array([{"code": 1}], dtype=object))
    with pytest.raises(ModelDamaged, match=r"x\.npz"):
        load_arrays(path, SPEC)


@pytest.mark.parametrize("ids", [(), ("a",), ("a", "ü b", "")])
def test_ids_round_trip(ids: tuple[str, ...]) -> None:
    """Any printable ids, none at all, and an order that the fingerprint sees."""
    assert decode_ids(encode_ids(ids)) == ids
    assert len(fingerprint(ids)) == 32
    assert len(ids) < 2 or not np.array_equal(fingerprint(ids), fingerprint(ids[::-1]))


def test_items_round_trip(tmp_path: Path) -> None:
    """Every field, stock and empty values included; another file is refused by name."""
    items = [
        Item("a"),
        Item("b", "Tee ü", ("x", "y"), "B", "GBP", 2**40, 1, 2, {"n": (3, 4)}, 5, (6, 7, 8), 9, True),
    ]
    path = tmp_path / "items.parquet"
    path.write_bytes(dump_items(items))
    assert load_items(path) == items
    assert dump_items(items) == dump_items(list(items))
    path.write_bytes(dump_items([]))
    assert load_items(path) == []
    path.write_bytes(b"PAR1 not really PAR1")
    with pytest.raises(ModelDamaged, match=r"items\.parquet: not a catalogue snapshot"):
        load_items(path)
