"""What the report of an elastic run says of looks and calls that are known."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from loadtests.crowd import Asked
from loadtests.elastic_report import BIN_S, Newcomer, Seen, Story, as_rows, bins, broken, course, svg

NUMBERS = [1] * 8 + [2] * 4 + [3] * 16 + [1] * 12
"""Replicas, looked at every half second."""


def looks(numbers: list[int]) -> tuple[Seen, ...]:
    return tuple(Seen(100 + n / 2, number, min(number, 2), 4) for n, number in enumerate(numbers))


STORY = Story(
    way="edge",
    begun_s=100.0,
    step_s=102.0,
    calm_s=114.0,
    seen=looks(NUMBERS),
    asked=tuple(Asked(100 + n / 10, 100 + n / 10 + 0.02) for n in range(195)),
    newcomers=(Newcomer(103.0, 104.5, 1.0), Newcomer(103.0, 106.0, 1.5)),
)


def test_up_and_down_again_without_a_failed_call_keeps_every_promise() -> None:
    assert course(STORY) == [1, 2, 3, 1]
    assert broken(STORY, 3) == []


def test_every_broken_promise_is_named() -> None:
    """A failed call, too few replicas, to and fro, and one that came late."""
    failed = replace(STORY, asked=(*STORY.asked, Asked(110.0, 110.1, "UNAVAILABLE: gone")))
    assert broken(failed, 3) == ["1 calls of 196 failed, the first with 'UNAVAILABLE: gone'"]
    assert broken(STORY, 4) == ["replicas went 1 -> 2 -> 3 -> 1, not up to 4 and down again"]
    flapping = replace(STORY, seen=looks([1, 2, 1, 3, 1]))
    assert "1 -> 2 -> 1 -> 3 -> 1" in broken(flapping, 3)[0]
    late = replace(STORY, newcomers=(Newcomer(103.0, 120.0, 4.0),))
    assert broken(late, 3) == ["a replica served 17.0 s after Ray granted it, 15 s are promised"]
    assert broken(replace(late, way="direct"), 3) == []


def test_figures_over_time() -> None:
    """Ten calls a second of 20 ms, in stretches of two seconds."""
    found = list(bins(STORY))
    assert [each.replicas for each in found[:4]] == [1, 1, 2, 3]
    assert all(each.requests_per_s == pytest.approx(10, abs=0.5) for each in found)
    assert all(each.p99_ms == pytest.approx(20) for each in found)
    assert found[1].at_s == BIN_S


def test_a_stretch_without_an_answer_has_no_percentiles() -> None:
    silent = replace(STORY, asked=tuple(call for call in STORY.asked if call.begun_s < 104))
    rows = as_rows(silent)
    assert "p99_ms" in rows[0]
    assert "p99_ms" not in rows[-2]
    assert rows[-1]["replicas"] == [1, 2, 3, 1]
    assert ElementTree.fromstring(svg(silent)).tag.endswith("svg")


def test_the_picture_needs_nothing_from_outside() -> None:
    """Well-formed, one line a panel, no address but SVG's own."""
    picture = svg(STORY)
    root = ElementTree.fromstring(picture)
    assert len([line for line in root.iter() if line.get("stroke-width") == "1.5"]) == 3
    assert picture.count("http") == 1
