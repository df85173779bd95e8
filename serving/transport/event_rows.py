"""Rows of a file to events: nested as in protobuf's JSON mapping (JSON lines), or flat (CSV, Parquet).

Names are lowerCamelCase or as in the .proto. Who sends the events to a gateway only reads them here; the gateway that
reads files itself also checks what they say (`write_rows`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

from google.protobuf import json_format

from serving.core.errors import InvalidInput
from serving.core.row_files import Form, LineError, RowFile, columns, numbered_rows
from serving.events.import_contract import BAD_ROW, ImportEvents, RefusedRow, Row
from serving.transport.event_codec import write_of
from storegate.v1 import event_pb2 as pb

FLAT_FIELDS: Final = (
    "eventId", "eventType", "userId", "visitorId", "eventTime", "itemId", "quantity", "items", "searchQuery",
    "personalization", "attributionToken",
)  # fmt: skip
FILE_BYTES_MAX: Final = 1 << 40
"""A file is read row by row: nothing but the disk bounds it."""


def event_form() -> Form[pb.UserEvent]:
    """For core/row_files.py."""
    return Form(_from_json, _from_flat, _camel, _check_columns, FILE_BYTES_MAX)


def write_rows(file: RowFile, skip: int, query: ImportEvents, now_s: float) -> Iterator[Row]:
    """A ReadRows (events/importing.py): the rows of the file after the first `skip`, checked as WriteUserEvent does."""
    for number, (line, found) in enumerate(numbered_rows(file, event_form(), skip), skip + 1):
        if isinstance(found, LineError):
            refused = RefusedRow(file.name, number, line, "", found.field, BAD_ROW, found.message)
            yield Row(number, line, refused)
            continue
        event = with_id(found, number)
        try:
            yield Row(number, line, write_of(event, now_s, query.durable, validate_only=query.validate_only))
        except InvalidInput as error:
            yield Row(number, line, RefusedRow.of(file.name, number, line, event.event_id, error))


def event_columns(file: RowFile) -> Mapping[str, str]:
    """A ReadColumns (events/importing.py)."""
    return columns(file, event_form())


def with_id(event: pb.UserEvent, row: int) -> pb.UserEvent:
    """An event without an id gets one from what it says and its row, so that the same file can be imported again."""
    if not event.event_id:
        said = event.SerializeToString(deterministic=True)
        event.event_id = f"import-{blake2b(said + row.to_bytes(8, 'little'), digest_size=12).hexdigest()}"
    return event


def _from_json(row: Any) -> pb.UserEvent:
    if not isinstance(row, dict):
        raise InvalidInput("event", row, "a JSON object")
    try:
        return json_format.ParseDict(row, pb.UserEvent())
    except (json_format.ParseError, SystemError, UnicodeError) as error:  # a name that is no Unicode raises the latter
        raise InvalidInput("event", json.dumps(row), f"a UserEvent in protobuf's JSON mapping ({error})") from None


def _from_flat(row: Mapping[str, Any]) -> pb.UserEvent:
    """items: "a=2; b" (item=quantity), or a list; itemId and quantity name one item instead."""
    fields = {name: value for name, value in row.items() if not _absent(value)}
    item_id, quantity = fields.pop("itemId", None), fields.pop("quantity", None)
    items = _items(fields.pop("items", ""))
    if item_id is not None:
        whole = _whole("quantity", quantity if quantity is not None else 1)
        items.append({"itemId": _text("itemId", item_id), "quantity": whole})
    elif quantity is not None:
        raise InvalidInput("quantity", quantity, "an itemId beside it")
    if "eventTime" in fields:
        fields["eventTime"] = _time(fields["eventTime"])
    texts = {name: _text(name, value) for name, value in fields.items()}
    return _from_json(texts | {"items": items})


def _absent(value: Any) -> bool:
    """NaN is what a table without missing values has for one."""
    return value is None or value == "" or value != value


def _text(field: str, value: Any) -> str:
    """Ids are numbers in some tables: whole ones, which a column with gaps holds as floats."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput(field, value, "text, or a whole number")


def _items(items: Any) -> list[dict[str, Any]]:
    if isinstance(items, str):
        return [_item(part) for part in items.split(";") if part.strip()]
    if not isinstance(items, list):
        raise InvalidInput("items", items, 'text such as "a=2; b", or a list')
    return [_listed(one) for one in items]


def _listed(item: Any) -> dict[str, Any]:
    """Of a list of ids, or of structs as in protobuf's JSON mapping."""
    if not isinstance(item, dict):
        return {"itemId": _text("items", item)}
    return {_camel(name): value for name, value in item.items() if not _absent(value)}


def _item(part: str) -> dict[str, Any]:
    name, equals, quantity = part.strip().rpartition("=")
    return {"itemId": name, "quantity": _whole("items", quantity)} if equals else {"itemId": quantity}


def _whole(field: str, value: Any) -> int:
    try:
        number = float(value)
        if number.is_integer():
            return int(number)
    except (TypeError, ValueError):
        pass
    raise InvalidInput(field, value, "a whole number")


def _time(value: Any) -> str:
    """RFC 3339, of a text like it (a space for the T, no zone = UTC) or of a Parquet timestamp."""
    try:
        when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
        utc = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("eventTime", value, "a time as in RFC 3339, for example 2026-01-31T08:00:00Z") from None
    return utc.isoformat().replace("+00:00", "Z")


def _camel(name: str) -> str:
    head, *tail = name.strip().split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in tail)


def _check_columns(names: list[str]) -> None:
    if "eventType" not in names:
        raise InvalidInput("file", ", ".join(names), "a column eventType")
    for name in names:
        if name not in FLAT_FIELDS or names.count(name) > 1:
            raise InvalidInput("file", name, f"each of the columns {', '.join(FLAT_FIELDS)} at most once")
