"""InventoryService: the same over both faces; see parity_laws."""

from __future__ import annotations

from typing import Any

from demand_models import PoissonDemand
from parity_laws import Answered, EqualAnswers, EqualErrors, Refused
from parity_shop import CATALOGUE, EUR, GBP

from serving.adapters.min_cost_flow import min_cost_flow
from serving.core.turn import Turn
from serving.decisions.replenish.contract import AllocateQuery, PlanQuery
from serving.decisions.replenish.params import Params as ReplenishParams
from serving.decisions.replenish.service import InventoryService

INVENTORY = InventoryService(PoissonDemand, lambda: CATALOGUE, min_cost_flow, ReplenishParams())
TURN = Turn(0.0, 0.0, 1.0)
PLAN = {"itemId": "i2", "leadTimeDays": 7, "onHand": "3"}


def computed(query: Any) -> Any:
    """An answer, or an error, that depends on nothing but the query."""
    match query:
        case PlanQuery():
            return INVENTORY.run_plan([query], TURN)[0]
        case AllocateQuery():
            return INVENTORY.run_allocate([query], TURN)[0]


ANSWERED: Answered = [
    ("PlanReplenishment", {"items": [PLAN, PLAN | {"itemId": "gone"}], "firstDay": "2011-12-12", "requestId": "ä"}),
    (
        "PlanReplenishment",
        {
            "items": [
                {
                    "itemId": "22423",
                    "leadTimeDays": 2.5,
                    "leadTimeSdDays": 1,
                    "reviewPeriodDays": 1,
                    "pack": "6",
                    "minQuantity": "12",
                    "maxQuantity": "48",
                    "unitCost": GBP,
                    "orderCost": GBP,
                    "shortageCost": GBP,
                    "holdingRate": 0.3,
                    "unmetDemand": "UNMET_DEMAND_WAITS",
                    "dailyDemand": {"mean": 3, "sd": 2},
                    "onOrder": {"arrivals": [{"quantity": "2", "days": 1}]},
                },
                {
                    "itemId": "85123A",
                    "leadTimeDays": 3,
                    "cycleServiceLevel": 0.9,
                    "policy": "REPLENISHMENT_POLICY_BASE_STOCK",
                    "demandQuantiles": [{"quantile": 0.5, "units": [1, 2]}, {"quantile": 0.9, "units": [2, 4.5]}],
                },
            ]
        },
    ),
    (
        "AllocateStock",
        {
            "items": [
                {
                    "itemId": "22423",
                    "sources": [{"locationId": "main"}, {"locationId": "hub", "quantity": "9"}],
                    "destinations": [
                        {"locationId": "leeds", "dailyDemand": {"mean": 0.1, "sd": 0.4}, "minQuantity": "1"},
                        {
                            "locationId": "york",
                            "onHand": "1",
                            "unitValue": GBP,
                            "priority": 3,
                            "maxQuantity": "5",
                            "transportCosts": [{"sourceId": "hub", "cost": GBP}],
                            "demandQuantiles": [{"quantile": 0.5, "units": [1]}],
                        },
                    ],
                }
            ],
            "horizonDays": 7,
            "capacities": [{"locationId": "leeds", "units": "3"}],
        },
    ),
]


REFUSED: Refused = [
    ("PlanReplenishment", {}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN, PLAN]}, "REPEATED_ID"),
    ("PlanReplenishment", {"items": [PLAN | {"leadTimeDays": 0}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN | {"leadTimeDays": "NaN"}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN | {"onHand": "-1"}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN | {"pack": "12", "maxQuantity": "11"}]}, "INVALID_FIELD"),
    ("PlanReplenishment", {"items": [PLAN], "firstDay": "2013-01-01"}, "BEYOND_THE_MODEL"),
    (
        "PlanReplenishment",
        {"items": [PLAN | {"itemId": "22423", "unitCost": EUR, "dailyDemand": {"mean": 1}}]},
        "CURRENCY_DIFFERS",
    ),
    ("AllocateStock", {"items": [{"itemId": "i1"}]}, "INVALID_FIELD"),
    (
        "AllocateStock",
        {
            "items": [
                {
                    "itemId": "22423",
                    "sources": [{"locationId": "main", "quantity": "3"}],
                    "destinations": [
                        {"locationId": "leeds", "minQuantity": "4", "dailyDemand": {"mean": 1}},
                    ],
                }
            ]
        },
        "CONTRADICTORY_BOUNDS",
    ),
]


class TestInventory(EqualAnswers, EqualErrors):
    service = "storegate.v1.InventoryService"
    computed = staticmethod(computed)
    warm = staticmethod(INVENTORY.warm)
    answered = ANSWERED
    refused = REFUSED
