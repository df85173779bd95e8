"""The pricing model: what it learns from worlds whose elasticity is put in, and that units never rise with a price."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from panels import flat, panel_with

from model_repo.datasets.demo_store import generate
from model_repo.datasets.panel import joined
from model_repo.price.build import Built, Params, build, build_from
from model_repo.price.prior import Params as PriorParams
from model_repo.price.trees import Params as TreeParams
from model_repo.price.trees import to_file
from model_repo.ranker.trees import Trees
from serving.adapters.model_files import dump_arrays
from serving.adapters.price_files import CURVES, CURVES_FILE, TREES_FILE, load_price_model, read_price_model
from serving.adapters.versions import write_version
from serving.core.errors import InvalidInput, ModelDamaged
from serving.decisions.price.demand import LADDER_MAX, DemandModel, PriceContext, Sales
from serving.decisions.price.posterior import PosteriorDemand
from serving.decisions.price.price_features import KNOTS, tree_rows

DAY = 20_000
EAGER = Params(trees=TreeParams(rows_min=100, leaf_rows=20, gain_min=0.0, trees=20))
"""Trees wherever they foretell better at all."""


@pytest.fixture(scope="module")
def kept() -> list[Trees]:
    """The trees behind `built`, as LightGBM has them."""
    return []


@pytest.fixture(scope="module")
def built(kept: list[Trees]) -> Built:
    """A world of elasticity -3 in which a promotion doubles sales of cheap items only: a line cannot say that."""
    panel = panel_with(-3.0, periods=80)
    promo = panel.period % 5 == 0
    lively = replace(panel, promo=promo.astype(float), units=panel.units * (1 + (promo & (panel.price < 1000))))

    def noted(trees: Trees) -> bytes:
        kept.append(trees)
        return to_file(trees)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model_repo.price.build.to_file", noted)
        return build(lively, params=EAGER)


def _rows(model: PosteriorDemand) -> np.ndarray:
    return np.arange(len(model.item_ids), dtype=np.int32)


@pytest.mark.parametrize("truth", [-1.2, -3.0])
def test_the_elasticity_that_was_put_in_is_found(truth: float) -> None:
    found = build(panel_with(truth), params=Params(trees=None))
    assert np.median(found.model.elasticity(_rows(found.model))) == pytest.approx(truth, abs=0.2)
    assert found.metrics["prior_only"] == 0


def test_an_item_that_never_changed_its_price_gets_its_categorys_elasticity() -> None:
    """Category 0 is twice as elastic as the others; its item 0 has one price alone."""
    hot, cool = panel_with(-4.0, groups=2), panel_with(-1.5, groups=2)
    units = np.where(hot.series % 2 == 0, hot.units, cool.units)
    panel = flat(replace(hot, units=units), np.array([0, 1]))
    units = np.where(panel.series < 2, 20.0, panel.units)
    model = build(replace(panel, units=units), params=Params(trees=None)).model
    found = model.elasticity(_rows(model))
    assert found[0] == pytest.approx(-4.0, abs=0.5)
    assert found[1] == pytest.approx(-1.5, abs=0.5)
    assert model.doubt(_rows(model))[0] > model.doubt(_rows(model))[2]


def test_without_any_price_change_the_prior_answers_and_metrics_say_so() -> None:
    found = build(panel_with(spread=0.0), params=Params(prior=PriorParams(elasticity=-2.5)))
    assert found.metrics["prior_only"] == 1
    np.testing.assert_allclose(found.model.elasticity(_rows(found.model)), -2.5, atol=0.15)


def test_slopes_that_would_rise_are_held_at_the_bound() -> None:
    model = build(panel_with(+2.0), params=Params(trees=None)).model
    assert (model.elasticity(_rows(model)) < 0).all()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda panel: panel.where(np.zeros(len(panel), np.bool_)), "panel"),
        (lambda panel: replace(panel, units=np.zeros(len(panel))), "panel.units"),
    ],
)
def test_histories_that_say_nothing_are_refused(change: Callable, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        build(change(panel_with()))
    assert error.value.field == field


def test_the_same_panel_gives_the_same_bytes(built: Built) -> None:
    panel = panel_with(-2.0)
    assert build(panel, seed=3, params=EAGER).files == build(panel, seed=3, params=EAGER).files
    assert set(built.files) == {CURVES_FILE, TREES_FILE}


def test_onnx_scores_what_the_trees_score(built: Built, kept: list[Trees]) -> None:
    """bend.onnx against LightGBM's own prediction."""
    rng = np.random.default_rng(1)
    rows = tree_rows(
        rng.uniform(-1, 1, (50, len(KNOTS))), np.full(50, 900.0), 1000.0, rng.normal(0, 2, (50, 2)),
        rng.random(50) < 0.5, rng.integers(0, 2000, 50), np.full(50, DAY),
    )  # fmt: skip
    assert built.model.trees is not None
    scores = built.model.trees.score(rows)
    assert np.ptp(scores) > 0.01
    np.testing.assert_allclose(scores, kept[0].score(rows), atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_units_never_rise_with_the_price(built: Built, data: st.DataObject) -> None:
    """Any items, ladder, promotion, competitor, stock and draw of the posterior."""
    model = built.model
    n = data.draw(st.integers(1, 5))
    k = data.draw(st.integers(1, LADDER_MAX))
    rows = np.array(data.draw(st.lists(st.integers(0, 39), min_size=n, max_size=n)), np.int32)
    prices = np.array(data.draw(st.lists(st.integers(1, 10**7), min_size=n * k, max_size=n * k))).reshape(n, k)
    numbers = st.floats(-8, 8, width=32)
    draw = np.array(data.draw(st.lists(numbers, min_size=2 * n, max_size=2 * n)), np.float32).reshape(n, 2)
    context = PriceContext(
        data.draw(st.integers(0, 40_000)),
        np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))),
        np.array(data.draw(st.lists(st.integers(0, 10**6), min_size=n, max_size=n))),
        np.array(data.draw(st.lists(st.integers(-1, 50), min_size=n, max_size=n))),
    )
    for normals in (None, draw):
        units = model.units(rows, np.sort(prices, axis=1), context, normals)
        assert units.shape == (n, k)
        assert (np.diff(units, axis=1) <= 0).all()
        assert (units >= 0).all()
        assert np.isfinite(units).all()
        assert (units <= np.where(context.on_hand < 0, np.inf, context.on_hand)[:, None]).all()


