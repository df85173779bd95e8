"""The measurement of changes: what it times are plans with the stop that came, without the one cancelled."""

from __future__ import annotations

import pytest

from loadtests.replan import CHANGES, TRAVELS, asked, broken, checked, measured, town_of
from storegate.v1 import routing_pb2 as pb

STOPS = 20


def test_every_change_is_measured_for_every_kind_of_travel():
    rows = list(measured(STOPS, 2, seed=0))
    assert [(row["travel"], row["name"]) for row in rows] == [(kind, change) for kind in TRAVELS for change in CHANGES]
    assert all(0 < row["p50_ms"] <= row["p99_ms"] for row in rows)


def test_requests_of_other_seeds_are_others_and_a_matrix_has_a_row_for_every_place():
    town = town_of(STOPS, 0, seconds=0.05)
    assert asked(town, "coordinates", "insert", 1) != asked(town, "coordinates", "insert", 2)
    request = pb.ReplanRoutesRequest.FromString(asked(town, "matrix", "insert", 1))
    assert len(request.problem.profiles[0].matrix.distances_m) == (1 + STOPS + 1) ** 2


def test_an_answer_that_lacks_a_stop_is_none():
    with pytest.raises(AssertionError):
        checked("insert", STOPS, pb.ReplanRoutesResponse().SerializeToString())


def test_a_broken_promise_is_told():
    row = {"name": "insert", "travel": "matrix", "stops": 200, "p99_ms": 2.1}
    assert broken([row | {"limit_ms": 2.0}, row | {"limit_ms": 2.2}, row | {"limit_ms": None}]) == [
        "insert matrix at 200: p99 2.1 ms, promised: 2"
    ]
