"""Whatever a batch asks for: every rule holds on every page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import page_of, shown

from serving.kernels.signals import FRESH, GIVEN, PINNED, TRENDING

N, D = 24, 4
UNITS = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
UNITS[:2] = 0  # items without a vector
UNITS[2:] /= np.linalg.norm(UNITS[2:], axis=1, keepdims=True)
BRAND, CATEGORY = (np.arange(N, dtype=np.int32) * 7) % 4, (np.arange(N, dtype=np.int32) * 5) % 3

FIELDS = {
    "size": st.integers(0, 12),
    "diversity": st.sampled_from([0.0, 0.3, 1.0]),
    "max_brand": st.integers(0, 3),
    "max_category": st.integers(0, 4),
    "fresh_slots": st.integers(0, 1),
    "explore": st.sampled_from([0.0, 0.5, 1.0]),
    "seed": st.integers(0, 2**64 - 1),
    "group": st.sampled_from([-1, -1, 0, 1]),
    "method": st.integers(0, 1),
}


@dataclass
class Asked:
    """One request: its candidates, and what its page should be."""

    rows: list[int]
    scores: list[float]
    sources: list[int]
    pins: list[tuple[int, int]]
    fields: dict[str, Any] = field(default_factory=dict)


@st.composite
def asked(draw: st.DrawFn, **fixed: Any) -> Asked:
    rows = draw(st.lists(st.integers(0, N - 1), unique=True, max_size=N))
    scores = draw(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 2.0]), min_size=len(rows), max_size=len(rows)))
    kind = st.sampled_from([TRENDING, TRENDING, FRESH, GIVEN, PINNED])
    sources = draw(st.lists(kind, min_size=len(rows), max_size=len(rows)))
    pins = draw(st.lists(st.tuples(st.integers(0, N - 1), st.integers(-2, 15)), max_size=5))
    fields = {name: fixed[name] if name in fixed else draw(values) for name, values in FIELDS.items()}
    return Asked(rows, scores, sources, pins, fields)


def pages(batch: list[Asked]) -> list[tuple[list[int], list[float]]]:
    """Each page's catalogue rows and propensities."""
    fields = {name: [one.fields[name] for one in batch] for name in FIELDS}
    rows, scores, sources = ([v for one in batch for v in getattr(one, name)] for name in ("rows", "scores", "sources"))
    ptr = np.cumsum([0, *(len(one.rows) for one in batch)])
    page = page_of(len(batch), [one.pins for one in batch], **fields)
    found = shown(page, rows, scores, UNITS, BRAND, CATEGORY, ptr, np.array(sources))
    return [([one.rows[i] for i in picks], chance) for one, (picks, chance) in zip(batch, found, strict=True)]


def fits(row: int, page: list[int], fields: dict[str, Any]) -> bool:
    """Whether a row keeps the caps beside a page."""
    caps = ((fields["max_brand"], BRAND), (fields["max_category"], CATEGORY))
    return all(most == 0 or n[row] == 0 or sum(n[other] == n[row] for other in page) < most for most, n in caps)


def standing(one: Asked, taken: set[int]) -> list[tuple[int, int]]:
    """The pins that stand: (row, place on the page), in the order given."""
    kept: list[tuple[int, int]] = []
    for row, place in one.pins:
        rows = [other for other, _ in kept]
        free = row in one.rows and row not in taken and row not in rows and len(kept) < one.fields["size"]
        if free and fits(row, rows, one.fields):
            kept.append((row, min(max(place, 0), one.fields["size"] - 1)))
    return kept


batches = st.lists(asked(), min_size=1, max_size=5)
alone = asked(group=-1)


@given(batches)
def test_caps_hold_and_nothing_stands_twice_on_a_shop_page(batch: list[Asked]) -> None:
    """Caps, sizes, own candidates; pinned candidates as pins only; consecutive requests of a group share no row."""
    taken: set[int] = set()
    for i, (one, (page, chances)) in enumerate(zip(batch, pages(batch), strict=True)):
        if i == 0 or one.fields["group"] < 0 or batch[i - 1].fields["group"] != one.fields["group"]:
            taken = set()
        pinned = {row for row, _ in standing(one, taken)}
        assert len(page) <= one.fields["size"]
        assert not taken & set(page)
        assert len(set(page)) == len(page)
        for most, number in ((one.fields["max_brand"], BRAND), (one.fields["max_category"], CATEGORY)):
            counts = Counter(int(number[row]) for row in page if number[row])
            assert not most or max(counts.values(), default=0) <= most
        by_pin = {row for row in page if one.sources[one.rows.index(row)] == PINNED}
        assert by_pin <= pinned <= set(page)
        assert all(0 < chance <= 1 for chance in chances)
        assert all(chance == 1 for row, chance in zip(page, chances, strict=True) if row in pinned)
        assert one.fields["explore"] > 0 or set(chances) <= {1.0}
        left = [row for row, source in zip(one.rows, one.sources, strict=True) if source != PINNED]
        short = len(page) < one.fields["size"]
        assert not short or not [row for row in left if row not in taken | set(page) and fits(row, page, one.fields)]
        taken |= set(page)


