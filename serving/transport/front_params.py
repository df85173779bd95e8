"""What both fronts are configured with."""

from __future__ import annotations

from dataclasses import dataclass, field

from serving.core.errors import InvalidInput
from serving.core.ranges import check_ranges
from serving.decisions.route.params import Limits


@dataclass(frozen=True, slots=True)
class FrontParams:
    """Where a front listens and what it takes.

    host: an address or name to bind. port: 0..65535, 0 = any free one. payload_bytes_max: 1..2**31-1, larger requests
    are refused before they are decoded. reuse_port: share the port with other processes (SO_REUSEPORT).
    token_sha256: SHA-256 digests (32 bytes each) of the bearer tokens that are accepted; none = no token is needed.
    streams_max: concurrent calls of one connection, 1..65536. io_threads: 1..64, threads outside the GIL (native only).
    plans: how streams of plans take their time. io_cores: those that these threads use, none = all that the process
    may. realtime: the thread that takes the calls goes first on its core, if it may (native only).

    What one client connection can make a front hold before the engine sees it is streams_max x the size of a message
    (the limit applies when a message is complete); put a limit on connections in front of it.
    """

    host: str = "127.0.0.1"
    port: int = 0
    payload_bytes_max: int = 1 << 20
    reuse_port: bool = False
    token_sha256: tuple[bytes, ...] = ()
    streams_max: int = 1024
    io_threads: int = 1
    plans: Limits = field(default_factory=Limits)
    io_cores: tuple[int, ...] = ()
    realtime: bool = False

    def __post_init__(self) -> None:
        check_ranges(
            self,
            "",
            ("port", 0, 65535),
            ("payload_bytes_max", 1, 2**31 - 1),
            ("streams_max", 1, 65536),
            ("io_threads", 1, 64),
        )
        for digest in self.token_sha256:
            if len(digest) != 32:
                raise InvalidInput("token_sha256", f"{len(digest)} bytes", "the 32 bytes of a SHA-256 digest")

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