def test_many_rows_answer_as_one_does(built: Built) -> None:
    """Slices and batches change nothing."""
    model, n = built.model, 5000
    rows = np.resize(_rows(model), n).astype(np.int32)
    prices = np.full((n, 3), [800, 1000, 1250])
    whole = model.units(rows, prices, PriceContext.plain(DAY, n))
    one = model.units(rows[4999:], prices[4999:], PriceContext.plain(DAY, 1))
    np.testing.assert_allclose(whole[4999:], one, rtol=1e-6)


def test_the_released_model_is_a_demand_model(built: Built, tmp_path: Path) -> None:
    write_version(tmp_path, "price", "v1", {**built.files})
    model: DemandModel = read_price_model(tmp_path, "v1")
    assert (model.version, model.period_days, model.currency, len(model.item_ids)) == ("v1", 7, "GBP", 40)
    rows, context = np.array([3, 1], np.int32), PriceContext.plain(DAY, 2)
    prices = np.array([[900, 1000], [900, 1000]])
    np.testing.assert_array_equal(model.units(rows, prices, context), built.model.units(rows, prices, context))


def _sales(model: PosteriorDemand, units: float, price: int, sold_out: bool = False) -> Sales:
    n = len(model.item_ids)
    return Sales(
        _rows(model), np.full(n, units, np.float32), np.full(n, price), np.full(n, sold_out), PriceContext.plain(DAY, n)
    )


def test_sales_move_the_posterior_and_leave_the_model_as_it_was(built: Built) -> None:
    before = built.model.mean.copy()
    model = built.model
    for _ in range(5):
        model = model.update(_sales(model, 60.0, 1000))
    np.testing.assert_array_equal(built.model.mean, before)
    prices = np.full((40, 1), 1000)
    context = PriceContext.plain(DAY, 40)
    more, was = model.units(_rows(model), prices, context), built.model.units(_rows(model), prices, context)
    assert (more > was).all()
    assert more.mean() > 25


def test_exploring_a_price_takes_doubt_away(built: Built) -> None:
    model = built.model
    for price in (700, 1400) * 10:
        model = model.update(_sales(model, 20.0 * (price / 1000) ** -3, price))
    assert (model.doubt(_rows(model)) < built.model.doubt(_rows(model))).all()


