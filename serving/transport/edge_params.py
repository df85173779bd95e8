"""The section `edge` of the settings: HAProxy in front of the replicas of a node."""

from __future__ import annotations

from dataclasses import dataclass

from serving.core.config import setting
from serving.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class EdgeParams:
    """What the edge lets pass, and how long it waits. With it, `server.host` and the ports of `server` are the edge's.
    Raises InvalidInput when two of them do not fit together."""

    haproxy: str = setting(
        "off",
        "HAProxy at the ports of `server` balances each call over replicas on loopback ports: own = a child of the "
        "gateway (`serve --edge`), external = yours, with what `storegate edge config` prints.",
        choices=("off", "own", "external"),
    )
    replica_grpc_port: int = setting(
        50100,
        "First gRPC port of replicas behind the edge; each takes the first free slot. 0 = any.",
        low=0,
        high=65000,
    )
    replica_http_port: int = setting(
        8100, "First HTTP port of replicas behind the edge; each takes the first free slot. 0 = any.", low=0, high=65000
    )
    tls_certificate: str = setting(
        "", "PEM file with the certificate, its chain and its key: callers must use TLS 1.2 or newer; empty = no TLS."
    )
    tls_client_ca: str = setting(
        "", "PEM file of authorities: callers must show a certificate of theirs (mTLS), whose name is the caller's."
    )
    threads: int = setting(1, "Threads of HAProxy.", low=1, high=64)
    connections_max: int = setting(
        4096, "Connections of callers at a time; more wait in the kernel.", low=16, high=100_000
    )
    connections_per_host_max: int = setting(
        1024, "Connections of one host at a time; more are closed.", low=1, high=100_000
    )
    streams_max: int = setting(
        128, "Calls at a time of one HTTP/2 connection; more wait at the caller.", low=1, high=1024
    )
    glitches_max: int = setting(
        100,
        "Breaches of HTTP/2's manners, such as malformed headers, after which a connection is ended.",
        low=1,
        high=1_000_000,
    )
    head_bytes_max: int = setting(
        8192,
        "Larger request headers are refused; above about twice this, the connection is ended.",
        low=1024,
        high=65536,
        unit="bytes",
    )
    request_s_max: float = setting(
        5.0, "Time for a request's headers and the beginning of its body to arrive.", low=0.1, high=300, unit="s"
    )
    idle_s_max: float = setting(
        300.0,
        "A connection without a call, or a transfer that stands still, ends after this.",
        low=1,
        high=86_400,
        unit="s",
    )
    answer_s_max: float = setting(
        300.0, "Longest silence of a replica that has a call.", low=0.1, high=86_400, unit="s"
    )
    check_s: float = setting(
        0.25, "How often each slot is asked whether a replica is ready there.", low=0.02, high=2, unit="s"
    )
    drain_s: float = setting(
        1.0,
        "How long a leaving replica, no longer ready, still takes calls: until the edge has noticed, so 2 times "
        "check_s or more.",
        low=0,
        high=5,
        unit="s",
    )

    def __post_init__(self) -> None:
        if self.drain_s < 2 * self.check_s:
            raise InvalidInput("drain_s", self.drain_s, f"2 times check_s or more, {2 * self.check_s:g} s")

    @property
    def stands(self) -> bool:
        """Whether replicas are behind an edge, whoever runs it."""
        return self.haproxy != "off"
