"""What a page is ordered by: rankers, objectives and chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from worlds import TURN, Shelf, blob, checkerboard, few

from serving.core.errors import ModelFailed
from serving.core.prices import catalogue_prices
from serving.decisions.recommend.contract import PLACEMENTS, Answer, Query
from serving.decisions.recommend.models import Rankers
from serving.decisions.recommend.ordering import LEAST_EARNED, USUAL_MARGIN
from serving.decisions.recommend.pipeline import Recommender
from serving.features import FEATURES

PROFILE = blob(("purchase-complete", "i2", 40), ("purchase-complete", "i4", 20), ("detail-page-view", "i6", 1))
LEARNED = ("recommended-for-you", "others-you-may-like", "buy-it-again", "on-sale", "complete-the-basket")


def recommender(rankers: Rankers | None = None, **params: object) -> Recommender:
    """Prices and costs that have nothing to do with parity or place; every fifth cost is not known."""
    models, catalogue = checkerboard()
    changes = [
        replace(
            item, price=price, list_price=2 * price, cost=0 if row % 5 == 0 else price * (10 + row * 13 % 80) // 100
        )
        for row, item in enumerate(catalogue.items)
        for price in [100 * (1 + row * 7 % 11)]
    ]
    catalogue = catalogue.updated(changes, 2)
    models = replace(models, rankers=rankers or models.rankers)
    return Recommender(models, lambda: catalogue, Shelf({"u:eve": PROFILE}), few(**params))


def one(pipeline: Recommender, placement: str = "recommended-for-you", **query: object) -> Answer:
    return pipeline.run([Query(**{"placement": placement, "user_id": "eve", "item_ids": ("i10",), **query})], TURN)[0]


@pytest.mark.parametrize("objective", ["revenue", "margin"])
@pytest.mark.parametrize("placement", ["recommended-for-you", "others-you-may-like", "similar-items"])
def test_the_page_is_worth_more_the_further_it_leans(placement: str, objective: str) -> None:
    """The mean log worth of the page never falls with the weight, and at 1 it is above that at 0."""
    pipeline, worths, prices = recommender(), [], []
    for weight in (0.0, 0.25, 0.5, 0.75, 1.0):
        answer = one(pipeline, placement, objective=objective, objective_weight=weight, page_size=8)
        some = catalogue_prices(answer.catalogue)
        price, cost = some.price[answer.rows].astype(float), some.cost[answer.rows]
        worth = price if objective == "revenue" else np.where(cost > 0, price - cost, price * USUAL_MARGIN)
        worths.append(round(float(np.log(np.maximum(worth, LEAST_EARNED)).mean()), 9))
        prices.append(worth.mean())
    assert worths == sorted(worths)
    assert worths[-1] > worths[0]
    assert prices[-1] > prices[0]


def test_the_store_s_weight_counts_where_a_request_says_none() -> None:
    """And a purchase page leans on nothing."""
    pipeline = recommender(objective_weight=0.75)
    said = one(pipeline, objective="revenue", objective_weight=0.75)
    np.testing.assert_array_equal(one(pipeline, objective="revenue").rows, said.rows)
    plain = one(pipeline)
    np.testing.assert_array_equal(one(pipeline, objective_weight=1.0).scores, plain.scores)
    assert plain.rows.tolist() != said.rows.tolist()


class By:
    """A ranker that scores by one feature, upwards or downwards."""

    def __init__(self, feature: str, sign: int = 1) -> None:
        self._column, self._sign = FEATURES.index(feature), sign

    def score(self, features: np.ndarray) -> np.ndarray:
        return self._sign * features[:, self._column]


class Broken:
    def score(self, features: np.ndarray) -> np.ndarray:
        raise ModelFailed("ranker", "bad input")


def test_each_placement_is_ordered_by_its_ranker() -> None:
    """Purchase, basket and click pages of one batch, each by its own."""
    pipeline = recommender(Rankers(By("popularity_7d", -1), By("coview_score"), By("popularity_7d")))
    queries = [
        Query("recommended-for-you", "eve"),
        Query("others-you-may-like", "eve", item_ids=("i10",)),
        Query("recommended-for-you", "eve", objective="click"),
        Query("others-you-may-like", "eve", item_ids=("i10",), objective="click"),
        Query("trending"),
    ]
    purchase, basket, click, beside, trending = pipeline.run(queries, TURN)
    assert purchase.rows.tolist() == list(range(39, 29, -1))
    assert set(basket.rows[:2]) == {6, 14}
    assert click.rows.tolist() == list(range(10))
    assert beside.rows.tolist() == basket.rows.tolist()
    assert trending.rows.tolist() == list(range(10))


def test_what_no_ranker_orders_needs_none() -> None:
    """Broken rankers do not degrade a page that is ordered by a signal."""
    pipeline = recommender(Rankers(Broken(), Broken(), Broken()))
    for placement in PLACEMENTS:
        degraded = one(pipeline, placement).degraded
        assert bool(degraded) == (placement in LEARNED)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_exploration_is_repeatable_and_says_its_chances(placement: str) -> None:
    """Only where a ranker orders; the decision's id is the seed."""
    pipeline = recommender(exploration_share=0.5)
    answers = [one(pipeline, placement, decision_id=f"{k:032x}", page_size=8) for k in (*range(20), *range(20))]
    for first, again in zip(answers[:20], answers[20:], strict=True):
        np.testing.assert_array_equal(first.rows, again.rows)
        np.testing.assert_array_equal(first.propensities, again.propensities)
        assert ((first.propensities > 0) & (first.propensities <= 1)).all()
        assert (first.propensities[:-1] < 1).all() if placement in LEARNED else (first.propensities == 1).all()
    several = len(answers[0].rows) > 2
    assert (len({tuple(answer.rows) for answer in answers}) > 1) == (placement in LEARNED and several)


def test_without_exploration_nothing_is_left_to_chance() -> None:
    """Two decisions, one page, all chances 1."""
    first, again = (one(recommender(), decision_id=f"{k:032x}") for k in (1, 2))
    np.testing.assert_array_equal(first.rows, again.rows)
    assert set(first.propensities) == {1.0}
