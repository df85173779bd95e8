"""The rows of an import: JSON lines given inline, or a .jsonl, .csv (.gz allowed) or .parquet file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from serving.catalogue.contract import ImportItems, LineError
from serving.catalogue.import_rows import ATTRIBUTE_COLUMN, FLAT_FIELDS, camel, item_from_flat, item_from_json
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput, NotFound

BATCH_ITEMS: Final = 500
FILE_BYTES_MAX: Final = 256 << 20
"""Unpacked."""
LINE_BYTES_MAX: Final = 1 << 20
KINDS: Final = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".parquet")

Rows = Iterator[Item | LineError]


def read_source(query: ImportItems, import_dir: Path | None) -> Rows:
    """An Item for every good row, a LineError for every bad one, in order.

    Raises InvalidInput or NotFound when the file as a whole cannot be used, at once or when it comes to that: what
    came before is imported then, and importing the mended file again does no harm.
    """
    if query.inline is not None:
        yield from _json_rows(io.BytesIO(query.inline.encode()), "inline_json_lines")
        return
    path = resolve(query.file or "", import_dir)
    name = path.name.lower()
    if name.endswith(".parquet"):
        yield from _parquet_rows(path)
        return
    with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
        reader = _json_rows if ".jsonl" in name else _csv_rows
        try:
            yield from reader(file, "file")
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidInput("file", query.file, f"a readable file ({error})") from None


def resolve(file: str, import_dir: Path | None) -> Path:
    """The file's path, which lies below `import_dir`, links followed. Raises InvalidInput or NotFound."""
    if import_dir is None:
        raise InvalidInput("file", file, "inline rows; files need the setting catalogue.import_dir")
    if not file.lower().endswith(KINDS):
        raise InvalidInput("file", file, f"a name ending in {', '.join(KINDS)}")
    folder = import_dir.resolve()
    try:
        path = (folder / file).resolve()
        inside = path.is_relative_to(folder)
        there = inside and path.is_file()
    except (OSError, ValueError):
        inside = there = False
    if not inside:
        raise InvalidInput("file", file, "a path below the import folder")
    if not there:
        raise NotFound("import file", file)
    if path.stat().st_size > FILE_BYTES_MAX:
        raise InvalidInput("file", f"{path.stat().st_size} bytes", f"at most {FILE_BYTES_MAX}: split it")
    return path


def _lines(file: BinaryIO | gzip.GzipFile, field: str) -> Iterator[bytes]:
    """The lines, one too long cut short; refuses to go on beyond FILE_BYTES_MAX, whatever a .gz unpacks to."""
    size = 0
    while line := file.readline(LINE_BYTES_MAX + 1):
        size += len(line)
        if size > FILE_BYTES_MAX:
            raise InvalidInput(field, f"over {FILE_BYTES_MAX} bytes", f"at most {FILE_BYTES_MAX} unpacked: split it")
        yield line
        while len(line) > LINE_BYTES_MAX and not line.endswith(b"\n"):  # skip the rest of a line that is too long
            line = file.readline(LINE_BYTES_MAX + 1)
            size += len(line)
            if size > FILE_BYTES_MAX or not line:
                break


def _json_rows(file: BinaryIO | gzip.GzipFile, field: str) -> Rows:
    for number, line in enumerate(_lines(file, field), start=1):
        if len(line) > LINE_BYTES_MAX:
            yield LineError(number, "", f"the line is longer than {LINE_BYTES_MAX} bytes")
        elif line.strip():
            yield _json_row(number, line)


def _json_row(number: int, line: bytes) -> Item | LineError:
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        return LineError(number, "", f"not UTF-8 at byte {error.start + 1}")
    except json.JSONDecodeError as error:
        return LineError(number, "", f"not JSON at column {error.colno}: {error.msg}")
    except (ValueError, RecursionError) as error:
        return LineError(number, "", f"not usable JSON: {error}")
    try:
        return item_from_json(row)
    except InvalidInput as error:
        return LineError(number, error.field, error.message)


def _csv_rows(file: BinaryIO | gzip.GzipFile, field: str) -> Rows:
    text = (line.decode("utf-8", "surrogateescape") for line in _lines(file, field))
    rows = csv.reader(_without_mark(text), strict=True)
    header = [camel(name) for name in next(rows, [])]
    _check_columns(header)
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
        yield _flat_row(rows.line_num, dict(zip(header, row, strict=True)))


def _parquet_rows(path: Path) -> Rows:
    import pyarrow as pa  # loaded when needed: it costs a gateway 60 MB that never imports such a file
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [camel(name) for name in file.schema_arrow.names]
            _check_columns(names)
            size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
            if size > FILE_BYTES_MAX:
                raise InvalidInput("file", f"{size} bytes", f"at most {FILE_BYTES_MAX} unpacked: split it")
            number = 0
            for batch in file.iter_batches(BATCH_ITEMS):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield _flat_row(number, dict(zip(names, row, strict=True)))
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput("file", path.name, f"a readable Parquet file ({error})") from None


def _flat_row(number: int, row: dict[str, Any]) -> Item | LineError:
    try:
        return item_from_flat(row)
    except InvalidInput as error:
        return LineError(number, error.field, error.message)


def _check_columns(names: list[str]) -> None:
    if "itemId" not in names:
        raise InvalidInput("file", ", ".join(names), "a column itemId")
    for name in names:
        if not (name in FLAT_FIELDS or name.startswith(ATTRIBUTE_COLUMN)) or names.count(name) > 1:
            expected = f"each of the columns {', '.join(FLAT_FIELDS)} and {ATTRIBUTE_COLUMN}NAME at most once"
            raise InvalidInput("file", name, expected)


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Without the byte order mark that spreadsheets write."""
    for position, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if position == 0 else line


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
