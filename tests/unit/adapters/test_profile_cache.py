"""Kept profiles: bounded, forgotten when told, never older than what was told."""

from __future__ import annotations

from collections import OrderedDict

import hypothesis.strategies as st
from hypothesis import given

from serving.adapters.profile_cache import ENTRY_BYTES, ProfileCache, cache_families

KEYS = st.sampled_from([b"a", b"b", b"c", b"dd", b"ee"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("find"), st.lists(KEYS, max_size=3)),
        st.tuples(st.just("keep"), st.lists(st.tuples(KEYS, st.binary(max_size=300)), max_size=3)),
        st.tuples(st.just("drop"), st.one_of(st.none(), st.lists(KEYS, max_size=2))),
    ),
    max_size=40,
)


@given(STEPS, st.integers(0, 1500))
def test_it_is_a_table_in_order_of_use_with_a_bound(steps: list[tuple[str, object]], bytes_max: int) -> None:
    """Against a table that is counted anew after every step."""
    cache, model = ProfileCache(bytes_max), OrderedDict[bytes, bytes]()

    def size() -> int:
        return sum(len(key) + len(blob) + ENTRY_BYTES for key, blob in model.items())

    for name, what in steps:
        if name == "find":
            assert isinstance(what, list)
            assert cache.find(what) == [model.get(key) for key in what]
            for key in what:
                if key in model:
                    model.move_to_end(key)
        elif name == "keep":
            assert isinstance(what, list)
            cache.keep(what, cache.epoch)
            for key, blob in what:
                model[key] = blob
                model.move_to_end(key)
            while size() > bytes_max:
                model.popitem(last=False)
        else:
            cache.drop(what)  # type: ignore[arg-type]
            for key in list(model) if what is None else what:  # type: ignore[attr-defined]
                model.pop(key, None)
        assert cache.bytes == size() <= bytes_max


def test_what_was_on_its_way_while_something_was_dropped_is_not_kept() -> None:
    cache = ProfileCache(10_000)
    asked_at = cache.epoch
    cache.drop([b"other"])
    cache.keep([(b"a", b"old")], asked_at)
    assert cache.find([b"a"]) == [None]
    cache.keep([(b"a", b"new")], cache.epoch)
    assert cache.find([b"a"]) == [b"new"]


def test_metrics_count_profiles() -> None:
    assert cache_families(None) == []
    cache = ProfileCache(10_000)
    cache.keep([(b"a", b"12"), (b"b", b"")], 0)
    cache.find([b"a", b"b", b"c"])
    found = {family.name: family.rows[0][1] for family in cache_families(cache)}
    assert found == {
        "storegate_profile_cache_hits": 2.0,
        "storegate_profile_cache_misses": 2.0,
        "storegate_profile_cache_bytes": 2.0 * ENTRY_BYTES + 4,
    }
