"""ImportItems: three file formats, good lines in, bad lines named, nothing outside the folder."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.catalogue import importing
from serving.catalogue.contract import Imported, ImportItems
from serving.catalogue.live import ERRORS_SHOWN_MAX, LiveCatalogue
from serving.core import row_files
from serving.core.catalogue import Item
from serving.core.errors import InvalidInput, NotFound, StoregateError
from serving.core.row_files import LineError
from serving.core.turn import Turn

TURN = Turn(now=0.0, wall=1_700_000_000.0, deadline=float("inf"))
FULL = Item(
    "mug",
    title="Mug, large",
    category_path=("home", "kitchen"),
    brand="Potter",
    currency="GBP",
    price=500,
    cost=200,
    list_price=600,
    stock={"london": (3, 5), "leeds": (0, 0)},
    weight_grams=350,
    size_mm=(80, 90, 100),
    available_s=1_700_000_000,
    attributes={"colour": "dark red", "fits_in.oven": "yes"},
)
FULL_JSON = {
    "itemId": "mug",
    "title": "Mug, large",
    "categoryPath": ["home", "kitchen"],
    "brand": "Potter",
    "price": {"amountMinor": "500", "currencyCode": "GBP"},
    "cost": {"amountMinor": 200, "currencyCode": "GBP"},
    "list_price": {"amount_minor": "600", "currency_code": "GBP"},
    "stock": [{"location": "london", "onHand": 3, "onOrder": 5}, {"location": "leeds"}],
    "weightGrams": 350,
    "lengthMm": 80,
    "widthMm": 90,
    "heightMm": 100,
    "availableTime": "2023-11-14T22:13:20Z",
    "attributes": {"colour": "dark red", "fits_in.oven": "yes"},
    "inModel": True,
}
FULL_CSV = (
    "\ufeffitem_id,title,categoryPath,brand,currencyCode,price,cost,listPrice,stock,"
    "weightGrams,lengthMm,widthMm,heightMm,availableTime,attributes.colour,attributes.fits_in.oven,attributes.size\n"
    'mug,"Mug, large",home > kitchen,Potter,GBP,500,200,600,london=3/5; leeds=0,'
    "350,80,90,100,2023-11-14T23:13:20+01:00,dark red,yes,\n"
)


def run(import_dir: Path | None, **source: str | bool) -> tuple[Imported | StoregateError, LiveCatalogue]:
    catalogue = LiveCatalogue(MemoryCatalogue(), import_dir=import_dir)
    (answer,) = catalogue.run_import([ImportItems(**source)], TURN)  # type: ignore[arg-type]
    return answer, catalogue


def refused(inline: str) -> LineError:
    """The error of the only line."""
    answer, _ = run(None, inline=inline)
    assert isinstance(answer, Imported)
    assert (answer.imported, answer.refused) == (0, 1)
    return answer.errors[0]


def test_json_lines_as_protobuf_writes_them() -> None:
    """int64 as text or number, camelCase or snake_case, empty lines between."""
    answer, catalogue = run(None, inline=f"\n{json.dumps(FULL_JSON)}\n\n" + '{"itemId": "cup", "price": null}')
    assert answer == Imported(2, 0, (), 1)
    assert catalogue.snapshot().items == (FULL, Item("cup", available_s=1_700_000_000))


@pytest.mark.parametrize("name", ["items.jsonl", "items.jsonl.gz", "deep/items.csv", "items.csv.gz", "ITEMS.CSV"])
def test_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    content = (json.dumps(FULL_JSON) if "jsonl" in name else FULL_CSV).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    answer, catalogue = run(tmp_path, file=name)
    assert answer == Imported(1, 0, (), 1)
    assert catalogue.snapshot().items == (FULL,)


def test_parquet(tmp_path: Path) -> None:
    """Lists as paths, timestamps as times, missing values as absent, floats where a column has gaps."""
    table = pa.table(
        {
            "itemId": ["mug", "cup", "bad"],
            "categoryPath": [["home", "kitchen"], None, None],
            "price": [500.0, None, 1.5],
            "currencyCode": ["GBP", None, "GBP"],
            "availableTime": [datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), None, None],
        }
    )
    pq.write_table(table, tmp_path / "items.parquet")
    answer, catalogue = run(tmp_path, file="items.parquet")
    assert isinstance(answer, Imported)
    assert (answer.imported, answer.refused) == (2, 1)
    assert (answer.errors[0].line, answer.errors[0].field) == (3, "price")
    mug = catalogue.snapshot().items[0]
    assert mug == Item("mug", category_path=("home", "kitchen"), price=500, currency="GBP", available_s=1_700_000_000)


@pytest.mark.parametrize(
    ("line", "field", "part"),
    [
        ("{", "", "not JSON at column 2"),
        ("[]", "item", "a JSON object"),
        ('{"title": "no id"}', "item_id", "a name of 1 to 256 bytes"),
        ('{"itemId": 5}', "itemId", "expected text"),
        ('{"itemId": "a", "colour": "red"}', "colour", "one of the fields itemId"),
        ('{"itemId": "a\\u0007"}', "item_id", "control characters"),
        ('{"itemId": "a", "title": "\\ud800"}', "title", "UTF-8"),
        (json.dumps({"itemId": "a" * 257}), "item_id", "256 bytes"),
        (json.dumps({"itemId": "a", "title": "t" * 1025}), "title", "1024 bytes"),
        (json.dumps({"itemId": "a", "categoryPath": ["x"] * 17}), "category_path", "at most 16"),
        ('{"itemId": "a", "categoryPath": "home"}', "categoryPath", "a list"),
        ('{"itemId": "a", "price": {"amountMinor": "5"}}', "currency_code", "ISO 4217"),
        ('{"itemId": "a", "price": {"amountMinor": -5, "currencyCode": "GBP"}}', "price", "0 to"),
        ('{"itemId": "a", "price": {"amountMinor": 1.5, "currencyCode": "GBP"}}', "price.amountMinor", "a whole"),
        ('{"itemId": "a", "price": {"amountMinor": true, "currencyCode": "GBP"}}', "price.amountMinor", "a whole"),
        ('{"itemId": "a", "price": 5}', "price", "a JSON object"),
        ('{"itemId": "a", "weightGrams": NaN}', "", "NaN"),
        ('{"itemId": "a", "weightGrams": 99999999999}', "weight_grams", "0 to 2147483647"),
        ('{"itemId": "a", "stock": [{"onHand": 1}]}', "stock.location", "a name"),
        ('{"itemId": "a", "stock": [{"location": "x", "onHand": -1}]}', "stock.on_hand", "0 to"),
        ('{"itemId": "a", "availableTime": "yesterday"}', "availableTime", "RFC 3339"),
        ('{"itemId": "a", "availableTime": "2026-01-31T08:00:00"}', "availableTime", "RFC 3339"),
        ('{"itemId": ' + "[" * 100_000, "", "not usable JSON"),
        (
            '{"itemId": "a", "price": {"amountMinor": 1, "currencyCode": "GBP"},'
            ' "cost": {"amountMinor": 1, "currencyCode": "EUR"}}',
            "cost.currencyCode",
            "GBP",
        ),
        ('{"itemId": "a", "attributes": ["red"]}', "attributes", "a JSON object"),
        ('{"itemId": "a", "attributes": {"size": 5}}', "attributes.size", "text"),
        ('{"itemId": "a", "attributes": {"the size": "5"}}', "attributes", "letters, digits"),
        ('{"itemId": "a", "attributes": {"size": ""}}', "attributes.size", "1 to 256 bytes"),
        (json.dumps({"itemId": "a", "attributes": {"size": "s" * 257}}), "attributes.size", "at most 256 bytes"),
        (json.dumps({"itemId": "a", "attributes": {f"a{n}": "1" for n in range(33)}}), "attributes", "at most 32"),
    ],
)
def test_a_bad_line_is_refused_by_field(line: str, field: str, part: str) -> None:
    error = refused(line)
    assert error.line == 1
    assert error.field == field
    assert part in error.message


def test_good_lines_are_imported_between_bad_ones() -> None:
    """In portions; the first errors are shown, all are counted."""
    lines = [json.dumps({"itemId": f"item-{number}"}) if number % 2 else "broken" for number in range(1, 1200)]
    answer, catalogue = run(None, inline="\n".join(lines))
    assert isinstance(answer, Imported)
    assert (answer.imported, answer.refused, len(answer.errors)) == (600, 599, ERRORS_SHOWN_MAX)
    assert answer.errors[0].line == 2
    assert len(catalogue.snapshot()) == 600


def test_only_validating_imports_nothing() -> None:
    answer, catalogue = run(None, inline='{"itemId": "a"}', validate_only=True)
    assert answer == Imported(1, 0, (), 0)
    assert len(catalogue.snapshot()) == 0


def test_bad_csv_rows_are_refused(tmp_path: Path) -> None:
    """Too few columns, stock that cannot be read, bytes that are not UTF-8; the rest goes in."""
    (tmp_path / "items.csv").write_bytes(
        b"itemId,price,currencyCode,stock\na,1,GBP\nb,1,GBP,london\nc\xff,1,GBP,\n\nd,x,GBP,\ne,1,GBP,london=2\n"
    )
    answer, catalogue = run(tmp_path, file="items.csv")
    assert isinstance(answer, Imported)
    found = [(error.line, error.field) for error in answer.errors]
    assert found == [(2, ""), (3, "stock"), (4, "itemId"), (6, "price")]
    assert [item.item_id for item in catalogue.snapshot().items] == ["e"]


@pytest.mark.parametrize("header", ["title,price", "itemId,colour", "itemId,item_id", ""])
def test_wrong_columns_refuse_the_file(tmp_path: Path, header: str) -> None:
    (tmp_path / "items.csv").write_text(f"{header}\na,b\n")
    answer, _ = run(tmp_path, file="items.csv")
    assert isinstance(answer, InvalidInput)
    assert answer.field == "file"


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    """Neither by dots, nor by an absolute path, nor through a link."""
    folder = tmp_path / "imports"
    folder.mkdir()
    outside = tmp_path / "secret.jsonl"
    outside.write_text('{"itemId": "a"}')
    os.symlink(outside, folder / "link.jsonl")
    for file in ("../secret.jsonl", str(outside), "link.jsonl", "a/../../secret.jsonl", "\0.jsonl"):
        answer, _ = run(folder, file=file)
        assert isinstance(answer, InvalidInput), file
        assert "below the import folder" in answer.message


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "broken.csv.gz").write_bytes(b"not gzip")
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(os.urandom(4096).hex().encode())[:-20])
    for file, kind in {
        "broken.csv.gz": InvalidInput,
        "broken.parquet": InvalidInput,
        "cut.jsonl.gz": InvalidInput,
        "absent.csv": NotFound,
        "items.xlsx": InvalidInput,
    }.items():
        answer, _ = run(tmp_path, file=file)
        assert isinstance(answer, kind), file
    answer, _ = run(None, file="items.csv")
    assert isinstance(answer, InvalidInput)
    assert "catalogue.import_dir" in answer.message


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small .gz that unpacks to much, and a line without an end."""
    monkeypatch.setattr(row_files, "LINE_BYTES_MAX", 1000)
    line = json.dumps({"itemId": "long", "title": "t" * 5000})
    answer, _ = run(None, inline=f'{{"itemId": "a"}}\n{line}\n{{"itemId": "b"}}')
    assert isinstance(answer, Imported)
    assert (answer.imported, answer.refused, answer.errors[0].line) == (2, 1, 2)
    monkeypatch.setattr(importing, "FILE_BYTES_MAX", 10_000)
    (tmp_path / "bomb.jsonl.gz").write_bytes(gzip.compress(b'{"itemId": "a"}\n' * 10_000))
    (tmp_path / "line.jsonl.gz").write_bytes(gzip.compress(b"x" * 100_000))
    for file in ("bomb.jsonl.gz", "line.jsonl.gz"):
        answer, _ = run(tmp_path, file=file)
        assert isinstance(answer, InvalidInput), file
        assert "split it" in answer.message
