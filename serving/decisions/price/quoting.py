"""Answers from a table of prices: quotes are read there, curves are computed for the items asked for."""

from __future__ import annotations

from typing import Final

import numpy as np

from serving.core.ports import F32, I64
from serving.decisions.price.contract import AllQuery, Curve, Curves, QuoteQuery, Quotes, SimulateQuery
from serving.decisions.price.rules import RULES, names
from serving.decisions.price.table import PriceTable
from serving.kernels import pricing as kernel

SHARES: Final = np.linspace(0.5, 1.5, 33)
"""Of an item's price, where no prices are asked for."""


def quote(table: PriceTable, query: QuoteQuery) -> Quotes:
    """The items that the catalogue knows, in the order of the query; the others are missing, each once."""
    catalogue = table.catalogue
    row_of, items = catalogue.row_of, catalogue.items
    rows: list[int] = []
    missing: dict[str, None] = {}
    for item_id in query.item_ids:
        row = row_of.get(item_id, -1)
        if row < 0 or items[row].deleted:
            missing[item_id] = None
        else:
            rows.append(row)
    return Quotes(table, tuple(rows), tuple(missing), query.currency)


def page(table: PriceTable, query: AllQuery) -> Quotes:
    """The next of all items that are not deleted."""
    items, row = table.catalogue.items, query.first
    rows: list[int] = []
    while row < len(items) and len(rows) < query.count:
        if not items[row].deleted:
            rows.append(row)
        row += 1
    return Quotes(table, tuple(rows), (), query.currency, row if row < len(items) else 0)


def simulate(table: PriceTable, query: SimulateQuery) -> Curves:
    """Raises ModelFailed."""
    quotes = quote(table, QuoteQuery(query.item_ids, query.currency))
    return Curves(quotes, tuple(_curve(table, row, query.prices) for row in quotes.rows))


def _curve(table: PriceTable, row: int, given: tuple[int, ...]) -> Curve:
    rows = np.array([row])
    facts = table.facts(rows)
    current = int(facts.price[0])
    prices = np.array(given, np.int64) if given else np.unique(np.round(SHARES * max(current, 1)).astype(np.int64))
    prices = prices[prices > 0]
    demand, at = table.demand(rows, facts), np.zeros(1, np.int64)
    units, counted = demand.units(at, prices[None, :])
    _, here = demand.units(at, np.array([[max(current, 1)]]))
    relative = counted[0] / here[0, 0] if here[0, 0] > 0 else np.zeros(len(prices), np.float32)
    model_row = table.inputs.model_row[rows]
    known = table.model is not None and model_row[0] >= 0
    elasticity = table.model.elasticity(model_row)[0] if known and table.model else demand.prior
    forbidden = _forbidden(table, row, prices, units[0])
    return Curve(row, prices, _limited(units[0], int(facts.on_hand[0])), relative, forbidden, float(elasticity))


def _forbidden(table: PriceTable, row: int, prices: I64, units: F32) -> tuple[str, ...]:
    """The rule at the end of the band that each price lies beyond, '' = it is allowed."""
    decided, rules = table.decided, table.rules
    if failed := int(decided.failed[row]):
        return (names(failed)[0],) * len(prices)
    facts = table.facts(np.array([row]))
    hand, gave_way = int(facts.on_hand[0]), int(decided.gave_way[row])
    cover = rules.policies(table.units_days)[facts.policy[0], kernel.P_COVER_MILLI] / 1000.0
    short = (hand >= 0) & (prices < facts.price[0]) & (units * cover > hand)
    if gave_way >> kernel.STOCK_COVER & 1:  # then the price nearest to it is the only one
        short = prices != decided.price[row]
    ended = np.isin(prices % (len(rules.before) - 1), rules.residues) | bool(gave_way >> kernel.ENDING & 1)
    low, high = decided.band_low[row], decided.band_high[row]
    first = np.select(
        [prices < low, prices > high, short, ~ended],
        [int(decided.low_rule[row]), int(decided.high_rule[row]), kernel.STOCK_COVER, kernel.ENDING],
        kernel.NONE,
    )
    return tuple(RULES[rule] if rule else "" for rule in first.tolist())


def _limited(units: F32, hand: int) -> F32:
    """No more than there are."""
    return np.minimum(units, np.float32(hand)) if hand >= 0 else units
