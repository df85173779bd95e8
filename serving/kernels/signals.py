"""The signals: what every candidate source says of every candidate; and the sources' codes."""

from __future__ import annotations

SIGNALS = (
    "item_item",
    "factors",
    "buy_decay",
    "buys",
    "days_since_buy",
    "seen",
    "session",
    "transitions",
    "together",
    "coview",
    "content",
    "source",
)
"""Columns of the signals, (m, len(SIGNALS)) float32. days_since_buy is -1 where the visitor never bought the item;
source is the code of the source that took the candidate up; the other columns are in their source's own units."""
(
    S_ITEM_ITEM,
    S_FACTORS,
    S_BUY_DECAY,
    S_BUYS,
    S_DAYS,
    S_SEEN,
    S_SESSION,
    S_TRANSITIONS,
    S_TOGETHER,
    S_COVIEW,
    S_CONTENT,
    S_SOURCE,
) = range(len(SIGNALS))

(
    ITEM_ITEM,
    FACTORS,
    REPEAT,
    TRENDING,
    FRESH,
    GIVEN,
    SESSION,
    TRANSITIONS,
    TOGETHER,
    COVIEW,
    CONTENT,
    VIEWED,
    PINNED,
) = range(13)
"""Codes of the sources, as in decisions/recommend/contract.py's Source (a test compares them)."""
