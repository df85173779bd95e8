"""Who is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtests.peers.wires import INFER_WIRE, RANK_WIRE, Wire, json_wire


@dataclass(frozen=True, slots=True)
class Peer:
    """One server. name: what --only takes, and its file below servers/."""

    name: str
    title: str
    wire: Wire
    environment: str = ""
    """Of requirements/peers/; empty = the one that runs the comparison."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Variables of its process; "{port}" stands for the port where it is to listen, "{next}" for one more,
    "{libraries}" for the folder of Python's shared library."""


DIRECT = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "1",
    "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": "{port}",
    "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": "{next}",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
}

PEERS = (
    Peer("ours", "storegate: engine and native front on Ray", RANK_WIRE),
    Peer("grpc_aio", "grpc.aio, hand-written", RANK_WIRE),
    Peer("ray_chain", "Ray Serve: chain, @serve.batch, proxy", json_wire("/")),
    Peer("ray_direct", "Ray Serve: direct ingress", json_wire("/"), environ=DIRECT),
    Peer("fastapi_uvicorn", "FastAPI + uvicorn", json_wire("/rank"), "fastapi_uvicorn"),
    Peer("ml_server", "MLServer", INFER_WIRE, "ml_server"),
    Peer("lit_serve", "LitServe", json_wire("/predict"), "lit_serve"),
    Peer("bento", "BentoML", json_wire("/rank", many="requests"), "bento"),
    Peer("mosec_http", "mosec", json_wire("/inference"), "mosec_http"),
    # Triton's own process loads libpython, and must find the one whose library files it will read.
    Peer("py_triton", "pytriton", INFER_WIRE, "py_triton", {"LD_LIBRARY_PATH": "{libraries}"}),
)


def chosen(only: str) -> tuple[Peer, ...]:
    """The peers named in "a,b", in the order of the table; all for "". Raises ValueError naming the unknown."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = sorted(set(names) - {peer.name for peer in PEERS})
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: expected some of {', '.join(peer.name for peer in PEERS)}")
    return tuple(peer for peer in PEERS if not names or peer.name in names)
