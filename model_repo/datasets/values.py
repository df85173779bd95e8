"""Cells to numbers: codes, quantities, money and times. A cell that cannot be read is an error that names its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model_repo.datasets.source import Source
from serving.core.errors import InvalidInput
from serving.core.ids import check_id

MISSING: Final = frozenset({"", "nan", "null", "none", "na", "n/a", "<na>", "nat"})
"""Spellings of an empty cell, in lower case."""

_FORMATS: Final = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y%m%d",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%m/%d/%y %H:%M", "%m/%d/%y",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d/%m/%y %H:%M", "%d/%m/%y",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y",
)  # fmt: skip
_TIMES: Final = "a date such as 2026-10-31 13:45:00 or 31/10/2026 13:45, or epoch seconds"
_NO_DECIMALS: Final = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "PYG", "UGX"})
_THREE_DECIMALS: Final = frozenset({"BHD", "KWD", "OMR", "TND", "JOD", "IQD"})


@dataclass(frozen=True, slots=True)
class Codes:
    """A text column as numbers. code: (n,) position in `values`, -1 = empty. values: distinct, trimmed, sorted."""

    code: npt.NDArray[np.int32]
    values: tuple[str, ...]


def codes(source: Source, key: str) -> Codes:
    """A column of identifiers or titles; all -1 when the file has no such column. '17850.0' is read as '17850'."""
    rows = source.table.num_rows
    if key not in source.table.column_names:
        return Codes(np.full(rows, -1, np.int32), ())
    column = source.table[key]
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(_as_text(column))
    column = column.unify_dictionaries().combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    raw = [_tidy(value, key) for value in column.dictionary.cast(pa.string()).to_pylist()]
    values = sorted(set(raw) - {""})
    number = {value: at for at, value in enumerate(values)} | {"": -1}
    into = np.array([number[value] for value in raw] + [-1], np.int32)
    code = into[pc.fill_null(column.indices, len(raw)).to_numpy(zero_copy_only=False)]
    if key not in ("title", "location"):
        _check_ids(source, key, values, code)
    return Codes(code, tuple(values))


def quantities(source: Source) -> npt.NDArray[np.int64]:
    """(n,) pieces; parts of a piece count as a whole one, away from zero. 1 when the file has no such column."""
    if "quantity" not in source.table.column_names:
        return np.ones(source.table.num_rows, np.int64)
    value = _numbers(source, "quantity", blank=None)
    _refuse_first(source, "quantity", np.abs(value) > 1e9, "a quantity of at most 1,000,000,000")
    return (np.sign(value) * np.ceil(np.abs(value))).astype(np.int64)


def prices(source: Source, currency: str, quantity: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n,) minor units of `currency` a piece, 0 = unknown: the column, or else what the line cost by its pieces.

    quantity: (n,) pieces. A line of negative pieces and amount has a positive price.
    """
    if "price" in source.table.column_names or "amount" not in source.table.column_names:
        return money(source, "price", currency)
    whole = money(source, "amount", currency)
    return np.rint(whole * np.sign(quantity) / np.maximum(np.abs(quantity), 1)).astype(np.int64)


def money(source: Source, key: str, currency: str) -> npt.NDArray[np.int64]:
    """(n,) minor units of `currency`; an empty cell is 0 = unknown, and so is a file without the column."""
    if key not in source.table.column_names:
        return np.zeros(source.table.num_rows, np.int64)
    value = _numbers(source, key, blank=0.0)
    _refuse_first(source, key, np.abs(value) > 1e12, "an amount of at most 1,000,000,000,000")
    return np.rint(value * minor_units(currency)).astype(np.int64)


def minor_units(currency: str) -> int:
    """How many minor units make one unit of the currency (ISO 4217): 100 for GBP, 1 for JPY."""
    return 1 if currency in _NO_DECIMALS else 1000 if currency in _THREE_DECIMALS else 100


def times(source: Source) -> npt.NDArray[np.int64]:
    """(n,) epoch seconds, UTC; times without a zone are taken as UTC. One format for the whole file."""
    column = source.table["time"]
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        _refuse_first(source, "time", pc.is_null(column).to_numpy(), _TIMES)
        return _seconds(column.cast(pa.timestamp("us", getattr(column.type, "tz", None))))
    text = pc.utf8_trim_whitespace(_as_text(column))
    for parse in (_epoch, _iso):
        if (found := parse(text)) is not None:
            return found
    readings = [_with_format(text, form) for form in _fitting(text)]
    whole = [seconds for seconds, bad in readings if not bad.any()]
    if whole:
        # 03/04/2026 may be March or April: tills write rows in order of time, so the smoother reading is right
        return min(whole, key=lambda seconds: float(np.abs(np.diff(seconds)).sum()))
    bad = min((bad for _, bad in readings), key=lambda b: int(b.sum()), default=np.ones(len(text), np.bool_))
    _refuse_first(source, "time", bad & ~_reads_as_iso(text, bad), _TIMES)
    _refuse_first(source, "time", bad, "the format of the other rows: one format for the whole file")
    raise AssertionError("a reading without a bad cell was returned above")


