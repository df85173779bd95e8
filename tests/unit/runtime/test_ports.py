"""Shared ports: taken ones are named, held ones stay ours and can be shared by replicas."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from serving.core.errors import SettingError
from serving.runtime.ports import SharedPorts


def listener(port: int, *, reuse_port: bool) -> socket.socket:
    sock = socket.socket()
    if reuse_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen()
    return sock


@pytest.mark.parametrize("reuse_port", [False, True])
def test_a_taken_port_is_refused_by_setting_and_number(reuse_port: bool) -> None:
    """Also when the other one would share it: half of the connections would silently go there."""
    with closing(listener(0, reuse_port=reuse_port)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SettingError, match=rf"server\.grpc_port: port {port} .* taken"):
            SharedPorts("127.0.0.1", {"server.grpc_port": port})


def test_an_address_that_is_not_ours_is_refused() -> None:
    """192.0.2.0/24 is nobody's (RFC 5737)."""
    with pytest.raises(SettingError, match=r"server\.http_port.*192\.0\.2\.1.*cannot be bound"):
        SharedPorts("192.0.2.1", {"server.http_port": 0})


def test_zero_finds_free_ports_and_keeps_them() -> None:
    """Replicas may bind them with SO_REUSEPORT; nobody else may without; a second gateway is refused."""
    with closing(SharedPorts("127.0.0.1", {"a": 0, "b": 0})) as shared:
        first, second = shared.ports["a"], shared.ports["b"]
        assert first != second
        with closing(listener(first, reuse_port=True)), closing(listener(first, reuse_port=True)):
            pass
        with pytest.raises(OSError, match="in use"):
            listener(first, reuse_port=False)
        with pytest.raises(SettingError):
            SharedPorts("127.0.0.1", {"a": first})
    with closing(listener(first, reuse_port=False)):
        pass


def test_what_is_held_gets_no_connections() -> None:
    """The held socket does not listen: every connection reaches the replica."""
    shared = SharedPorts("127.0.0.1", {"a": 0})
    port = shared.ports["a"]
    with closing(shared), closing(listener(port, reuse_port=True)) as replica:
        replica.settimeout(5)
        for _ in range(20):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=5)):
                replica.accept()[0].close()


def test_one_taken_port_lets_go_of_the_others() -> None:
    """A refused start leaves nothing bound."""
    with closing(SharedPorts("127.0.0.1", {"x": 0})) as free:
        found = free.ports["x"]
    with closing(listener(0, reuse_port=False)) as other, pytest.raises(SettingError):
        SharedPorts("127.0.0.1", {"a": found, "b": other.getsockname()[1]})
    with closing(listener(found, reuse_port=False)):
        pass
