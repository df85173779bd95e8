"""The rows of a CSV or Parquet file as Arrow columns, and where in the file a row stands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from model_repo.datasets.columns import resolve
from model_repo.datasets.files import Progress, check_file, first_line, is_parquet, opened
from serving.core.errors import DataError

CODED: Final = ("invoice", "item", "title", "customer", "location")
"""Columns with few different values: read as dictionaries, so that a value is looked at once and not once a row."""
USED: Final = (*CODED, "quantity", "time", "price", "amount")
_DELIMITERS: Final = ",;\t|"


@dataclass(frozen=True, slots=True)
class Source:
    """A file's rows. table: one column a key of columns.KEYS that the file has; text, or what Parquet holds."""

    path: Path
    names: dict[str, str]
    """key -> name of the column in the file."""
    table: Any
    delimiter: str
    """'' = Parquet."""
    encoding: str = "utf-8"

    def line(self, row: int) -> int:
        """Line (1 = header) on which row number `row` (0 = first) begins; in Parquet the row's number, from 1."""
        if not self.delimiter:
            return row + 1
        return next(
            line for at, (line, _) in enumerate(_records(self.path, self.delimiter, self.encoding)) if at == row
        )

    def refuse(self, row: int, key: str, problem: str) -> DataError:
        """An error that points at one cell."""
        return DataError(str(self.path), problem, line=self.line(row), column=self.names[key])


def read_source(path: Path, columns: Mapping[str, str] | None = None, progress: Progress | None = None) -> Source:
    """The columns of `path` that are needed, found by name. DataError: see files.check_file, columns.resolve."""
    check_file(path)
    return _read_parquet(path, columns, progress) if is_parquet(path) else _read_csv(path, columns, progress)


def _read_csv(path: Path, columns: Mapping[str, str] | None, progress: Progress | None) -> Source:
    header = first_line(path)
    if not header:
        raise DataError(str(path), "this file has no header line: it is blank")
    delimiter = max(_DELIMITERS, key=header.count)
    present = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    names = resolve(str(path), present, columns)
    try:
        table, encoding = _arrow(path, delimiter, present, names, "utf-8", progress), "utf-8"
    except UnicodeDecodeError:
        table, encoding = _arrow(path, delimiter, present, names, "latin-1", progress), "latin-1"
    return Source(path, names, table, delimiter, encoding)


def _arrow(
    path: Path, delimiter: str, present: list[str], names: dict[str, str], encoding: str, progress: Progress | None
) -> Any:
    """The needed columns under their keys. UnicodeDecodeError when the bytes are not `encoding`."""
    keys = {name: key for key, name in names.items() if key in USED}
    text, coded = pa.string(), pa.dictionary(pa.int32(), pa.string())
    convert = pa.csv.ConvertOptions(
        column_types={name: coded if key in CODED else text for name, key in keys.items()},
        include_columns=list(keys),
        strings_can_be_null=False,
    )
    read = pa.csv.ReadOptions(block_size=4 << 20, column_names=present, skip_rows_after_names=1, encoding=encoding)
    parse = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with opened(path, progress) as stream:
        try:
            table = pa.csv.read_csv(stream, read, parse, convert)
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error) and encoding == "utf-8":
                raise UnicodeDecodeError("utf-8", b"", 0, 1, str(error)) from error
            raise _wrong_fields(path, delimiter, encoding, len(present), str(error)) from error
    return table.rename_columns([keys[name] for name in table.column_names])


def _wrong_fields(path: Path, delimiter: str, encoding: str, wanted: int, cause: str) -> DataError:
    """Looks the file through again, slowly, for the first line with too few or too many fields."""
    for line, record in _records(path, delimiter, encoding):
        if len(record) != wanted:
            shown = delimiter.join(record)[:80]
            return DataError(
                str(path), f"got {len(record)} fields, expected {wanted} as in the header: {shown!r}", line=line
            )
    return DataError(str(path), f"this file cannot be read as CSV: {cause[:200]}")


def _records(path: Path, delimiter: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """(line on which it begins, fields) of every record after the header, blank lines left out as Arrow does."""
    csv.field_size_limit(1 << 27)
    with opened(path) as stream, io.TextIOWrapper(io.BufferedReader(stream), encoding, "replace", newline="") as text:  # type: ignore[type-var]
        reader = csv.reader(text, delimiter=delimiter)
        header, begins = True, 1
        for record in reader:
            if record and not header:
                yield begins, record
            header = header and not record
            begins = reader.line_num + 1


def _read_parquet(path: Path, columns: Mapping[str, str] | None, progress: Progress | None) -> Source:
    try:
        with opened(path, progress) as stream:
            packed = pa.BufferReader(stream.read()) if path.suffix.lower() == ".gz" else str(path)
        file = pa.parquet.ParquetFile(packed)
        names = resolve(str(path), file.schema_arrow.names, columns)
        table = file.read(columns=[name for key, name in names.items() if key in USED])
    except (pa.ArrowException, OSError) as error:
        raise DataError(str(path), f"this file cannot be read as Parquet: {str(error)[:200]}") from error
    keys = {name: key for key, name in names.items()}
    return Source(path, names, table.rename_columns([keys[name] for name in table.column_names]), "")
