"""The rows of an import: JSON lines given inline, or a .jsonl, .csv (.gz allowed) or .parquet file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from serving.catalogue.contract import ImportItems
from serving.catalogue.import_rows import ATTRIBUTE_COLUMN, FLAT_FIELDS, camel, item_from_flat, item_from_json
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput, NotFound
from serving.core.row_files import KINDS, Form, LineError, file_rows, json_rows

BATCH_ITEMS: Final = 500
FILE_BYTES_MAX: Final = 256 << 20
"""Unpacked."""


def read_source(query: ImportItems, import_dir: Path | None) -> Iterator[Item | LineError]:
    """An Item for every good row, a LineError for every bad one, in order.

    Raises InvalidInput or NotFound when the file as a whole cannot be used, at once or when it comes to that: what
    came before is imported then, and importing the mended file again does no harm.
    """
    form = Form(item_from_json, item_from_flat, camel, _check_columns, FILE_BYTES_MAX)
    if query.inline is not None:
        yield from json_rows(io.BytesIO(query.inline.encode()), "inline_json_lines", form)
        return
    yield from file_rows(resolve(query.file or "", import_dir), form)


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


def _check_columns(names: list[str]) -> None:
    if "itemId" not in names:
        raise InvalidInput("file", ", ".join(names), "a column itemId")
    for name in names:
        if not (name in FLAT_FIELDS or name.startswith(ATTRIBUTE_COLUMN)) or names.count(name) > 1:
            expected = f"each of the columns {', '.join(FLAT_FIELDS)} and {ATTRIBUTE_COLUMN}NAME at most once"
            raise InvalidInput("file", name, expected)
