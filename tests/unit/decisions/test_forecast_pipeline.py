"""ForecastDemand's stages: batches answer as each alone, plans move the answer, what is wrong is told by its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from forecasters import FIRST_DAY, WeekdayRates, weekday_rates

from serving.core.catalogue import Catalogue, Item
from serving.core.clock import NEVER
from serving.core.errors import InvalidInput
from serving.core.turn import Turn
from serving.decisions.forecast.contract import ANSWER_BYTES_MAX, Answer, Period, Plan, Query
from serving.decisions.forecast.pipeline import ROWS_MAX, ForecastPipeline, answer_bytes
from serving.transport.forecast_codec import encode_forecast

REST_BYTES = 100
"""Of an answer without its forecasts."""
TURN = Turn(0.0, 1_700_000_000.0, NEVER)
EMPTY = Catalogue.build([])
PRICED = Catalogue.build([Item("i1", price=400, currency="GBP"), Item("i2"), Item("new", price=5, currency="GBP")])


def ask(model: WeekdayRates, *queries: Query, catalogue: Catalogue = EMPTY) -> list[Answer]:
    answers = ForecastPipeline(model, lambda: catalogue).run(queries, TURN)
    for one in answers:
        if isinstance(one, InvalidInput):
            raise one
    return answers  # type: ignore[return-value]


def test_an_answer_is_the_model_s() -> None:
    """By item in the order asked, day by day, quantile by quantile."""
    (answer,) = ask(weekday_rates(), Query(("i3", "i1"), horizon_days=9, quantiles=(0.1, 0.5), request_id="r"))
    assert (answer.item_ids, answer.location_ids) == (("i3", "i1"), ("", ""))
    assert np.allclose(answer.mean[0], 3 + np.array([0, 1, 2, 3, 4, 5, 6, 0, 1]) / 10)
    assert answer.units.shape == (2, 2, 9)
    assert answer.units[0, :, 0].tolist() == [1, 3], "the 10 % and 50 % quantiles of a Poisson variable of mean 3"
    assert (answer.first_day, answer.version, answer.request_id) == (FIRST_DAY, "v1", "r")
    assert answer.confidence.tolist() == [0, 1]


def test_a_batch_answers_as_each_alone_in_one_run_a_group() -> None:
    """Whatever stands together in a batch; queries alike but for their items share a run of the model."""
    model = weekday_rates(locations=("north", "south"))
    plan = Plan("i2", 600, "GBP", (FIRST_DAY + 1,))
    cheap = Plan("i4", 250, "GBP")
    queries = [
        Query(("i1", "i2")),
        Query(("i3",), horizon_days=14),
        Query(("i2", "i4"), plans=(plan, cheap)),
        Query(("i5", "gone", "i0"), ("south", "north")),
        Query(("i5",), first_day=FIRST_DAY + 3),
        Query(("i1",), quantiles=(0.5,)),
        Query(("i1",), period=Period.WEEK),
        Query(("gone",)),
    ]
    together = ask(model, *queries, catalogue=PRICED)
    assert sorted(model.runs) == [1, 1, 1, 1, 1, 2, 2, 3]
    for query, answer in zip(queries, together, strict=True):
        (alone,) = ask(weekday_rates(locations=("north", "south")), query, catalogue=PRICED)
        for name in Answer.__dataclass_fields__:
            assert np.array_equal(getattr(answer, name), getattr(alone, name)), (query, name)


def test_many_rows_are_computed_in_bounded_runs() -> None:
    model = weekday_rates(1000)
    queries = [Query(model.item_ids, horizon_days=7, quantiles=(0.5,))] * 6
    first, *others = ask(model, *queries)
    assert max(model.runs) <= ROWS_MAX
    assert len(model.runs) == 2
    for one in others:
        assert np.array_equal(one.mean, first.mean)


def test_locations_are_answered_each_on_its_own() -> None:
    """None = all together; an unknown one is named."""
    model = weekday_rates(locations=("north", "south"))
    (split,) = ask(model, Query(("i1", "i2"), ("south", "moon", "north"), horizon_days=1))
    assert split.item_ids == ("i1", "i1", "i2", "i2")
    assert split.location_ids == ("south", "north") * 2
    assert split.mean[:, 0].tolist() == [2, 1, 4, 2]
    assert split.missing_locations == ("moon",)
    (whole,) = ask(model, Query(("i1", "i2"), horizon_days=1))
    assert whole.mean[:, 0].tolist() == [3, 6]


def test_unknown_items_are_named_and_the_others_answered() -> None:
    (answer,) = ask(weekday_rates(), Query(("new", "i1", "gone")), catalogue=PRICED)
    assert answer.item_ids == ("i1",)
    assert answer.missing_items == ("new", "gone")
    (nothing,) = ask(weekday_rates(), Query(("gone",)))
    assert (nothing.item_ids, nothing.mean.shape, nothing.missing_items) == ((), (0, 28), ("gone",))


def test_prices_are_the_plan_s_else_the_catalogue_s_else_the_last_one() -> None:
    """Last prices are 200 and 300: at 400 item 1 sells half, item 2 has no price in the catalogue."""
    at = {}
    for name, plans in {"none": (), "planned": (Plan("i1", 800, "GBP"), Plan("i2", 600, "GBP"))}.items():
        (answer,) = ask(weekday_rates(), Query(("i1", "i2"), horizon_days=1, plans=plans), catalogue=PRICED)
        at[name] = answer.mean[:, 0].tolist()
    assert at == {"none": [0.5, 2.0], "planned": [0.25, 1.0]}


def test_who_else_is_promoted_changes_no_forecast() -> None:
    """An item at half its last price is promoted by that, also where days are planned for another one."""
    cheap, planned = Plan("i1", 100, "GBP"), Plan("i2", promotion_days=(FIRST_DAY,))
    (both,) = ask(weekday_rates(), Query(("i1", "i2"), plans=(cheap, planned)))
    (alone,) = ask(weekday_rates(), Query(("i1",), plans=(cheap,)))
    assert np.array_equal(both.mean[0], alone.mean[0])
    assert np.allclose(both.mean[0], 4 * ask(weekday_rates(), Query(("i1",)))[0].mean[0])


def test_promotions_hold_on_their_days() -> None:
    plan = Plan("i2", promotion_days=(FIRST_DAY + 3, FIRST_DAY + 5))
    query = Query(("i1", "i2"), horizon_days=4, first_day=FIRST_DAY + 2, plans=(plan,))
    (with_it,), (without,) = ask(weekday_rates(), query), ask(weekday_rates(), replace(query, plans=()))
    assert np.allclose(with_it.mean / without.mean, [[1, 1, 1, 1], [1, 2, 1, 2]])


def test_weeks_are_sums_of_seven_days() -> None:
    (weeks,) = ask(weekday_rates(), Query(("i4",), horizon_days=14, period=Period.WEEK))
    (days,) = ask(weekday_rates(), Query(("i4",), horizon_days=14))
    assert np.allclose(weeks.mean[0], days.mean[0].reshape(2, 7).sum(axis=1))
    assert (weeks.units[0, 2] < days.units[0, 2].reshape(2, 7).sum(axis=1)).all(), "quantiles do not add up"


def test_a_model_that_cannot_run_falls_back_on_the_statistical_one() -> None:
    """And says so, to those whom it concerns."""
    (answer,) = ask(weekday_rates(broken="onnxruntime: no"), Query(("i1",)))
    assert answer.degraded == (("model", "onnxruntime: no"),)
    assert [answer.methods[code] for code in answer.method] == ["tsb"]
    assert answer.mean.any()


REFUSED = {
    "horizon beyond the model": (Query(("i1",), horizon_days=85), "horizon_days", "HORIZON_TOO_LONG"),
    "horizon beyond it from a later day": (
        Query(("i1",), horizon_days=80, first_day=FIRST_DAY + 5), "horizon_days", "HORIZON_TOO_LONG",
    ),
    "a day before the model's first": (Query(("i1",), first_day=FIRST_DAY - 1), "first_day", "BEYOND_THE_MODEL"),
    "a day long after": (Query(("i1",), first_day=10**6), "first_day", "BEYOND_THE_MODEL"),
    "another currency": (
        Query(("i2", "i1"), plans=(Plan("i2", 5, "EUR"), Plan("i1", 5, "EUR"))), "plans[1].price.currency_code",
        "CURRENCY_DIFFERS",
    ),
    "a promotion before the horizon": (
        Query(("i1",), plans=(Plan("i1", promotion_days=(FIRST_DAY, FIRST_DAY - 1)),)),
        "plans[0].promotion_days[1]", "INVALID_FIELD",
    ),
    "a promotion after it": (
        Query(("i1",), horizon_days=7, plans=(Plan("i1", promotion_days=(FIRST_DAY + 7,)),)),
        "plans[0].promotion_days[0]", "INVALID_FIELD",
    ),
    "too large an answer": (
        Query(tuple(f"i{i}" for i in range(1000)), ("north", "south"), 84, tuple(np.arange(1, 20) / 20)), "item_ids",
        "ANSWER_TOO_LARGE",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_only_the_model_can_tell_is_refused_by_its_place(case: str) -> None:
    """The others of the batch are answered."""
    query, field, reason = REFUSED[case]
    model = weekday_rates(1000, locations=("north", "south"))
    bad, good = ForecastPipeline(model, lambda: PRICED).run([query, Query(("i1",))], TURN)
    assert isinstance(bad, InvalidInput)
    assert (bad.field, bad.reason) == (field, reason)
    assert isinstance(good, Answer)


@pytest.mark.parametrize("name", ["i", "ä" * 100])
@pytest.mark.parametrize(("days", "quantiles"), [(28, 19), (1, 1)])
def test_no_answer_is_larger_than_was_reckoned(name: str, days: int, quantiles: int) -> None:
    """1,000 items over 28 days with 19 quantiles can be sent."""
    model = weekday_rates(100, locations=("north", name))
    model.item_ids = tuple(f"{name}{number}" for number in range(100))
    query = Query(model.item_ids, model.locations, days, tuple(np.arange(1, quantiles + 1) / 20))
    (answer,) = ask(model, query)
    assert len(encode_forecast(answer)) <= answer_bytes(query, query.item_ids) + REST_BYTES
    assert 10 * answer_bytes(replace(query, location_ids=()), query.item_ids) < ANSWER_BYTES_MAX
