"""RoutingService: the same over both faces; see parity_laws."""

from __future__ import annotations

from typing import Any

from parity_laws import Answered, EqualAnswers, EqualErrors, Refused
from planners import planner
from towns import LINE, changed

from serving.core.clock import NEVER
from serving.core.turn import Turn
from serving.decisions.route.contract import PlanQuery as RoutesQuery
from serving.decisions.route.contract import ReplanQuery

RUNNING = {
    "problem": LINE,
    "plan": {
        "routes": [
            {
                "vehicleId": "van",
                "visits": [
                    {"stopId": "a", "arrivalS": 10, "beginS": 10, "departureS": 70},
                    {"stopId": "b", "arrivalS": 80, "beginS": 80, "departureS": 140},
                ],
                "endsS": 160,
            }
        ],
        "dropped": [{"stopId": "c"}],
    },
    "nowS": 20,
    "changes": [{"cancelledStopId": "b"}],
    "requestId": "ä",
}


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case RoutesQuery():
            return planner().run_plan([query], Turn(0.0, 0.0, NEVER))[0]
        case ReplanQuery():
            return planner().run_replan([query], Turn(0.0, 0.0, NEVER))[0]


ANSWERED: Answered = [
    ("PlanRoutes", LINE | {"timeLimitS": 0.05, "requestId": "ä"}),
    ("ReplanRoutes", RUNNING),
]


REFUSED: Refused = [
    ("PlanRoutes", {}, "WRONG_COUNT"),
    ("PlanRoutes", changed(LINE, "stops.1.stopId", "a"), "REPEATED_ID"),
    ("PlanRoutes", LINE | {"timeLimitS": 1e9}, "INVALID_FIELD"),
    ("PlanRoutes", LINE | {"profiles": [{"tableServer": {}}]}, "INVALID_FIELD"),
    ("ReplanRoutes", RUNNING | {"changes": [{"cancelledStopId": "moon"}]}, "UNKNOWN_ID"),
    ("ReplanRoutes", RUNNING | {"changes": [{}]}, "INVALID_FIELD"),
]


class TestRouting(EqualAnswers, EqualErrors):
    service = "storegate.v1.RoutingService"
    computed = staticmethod(computed)
    warm = staticmethod(planner)
    answered = ANSWERED
    refused = REFUSED
