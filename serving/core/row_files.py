"""Rows of a file: JSON lines, CSV or Parquet, one at a time; a bad row is told with its line and spoils no other."""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Generic, NoReturn, TypeVar

from serving.core.errors import InvalidInput

LINE_BYTES_MAX: Final = 1 << 20
PARQUET_ROWS: Final = 500
"""Read at once."""
KINDS: Final = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LineError:
    """Why one line of an import was refused. `field` is empty where the line as a whole is at fault."""

    line: int
    """From 1, the header of a CSV file included; for Parquet the row."""
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """What a row is made into. All raise InvalidInput naming the field."""

    from_json: Callable[[Any], T]
    from_flat: Callable[[Mapping[str, Any]], T]
    """Column, as `name` spells it, -> value."""
    name: Callable[[str], str]
    check_columns: Callable[[list[str]], None]
    bytes_max: int
    """Unpacked."""

    def json_row(self, number: int, line: bytes) -> T | LineError:
        """One line of JSON."""
        try:
            row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_refuse_constant)
        except UnicodeDecodeError as error:
            return LineError(number, "", f"not UTF-8 at byte {error.start + 1}")
        except json.JSONDecodeError as error:
            return LineError(number, "", f"not JSON at column {error.colno}: {error.msg}")
        except (ValueError, RecursionError) as error:
            return LineError(number, "", f"not usable JSON: {error}")
        try:
            return self.from_json(row)
        except InvalidInput as error:
            return LineError(number, error.field, error.message)

    def flat_row(self, number: int, row: dict[str, Any]) -> T | LineError:
        """One row of a table."""
        try:
            return self.from_flat(row)
        except InvalidInput as error:
            return LineError(number, error.field, error.message)


def file_rows(path: Path, form: Form[T]) -> Iterator[T | LineError]:
    """Of a file whose name ends in one of KINDS. Raises InvalidInput, at once or when it comes to that, when the file
    as a whole cannot be used."""
    name = path.name.lower()
    if name.endswith(".parquet"):
        yield from _parquet_rows(path, form)
        return
    with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
        reader = json_rows if ".jsonl" in name else _csv_rows
        try:
            yield from reader(file, "file", form)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidInput("file", path.name, f"a readable file ({error})") from None


def _lines(file: BinaryIO | gzip.GzipFile, field: str, bytes_max: int) -> Iterator[bytes]:
    """The lines, one too long cut short; refuses to go on beyond `bytes_max`, whatever a .gz unpacks to."""
    size = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        size += len(line)
        if size > bytes_max:
            raise InvalidInput(field, f"over {bytes_max} bytes", f"at most {bytes_max} unpacked: split it")
        yield line
        while len(line) > LINE_BYTES_MAX and not line.endswith(b"\n"):  # skip the rest of a line that is too long
            line = file.readline(LINE_BYTES_MAX + 1)
            size += len(line)
            if size > bytes_max or not line:
                break


def json_rows(file: BinaryIO | gzip.GzipFile, field: str, form: Form[T]) -> Iterator[T | LineError]:
    """Of JSON lines. field: what the request calls them. Raises InvalidInput when they are too many bytes."""
    for number, line in enumerate(_lines(file, field, form.bytes_max), start=1):
        if len(line) > LINE_BYTES_MAX:
            yield LineError(number, "", f"the line is longer than {LINE_BYTES_MAX} bytes")
        elif line.strip():
            yield form.json_row(number, line)


def _csv_rows(file: BinaryIO | gzip.GzipFile, field: str, form: Form[T]) -> Iterator[T | LineError]:
    text = (line.decode("utf-8", "surrogateescape") for line in _lines(file, field, form.bytes_max))
    rows = csv.reader(_without_mark(text), strict=True)
    header = [form.name(name) for name in next(rows, [])]
    form.check_columns(header)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            yield LineError(rows.line_num, "", f"not CSV: {error}")
            continue
        if row is None:
            return
        if not row:
            continue
        if len(row) != len(header):
            yield LineError(rows.line_num, "", f"{len(row)} columns, the header has {len(header)}")
            continue
        yield form.flat_row(rows.line_num, dict(zip(header, row, strict=True)))


def _parquet_rows(path: Path, form: Form[T]) -> Iterator[T | LineError]:
    import pyarrow as pa  # loaded when needed: it costs a gateway 60 MB that never imports such a file
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [form.name(name) for name in file.schema_arrow.names]
            form.check_columns(names)
            size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
            if size > form.bytes_max:
                raise InvalidInput("file", f"{size} bytes", f"at most {form.bytes_max} unpacked: split it")
            number = 0
            for batch in file.iter_batches(PARQUET_ROWS):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield form.flat_row(number, dict(zip(names, row, strict=True)))
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput("file", path.name, f"a readable Parquet file ({error})") from None


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Without the byte order mark that spreadsheets write."""
    for position, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if position == 0 else line


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
