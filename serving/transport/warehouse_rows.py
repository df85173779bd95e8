"""Slots, items and orders of a warehouse from files: CSV or Parquet, columns named as the fields of the contract."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from serving.core.errors import DataError, InvalidInput
from serving.core.row_files import Form, LineError, RowFile, numbered_rows
from storegate.v1 import placement_pb2 as pb

FILE_BYTES_MAX: Final = 1 << 30
INT64_MAX: Final = 2**63 - 1
_TRUE: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

T = TypeVar("T")
Read = Callable[[str, Any], Any]


def read_slots(path: Path) -> list[pb.StorageSlot]:
    """Columns slot_id, aisle_id, y_metres; zone, volume_litres, weight_kg where wanted. Raises DataError."""
    kinds = {"slot_id": _text, "aisle_id": _text, "y_metres": _number}
    more = {"zone": _text, "volume_litres": _number, "weight_kg": _number}
    return list(_rows(path, pb.StorageSlot, kinds, more))


def read_items(path: Path) -> list[pb.StoredItem]:
    """Column item_id; slot_id, volume_litres, weight_kg, units, zone, pinned where wanted. Raises DataError."""
    more = {
        "slot_id": _text, "volume_litres": _number, "weight_kg": _number, "units": _whole, "zone": _text,
        "pinned": _truth,
    }  # fmt: skip
    return list(_rows(path, pb.StoredItem, {"item_id": _text}, more))


def read_orders(path: Path) -> list[pb.PickOrder]:
    """Columns order_id, item_id; quantity where wanted. A row for each line, in the order of each order's first.
    Raises DataError."""
    orders: dict[str, pb.PickOrder] = {}
    kinds = {"order_id": _text, "item_id": _text}
    for order_id, line in _rows(path, _order_line, kinds, {"quantity": _whole}):
        orders.setdefault(order_id, pb.PickOrder(order_id=order_id)).lines.append(line)
    return list(orders.values())


def _order_line(order_id: str, **line: Any) -> tuple[str, pb.PickLine]:
    return order_id, pb.PickLine(**line)


def _rows(path: Path, made: Callable[..., T], needed: Mapping[str, Read], more: Mapping[str, Read]) -> Iterator[T]:
    """Of a whole file; the first row that is wrong is the error. Empty cells are left away."""
    known = {**needed, **more}

    def flat(row: Mapping[str, Any]) -> T:
        fields = {name: known[name](name, value) for name, value in row.items() if value not in (None, "")}
        for name in needed:
            if name not in fields:
                raise InvalidInput(name, "", "a value")
        return made(**fields)

    def check(columns: list[str]) -> None:
        absent = [name for name in needed if name not in columns]
        strange = [name for name in columns if name not in known]
        if absent or strange or len(set(columns)) != len(columns):
            wanted = ", ".join(needed) + "; where wanted " + ", ".join(more)
            raise InvalidInput("columns", ", ".join(columns), f"each once: {wanted}")

    def json(_: Any) -> T:
        raise InvalidInput("file", path.name, "a .csv, .csv.gz or .parquet")

    form = Form(json, flat, lambda name: name.strip(), check, FILE_BYTES_MAX)
    try:
        for line, row in numbered_rows(RowFile.at(path), form):
            if isinstance(row, LineError):
                raise DataError(str(path), row.message, line=line, column=row.field or None)
            yield row
    except InvalidInput as error:
        raise DataError(str(path), error.message) from None


def _text(_: str, value: Any) -> str:
    return str(value).strip()


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInput(name, value, "a number") from None


def _whole(name: str, value: Any) -> int:
    text = str(value).strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,19}(\.0+)?", text) or abs(whole := int(text.partition(".")[0])) > INT64_MAX:
        raise InvalidInput(name, value, "a whole number")
    return whole


def _truth(name: str, value: Any) -> bool:
    found = value if isinstance(value, bool) else _TRUE.get(str(value).strip().lower())
    if found is None:
        raise InvalidInput(name, value, "true or false")
    return found
