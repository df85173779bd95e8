"""The contract as the descriptors tell it: every method with its messages, its HTTP binding and its comment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, message_factory

from storegate.v1 import (
    batch_pb2,
    catalog_pb2,
    event_pb2,
    forecast_pb2,
    gateway_pb2,
    inventory_pb2,
    model_pb2,
    placement_pb2,
    pricing_pb2,
    recommendation_pb2,
    routing_pb2,
)

FILES: Final = tuple(
    module.DESCRIPTOR
    for module in (
        recommendation_pb2,
        event_pb2,
        catalog_pb2,
        forecast_pb2,
        pricing_pb2,
        inventory_pb2,
        placement_pb2,
        routing_pb2,
        model_pb2,
        batch_pb2,
        gateway_pb2,
    )
)
_VERBS: Final = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Method:
    """One method. request, response: generated message classes."""

    full_name: str
    """"/storegate.v1.RecommendationService/Recommend", as gRPC calls it."""
    service: str
    """"storegate.v1.RecommendationService"."""
    name: str
    request: Any
    response: Any
    verb: str
    """"POST"."""
    path: str
    """"/v1/items/{item_id}"; the names in braces are fields of the request."""
    body: str
    """"*" = the request as a whole is the body, "" = there is none and fields stand in the query."""
    streams: bool = False
    """The answer is a stream of `response` messages; over HTTP a line of JSON each."""


@cache
def methods() -> tuple[Method, ...]:
    """All methods of one request, in the order of the .proto files."""
    return tuple(_method(method) for method in _every() if not method.client_streaming)


@cache
def streams() -> tuple[str, ...]:
    """Full names, as gRPC calls them, of the methods that take a stream of requests."""
    return tuple(f"/{each.containing_service.full_name}/{each.name}" for each in _every() if each.client_streaming)


def unary(names: Iterable[str]) -> list[str]:
    """Of these methods, by full name, those of one answer."""
    several = {method.full_name for method in methods() if method.streams}
    return [name for name in names if name not in several]


@cache
def services() -> tuple[str, ...]:
    """Full names of all services."""
    return tuple(service.full_name for file in FILES for service in _services(file))


@cache
def comments() -> Mapping[str, str]:
    """Full name of a service, method, message, field, enum or value -> its comment in the .proto file."""
    described = descriptor_pb2.FileDescriptorSet()
    described.ParseFromString((resources.files("storegate.v1") / "contract.binpb").read_bytes())
    found: dict[str, str] = {}
    for file in described.file:
        for location in file.source_code_info.location:
            if location.leading_comments:
                found[_named(file, list(location.path))] = " ".join(location.leading_comments.split())
    return found


def _every() -> list[Any]:
    return [method for file in FILES for service in _services(file) for method in service.methods]


def _services(file: Any) -> list[Any]:
    return list(file.services_by_name.values())


def _method(method: Any) -> Method:
    http = method.GetOptions().Extensions[annotations_pb2.http]
    verb = next(name for name in _VERBS if getattr(http, name))
    service = method.containing_service.full_name
    return Method(
        full_name=f"/{service}/{method.name}",
        service=service,
        name=method.name,
        request=message_factory.GetMessageClass(method.input_type),
        response=message_factory.GetMessageClass(method.output_type),
        verb=verb.upper(),
        path=getattr(http, verb),
        body=http.body,
        streams=method.server_streaming,
    )


def _named(file: Any, path: list[int]) -> str:
    """The full name of the element at `path`: pairs of (field number, position), as SourceCodeInfo has them."""
    node, names = file, [file.package]
    while len(path) >= 2:
        number, position, *path = path
        field = node.DESCRIPTOR.fields_by_number[number]
        node = getattr(node, field.name)[position]
        names.append(node.name)
    return ".".join(names)
