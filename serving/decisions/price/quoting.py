"""Answers from a table of prices: quotes are read there, curves are computed for the items asked for."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from serving.core.errors import InvalidInput
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
    """The next of all items that are not deleted. Raises InvalidInput where the rows before are no more those that the
    pages before had: another release has other rows."""
    items, row = table.catalogue.items, query.first
    if row and (row >= len(items) or query.order != table.order(row)):
        expected = "the token of a page of the catalogue as its items are ordered now: begin again, without a token"
        raise InvalidInput("page_token", f"after row {row}", expected, reason="STALE_PAGE_TOKEN")
    rows: list[int] = []
    while row < len(items) and len(rows) < query.count:
        if not items[row].deleted:
            rows.append(row)
        row += 1
    if row == len(items):
        return Quotes(table, tuple(rows), (), query.currency)
    return Quotes(table, tuple(rows), (), query.currency, row, table.order(row))


def simulate(table: PriceTable, query: SimulateQuery) -> Curves:
    """All items in one run of the model. Raises ModelFailed."""
    quotes = quote(table, QuoteQuery(query.item_ids, query.currency))
    if not quotes.rows:
        return Curves(quotes, ())
    rows = np.array(quotes.rows)
    facts = table.facts(rows)
    demand, at, current = table.demand(rows, facts), np.arange(len(rows)), np.maximum(facts.price, 1)
    asked = [_prices(query.prices, int(price)) for price in current]
    longest = max(map(len, asked))
    ladder = np.array([np.pad(prices, (0, longest - len(prices)), "edge") for prices in asked])
    units, counted = demand.units(at, np.column_stack((current, ladder)))
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.nan_to_num(counted / counted[:, :1])
    slopes = _elasticities(table, rows)
    return Curves(
        quotes,
        tuple(
            Curve(
                row,
                prices,
                _limited(units[n, 1 : len(prices) + 1], int(facts.on_hand[n])),
                relative[n, 1 : len(prices) + 1],
                _forbidden(table, row, prices, units[n, 1 : len(prices) + 1]),
                float(slopes[n]),
            )
            for n, (row, prices) in enumerate(zip(quotes.rows, asked, strict=True))
        ),
    )


def _prices(given: tuple[int, ...], current: int) -> I64:
    """Ascending, each once."""
    prices = np.array(given, np.int64) if given else np.unique(np.round(SHARES * current).astype(np.int64))
    return prices[prices > 0]


def _elasticities(table: PriceTable, rows: I64) -> npt.NDArray[np.float64]:
    """(n,) of the model, or what is usual."""
    found = np.full(len(rows), table.rules.params.prior_elasticity)
    of_model = table.inputs.model_row[rows]
    known = of_model >= 0
    if table.model is not None and known.any():
        found[known] = table.model.elasticity(of_model[known])
    return found


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
