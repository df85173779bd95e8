"""Recent requests: bounded, without who asked, read back as they were, and never in the way of a start."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from serving.adapters import disk
from serving.adapters.recent_requests import FILE, LOCK, SPACING_S, RecentRequests
from serving.decisions.recommend.contract import Pin, Query, SessionEvent

FULL = Query(
    placement="similar-items",
    user_id="ada",
    visitor_id="cookie",
    item_ids=("i1",),
    session=(SessionEvent(2, "i2", 9),),
    page_size=7,
    personal=True,
    request_id="r1",
    filter="price < 500",
    pins=(Pin("i3", 2),),
    decision_id="ab" * 16,
)
BARE = replace(FULL, user_id="", visitor_id="", request_id="", decision_id="")


def test_a_request_comes_back_without_who_asked(tmp_path: Path) -> None:
    """Nothing of a person is written: neither user nor visitor nor what the caller calls the request."""
    recent = RecentRequests(tmp_path, 10)
    recent.note([FULL], 0.0)
    assert recent.queries() == [BARE]
    recent.save()
    text = (tmp_path / FILE).read_text()
    for secret in ("ada", "cookie", "r1", "ab" * 16):
        assert f'"{secret}"' not in text
    assert RecentRequests(tmp_path, 10).queries() == [BARE]


def test_the_ring_is_bounded_and_spaced(tmp_path: Path) -> None:
    """Full, it takes one request a second, so that it tells of minutes; the oldest gives way."""
    recent = RecentRequests(tmp_path, 3)
    for size in range(1, 4):
        recent.note([Query(page_size=size)], 0.0)
    recent.note([Query(page_size=50)], SPACING_S / 2)
    recent.note([Query(page_size=51)], SPACING_S)
    assert [query.page_size for query in recent.queries()] == [2, 3, 51]
    none = RecentRequests(tmp_path, 0)
    none.note([FULL], 0.0)
    none.save()
    assert none.queries() == []
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "3", '{"placement": "on-the-roof"}', '{"filter": "price <"}', '{"page_size": 100000}',
     '{"objective": "fame"}', '{"session": [{"what": 1}]}', '{"item_ids": {}, "page_size": "many"}'],
)  # fmt: skip
def test_a_line_that_cannot_be_answered_is_left_out(tmp_path: Path, line: str) -> None:
    """Written by another version, or by hand: the others count, the start goes on."""
    recent = RecentRequests(tmp_path, 10)
    recent.note([FULL], 0.0)
    recent.save()
    path = tmp_path / FILE
    path.write_text(line + "\n" + path.read_text())
    assert RecentRequests(tmp_path, 10).queries() == [BARE]


def test_a_file_that_cannot_be_read_or_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    """Not text; and another replica is writing: then this one's turn comes later."""
    path = tmp_path / FILE
    path.write_bytes(b"\xff\xfe")
    recent = RecentRequests(tmp_path, 10)
    assert recent.queries() == []
    recent.note([FULL], 0.0)
    with disk.locked(tmp_path / LOCK):
        recent.save()
    assert path.read_bytes() == b"\xff\xfe"
    recent.save()
    assert RecentRequests(tmp_path, 10).queries() == [BARE]
