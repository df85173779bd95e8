"""A warehouse as a small TOML file: aisles, racks, cross aisles, depot. Metres, litres, kilograms.

[aisles]
count = 10                # or ids = ["A", "B", ...]
spacing = 5.0             # between the middles of two; or x = [0.0, 5.0, ...]

[cross_aisles]
y = [0.0, 91.0]           # the front first, the back last

[depot]
x = 22.5                  # on the front cross aisle
end_x = 45.0              # where walks end; where they began, if it is left away

[racks]                   # one slot each; leave the table away where a file lists the slots
count = 90                # along each aisle
pitch = 1.0               # between two
first_y = 1.0             # the middle of the first; half a pitch behind the front, if it is left away
sides = 2                 # of an aisle that have racks: 1 (the default) or 2
levels = 1
zone = ""                 # and volume_litres, weight_kg: of every slot
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

from serving.core.errors import DataError
from serving.decisions.place.contract import AISLES_MAX, SLOTS_MAX
from storegate.v1 import placement_pb2 as pb

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "aisles": ("count", "ids", "spacing", "x"),
    "cross_aisles": ("y",),
    "depot": ("x", "end_x"),
    "racks": ("count", "pitch", "first_y", "sides", "levels", "zone", "volume_litres", "weight_kg"),
}
NEEDED: Final = ("aisles", "cross_aisles", "depot")
SIDES: Final = ("L", "R")


@dataclass(frozen=True, slots=True)
class Warehouse:
    """What the file says. slots: of its racks, none where it has none."""

    layout: pb.WarehouseLayout
    slots: tuple[pb.StorageSlot, ...]


def read_warehouse(path: Path) -> Warehouse:
    """Raises DataError naming the file and the key. What the values mean together is checked with the request."""
    file = _File(str(path), _parsed(path))
    ids, x = _aisles(file)
    aisles = pb.AisleLayout(
        aisles=[pb.Aisle(aisle_id=name, x_metres=at) for name, at in zip(ids, x, strict=True)],
        cross_aisle_y_metres=file.numbers("cross_aisles", "y"),
        depot_x_metres=file.number("depot", "x"),
    )
    if file.has("depot", "end_x"):
        aisles.end_x_metres = file.number("depot", "end_x")
    slots = tuple(_slots(file, ids, aisles.cross_aisle_y_metres)) if "racks" in file.tables else ()
    return Warehouse(pb.WarehouseLayout(aisles=aisles), slots)


def _aisles(file: _File) -> tuple[list[str], list[float]]:
    """(their ids, where each is)."""
    if file.has("aisles", "ids"):
        ids = file.texts("aisles", "ids")
        if file.has("aisles", "count") and file.whole("aisles", "count", AISLES_MAX) != len(ids):
            raise file.wrong("aisles", "count", file.tables["aisles"]["count"], f"{len(ids)}, as there are ids")
    else:
        ids = [f"{number + 1:02d}" for number in range(file.whole("aisles", "count", AISLES_MAX))]
    if not file.has("aisles", "x"):
        spacing = file.number("aisles", "spacing", 0.0 if len(ids) == 1 else None)
        return ids, [spacing * number for number in range(len(ids))]
    x = file.numbers("aisles", "x")
    if len(x) != len(ids):
        raise file.wrong("aisles", "x", f"{len(x)} aisles", f"{len(ids)} of them")
    return ids, x


def _slots(file: _File, aisles: Sequence[str], cross_y: Sequence[float]) -> Iterator[pb.StorageSlot]:
    """Of every rack: aisle, number, side where there are two, level where there are several."""
    count, pitch = file.whole("racks", "count", SLOTS_MAX), file.number("racks", "pitch")
    sides, levels = file.whole("racks", "sides", len(SIDES), 1), file.whole("racks", "levels", 100, 1)
    if (total := len(aisles) * count * sides * levels) > SLOTS_MAX:
        raise file.wrong("racks", "count", count, f"at most {SLOTS_MAX:,} slots together, not {total:,}")
    first = file.number("racks", "first_y", (cross_y[0] if cross_y else 0.0) + pitch / 2)
    bounds = {name: file.number("racks", name) for name in ("volume_litres", "weight_kg") if file.has("racks", name)}
    zone = file.text("racks", "zone")
    digits = len(str(count))
    for aisle, rack, side, level in product(aisles, range(count), range(sides), range(1, levels + 1)):
        name = f"{aisle}-{rack + 1:0{digits}d}" + (SIDES[side] if sides > 1 else "")
        yield pb.StorageSlot(
            slot_id=f"{name}-{level}" if levels > 1 else name,
            aisle_id=aisle,
            y_metres=first + pitch * rack,
            zone=zone,
            **bounds,
        )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(str(path), f"not TOML: {error}") from None
    for name, table in tables.items():
        if name not in KEYS or not isinstance(table, dict):
            raise DataError(str(path), f"[{name}]: no such table; known are {', '.join(KEYS)}")
        for key in table:
            if key not in KEYS[name]:
                raise DataError(str(path), f"{name}.{key}: no such key; known are {', '.join(KEYS[name])}")
    for name in NEEDED:
        if name not in tables:
            raise DataError(str(path), f"[{name}] is missing: it says {', '.join(KEYS[name])}")
    return tables


@dataclass(frozen=True, slots=True)
class _File:
    """Values by table and key, each of the kind that it should be."""

    path: str
    tables: dict[str, Any]

    def has(self, table: str, key: str) -> bool:
        return key in self.tables[table]

    def wrong(self, table: str, key: str, value: object, expected: str) -> DataError:
        return DataError(self.path, f"{table}.{key}: got {value!r}, expected {expected}")

    def number(self, table: str, key: str, default: float | None = None) -> float:
        value = self.tables[table].get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(table, key, value, "a number")
        return float(value)

    def numbers(self, table: str, key: str) -> list[float]:
        values = self.tables[table].get(key)
        if not isinstance(values, list) or any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in values):
            raise self.wrong(table, key, values, "a list of numbers")
        return [float(value) for value in values]

    def whole(self, table: str, key: str, most: int, default: int | None = None) -> int:
        """From 1 on; default: where the key is left away, None = it must not be."""
        value = self.tables[table].get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise self.wrong(table, key, value, f"a whole number from 1 to {most}")
        return value

    def text(self, table: str, key: str) -> str:
        value = self.tables[table].get(key, "")
        if not isinstance(value, str):
            raise self.wrong(table, key, value, "text")
        return value

    def texts(self, table: str, key: str) -> list[str]:
        values = self.tables[table][key]
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise self.wrong(table, key, values, "a list of texts")
        return values
