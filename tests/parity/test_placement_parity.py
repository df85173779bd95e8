"""PlacementService: the same over both faces; see parity_laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused

from serving.adapters.slot_moves import choose_moves
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import StoregateError
from serving.core.turn import Turn
from serving.decisions.place.calls import PlacementCalls
from serving.decisions.place.contract import BatchQuery, SlottingQuery
from serving.decisions.place.service import PlacementService

PLACEMENT = PlacementService(choose_moves)
WALKS = PlacementCalls(PLACEMENT, SystemClock(), 10.0)
AISLES = {
    "aisles": {
        "aisles": [{"aisleId": "A", "xMetres": 0}, {"aisleId": "ä", "xMetres": 5}],
        "crossAisleYMetres": [0, 11],
        "depotXMetres": 0,
        "endXMetres": 5,
    }
}
BETWEEN = [0, 4, 7, 4, 0, 5, 7, 5, 0]
DISTANCES = {"distances": {"points": 3, "metres": BETWEEN, "depot": 0, "end": 0}}
SHELVES: dict[str, Any] = {
    "layout": AISLES,
    "slots": [
        {"slotId": "A3", "aisleId": "A", "yMetres": 3, "zone": "chilled", "volumeLitres": 9},
        {"slotId": "ä8", "aisleId": "ä", "yMetres": 8, "weightKg": 40},
        {"slotId": "ä9", "aisleId": "ä", "yMetres": 9},
    ],
    "items": [
        {"itemId": "milk", "slotId": "A3", "volumeLitres": 1, "weightKg": 1.03, "zone": "chilled", "units": "9"},
        {"itemId": "22423", "slotId": "ä9", "weightKg": 0.5},
    ],
    "orders": [
        {"orderId": "1", "lines": [{"itemId": "milk", "quantity": "2"}, {"itemId": "22423"}]},
        {"orderId": "2", "lines": [{"itemId": "22423", "quantity": "3"}, {"itemId": "22423"}]},
    ],
    "searchSeconds": 1e-6,
}
"""Searched for no time at all, both methods' answers depend on nothing but the question."""
POINTS: dict[str, Any] = SHELVES | {
    "layout": DISTANCES,
    "slots": [{"slotId": name, "point": 2} for name in ("A3", "ä9")],
}


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case BatchQuery() | SlottingQuery():
            run: Any = WALKS.run_batch if isinstance(query, BatchQuery) else WALKS.run_slotting
            (done,) = run([query], Turn(SystemClock().monotonic(), 0.0, NEVER))
            return done if isinstance(done, StoregateError) else replace(done, answer=replace(done.answer, seconds=0.5))


ANSWERED: Answered = [
    ("BatchOrders", SHELVES | {"limits": {"maxOrders": 1, "maxVolumeLitres": 2.5}, "seed": "7", "requestId": "ä"}),
    ("BatchOrders", SHELVES),
    ("BatchOrders", POINTS),
    ("PlanSlotting", SHELVES | {"maxMoves": 1, "requestId": "ä"}),
    ("PlanSlotting", SHELVES | {"items": [{"itemId": "milk"}, {"itemId": "22423"}]}),
]


REFUSED: Refused = [
    ("BatchOrders", {}, "MISSING_LAYOUT"),
    ("BatchOrders", SHELVES | {"orders": []}, "WRONG_COUNT"),
    ("BatchOrders", SHELVES | {"orders": SHELVES["orders"] * 2}, "REPEATED_ID"),
    ("BatchOrders", SHELVES | {"orders": [{"orderId": "1", "lines": [{"itemId": "gone"}]}]}, "UNKNOWN_ITEM"),
    ("BatchOrders", SHELVES | {"slots": [{"slotId": "A3", "aisleId": "Z"}]}, "UNKNOWN_AISLE"),
    ("BatchOrders", SHELVES | {"items": [{"itemId": "milk", "slotId": "Z9"}]}, "UNKNOWN_SLOT"),
    ("BatchOrders", SHELVES | {"items": [{"itemId": name, "slotId": "A3"} for name in "ab"]}, "SLOT_TAKEN"),
    ("BatchOrders", SHELVES | {"limits": {"maxUnits": "2"}}, "INVALID_FIELD"),
    ("BatchOrders", SHELVES | {"searchSeconds": 301}, "INVALID_FIELD"),
    (
        "BatchOrders",
        POINTS | {"layout": {"distances": {"points": 3, "metres": ["Infinity", *BETWEEN[1:]]}}},
        "UNREACHABLE",
    ),
    (
        "BatchOrders",
        POINTS | {"layout": {"distances": {"points": 3, "metres": [*BETWEEN[:3], 9, *BETWEEN[4:]]}}},
        "ASYMMETRIC_DISTANCES",
    ),
    ("PlanSlotting", POINTS, "LAYOUT_NOT_SUPPORTED"),
    ("PlanSlotting", SHELVES | {"slots": SHELVES["slots"][::2][:1]}, "UNKNOWN_SLOT"),
    ("PlanSlotting", SHELVES | {"items": [{"itemId": name} for name in ("milk", "22423", "x", "y")]}, "TOO_MANY"),
]


class TestPlacement(EqualAnswers, EqualErrors):
    service = "storegate.v1.PlacementService"
    computed = staticmethod(computed)
    warm = staticmethod(PLACEMENT.warm)
    answered = ANSWERED
    refused = REFUSED