def test_sold_out_sales_are_no_sign_of_low_demand(built: Built) -> None:
    """Fewer units than expected say nothing where there were no more."""
    calm = built.model.update(_sales(built.model, 2.0, 1000, sold_out=True))
    low = built.model.update(_sales(built.model, 2.0, 1000))
    np.testing.assert_array_equal(calm.mean, built.model.mean)
    assert (low.mean[:, 0] < calm.mean[:, 0]).all()


def test_what_moves_the_whole_shop_is_not_taken_for_the_items_own(built: Built) -> None:
    """All sell a third of what is expected (a holiday): the level of each hardly moves, the shop's does."""
    n, prices = 40, np.full((40, 1), 1000)
    usual = built.model.units(_rows(built.model), prices, PriceContext.plain(DAY, n))[:, 0]
    quiet = replace(_sales(built.model, 0, 1000), units=usual / 3)
    after = built.model.update(quiet)
    assert np.abs(after.mean[:, 0] - built.model.mean[:, 0]).mean() < 0.15
    assert after.common < built.model.common - 0.05


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda sales: replace(sales, units=np.full(40, np.nan, np.float32)), "sales.units"),
        (lambda sales: replace(sales, units=np.full(40, -1, np.float32)), "sales.units"),
        (lambda sales: replace(sales, units=np.zeros(3, np.float32)), "sales.units"),
        (lambda sales: replace(sales, rows=np.zeros(40, np.int32)), "sales.rows"),
        (lambda sales: replace(sales, rows=np.arange(1, 41, dtype=np.int32)), "rows"),
        (lambda sales: replace(sales, prices=np.zeros(40, np.int64)), "prices"),
        (lambda sales: replace(sales, context=PriceContext.plain(DAY, 3)), "context.promo"),
    ],
)
def test_bad_sales_name_the_column(built: Built, change: Callable, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        built.model.update(change(_sales(built.model, 1.0, 1000)))
    assert error.value.field == field


def test_bad_ladders_name_the_argument(built: Built) -> None:
    rows, context = np.array([0], np.int32), PriceContext.plain(DAY, 1)
    with pytest.raises(InvalidInput, match="prices"):
        built.model.units(rows, np.ones((1, LADDER_MAX + 1), np.int64), context)
    with pytest.raises(InvalidInput, match="rows"):
        built.model.units(np.array([-1], np.int32), np.ones((1, 1), np.int64), context)
    with pytest.raises(InvalidInput, match="draw"):
        built.model.units(rows, np.ones((1, 1), np.int64), context, np.full((1, 2), np.nan, np.float32))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("usual", 0.0, "usual"), ("mean", np.nan, "mean"), ("cov", -1.0, "cov"), ("shape", 9.0, "shape"),
        ("period_days", 0, "period_days"), ("common", np.inf, "common"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused(built: Built, name: str, value: float, problem: str) -> None:
    with np.load(io.BytesIO(built.files[CURVES_FILE])) as found:
        arrays = dict(found)
    arrays[name] = np.full_like(arrays[name], value)
    with pytest.raises(ModelDamaged, match=problem):
        load_price_model({CURVES_FILE: dump_arrays(arrays, CURVES)})
    with pytest.raises(ModelDamaged, match=CURVES_FILE):
        load_price_model({})


def test_panels_of_later_periods_are_joined_in_order() -> None:
    panel = panel_with(periods=10)
    parts = [panel.where(panel.period >= 6), panel.where(panel.period < 6)]
    whole = joined(parts)
    np.testing.assert_array_equal(whole.series, panel.series)
    np.testing.assert_array_equal(whole.units, panel.units)


def test_the_demo_store_gives_a_model_of_all_its_items() -> None:
    """As `storegate train` calls it; a shop that never sold at a price gets none."""
    shop = generate(items=200, customers=300, days=60, seed=0)
    found = build_from(shop)
    assert found is not None
    assert found.model.item_ids == tuple(item.item_id for item in shop.items)
    assert found.model.currency == shop.currency
    n = len(shop.items)
    prices = np.array([[max(item.price, 1), 2 * max(item.price, 1)] for item in shop.items])
    units = found.model.units(_rows(found.model), prices, PriceContext.plain(found.model.curves.first_day, n))
    assert (units[:, 1] < units[:, 0]).all()
    free = replace(shop, events=replace(shop.events, price=np.zeros(len(shop.events), np.int64)))
    assert build_from(free) is None
