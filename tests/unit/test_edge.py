"""From settings to slots: ports that are there, wanted once, and found where the settings leave them open."""

from __future__ import annotations

import random
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from edges import MARK, SLOTS, Replica

from serving.core.errors import SettingError
from serving.edge import configuration, edge_folder, slots_of, with_slots
from serving.runtime.doors import first_open
from serving.runtime.home import announced_edge, edge_of, home_mark
from serving.runtime.parts import Front
from serving.settings import Settings, load
from serving.transport.edge_config import Slots


def settings_with(**changes: Any) -> Settings:
    """Dotted keys with two underscores for the dot."""
    return load(environ={}, overrides={key.replace("__", "."): value for key, value in changes.items()})


def test_there_are_two_slots_for_every_replica() -> None:
    """A rollout runs old and new ones side by side."""
    assert slots_of(settings_with(runtime__replicas=3)) == Slots(50100, 8100, 9090, 6)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"server__admin_port": 65535}, "server.admin_port"),
        ({"edge__replica_grpc_port": 8101}, "edge.replica_grpc_port.*meet those of edge.replica_http_port"),
        ({"edge__replica_http_port": 9089}, "edge.replica_http_port.*meet those of server.admin_port"),
    ],
)
def test_ports_that_are_not_there_or_wanted_twice_are_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        slots_of(settings_with(**changes))


def test_zero_finds_ports_in_a_row() -> None:
    """Free ones, and what is named stays."""
    open_ones = settings_with(edge__replica_grpc_port=0, server__admin_port=0, edge__replica_http_port=8100)
    found = slots_of(with_slots(open_ones, random.Random(1)))
    assert found.http == 8100
    for first in (found.grpc, found.admin):
        for port in range(first, first + found.count):
            with closing(socket.create_server(("127.0.0.1", port))):
                pass


def test_a_replica_takes_the_first_slot_that_is_free_as_a_whole() -> None:
    """In the first one somebody has the HTTP port, in the second one the admin port: nothing of either is kept."""
    settings = with_slots(
        settings_with(edge__replica_grpc_port=0, edge__replica_http_port=0, server__admin_port=0), random.Random()
    )
    slots = replace(slots_of(settings), count=SLOTS)
    with (
        closing(socket.create_server(("127.0.0.1", slots.http))),
        closing(socket.create_server(("127.0.0.1", slots.admin + 1))),
    ):
        replica = first_open(range(slots.count), lambda slot: Replica(slots, slot))
        with closing(replica):
            assert replica.doors.addresses.grpc_port == slots.grpc + 2
            for port in (slots.grpc, slots.admin, slots.grpc + 1, slots.http + 1):
                socket.create_server(("127.0.0.1", port)).close()


def test_no_free_slot_is_told() -> None:
    slots = slots_of(with_slots(settings_with(edge__replica_grpc_port=0, server__admin_port=0), random.Random()))
    with (
        closing(socket.create_server(("127.0.0.1", slots.grpc))),
        closing(socket.create_server(("127.0.0.1", slots.grpc + 1))),
        pytest.raises(SettingError, match=f"port {slots.grpc + 1} .* taken"),
    ):
        first_open(range(slots.count), lambda slot: Replica(slots, slot))


def test_a_home_has_one_mark_of_its_own(tmp_path: Path) -> None:
    first, second = home_mark(tmp_path / "a"), home_mark(tmp_path / "b")
    assert first == home_mark(tmp_path / "a")
    assert len(first) == len(MARK)
    assert first != second


def test_the_edge_is_announced_while_it_stands(tmp_path: Path) -> None:
    front = Front("127.0.0.1", 1, 2, tls=True)
    with announced_edge(tmp_path, front):
        assert edge_of(tmp_path) == front
    assert edge_of(tmp_path) is None


def test_the_configuration_is_that_of_the_settings(tmp_path: Path) -> None:
    """Limits of the server's section count at the edge too."""
    settings = settings_with(home=tmp_path, server__payload_bytes_max=2048, edge__threads=3)
    text = configuration(settings, Front("127.0.0.1", 50051, 8080), edge_folder(settings) / "s")
    assert "nbthread 3" in text
    assert "-m int gt 2048" in text
    assert f"value {home_mark(tmp_path)}" in text


def test_beyond_loopback_callers_must_prove_who_they_are(tmp_path: Path) -> None:
    """By a token or by a certificate; TLS alone hides what is said, not who may say it."""
    authority = Authority(tmp_path)
    tls = {"edge__haproxy": "own", "edge__tls_certificate": str(authority.certify("edge").both)}
    mutual = tls | {"edge__tls_client_ca": str(authority.ca)}
    with pytest.raises(SettingError, match=r"server\.host"):
        settings_with(server__host="0.0.0.0", **tls)
    assert settings_with(server__host="0.0.0.0", **mutual).edge.stands
    with pytest.raises(SettingError, match=r"server\.host"):
        settings_with(server__host="0.0.0.0", **(mutual | {"edge__haproxy": "off"}))
    with pytest.raises(SettingError, match=r"server\.admin_host"):
        settings_with(server__admin_host="0.0.0.0", **mutual)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"edge__tls_client_ca": "ca.pem"}, "edge.tls_certificate as well"),
        ({"edge__haproxy": "own", "edge__tls_certificate": "/not/there.pem"}, "/not/there.pem.*not a file"),
        ({"edge__check_s": 2.0}, "edge.drain_s"),
        ({"edge__haproxy": "on"}, "one of off, own, external"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        settings_with(**changes)
