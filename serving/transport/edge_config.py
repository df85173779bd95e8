"""HAProxy's configuration: the template `edge.cfg`, filled in from settings. Pure; nothing is started here.

What the edge answers by itself (no replica, too large, too slow) is spelled by `status`, like every other error. Only
where HTTP/1 has no request yet (a head that is malformed or slow) HAProxy has words of its own.
"""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from serving.core.errors import DeadlineExpired, InternalError, InvalidInput, NotReady, PayloadTooLarge, StoregateError
from serving.transport.admin_face import HOME_KEY
from serving.transport.callers import CALLER_KEY
from serving.transport.contract import methods
from serving.transport.edge_params import EdgeParams
from serving.transport.http_errors import HeadTooLarge, NotGrpc, RequestTooSlow
from serving.transport.inference.methods import MODEL_INFER
from serving.transport.status import DETAILS_KEY, grpc_status, http_problem

LOOPBACK: Final = "127.0.0.1"
"""Where replicas behind the edge listen."""
BUFFER_SPARE_BYTES: Final = 2048
"""Of HAProxy's buffer: what rules may add (1,024), and room in which a head that is too large can be refused."""
BUFFER_BYTES_MIN: Final = 16_384
"""HAProxy lets no frame be larger than its buffer, and HTTP/2 allows no smaller limit of frames than this."""
AS_THEY_ARE: Final = (
    "threads", "connections_max", "connections_per_host_max", "streams_max", "glitches_max", "head_bytes_max",
)  # fmt: skip
REPEATABLE: Final = (
    "RecommendationService/Recommend", "RecommendationService/RecommendPage", "RecommendationService/Rerank",
    "RecommendationService/GetDecision", "RecommendationService/ReplayDecision", "CatalogService/GetItem",
    "UserEventService/WriteUserEvent", "ForecastService/ForecastDemand", "ModelService/ListModels",
    "ModelService/GetModel", "GatewayService/Ping", "InventoryService/PlanReplenishment",
    "InventoryService/AllocateStock", "PricingService/QuotePrices", "PricingService/SimulatePrices",
    "PlacementService/PlanSlotting", "PlacementService/BatchOrders",
    "RoutingService/ReplanRoutes",
)  # fmt: skip
"""Calls that change nothing, or nothing when they come twice: the edge may give them to another replica."""
PACKAGE: Final = "storegate.v1."
RECHECK_SHARE: Final = 0.2
"""A check that failed is repeated after this share of the usual time."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Where replicas may listen: slot i has the ports grpc + i, http + i and admin + i. A replica takes the first slot
    that it can bind as a whole, whatever its rank (Ray renumbers those)."""

    grpc: int
    http: int
    admin: int
    count: int


@dataclass(frozen=True, slots=True)
class EdgeSite:
    """Where the edge stands. admin_socket: path of the Unix socket that commands it. home_mark: what the replicas of
    this home answer on /readyz. payload_bytes_max: of a request's message or body. leave_s: grace of its own end."""

    host: str
    grpc_port: int
    http_port: int
    admin_host: str
    slots: Slots
    payload_bytes_max: int
    admin_socket: Path
    home_mark: str
    leave_s: float


def render(site: EdgeSite, params: EdgeParams) -> str:
    """The whole configuration. Raises InvalidInput for a path that HAProxy cannot be told."""
    buffer = max(BUFFER_BYTES_MIN, 2 * params.head_bytes_max + BUFFER_SPARE_BYTES)
    values = {
        **{name: getattr(params, name) for name in AS_THEY_ARE},
        "payload_bytes_max": site.payload_bytes_max,
        "buffer_bytes": buffer,
        "held_bytes": buffer // 2,
        "request_ms": _ms(params.request_s_max),
        "idle_ms": _ms(params.idle_s_max),
        "answer_ms": _ms(params.answer_s_max),
        "check_ms": _ms(params.check_s),
        "recheck_ms": _ms(params.check_s * RECHECK_SHARE),
        "leave_ms": _ms(site.leave_s),
        "admin_socket": _quoted(str(site.admin_socket)),
        "home_key": HOME_KEY,
        "home_mark": site.home_mark,
        "caller_rule": _caller_rule(params),
        **_repeatable(),
        **_binds(site, params),
        **_answers(site, params),
        **_servers(site),
    }
    return Template(_template()).substitute(values)


@cache
def _template() -> str:
    return (resources.files(__package__) / "edge.cfg").read_text(encoding="utf-8")


