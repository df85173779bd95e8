"""The catalogue's methods: request bytes to checked queries, their results to bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from serving.catalogue.contract import (
    DeleteItems,
    GetItem,
    Imported,
    ImportItems,
    PriceUpdate,
    SetPrices,
    SetStock,
    StockUpdate,
    UpsertItems,
    Written,
)
from serving.core.catalogue import AMOUNTS
from serving.core.clock import Clock
from serving.core.errors import InvalidInput
from serving.transport import checks
from serving.transport.item_codec import amount, currency_code, item_of
from storegate.v1 import catalog_pb2 as pb

ROWS_MAX: Final = 1000
FILE_BYTES_MAX: Final = 4096


def decode_upsert(payload: bytes, clock: Clock) -> UpsertItems:
    request = checks.parsed(pb.UpsertItemsRequest.FromString, "UpsertItemsRequest", payload)
    rows, now_s = _some("items", request.items), clock.wall()
    return UpsertItems(
        tuple(item_of(item, f"items[{position}].", now_s) for position, item in enumerate(rows)), request.validate_only
    )


def decode_delete(payload: bytes) -> DeleteItems:
    request = checks.parsed(pb.DeleteItemsRequest.FromString, "DeleteItemsRequest", payload)
    return DeleteItems(checks.ids("item_ids", _some("item_ids", request.item_ids), ROWS_MAX))


def decode_import(payload: bytes) -> ImportItems:
    request = checks.parsed(pb.ImportItemsRequest.FromString, "ImportItemsRequest", payload)
    source = request.WhichOneof("source")
    if source is None or not getattr(request, source):
        raise InvalidInput(source or "source", "", "inline_json_lines or file")
    if source == "file":
        return ImportItems(file=checks.text("file", request.file, FILE_BYTES_MAX), validate_only=request.validate_only)
    return ImportItems(inline=request.inline_json_lines, validate_only=request.validate_only)


def decode_get(payload: bytes) -> GetItem:
    request = checks.parsed(pb.GetItemRequest.FromString, "GetItemRequest", payload)
    return GetItem(checks.needed_id("item_id", request.item_id))


def decode_stock(payload: bytes) -> SetStock:
    request = checks.parsed(pb.SetStockRequest.FromString, "SetStockRequest", payload)
    return SetStock(
        tuple(
            StockUpdate(
                checks.needed_id(f"updates[{position}].item_id", update.item_id),
                checks.needed_id(f"updates[{position}].location", update.location),
                checks.whole(f"updates[{position}].on_hand", update.on_hand, 0),
                checks.whole(f"updates[{position}].on_order", update.on_order, 0),
            )
            for position, update in enumerate(_some("updates", request.updates))
        )
    )


def decode_prices(payload: bytes, clock: Clock) -> SetPrices:
    request = checks.parsed(pb.SetPricesRequest.FromString, "SetPricesRequest", payload)
    updates, now_s = enumerate(_some("updates", request.updates)), clock.wall()
    return SetPrices(tuple(_price(update, f"updates[{position}]", now_s) for position, update in updates))


def encode_upserted(written: Written) -> bytes:
    return checks.wire(pb.UpsertItemsResponse(upserted=written.count, catalogue_version=written.version))


def encode_deleted(written: Written) -> bytes:
    return checks.wire(
        pb.DeleteItemsResponse(
            deleted=written.count, missing_item_ids=written.missing, catalogue_version=written.version
        )
    )


def encode_stock_set(written: Written) -> bytes:
    return checks.wire(
        pb.SetStockResponse(updated=written.count, missing_item_ids=written.missing, catalogue_version=written.version)
    )


def encode_prices_set(written: Written) -> bytes:
    return checks.wire(
        pb.SetPricesResponse(updated=written.count, missing_item_ids=written.missing, catalogue_version=written.version)
    )


def encode_imported(done: Imported) -> bytes:
    errors = [pb.ImportError(line=error.line, field=error.field, message=error.message) for error in done.errors]
    return checks.wire(
        pb.ImportItemsResponse(
            imported=done.imported, refused=done.refused, errors=errors, catalogue_version=done.version
        )
    )


def _some(field: str, rows: Sequence[Any]) -> Sequence[Any]:
    """`rows` when there are 1 to ROWS_MAX."""
    if not 1 <= len(rows) <= ROWS_MAX:
        raise InvalidInput(field, f"{len(rows)} rows", f"1 to {ROWS_MAX}")
    return rows


def _price(update: Any, field: str, now_s: float) -> PriceUpdate:
    """An absent amount is unchanged; the amounts that are there have one currency."""
    amounts: dict[str, int] = {}
    currency = ""
    for name in AMOUNTS:
        if not update.HasField(name):
            continue
        money = getattr(update, name)
        code = currency_code(f"{field}.{name}", money.currency_code)
        if currency and code != currency:
            raise InvalidInput(f"{field}.{name}.currency_code", code, f"{currency}, as in the update's other amounts")
        currency, amounts[name] = code, amount(f"{field}.{name}", money)
    if not amounts:
        raise InvalidInput(field, "no amount", "one of " + ", ".join(AMOUNTS))
    since_s = checks.time_s(f"{field}.valid_from", update.valid_from, now_s) if update.HasField("valid_from") else 0
    if since_s and "price" not in amounts:
        raise InvalidInput(f"{field}.valid_from", since_s, "a price that it is said of")
    item_id = checks.needed_id(f"{field}.item_id", update.item_id)
    return PriceUpdate(item_id, currency, **amounts, valid_from_s=since_s)
