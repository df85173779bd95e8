"""What was shown, and what came of it: impressions and outcomes of the archive, joined by the decision that both name.

Both carry the signed token of one answer, so nobody has to be recognised: an item that was shown counts as clicked,
carted or bought when an event of that kind about that item names the same decision. Each counts once a decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

IMPRESSION: Final = "recommendation-impression"
OUTCOMES: Final = {"clicks": "detail-page-view", "carts": "add-to-cart", "purchases": "purchase-complete"}
"""Column of the report -> event type."""
_KEYS: Final = ("decision_id", "item_id")


@dataclass(frozen=True, slots=True)
class PlacementReport:
    """One placement. Everything but `decisions` and `unseen` counts items of decisions that were told as shown."""

    placement: int
    """Its code in the tokens."""
    decisions: int
    """Answers that were told as shown."""
    shown: int
    clicks: int
    carts: int
    purchases: int
    unseen: int
    """Outcomes that name a decision of which no impression of that item was told."""


def attribution(tables: Iterable[pa.Table]) -> list[PlacementReport]:
    """By placement, in order of its code. tables: of the archive. Memory: its events with a decision, an item each."""
    rows = [_items(table) for table in tables]
    events = pa.concat_tables(rows) if rows else _EMPTY
    shown = _distinct(events, IMPRESSION)
    found: dict[int, dict[str, int]] = {}
    for row in _counted(shown):
        found.setdefault(row["placement"], {}).update(shown=row["item_id_count"])
    decisions = shown.select(["placement", "decision_id"]).group_by(["placement", "decision_id"]).aggregate([])
    for row in decisions.group_by("placement").aggregate([("decision_id", "count")]).to_pylist():
        found[row["placement"]].update(decisions=row["decision_id_count"])
    for name, kind in OUTCOMES.items():
        outcome = _distinct(events, kind)
        keys = list(_KEYS)
        for row in _counted(outcome.join(shown.select(keys), keys, join_type="left semi")):
            found.setdefault(row["placement"], {}).update({name: row["item_id_count"]})
        for row in _counted(outcome.join(shown.select(keys), keys, join_type="left anti")):
            mine = found.setdefault(row["placement"], {})
            mine["unseen"] = mine.get("unseen", 0) + row["item_id_count"]
    fields = ("decisions", "shown", *OUTCOMES, "unseen")
    return [
        PlacementReport(placement, **{field: counts.get(field, 0) for field in fields})
        for placement, counts in sorted(found.items())
    ]


_EMPTY = pa.table(
    {
        "event_type": pa.array([], pa.string()),
        "decision_id": pa.array([], pa.string()),
        "placement": pa.array([], pa.int16()),
        "item_id": pa.array([], pa.string()),
    }
)


def _items(table: pa.Table) -> pa.Table:
    """One row an item of the events that name a decision."""
    led = table.filter(pc.not_equal(table["decision_id"], ""))
    if not len(led):
        return _EMPTY
    led = led.select(["event_type", "decision_id", "placement", "items"]).combine_chunks()
    parents = pc.list_parent_indices(led["items"])
    items = pc.list_flatten(led["items"])
    return pa.table(
        {
            "event_type": led["event_type"].take(parents),
            "decision_id": led["decision_id"].take(parents),
            "placement": led["placement"].take(parents),
            "item_id": pc.struct_field(items, "item_id"),
        }
    )


def _distinct(events: pa.Table, kind: str) -> pa.Table:
    """(placement, decision, item) of the events of a kind, once each."""
    mine = events.filter(pc.equal(events["event_type"], kind))
    return mine.group_by(["placement", *_KEYS]).aggregate([])


def _counted(items: pa.Table) -> list[dict[str, int]]:
    """How many by placement."""
    rows: list[dict[str, int]] = items.group_by("placement").aggregate([("item_id", "count")]).to_pylist()
    return rows