def _as_text(column: Any) -> Any:
    """Text as it would stand in a CSV: whole floats without '.0'; nulls stay nulls."""
    if pa.types.is_floating(column.type) and (pc.all(pc.equal(column, pc.round(column))).as_py() is not False):
        column = column.cast(pa.int64())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.string())


def _tidy(value: str | None, key: str) -> str:
    """One spelling of an identifier or title: trimmed, single spaces, '17850.0' as '17850', '' when it says nothing."""
    value = " ".join((value or "").split()) if key == "title" else (value or "").strip()
    if value.lower() in MISSING:
        return ""
    whole, dot, zeros = value.partition(".")
    return whole if key == "customer" and dot and zeros == "0" and whole.isdigit() else value


def _check_ids(source: Source, key: str, values: Sequence[str], code: npt.NDArray[np.int32]) -> None:
    """Identifiers that the gateway would refuse are refused here already."""
    for at, value in enumerate(values):
        try:
            check_id(key, value)
        except InvalidInput as error:
            raise source.refuse(int(np.argmax(code == at)), key, error.message) from error


def _numbers(source: Source, key: str, blank: float | None) -> npt.NDArray[np.float64]:
    """(n,) the column as finite floats; empty cells become `blank`, or are refused when it is None."""
    column = source.table[key]
    expected = "a whole number" if key == "quantity" else "a number such as 2.55"
    if not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        text = pc.utf8_trim_whitespace(_as_text(column))
        text = pc.if_else(pc.is_in(pc.utf8_lower(text), pa.array(sorted(MISSING))), pa.scalar(None, pa.string()), text)
        try:
            column = text.cast(pa.float64())
        except pa.ArrowInvalid:
            bad = np.array([not _is_number(value) for value in text.to_pylist()])
            _refuse_first(source, key, bad, expected)
            raise
    value: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy().astype(np.float64)
    empty = np.isnan(value)
    if blank is None:
        _refuse_first(source, key, empty, expected)
    else:
        value[empty] = blank
    _refuse_first(source, key, ~np.isfinite(value), expected)
    return value


def _is_number(value: str | None) -> bool:
    """As Arrow sees it; only called once something in the column is not."""
    try:
        return value is None or pa.scalar(value).cast(pa.float64()).is_valid
    except pa.ArrowInvalid:
        return False


def _epoch(text: Any) -> npt.NDArray[np.int64] | None:
    """Epoch seconds or milliseconds, told apart by the number of digits; None when a cell is neither."""
    if not len(text) or not pc.all(pc.fill_null(pc.match_substring_regex(text, r"^\d{9,13}$"), False)).as_py():
        return None
    value: npt.NDArray[np.int64] = text.cast(pa.int64()).to_numpy()
    return np.where(value >= 100_000_000_000, value // 1000, value)


def _iso(text: Any) -> npt.NDArray[np.int64] | None:
    """ISO 8601 with or without a zone; None when a cell is neither."""
    for zone in (None, "UTC"):
        try:
            stamps = text.cast(pa.timestamp("us", zone))
        except pa.ArrowInvalid:
            continue
        return None if stamps.null_count else _seconds(stamps)
    return None


def _fitting(text: Any) -> list[str]:
    """The formats that read the first cell that any of them reads; all when none does."""
    head = text.slice(0, 1000).to_pylist()
    for value in head:
        fits = [form for form in _FORMATS if value and _strict(value, form)]
        if fits:
            return fits
    return list(_FORMATS)


def _strict(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True


def _with_format(text: Any, form: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """(n,) epoch seconds, 0 where the cell does not have this format, and (n,) where that is."""
    stamps = pc.strptime(text, format=form, unit="s", error_is_null=True)
    bad = pc.is_null(stamps).to_numpy()
    seconds = pc.fill_null(stamps.cast(pa.int64()), 0).to_numpy()
    return seconds, bad


def _reads_as_iso(text: Any, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(n,) cells among `where` that are ISO dates by themselves."""
    out = np.zeros(len(text), np.bool_)
    for row in np.flatnonzero(where)[:100_000].tolist():
        try:
            datetime.fromisoformat(text[row].as_py() or "")
            out[row] = True
        except ValueError:
            break
    return out


def _seconds(stamps: Any) -> npt.NDArray[np.int64]:
    """(n,) whole epoch seconds of microsecond stamps, rounded down."""
    micros: npt.NDArray[np.int64] = stamps.cast(pa.int64()).to_numpy()
    return micros // 1_000_000


def _refuse_first(source: Source, key: str, bad: npt.NDArray[np.bool_], expected: str) -> None:
    """Raises the DataError of the first row in `bad`, with what stands there."""
    if bad.any():
        row = int(bad.argmax())
        shown = repr(source.table[key][row].as_py())
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        raise source.refuse(row, key, f"got {shown}, expected {expected}")
