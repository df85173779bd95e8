"""Logged decisions as bytes, and queries as JSON: both there and back without loss.

A record is its version (1 byte), then under zlib: the length of the JSON (uint32), the JSON, one array a numeric column
of the results (float32 score, weight, propensity; int64 price; uint8 source, reason; little-endian), and the profile.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np

from serving.decisions.recommend.contract import Pin, Query, SessionEvent
from serving.decisions.recommend.record import Decision, Result

VERSION: Final = 1
LEVEL: Final = 1
"""Of zlib, the fastest. It also lets go of the GIL, so that the engine never waits long for the encoding of a group."""
DECODED_BYTES_MAX: Final = 1 << 24
"""A record that unpacks to more was not written by us."""

_LENGTH: Final = struct.Struct("<I")
_COLUMNS: Final = (
    ("score", "<f4"),
    ("weight", "<f4"),
    ("propensity", "<f4"),
    ("price", "<i8"),
    ("source", "<u1"),
    ("reason", "<u1"),
)
_QUERY: Final = tuple(field.name for field in fields(Query))


def query_to_dict(query: Query) -> dict[str, Any]:
    """Every field, fit for JSON; defaults too, which a later version may change."""
    found = {name: getattr(query, name) for name in _QUERY}
    found["session"] = [{"type": e.type, "item_id": e.item_id, "time_s": e.time_s} for e in query.session]
    found["pins"] = [{"item_id": pin.item_id, "place": pin.place} for pin in query.pins]
    return found


def query_from_dict(found: Mapping[str, Any]) -> Query:
    """The query of `query_to_dict`, after JSON or before. A field it lacks has its default; unknown ones are left."""
    values = {name: _tuple(value) for name, value in found.items() if name in _QUERY}
    values["session"] = tuple(SessionEvent(**event) for event in found.get("session", ()))
    values["pins"] = tuple(Pin(**pin) for pin in found.get("pins", ()))
    return Query(**values)


def encode(decision: Decision) -> bytes:
    """The record."""
    results = decision.results
    text = json.dumps(
        {
            "id": decision.decision_id,
            "wall": decision.wall,
            "query": query_to_dict(decision.query),
            "before": [query_to_dict(query) for query in decision.before],
            "params": decision.params,
            "release": decision.release,
            "versions": decision.versions,
            "catalogue": decision.catalogue_version,
            "degraded": decision.degraded,
            "missing": decision.missing,
            "next": decision.next_offset,
            "priced_by": decision.priced_by,
            "items": [result.item_id for result in results],
            "related": [result.related for result in results],
            "currencies": [result.currency for result in results],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    columns = [np.array([getattr(result, name) for result in results], kind).tobytes() for name, kind in _COLUMNS]
    body = b"".join((_LENGTH.pack(len(text)), text, *columns, decision.blob))
    return bytes((VERSION,)) + zlib.compress(body, LEVEL)


def decode(data: bytes) -> Decision:
    """The decision of `encode`. Raises ValueError for bytes that this version cannot read."""
    try:
        return _decoded(data)
    except (KeyError, TypeError, IndexError, struct.error, zlib.error) as error:
        raise ValueError(f"not a record of a decision: {error}") from error


def _decoded(data: bytes) -> Decision:
    if data[0] != VERSION:
        raise ValueError(f"version {data[0]}")
    unpacking = zlib.decompressobj()
    body = unpacking.decompress(data[1:], DECODED_BYTES_MAX)
    if not unpacking.eof:
        raise ValueError("cut off, or too large")
    (size,) = _LENGTH.unpack_from(body)
    at = _LENGTH.size + size
    found = json.loads(body[_LENGTH.size : at])
    columns: dict[str, list[Any]] = {
        "item_id": found["items"],
        "related": found["related"],
        "currency": found["currencies"],
    }
    count = len(found["items"])
    for name, kind in _COLUMNS:
        column = np.frombuffer(body, kind, count, at)
        columns[name] = column.tolist()
        at += column.nbytes
    names = tuple(columns)
    return Decision(
        found["id"],
        found["wall"],
        query_from_dict(found["query"]),
        body[at:],
        {name: _tuple(value) for name, value in found["params"].items()},
        found["release"],
        found["versions"],
        found["catalogue"],
        tuple(Result(**dict(zip(names, row, strict=True))) for row in zip(*columns.values(), strict=True)),
        tuple((stage, cause) for stage, cause in found["degraded"]),
        tuple(found["missing"]),
        found["next"],
        tuple(query_from_dict(query) for query in found["before"]),
        found.get("priced_by", ""),  # earlier records have none
    )


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
