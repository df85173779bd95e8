"""Ports that several replicas share: checked to be free, then kept so that nobody else takes them meanwhile."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Mapping

from serving.core.errors import SettingError

BLOCKS = range(10_000, 32_768)
"""Ports that the kernel gives nobody by itself."""
BLOCK_TRIES_MAX = 100


class SharedPorts:
    """Holds ports of one host for replicas that bind them with SO_REUSEPORT.

    A process may bind such a port beside us without anybody noticing, and would get a share of the connections. So the
    port is first bound *without* the option, which fails if anyone has it. What is kept then is bound with the option
    but does not listen: the kernel sends it no connections.
    """

    def __init__(self, host: str, wanted: Mapping[str, int]) -> None:
        """wanted: setting -> port, 0 = any free one. Raises SettingError naming the setting and the port."""
        self._held: list[socket.socket] = []
        self.ports: dict[str, int] = {}
        try:
            for setting, port in wanted.items():
                self.ports[setting] = self._hold(host, port, setting)
        except BaseException:
            self.close()
            raise

    def _hold(self, host: str, port: int, setting: str) -> int:
        with _bound(host, port, setting, socket.SO_REUSEADDR) as probe:
            found: int = probe.getsockname()[1]
        # Without SO_REUSEADDR, which would let another gateway's probe pass; unless connections of an earlier gateway
        # that did not share its ports are still dying here.
        try:
            held = _bound(host, found, setting, socket.SO_REUSEPORT)
        except SettingError:
            held = _bound(host, found, setting, socket.SO_REUSEPORT, socket.SO_REUSEADDR)
        self._held.append(held)
        return found

    def close(self) -> None:
        while self._held:
            self._held.pop().close()


def free_block(host: str, count: int, setting: str, rng: random.Random) -> int:
    """The first of `count` ports in a row that nobody has at this moment. Raises SettingError when none are found."""
    for _ in range(BLOCK_TRIES_MAX):
        first = rng.randrange(BLOCKS.start, BLOCKS.stop - count)
        try:
            for port in range(first, first + count):
                _bound(host, port, setting, socket.SO_REUSEADDR).close()
        except SettingError:
            continue
        return first
    raise SettingError(f"{setting}: no {count} free ports in a row were found: name the first one", key=setting)


def _bound(host: str, port: int, setting: str, *options: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        for option in options:
            sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        taken = error.errno == errno.EADDRINUSE
        problem = "is taken by another process" if taken else f"cannot be bound ({error})"
        raise SettingError(
            f"{setting}: port {port} on {host} {problem}: stop it, or choose another port (0 = any free one)",
            key=setting,
            port=str(port),
        ) from None
    return sock
