"""What a shop's product list says about its items: titles, categories, brands and whatever else stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from model_repo.datasets.columns import SYNONYMS, plain
from model_repo.datasets.files import check_file, first_line, is_parquet, opened
from model_repo.datasets.values import MISSING
from serving.catalogue.checks import ATTRIBUTE_BYTES_MAX, ATTRIBUTE_NAME_MAX, ATTRIBUTES_MAX, TEXT_BYTES_MAX
from serving.core.errors import DataError

_ITEM: Final = SYNONYMS["item"]
_TITLE: Final = (*SYNONYMS["title"], "producttype")
_LEVELS: Final = (
    "department", "categorypath", "maincategory", "category", "productcategory", "itemcategory", "subcategory",
    "productsubcategory",
)  # fmt: skip
"""Columns that are levels of the category path, the root first."""
_BRAND: Final = ("brand", "brandname", "manufacturer", "vendor", "manufacturerid")
_ID_BYTES_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Facts:
    """One item. Empty = the list does not say."""

    title: str = ""
    category_path: tuple[str, ...] = ()
    brand: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def read_products(path: str | Path) -> dict[str, Facts]:
    """Item code -> what a CSV or Parquet file (gzip allowed) with a header says about it; the first row of a code wins.

    Columns are found by name: code, title, levels of the category path ('root > leaf' in one column, or one column a
    level), brand. Every other column is an attribute. Raises DataError.
    """
    path = Path(path)
    check_file(path)
    table = text_table(path)
    names = list(table.column_names)
    by_plain = {plain(name): name for name in reversed(names)}
    code = next((by_plain[name] for name in _ITEM if name in by_plain), None)
    if code is None:
        raise DataError(str(path), f"no column looks like the item's code; the columns are {', '.join(names)}", line=1)
    title = next((by_plain[name] for name in _TITLE if by_plain.get(name, code) != code), None)
    brand = next((by_plain[name] for name in _BRAND if name in by_plain), None)
    levels = [by_plain[name] for name in _LEVELS if name in by_plain]
    rest = [name for name in names if name not in {code, title, brand, *levels}]
    columns = {name: [_tidy(value) for value in table[name].to_pylist()] for name in names}
    found: dict[str, Facts] = {}
    for at, item in enumerate(columns[code]):
        if item and item not in found:
            found[item] = Facts(
                title=_cut(columns[title][at], TEXT_BYTES_MAX) if title else "",
                category_path=_path([columns[name][at] for name in levels]),
                brand=_cut(columns[brand][at], TEXT_BYTES_MAX) if brand else "",
                attributes=_attributes({name: columns[name][at] for name in rest}),
            )
    return found


def text_table(path: Path) -> Any:
    """All columns of a CSV or Parquet file as text. Raises DataError."""
    try:
        if is_parquet(path):
            with opened(path) as stream:
                table = pa.parquet.read_table(pa.BufferReader(stream.read()))
            return table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))
        header = first_line(path)
        delimiter = max(",;\t|", key=header.count)
        names = [name.strip().strip('"') for name in header.split(delimiter)]
        convert = pa.csv.ConvertOptions(column_types={name: pa.string() for name in names})
        parse = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
        with opened(path) as stream:
            return pa.csv.read_csv(stream, parse_options=parse, convert_options=convert)
    except pa.ArrowException as error:
        raise DataError(str(path), f"this file cannot be read: {str(error)[:200]}") from error


def _tidy(value: str | None) -> str:
    """Single spaces, no control characters; '' when it says nothing."""
    text = "".join(c for c in " ".join((value or "").split()) if c.isprintable())
    return "" if text.lower() in MISSING else text


def _cut(text: str, bytes_max: int) -> str:
    return text.encode()[:bytes_max].decode(errors="ignore")


def _path(levels: list[str]) -> tuple[str, ...]:
    parts = [part.strip() for level in levels for part in level.split(" > ")]
    return tuple(_cut(part, _ID_BYTES_MAX) for part in parts if part)


def _attributes(values: Mapping[str, str]) -> dict[str, str]:
    """The first ATTRIBUTES_MAX that say something, under names that can stand in a filter."""
    named = {
        re.sub(r"[^\w.-]+|\.$|^\.", "_", name)[:ATTRIBUTE_NAME_MAX]: value for name, value in values.items() if value
    }
    kept = list(named.items())[:ATTRIBUTES_MAX]
    return {name: _cut(value, ATTRIBUTE_BYTES_MAX) for name, value in kept}