@given(alone)
def test_pins_stand_at_their_places(one: Asked) -> None:
    """On a full page exactly, where no two want the same; always in the order of their places, then as given."""
    [(page, _)] = pages([one])
    pins = standing(one, set())
    ordered = [row for row, _ in sorted(pins, key=lambda pin: pin[1])]
    assert [row for row in page if row in ordered] == ordered
    if len({place for _, place in pins}) == len(pins):
        full = len(page) == one.fields["size"]
        for row, place in pins:
            assert page[place] == row if full else page.index(row) <= place


@given(asked(group=-1, size=6, diversity=0.0, explore=0.0, max_brand=0, max_category=0), st.permutations(range(6)))
def test_pins_beyond_the_page_end_it_in_their_order(one: Asked, extra: list[int]) -> None:
    """Six places, three pins wanted at 6 or later: the last three places, first pin first."""
    one.rows, one.scores, one.sources = list(range(N)), [0.5] * N, [PINNED] * 6 + [TRENDING] * (N - 6)
    one.pins = [(row, 6 + extra[row]) for row in extra[:3]]
    [(page, _)] = pages([one])
    assert page[3:] == extra[:3]


@given(st.lists(alone, min_size=1, max_size=5))
def test_a_batch_gives_what_its_requests_give_one_by_one(batch: list[Asked]) -> None:
    """Random draws included: they hang on the request's seed, not on its neighbours."""
    assert pages(batch) == [pages([one])[0] for one in batch]


@given(st.lists(asked(group=3), min_size=2, max_size=4))
def test_a_later_request_of_a_shop_page_never_saw_what_earlier_ones_took(batch: list[Asked]) -> None:
    """A shop page is its requests one by one, each without the rows shown before."""
    together, taken = pages(batch), set()
    for one, answer in zip(batch, together, strict=True):
        left = [i for i, row in enumerate(one.rows) if row not in taken]
        cut = [[values[i] for i in left] for values in (one.rows, one.scores, one.sources)]
        assert pages([Asked(*cut, one.pins, one.fields)])[0] == answer
        taken |= set(answer[0])


@given(asked(group=-1, diversity=0.0, explore=0.0, max_brand=0, max_category=0))
@settings(max_examples=300)
def test_without_rules_the_order_is_relevance(one: Asked) -> None:
    """Stable, but for the new arrival; the same by the short way and by that of pages with caps (which bind nobody)."""
    one.pins = []
    found = sorted(zip(one.rows, one.sources, one.scores, strict=True), key=lambda c: -c[2])
    ranked = [row for row, source, _ in found if source != PINNED]
    new = [row for row, source, _ in found if source == FRESH]
    page = ranked[: one.fields["size"]]
    if one.fields["fresh_slots"] and len(page) == one.fields["size"] > 1 and new and new[0] not in page:
        page[-1] = new[0]
    assert pages([one])[0][0] == page
    one.fields["max_brand"] = N
    assert pages([one])[0][0] == page


@given(asked(group=-1, fresh_slots=1))
@settings(max_examples=300)
def test_the_last_free_place_is_the_best_new_arrival_s(one: Asked) -> None:
    """A full page of two or more shows a new arrival, or there was none that keeps the caps beside the others."""
    [(page, chances)] = pages([one])
    source = dict(zip(one.rows, one.sources, strict=True))
    score = dict(zip(one.rows, one.scores, strict=True))
    pins = [row for row, _ in standing(one, set())]
    own = [place for place, row in enumerate(page) if row not in pins]
    if len(page) < max(one.fields["size"], 2) or not own:
        return
    last = own[-1]
    above = [row for row in page if row != page[last]]
    if any(source[row] == FRESH for row in above):
        return
    able = [row for row in one.rows if source[row] == FRESH and row not in above and fits(row, above, one.fields)]
    if able:
        assert page[last] == max(able, key=lambda row: (score[row], -one.rows.index(row)))
        assert chances[last] == 1
