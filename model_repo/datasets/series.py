"""Files of bare series: numbers at even steps, without dates, items or prices."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.files import Progress, check_file, dataset_name, digest, opened
from serving.core.errors import DataError

BLANK: Final = ("", "NA", "NaN", "nan")
Found = tuple[list[str], list[npt.NDArray[np.float64]], list[str]]


@dataclass(frozen=True, slots=True)
class Series:
    """Any number of series, each with its own length of at least 1; finite numbers, the oldest first."""

    name: str
    sha256: str
    ids: tuple[str, ...]
    lines: tuple[npt.NDArray[np.float64], ...]
    ended: tuple[str, ...] = ()
    """Left out: series whose records stop before the file's last period."""


def read_series(path: str | Path, progress: Progress | None = None) -> Series:
    """Reads a CSV file (gzip allowed) in one of two forms, each with a header.

    M4: one line a series, its id first, then its values, as long as they go. Columns: one line a period, one column a
    series, numbers only; a series that ends before the last line is left out. Raises DataError naming line and column:
    no number, a gap inside a series, a series without values, an id twice.
    """
    path = Path(path)
    check_file(path)
    with opened(path, progress) as raw:
        try:
            table = list(csv.reader(io.TextIOWrapper(raw, "utf-8-sig", newline="")))
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(str(path), f"this is not a CSV file in UTF-8: {error}") from error
    table = [row for row in table if row]
    if len(table) < 2:
        raise DataError(str(path), "no line after the header")
    header, rows = table[0], table[1:]
    if rows[0][0] in BLANK or _number(rows[0][0]) is not None:
        ids, lines, ended = _columns(path, header, rows)
    else:
        ids, lines, ended = _rows(path, header, rows)
    if not ids:
        raise DataError(str(path), "no series reaches the last period")
    if len(set(ids)) < len(ids):
        twice = next(one for at, one in enumerate(ids) if one in ids[:at])
        raise DataError(str(path), f"the series {twice!r} is there twice")
    return Series(dataset_name(path), digest(path), tuple(ids), tuple(lines), tuple(ended))


def join(train: Series, test: Series) -> tuple[npt.NDArray[np.float64], ...]:
    """The test's lines in the order of the train's. Raises DataError for a series that one of them lacks."""
    of = dict(zip(test.ids, test.lines, strict=True))
    for name in train.ids:
        if name not in of:
            raise DataError(test.name, f"the series {name!r} of {train.name} is missing")
    if len(of) > len(train.ids):
        extra = next(name for name in test.ids if name not in set(train.ids))
        raise DataError(test.name, f"the series {extra!r} is not in {train.name}")
    return tuple(of[name] for name in train.ids)


def _rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Found:
    ids, lines = [], []
    for number, row in enumerate(rows, 2):
        cells = [(number, header[at] if at < len(header) else f"number {at + 1}") for at in range(1, len(row))]
        ids.append(row[0])
        lines.append(_line(path, row[1:], cells or [(number, row[0])]))
    return ids, lines, []


def _columns(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Found:
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise DataError(str(path), f"{len(row)} values, but {len(header)} columns", line=number)
    ids, lines, ended = [], [], []
    for column, name in enumerate(header):
        values = [row[column] for row in rows]
        if values[-1] in BLANK:
            ended.append(name)
            continue
        ids.append(name)
        lines.append(_line(path, values, [(number, name) for number in range(2, len(rows) + 2)]))
    return ids, lines, ended


def _line(path: Path, values: Sequence[str], cells: Sequence[tuple[int, str]]) -> npt.NDArray[np.float64]:
    """The numbers between leading and trailing blanks. cells: (line, column) of each value."""
    known = [at for at, value in enumerate(values) if value not in BLANK]
    if not known:
        raise DataError(str(path), "a series without values", line=cells[0][0], column=cells[0][1])
    out = np.empty(known[-1] + 1 - known[0])
    for at in range(known[0], known[-1] + 1):
        value = _number(values[at])
        if value is None:
            wrong = "a gap inside a series" if values[at] in BLANK else f"{values[at]!r} is not a finite number"
            raise DataError(str(path), wrong, line=cells[at][0], column=cells[at][1])
        out[at - known[0]] = value
    return out


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
