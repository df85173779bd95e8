"""A split deals visitors by a pure function of their key and its seed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.errors import InvalidInput
from serving.core.rollout import SEED_MAX, Shadowing, Split, draw

VISITORS = [f"u:{number}" for number in range(20_000)]
SIGMAS = 4


def test_shares_are_kept_within_chance_and_the_rest_is_the_live_ones() -> None:
    """Of 20,000 visitors each release gets its share, give or take four deviations of a binomial."""
    split = Split((("b", 0.2), ("c", 0.05)), seed=11)
    arms = [split.arm_of(visitor) for visitor in VISITORS]
    for name, share in (("b", 0.2), ("c", 0.05), ("", 0.75)):
        sigma = math.sqrt(len(VISITORS) * share * (1 - share))
        assert abs(arms.count(name) - share * len(VISITORS)) < SIGMAS * sigma


def test_a_visitor_stays_when_a_share_grows() -> None:
    """Whoever had the new release at 10 % has it at 20 % too: a ramp-up moves nobody back."""
    few, more = Split((("b", 0.1),), seed=3), Split((("b", 0.2),), seed=3)
    assert all(more.arm_of(visitor) == "b" for visitor in VISITORS if few.arm_of(visitor) == "b")


def test_seeds_deal_independently() -> None:
    """Of those in one experiment's arm, the next one's gets its share again, not the same people."""
    one, other = Split((("b", 0.5),), seed=1), Split((("b", 0.5),), seed=2)
    both = sum(one.arm_of(visitor) == other.arm_of(visitor) == "b" for visitor in VISITORS)
    sigma = math.sqrt(len(VISITORS) * 0.25 * 0.75)
    assert abs(both - 0.25 * len(VISITORS)) < SIGMAS * sigma


def test_everybody_and_nobody() -> None:
    """A share of 1 leaves nothing to the live release but those who cannot be told apart."""
    split = Split((("b", 1.0),))
    assert {split.arm_of(visitor) for visitor in VISITORS[:1000]} == {"b"}
    assert split.arm_of("") == ""
    assert not Split()
    assert split.without("b") == Split()


@given(st.text(), st.integers(0, SEED_MAX))
def test_a_draw_is_below_one_and_repeats(visitor: str, seed: int) -> None:
    assert 0 <= draw(visitor, seed) < 1
    assert draw(visitor, seed) == draw(visitor, seed)


@pytest.mark.parametrize(
    ("shares", "seed", "said"),
    [
        ((("b", 0.0),), 0, r"split\.arms\[0\]\.share: got 0\.0"),
        ((("b", float("nan")),), 0, r"split\.arms\[0\]\.share: got nan"),
        ((("b", 0.6), ("c", 0.6)), 0, r"split\.arms: got 'shares that add up to 1\.2'"),
        ((("b", 0.1), ("b", 0.1)), 0, r"split\.arms\[1\]\.name: got 'b', expected each release once"),
        (tuple((name, 0.1) for name in "bcde"), 0, r"split\.arms: got '4 releases', expected at most 3"),
        ((), -1, r"split\.seed: got -1"),
    ],
)
def test_what_is_no_split_is_refused(shares: tuple, seed: int, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Split(shares, seed)


def test_what_is_no_share_is_refused() -> None:
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(InvalidInput, match="share"):
            Shadowing("b", share)