def _binds(site: EdgeSite, params: EdgeParams) -> dict[str, str]:
    """The listeners. Without TLS, gRPC's HTTP/2 begins without a word about it (prior knowledge)."""
    tls = ""
    if params.tls_certificate:
        tls = f" ssl crt {_path(params.tls_certificate)}"
        if params.tls_client_ca:
            tls += f" ca-file {_path(params.tls_client_ca)} verify required"
    host = f"[{site.host}]" if ":" in site.host else site.host
    return {
        "grpc_bind": f"{host}:{site.grpc_port}" + (f"{tls} alpn h2" if tls else " proto h2"),
        "http_bind": f"{host}:{site.http_port}" + (f"{tls} alpn h2,http/1.1" if tls else ""),
    }


def _repeatable() -> dict[str, str]:
    """Their paths. Over HTTP all that is asked by GET is repeatable too."""
    known = [method for method in methods() if f"{method.service}/{method.name}".removeprefix(PACKAGE) in REPEATABLE]
    posted = [method.path for method in known if method.verb == "POST" and "{" not in method.path]
    return {
        "grpc_repeatable": " ".join([*(method.full_name for method in known), MODEL_INFER]),
        "http_repeatable": " ".join(posted),
    }


def _caller_rule(params: EdgeParams) -> str:
    """Whose share a call takes: who the certificate names, else who it says, else the host it comes from."""
    if params.tls_client_ca:
        return f"http-request set-header {CALLER_KEY} %[ssl_c_s_dn(cn)]"
    return f"http-request set-header {CALLER_KEY} %[src] unless {{ req.hdr({CALLER_KEY}) -m found }}"


def _servers(site: EdgeSite) -> dict[str, str]:
    """A line for every slot. One check of the admin port answers for both protocols."""
    address = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(site.admin_host, site.admin_host)
    slots, every = site.slots, range(site.slots.count)
    checked = [f"check check-proto h1 addr {address} port {slots.admin + i}" for i in every]
    grpc = (f"    server slot{i} {LOOPBACK}:{slots.grpc + i} proto h2 {checked[i]}" for i in every)
    http = (f"    server slot{i} {LOOPBACK}:{slots.http + i} track grpc_out/slot{i}" for i in every)
    return {"grpc_servers": "\n".join(grpc), "http_servers": "\n".join(http)}


def _answers(site: EdgeSite, params: EdgeParams) -> dict[str, str]:
    """What the edge says by itself, in both protocols."""
    by_status: dict[int, StoregateError] = {
        400: InvalidInput(
            "request", "bytes that are not HTTP", "a request that HTTP allows", reason="MALFORMED_REQUEST"
        ),
        408: RequestTooSlow(f"the request did not arrive within {params.request_s_max:g} s: send it at once"),
        500: InternalError("an internal error of the edge; see its log"),
        502: NotReady("the replica went away before it had answered: retry, another one answers"),
        503: NotReady("no replica is ready: retry"),
        504: DeadlineExpired(f"no answer within {params.answer_s_max:g} s: ask for less"),
    }
    head, body = HeadTooLarge(params.head_bytes_max), PayloadTooLarge(None, site.payload_bytes_max)
    not_grpc = NotGrpc("this port takes gRPC alone: HTTP with JSON has a port of its own")
    return {
        "grpc_errors": "\n".join(f"    http-error status {code} {_trailers(e)}" for code, e in by_status.items()),
        "http_errors": "\n".join(f"    http-error status {code} {_problem(e)}" for code, e in by_status.items()),
        "grpc_head_too_large": _trailers(head),
        "http_head_too_large": _problem(head),
        "grpc_too_large": _trailers(body),
        "http_too_large": _problem(body),
        "not_grpc": _problem(not_grpc),
    }


def _trailers(error: StoregateError) -> str:
    """The gRPC status as headers of an answer without a body."""
    told = grpc_status(error)
    details = base64.b64encode(told.details).rstrip(b"=").decode()  # as gRPC sends binary metadata
    told_of = {"grpc-status": str(told.code), "grpc-message": told.message, DETAILS_KEY: details}
    return " ".join(_header(name, value) for name, value in told_of.items())


def _problem(error: StoregateError) -> str:
    """Problem JSON with its headers."""
    problem = http_problem(error)
    headers = dict(problem.headers)
    kind = headers.pop("content-type")
    words = [f"content-type {kind} string {_quoted(problem.body.decode())}"]
    return " ".join([*words, *(_header(name, value) for name, value in headers.items())])


def _path(path: str) -> str:
    return _quoted(os.path.abspath(path))


def _quoted(text: str) -> str:
    """A word of HAProxy's language, taken literally. Raises InvalidInput for what no line can hold."""
    if not (text.isascii() and text.isprintable()):
        raise InvalidInput("edge", text, "printable ASCII, for HAProxy to be told")
    return "'" + text.replace("'", "'\\''") + "'"


def _header(name: str, text: str) -> str:
    """A header with a literal value, where HAProxy would see variables."""
    return f"hdr {name} {_quoted(text.replace('%', '%%'))}"


def _ms(seconds: float) -> str:
    return f"{max(1, round(1000 * seconds))}ms"
