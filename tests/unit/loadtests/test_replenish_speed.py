"""The measurement of plans: what it times are whole answers, of every item that it counts."""

from __future__ import annotations

import numpy as np
import pytest
from demand_models import PoissonDemand

from loadtests.replenish_speed import KINDS, asked, measured, planned
from serving.adapters.min_cost_flow import min_cost_flow
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput
from serving.decisions.replenish.params import Params
from serving.decisions.replenish.service import InventoryService
from storegate.v1 import inventory_pb2 as pb

ITEMS = 12


def service() -> InventoryService:
    model = PoissonDemand(item_ids=tuple(f"i{k}" for k in range(ITEMS)))
    catalogue = Catalogue.build([Item(item, price=900, cost=600, currency="GBP") for item in model.item_ids])
    return InventoryService(lambda: model, lambda: catalogue, min_cost_flow, Params())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_is_planned_for_every_item(kind):
    one, many = measured(service(), kind, ITEMS, 10, seed=0)
    assert (one["batch"], many["items"]) == (1, ITEMS)
    assert many["items_per_s"] > 0
    answer = pb.PlanReplenishmentResponse.FromString(planned(service(), asked(kind, np.arange(ITEMS))))
    assert [plan.item_id for plan in answer.plans] == [f"i{k}" for k in range(ITEMS)]
    assert all(plan.order_quantity > 0 for plan in answer.plans[1:])


def test_a_refusal_is_not_measured_as_an_answer():
    with pytest.raises(InvalidInput):
        planned(service(), asked(KINDS[0], np.array([], np.int64)))
