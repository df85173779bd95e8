"""Behind its edge, a gateway on Ray gets a second replica under load, is replaced, and shrinks again: no call fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from e2e.gateways import Gateway, awaited, gateway

from loadtests.crowd import Crowd, Plain
from loadtests.ids import of_home
from serving.runtime.home import edge_of
from serving.runtime.rolling import SIGNAL

SETTINGS = {
    "edge.replica_grpc_port": 0,
    "edge.replica_http_port": 0,
    "runtime.scaling.busy_target": 0.3,
    "runtime.scaling.up_delay_s": 0.5,
    "runtime.scaling.down_delay_s": 4,
}
CHANGE_S_MAX = 100.0
CALLERS = 8
CALM_PAUSE_S = 1.0
PARTS = 12
"""Placements in one call: with so much work in each, few callers keep a replica busy."""


def names(running: Gateway) -> set[str]:
    """Of the replicas that are ready."""
    return {replica.name for replica in running.ready_replicas()}


def target(running: Gateway) -> str:
    front = awaited(lambda: edge_of(running.home), "the edge stands")
    return f"{front.host}:{front.grpc_port}"


@pytest.mark.alone
def test_replicas_follow_the_load_and_are_replaced_without_a_failed_call(new_home: Callable[[], Path]) -> None:
    """1 -> 2 -> 1 replicas under a step of load, then a rolling update of the one that is left, all under the eyes of
    plain clients, who retry nothing and read every answer."""
    home = new_home()
    with (
        gateway(home, "--replicas-max", "2", "--edge", settings=SETTINGS) as running,
        Crowd(Plain, target(running), of_home(home), PARTS) as crowd,
    ):
        crowd.resize(CALLERS)
        awaited(lambda: len(names(running)) == 2, "a second replica serves", CHANGE_S_MAX)
        crowd.resize(1, CALM_PAUSE_S)
        awaited(lambda: len(names(running)) == 1, "one replica is left", CHANGE_S_MAX)
        old = names(running)
        running.signal(SIGNAL)
        new = awaited(lambda: not old & (found := names(running)) and found, "it was replaced", CHANGE_S_MAX)
        awaited(lambda: "all replicas were replaced" in running.said, "the launcher tells")
        before = len(crowd.asked())
        awaited(lambda: len(crowd.asked()) > before, "the new one answers")
    asked = crowd.asked()
    assert new
    assert len(asked) > CALLERS
    assert [call.problem for call in asked if call.problem] == []
