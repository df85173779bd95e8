"""What is built of a history: short ones, strange ones, the same twice."""

from __future__ import annotations

import dataclasses

import demand
import numpy as np

from model_repo.forecast.build import build
from model_repo.forecast.classes import NAMES, abc_xyz
from model_repo.forecast.groups import groups_of, head
from model_repo.forecast.neighbours import attributes, neighbour_rates
from serving.adapters.forecast_files import ARRAYS, MEAN, SPREAD, read_forecaster
from serving.core.catalogue import Item
from serving.decisions.forecast.forecaster import METHODS

LEVELS = np.array([0.1, 0.5, 0.9])


def forecaster(files, folder):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return read_forecaster(folder, "v1")


def rows(*numbers):
    return np.array(numbers, np.int32)


def test_the_same_data_and_seed_give_the_same_bytes():
    assert build(demand.dataset(demand.shop()), plan=demand.SMALL).files == demand.built().files
    assert set(demand.built().files) == {ARRAYS, MEAN, SPREAD}


def test_a_history_too_short_to_learn_from_gives_no_part_and_says_why():
    found = build(demand.dataset(demand.shop(days=10)))
    assert found.files == {}
    assert found.why == "the sales cover 10 days; forecasts need 14"


def test_a_short_history_is_answered_by_the_bank(tmp_path):
    """Six weeks: no trees, and still the level, the week and the closed day are right."""
    found = build(demand.dataset(demand.shop(days=42)), plan=demand.SMALL)
    assert set(found.files) == {ARRAYS}
    asked = forecaster(found.files, tmp_path).forecast(rows(39), 7, LEVELS)
    assert METHODS[asked.method[0]] in ("ses", "tsb", "sba", "theta")
    level = 0.2 * 1.12**39
    np.testing.assert_allclose(asked.mean[0], level * np.array([0, 1, 1, 1, 1, 1, 2]), rtol=0.35)  # from a Sunday


def test_nothing_bought_gives_no_part():
    """A log of views alone: the rest of the training goes on."""
    found = build(demand.dataset(np.zeros((3, 30), int), stockouts=((0, 3),)))
    assert (found.files, found.why) == ({}, "nothing was bought")


def test_too_few_examples_leave_it_to_the_bank():
    """Two sales in half a year."""
    units = np.zeros((1, 180), int)
    units[0, [0, 179]] = 3
    assert set(build(demand.dataset(units), plan=dataclasses.replace(demand.SMALL, days_each=1)).files) == {ARRAYS}


def test_one_item_one_sale_a_week():
    """The thinnest shop: a handful of events and one item are enough for an answer."""
    units = np.zeros((1, 100), int)
    units[0, ::7] = 1
    found = build(demand.dataset(units), plan=demand.SMALL)
    assert found.files


def test_an_item_that_never_sold_is_answered_from_its_neighbours(tmp_path):
    """Beside 20 mugs of 8 a day and 20 spoons of 1 a day, a new mug is expected to sell more than a new spoon."""
    rng = np.random.default_rng(0)
    units = rng.poisson(np.repeat([8, 1, 0, 0], [20, 20, 1, 1])[:, None] * np.ones(60))
    titles = ["enamel mug"] * 20 + ["silver spoon"] * 20 + ["enamel mug red", "silver spoon red"]
    items = tuple(Item(f"i{k}", title=title, price=1000) for k, title in enumerate(titles))
    found = build(demand.dataset(units, items=items), plan=demand.SMALL)
    asked = forecaster(found.files, tmp_path).forecast(rows(40, 41), 7, LEVELS)
    assert [METHODS[code] for code in asked.method] == ["neighbours", "neighbours"]
    assert asked.confidence.tolist() == [0, 0]
    mug, spoon = asked.mean.mean(axis=1)
    assert mug > 2 * spoon
    assert 4 < mug < 9


def test_neighbours_are_told_by_price_where_the_words_are_the_same():
    items = [Item(str(k), title="mug", price=price) for k, price in enumerate([100, 100, 5000, 5000, 110])]
    words = attributes(items)
    rate = np.array([6, 6, 1, 1, 0], np.float32)
    cold = np.array([False] * 4 + [True])
    price = np.array([item.price for item in items])
    found = neighbour_rates(words, price, rate, np.full(5, 3.5, np.float32), cold)
    assert found[:4].tolist() == [3.5] * 4
    assert found[4] > 4.5


def test_abc_by_revenue_and_xyz_by_weeks():
    """One item earns 80 %, one 15 %, one the rest; flat, in every second week, once in twelve weeks."""
    units = np.zeros((3, 84))
    units[0] = 1
    units[1, np.arange(84) // 7 % 2 == 0] = 1
    units[2, 40] = 1
    kinds = abc_xyz(units, np.array([80.0, 15.0, 5.0]), np.zeros(3, int))
    assert [NAMES[kind] for kind in kinds] == ["AX", "BY", "CZ"]


def test_groups_are_categories_or_else_words_of_the_titles():
    with_category = [Item("a", category_path=("tea", "green")), Item("b")]
    assert groups_of(with_category) == ["tea", "other"]
    titles = [Item(str(k), title=f"Red {colour} BAGS") for k, colour in enumerate("abcdefghijklmnopqrst")]
    assert groups_of([*titles, Item("z", title="odd thing")]) == ["bag"] * 20 + ["other"]
    assert [head(title) for title in ("BERRIES", "GLASS BOXES", "BUS", "12 34")] == ["berry", "box", "bus", ""]


def test_a_sale_of_zero_pieces_and_future_of_no_days_do_not_hurt(tmp_path):
    """Rows with a quantity of 0 or less count for nothing."""
    data = demand.dataset(demand.shop(items=6, days=30))
    quantity = data.events.quantity.copy()
    quantity[::5] = 0
    found = build(dataclasses.replace(data, events=dataclasses.replace(data.events, quantity=quantity)))
    assert np.isfinite(forecaster(found.files, tmp_path).forecast(rows(0, 5), 28, LEVELS).mean).all()
