"""Request bodies as they stand on the wire, made before the clock runs: gRPC's 5-byte prefix and the message; JSON."""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from storegate.v1 import gateway_pb2, recommendation_pb2

RECOMMEND = "/storegate.v1.RecommendationService/Recommend"
PING = "/storegate.v1.GatewayService/Ping"
HTTP_RECOMMEND = "/v1/recommend"
PAGE_SIZE = 20

_PREFIX = struct.Struct(">BI")


def frame(message: bytes) -> bytes:
    """A Length-Prefixed-Message: compressed flag 0, length, message (gRPC over HTTP2, "Requests")."""
    return _PREFIX.pack(0, len(message)) + message


def unframe(body: bytes) -> bytes:
    """The message of a frame. Raises ValueError when it is compressed or its length is another."""
    if len(body) < _PREFIX.size:
        raise ValueError(f"a frame has at least {_PREFIX.size} bytes, got {len(body)}")
    compressed, length = _PREFIX.unpack_from(body)
    if compressed or length != len(body) - _PREFIX.size:
        raise ValueError(f"flag {compressed}, length {length}, {len(body) - _PREFIX.size} bytes: not one plain message")
    return body[_PREFIX.size :]


def known(users: Iterable[str], page_size: int = PAGE_SIZE) -> list[bytes]:
    """One Recommend a user."""
    return [_recommend(user_id=user, page_size=page_size) for user in users]


def known_json(users: Iterable[str], page_size: int = PAGE_SIZE) -> list[bytes]:
    """The same over HTTP."""
    return [json.dumps({"userId": user, "pageSize": page_size}).encode() for user in users]


def anonymous(count: int, page_size: int = PAGE_SIZE) -> list[bytes]:
    """Recommend for visitors nobody has seen, each with a cookie of its own (which is looked up, and not found)."""
    return [_recommend(visitor_id=f"visitor-{number:08d}", page_size=page_size) for number in range(count)]


def ping() -> list[bytes]:
    return [frame(gateway_pb2.PingRequest().SerializeToString())]


def even(bodies: Sequence[bytes]) -> list[bytes]:
    """The largest group of bodies of one length: h2load fixes the length when it starts (see bodies.py)."""
    groups: dict[int, list[bytes]] = defaultdict(list)
    for body in bodies:
        groups[len(body)].append(body)
    return max(groups.values(), key=len)


def shuffled(bodies: Sequence[bytes], seed: int) -> list[bytes]:
    """All of them in an order that `seed` decides."""
    return [bodies[i] for i in np.random.default_rng(seed).permutation(len(bodies)).tolist()]


def _recommend(**fields: str | int) -> bytes:
    return frame(recommendation_pb2.RecommendRequest(**fields).SerializeToString())
