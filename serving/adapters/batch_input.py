"""The input of a batch: Parquet files of one schema, cut into blocks of rows that can be read on their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from serving.adapters.batch_places import Place
from serving.core.errors import ArchiveUnavailable, DataError, InvalidInput, StoregateError

FILES_MAX: Final = 10_000
BLOCKS_MAX: Final = 200_000
SUFFIX: Final = ".parquet"
READ_ROWS: Final = 8192
"""Decoded at once on the way to a block."""
PAGE_BYTES: Final = 1 << 20
"""Read at once of a column: a row group is never in memory whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows begin to end - 1 of one row group. file: its name in the folder, "" = the input is one file."""

    file: str
    group: int
    begin: int
    end: int

    @property
    def rows(self) -> int:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that are computed together and written as one part."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        return sum(piece.rows for piece in self.pieces)

    def to_json(self) -> list[Any]:
        return [[piece.file, piece.group, piece.begin, piece.end] for piece in self.pieces]

    @classmethod
    def of_json(cls, number: int, told: Sequence[Sequence[Any]]) -> Block:
        return cls(number, tuple(Piece(*piece) for piece in told))


@dataclass(frozen=True, slots=True)
class Input:
    """What is there. blocks: all rows, in the order of the files' names."""

    schema: pa.Schema
    blocks: tuple[Block, ...]
    files: tuple[tuple[str, int, int], ...]
    """(name, bytes, rows) of each: what the digest of the input is made of."""

    @property
    def rows(self) -> int:
        return sum(block.rows for block in self.blocks)


def read_input(place: Place, block_rows: int) -> Input:
    """Looks at the footer of every file. Raises InvalidInput where nothing is there, DataError naming a file that is
    no whole Parquet file or that has other columns than the first, ArchiveUnavailable."""
    schema: pa.Schema | None = None
    files: list[tuple[str, int, int]] = []
    groups: list[Piece] = []
    for info in _files(place):
        name = "" if info.path == place.root else str(info.base_name)
        shown = f"{place.told}/{name}" if name else place.told
        with _opened(place, name, shown) as file:
            schema = file.schema_arrow if schema is None else _same(schema, file.schema_arrow, shown, files[0][0])
            sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
        files.append((name or str(info.base_name), int(info.size), sum(sizes)))
        groups += [Piece(name, number, 0, rows) for number, rows in enumerate(sizes) if rows]
    if schema is None:
        raise InvalidInput("input_uri", place.told, f"a Parquet file, or a folder with files that end in {SUFFIX}")
    blocks = tuple(Block(number, pieces) for number, pieces in enumerate(_cut(groups, block_rows)))
    if len(blocks) > BLOCKS_MAX:
        raise InvalidInput("input_uri", f"{len(blocks)} blocks", f"at most {BLOCKS_MAX}: raise batch.block_rows")
    return Input(schema.remove_metadata(), blocks, tuple(files))


def read_block(place: Place, block: Block) -> pa.Table:
    """The rows. Raises as `read_input`."""
    return pa.concat_tables([_piece(place, piece) for piece in block.pieces])


def _piece(place: Place, piece: Piece) -> pa.Table:
    shown = f"{place.told}/{piece.file}" if piece.file else place.told
    found: list[pa.RecordBatch] = []
    try:
        with _opened(place, piece.file, shown) as file:
            schema = file.schema_arrow.remove_metadata()
            at = 0
            for batch in file.iter_batches(READ_ROWS, row_groups=[piece.group], use_threads=False):
                first, last = max(piece.begin - at, 0), min(piece.end - at, len(batch))
                if first < last:
                    found.append(batch.slice(first, last - first))
                at += len(batch)
                if at >= piece.end:
                    break
    except (pa.ArrowException, OSError) as error:
        raise DataError(shown, f"it cannot be read ({_told(error)})") from error
    table = pa.Table.from_batches(found, schema) if found else schema.empty_table()
    if len(table) != piece.rows:
        raise DataError(shown, f"row group {piece.group} has changed since the batch began: it lacks rows")
    return table.replace_schema_metadata(None)


def _files(place: Place) -> Iterator[Any]:
    """FileInfo of the file, or of the folder's Parquet files by name; hidden ones and those with _ are none."""
    info = place.info()
    if info.type == fs.FileType.File:
        yield info
        return
    if info.type == fs.FileType.NotFound:
        raise InvalidInput("input_uri", place.told, "a Parquet file or a folder that is there", reason="NOT_FOUND")
    found = [
        each
        for each in place.listed()
        if each.type == fs.FileType.File and each.base_name.endswith(SUFFIX) and each.base_name[0] not in "._"
    ]
    if len(found) > FILES_MAX:
        raise InvalidInput("input_uri", f"{len(found)} files", f"at most {FILES_MAX}")
    yield from found


def _opened(place: Place, name: str, shown: str) -> Any:
    """A ParquetFile. Raises DataError, ArchiveUnavailable."""
    try:
        return pq.ParquetFile(place.open(name), buffer_size=PAGE_BYTES, pre_buffer=False)
    except pa.ArrowException as error:
        problem = f"not a whole Parquet file: it was cut short, or is still being written ({_told(error)})"
        raise DataError(shown, problem) from error
    except OSError as error:
        raise ArchiveUnavailable(place.told, _told(error)) from error


def _same(schema: pa.Schema, other: pa.Schema, shown: str, first: str) -> pa.Schema:
    """Raises DataError naming the file and the column where the schemas part."""
    for name in schema.names:
        if name not in other.names:
            raise DataError(shown, f"the column is missing, which {first or 'the first file'} has", column=name)
        one, two = schema.field(name).type, other.field(name).type
        if one != two:
            raise DataError(shown, f"it is {two}, and {one} in {first or 'the first file'}", column=name)
    for name in other.names:
        if name not in schema.names:
            raise DataError(shown, f"{first or 'the first file'} has no such column", column=name)
    return schema


def _cut(groups: Sequence[Piece], block_rows: int) -> Iterator[tuple[Piece, ...]]:
    """Row groups put together, or cut, into blocks of at most `block_rows` rows."""
    block: list[Piece] = []
    room = block_rows
    for group in groups:
        begin = 0
        while begin < group.end:
            end = min(group.end, begin + room)
            block.append(Piece(group.file, group.group, begin, end))
            room -= end - begin
            begin = end
            if not room:
                yield tuple(block)
                block, room = [], block_rows
    if block:
        yield tuple(block)


def _told(error: Exception) -> str:
    return " ".join(str(error.message if isinstance(error, StoregateError) else error).split())[:200]
