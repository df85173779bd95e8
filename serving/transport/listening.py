"""Binding a port and leaving it, with words for why it cannot be had."""

from __future__ import annotations

import errno
import socket
from typing import Final

from serving.core.errors import SettingError

BACKLOG: Final = 1024
LEAVING: Final = "the gateway is going away: retry, another replica answers"


def listening_socket(host: str, port: int, *, reuse_port: bool, setting: str) -> socket.socket:
    """A TCP socket that listens on the address. Raises SettingError naming the port and the `setting` to change."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise cannot_listen(host, port, error, setting) from error
    sock.setblocking(False)
    return sock


def cannot_listen(host: str, port: int, cause: Exception, setting: str) -> SettingError:
    """The error for an address that could not be bound."""
    taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
    problem = "is taken by another process" if taken else f"cannot be bound ({cause})"
    return SettingError(
        f"port {port} on {host} {problem}: choose another with {setting} (0 = any free one)",
        setting=setting,
        host=host,
        port=str(port),
    )
