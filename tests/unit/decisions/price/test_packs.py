"""Packs of one product, decided from the smallest: no larger one is cheaper, or dearer a piece."""

from __future__ import annotations

import numpy as np
from pricing_worlds import EverythingSells, chances, facts_of

from serving.decisions.price.packs import Packs
from serving.decisions.price.pipeline import decide
from serving.decisions.price.rules import Params, Rules
from serving.kernels.pricing import PACK, Facts


def packs(*pairs: tuple[int, int]) -> Packs:
    group, size = zip(*pairs, strict=True)
    return Packs(np.array(group, np.int32), np.array(size, np.int64))


def test_levels_are_ranks_of_the_size_within_the_product() -> None:
    found = packs((0, 6), (-1, 1), (0, 1), (1, 4), (0, 6), (1, 2), (0, 12), (-1, 1)).ranks()
    assert found.tolist() == [1, 0, 0, 1, 1, 0, 2, 0]


def prices(facts: Facts, of: Packs, **settings: object) -> tuple[list[int], list[int]]:
    """Prices, and the rules that left none, as bit sets."""
    rules = Rules(Params(list_is_ceiling=True, min_margin=0, **settings))  # type: ignore[arg-type]
    found = decide(facts, of, EverythingSells(), rules, chances(len(facts.price)))
    return found.price.tolist(), found.failed.tolist()


def test_a_larger_pack_is_not_dearer_a_piece() -> None:
    """Everything sells at any price, so each would go up by its step: six of 100 may then cost 660, not 770."""
    found, _ = prices(facts_of(price=[100, 700], cost=[10, 60]), packs((0, 1), (0, 6)))
    assert found == [110, 660]


def test_a_larger_pack_is_not_cheaper_than_a_smaller_one() -> None:
    found, _ = prices(facts_of(price=[100, 90], cost=[10, 10]), packs((0, 1), (0, 6)))
    assert found == [110, 110]


def test_a_smaller_pack_leaves_room_for_what_the_larger_must_cost() -> None:
    """The larger one's floor is 720, so a piece must cost 120 at least, though its step ends at 110."""
    facts = facts_of(price=[100, 700], cost=[10, 720], list_price=[200, 900])
    found, failed = prices(facts, packs((0, 1), (0, 6)))
    assert found == [120, 720]
    assert failed == [0, 0]


def test_where_nothing_is_left_the_larger_pack_has_no_price_and_says_why() -> None:
    """A piece may cost 110 at most, by its list price, and six cost 720 to buy."""
    facts = facts_of(price=[100, 700], cost=[10, 720], list_price=[110, 900])
    found, failed = prices(facts, packs((0, 1), (0, 6)))
    assert found == [110, 0]
    assert failed[1] >> PACK & 1
    assert failed[0] == 0


def test_more_sizes_than_are_looked_at_have_no_price() -> None:
    n = 40
    facts = facts_of(price=[100] * n, cost=[10] * n)
    found, failed = prices(facts, packs(*((0, size) for size in range(1, n + 1))))
    assert found[:32] == [110] * 32
    assert found[32:] == [0] * 8
    assert all(bits >> PACK & 1 for bits in failed[32:])
