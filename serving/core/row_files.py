"""Rows of a file: JSON lines, CSV or Parquet, one at a time; a bad row is told with its line and spoils no other.

The file may lie anywhere: a RowFile says how it is opened.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Generic, NoReturn, TypeVar, cast

from serving.core.errors import InvalidInput

LINE_BYTES_MAX: Final = 1 << 20
PARQUET_ROWS: Final = 500
"""Read at once."""
PACKED: Final = ".gz"
JSON_LINES: Final = ".jsonl"
PARQUET: Final = ".parquet"
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
class RowFile:
    """A file of rows."""

    name: str
    """What people call it; ends in one of KINDS."""
    open: Callable[[], BinaryIO]
    """Its bytes, from the beginning; they can be sought in. Raises OSError or a StoregateError."""

    @classmethod
    def at(cls, path: Path) -> RowFile:
        """On the disk."""
        return cls(path.name, lambda: path.open("rb"))

    @property
    def kind(self) -> str:
        """ ".csv", packed or not. Raises InvalidInput for a file of another kind."""
        for kind in KINDS:
            if self.name.lower().endswith(kind):
                return kind.removesuffix(PACKED)
        raise InvalidInput("file", self.name, f"a name ending in {', '.join(KINDS)}")

    @property
    def packed(self) -> bool:
        """With gzip."""
        return self.name.lower().endswith(PACKED)


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
    return (row for _, row in numbered_rows(RowFile.at(path), form))


def numbered_rows(file: RowFile, form: Form[T], skip: int = 0) -> Iterator[tuple[int, T | LineError]]:
    """Each row with its line. skip: so many rows are passed over, good or bad, and not made into anything. Raises as
    `file_rows`, and what opening and reading the file raises of its own."""
    with _opened(file) as stream:
        if file.kind == PARQUET:
            yield from _parquet_rows(stream, file.name, form, skip)
            return
        reader = _json_rows if file.kind == JSON_LINES else _csv_rows
        try:
            yield from reader(stream, "file", form, skip)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidInput("file", file.name, f"a readable file ({error})") from None


def columns(file: RowFile, form: Form[T]) -> Mapping[str, str]:
    """Column, as `form.name` spells it, -> type; {} for JSON lines. Raises as `file_rows`."""
    if file.kind == JSON_LINES:
        return {}
    with _opened(file) as stream:
        if file.kind == PARQUET:
            with _parquet(stream, file.name) as table:
                schema = table.schema_arrow
            names = [form.name(name) for name in schema.names]
            form.check_columns(names)
            return dict(zip(names, map(str, schema.types), strict=True))
        try:
            return dict.fromkeys(_csv_header(_csv_reader(stream, "file", form), form), "text")
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidInput("file", file.name, f"a readable file ({error})") from None


@contextmanager
def _opened(file: RowFile) -> Iterator[BinaryIO]:
    kind, packed = file.kind, file.packed
    try:
        stream = file.open()
    except OSError as error:
        raise InvalidInput("file", file.name, f"a readable {kind} file ({error})") from None
    with closing(stream):
        if not packed:
            yield stream
            return
        with gzip.GzipFile(fileobj=stream) as unpacked:
            yield cast(BinaryIO, unpacked)


def _lines(file: BinaryIO, field: str, bytes_max: int) -> Iterator[bytes]:
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


def json_rows(file: BinaryIO, field: str, form: Form[T]) -> Iterator[T | LineError]:
    """Of JSON lines. field: what the request calls them. Raises InvalidInput when they are too many bytes."""
    return (row for _, row in _json_rows(file, field, form, 0))


def _json_rows(file: BinaryIO, field: str, form: Form[T], skip: int) -> Iterator[tuple[int, T | LineError]]:
    for number, line in enumerate(_lines(file, field, form.bytes_max), start=1):
        long = len(line) > LINE_BYTES_MAX
        if not (long or line.strip()):
            continue
        if skip:
            skip -= 1
        elif long:
            yield number, LineError(number, "", f"the line is longer than {LINE_BYTES_MAX} bytes")
        else:
            yield number, form.json_row(number, line)


def _csv_reader(file: BinaryIO, field: str, form: Form[T]) -> Any:
    text = (line.decode("utf-8", "surrogateescape") for line in _lines(file, field, form.bytes_max))
    return csv.reader(_without_mark(text), strict=True)


def _csv_header(rows: Iterator[list[str]], form: Form[T]) -> list[str]:
    try:
        header = [form.name(name) for name in next(rows, [])]
    except csv.Error as error:
        raise InvalidInput("file", "its first line", f"the names of the columns, as CSV ({error})") from None
    form.check_columns(header)
    return header


def _csv_rows(file: BinaryIO, field: str, form: Form[T], skip: int) -> Iterator[tuple[int, T | LineError]]:
    rows = _csv_reader(file, field, form)
    header = _csv_header(rows, form)
    while True:
        problem = ""
        try:
            row = next(rows, None)
        except csv.Error as error:
            row, problem = [], f"not CSV: {error}"
        if row is None:
            return
        if not (row or problem):
            continue
        if skip:
            skip -= 1
        elif problem:
            yield rows.line_num, LineError(rows.line_num, "", problem)
        elif len(row) != len(header):
            problem = f"{len(row)} columns, the header has {len(header)}"
            yield rows.line_num, LineError(rows.line_num, "", problem)
        else:
            yield rows.line_num, form.flat_row(rows.line_num, dict(zip(header, row, strict=True)))


@contextmanager
def _parquet(file: BinaryIO, name: str) -> Iterator[Any]:
    """The opened file. What is wrong with it is an InvalidInput, at once or when it comes to that."""
    import pyarrow as pa  # loaded when needed: it costs a gateway 60 MB that never imports such a file
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as table:
            yield table
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput("file", name, f"a readable Parquet file ({error})") from None


def _parquet_rows(file: BinaryIO, name: str, form: Form[T], skip: int) -> Iterator[tuple[int, T | LineError]]:
    with _parquet(file, name) as table:
        names = [form.name(column) for column in table.schema_arrow.names]
        form.check_columns(names)
        groups = [table.metadata.row_group(group) for group in range(table.metadata.num_row_groups)]
        size = sum(group.total_byte_size for group in groups)
        if size > form.bytes_max:
            raise InvalidInput("file", f"{size} bytes", f"at most {form.bytes_max} unpacked: split it")
        number = first = 0
        while first < len(groups) and number + groups[first].num_rows <= skip:
            number += groups[first].num_rows
            first += 1
        for batch in table.iter_batches(PARQUET_ROWS, row_groups=list(range(first, len(groups)))):
            at = min(max(skip - number, 0), len(batch))
            number += at
            for row in zip(*map(_values, batch[at:].columns), strict=True):
                number += 1
                fields = dict(zip(names, row, strict=True))
                bad = next((name for name, value in fields.items() if isinstance(value, _Unreadable)), None)
                if bad is None:
                    yield number, form.flat_row(number, fields)
                else:
                    yield number, LineError(number, bad, f"{bad}: {fields[bad].problem}")


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A value that Python has no equal of: a time beyond the year 9999, text that is not UTF-8."""

    problem: str


def _values(column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
        return values
    except (ValueError, OverflowError):
        return [_value(one) for one in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError) as error:
        return _Unreadable(str(error))


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Without the byte order mark that spreadsheets write."""
    for position, line in enumerate(lines):
        yield line.removeprefix("\ufeff") if position == 0 else line


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
