"""The served recipe is searched as the baselines are; every parameter it names exists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_repo.datasets.demo_store import generate
from model_repo.evaluate import recommend as flow
from model_repo.evaluate.served_search import IN_SEQUENCE, IN_TIME, applied, space_of, tuned
from model_repo.evaluate.splits import DAY_S, cut_before_end
from model_repo.recommend import Plan
from serving.core.errors import InvalidInput
from serving.decisions.recommend.params import Params


@pytest.fixture(scope="module")
def shop():
    return generate(items=150, customers=300, days=70, seed=5)


@pytest.mark.parametrize(
    ("space", "plan", "params"),
    [(IN_TIME, Plan(), Params()), (IN_SEQUENCE, flow.SEQUENCE_PLAN, flow.SEQUENCE_PARAMS)],
)
def test_every_value_of_the_space_can_be_set_and_the_first_is_the_one_in_use(space, plan, params):
    whole = space_of(space, plan, params)
    assert applied(plan, params, {name: values[0] for name, values in whole.items()}) == (plan, params)
    for name, values in whole.items():
        assert len(set(values)) == len(values) > 1
        made = [applied(plan, params, {name: value}) for value in values]
        assert len({repr(one) for one in made}) == len(values)


def test_a_value_deep_in_the_recipe_changes_nothing_else():
    plan, params = applied(Plan(), Params(), {"plan.recipe.item_item.l2": 7.0, "params.half_life_days": 5.0})
    recipe = Plan().recipe
    assert plan == replace(Plan(), recipe=replace(recipe, item_item=replace(recipe.item_item, l2=7.0)))
    assert params == Params(half_life_days=5.0)


def test_a_parameter_that_is_not_there_is_named():
    with pytest.raises(InvalidInput, match="half_live_days"):
        applied(Plan(), Params(), {"params.half_live_days": 5.0})
    with pytest.raises(InvalidInput, match="l3"):
        space_of({"plan.recipe.item_item.l3": (1.0,)}, Plan(), Params())


def test_tuning_asks_one_week_before_and_sees_nothing_of_the_test(shop):
    """Everything after the cut is replaced: the same choice, of the same figure."""
    cut_s = cut_before_end(shop.events, 7)
    later = shop.events.time_s >= cut_s
    items = np.random.default_rng(0).integers(0, len(shop.items), len(later))
    other = replace(shop, events=replace(shop.events, item=np.where(later, items, shop.events.item).astype(np.int32)))
    found = []
    for dataset in (shop, other):
        lines: list[str] = []
        task = replace(flow.next_week(dataset, cut_s), plan=Plan(moments=1))
        chosen, plan, params = tuned(dataset, task, seed=0, budget=2, say=lines.append)
        assert chosen.tried == len(lines) == 2
        assert applied(task.plan, task.params, chosen.values) == (plan, params)
        found.append(chosen)
    assert found[0] == found[1]
    assert 0.0 < found[0].ndcg <= 1.0


def test_the_table_says_whether_the_served_recipe_was_searched(shop):
    """Two cuts, means over them, sums of their customers; a note where nothing was searched."""
    cut_s = cut_before_end(shop.events, 7)
    few = {"ks": (10,), "seed": 0, "say": lambda line: None, "command": "evaluate recommend"}

    def cuts(*moments):
        tasks = [replace(flow.next_week(shop, moment, len(moments)), plan=Plan(moments=1)) for moment in moments]
        return [(shop, replace(task, contenders=task.contenders[:2])) for task in tasks]

    both = flow.evaluate_cuts(cuts(cut_s - 7 * DAY_S, cut_s), budget=2, **few)
    alone = [flow.evaluate_cuts(cuts(moment), budget=2, **few) for moment in (cut_s - 7 * DAY_S, cut_s)]
    assert flow.FIXED in both.notes
    assert both.rows[0].chosen is None
    assert both.counts["customers_evaluated"] == sum(one.counts["customers_evaluated"] for one in alone)
    for name, value in both.rows[0].metrics.items():
        assert value == pytest.approx(np.mean([one.rows[0].metrics[name] for one in alone]))
    searched = flow.evaluate_cuts(cuts(cut_s), budget=1, tune_served=True, **few)
    assert flow.FIXED not in searched.notes
    assert searched.rows[0].chosen is not None
    assert searched.rows[0].chosen.tried == 1
    assert searched.rows[0].metrics == alone[1].rows[0].metrics
