"""ModelInfer over HTTP: JSON, with the binary tensor data extension, to and from the messages of gRPC.

A body is a JSON object, and after it the raw elements of the tensors whose parameter `binary_data_size` says so, in
their order; the header Inference-Header-Content-Length says where the JSON ends.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from serving.core.errors import InvalidInput, PayloadTooLarge
from serving.core.tensors import Tensor, check_datatype, check_shape
from serving.transport.inference import contents
from serving.transport.json_reader import filled, json_object
from storegate.inference import service_pb2 as pb

ENCODING: Final = "content-encoding"
JSON_LENGTH: Final = "inference-header-content-length"
SIZE: Final = "binary_data_size"
BINARY: Final = "binary_data"
BINARY_ALL: Final = "binary_data_output"
REQUEST_KEYS: Final = ("id", "parameters", "inputs", "outputs")
INPUT_KEYS: Final = ("name", "shape", "datatype", "parameters", "data")
OUTPUT_KEYS: Final = ("name", "parameters")
ENCODINGS: Final = ("gzip", "deflate")
INFLATION_MAX: Final = 1032
"""Bytes that one byte of either makes at most: https://zlib.net/zlib_tech.html."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which outputs the caller wants as bytes: what is said of one counts above what is said of all."""

    all: bool = False
    each: Mapping[str, bool] | None = None

    def binary(self, name: str) -> bool:
        return (self.each or {}).get(name, self.all)


def decompressed(headers: Mapping[str, str], body: bytes, bytes_max: int) -> bytes:
    """The body without its content-encoding. Raises InvalidInput, PayloadTooLarge before more than that is made."""
    encoding = headers.get(ENCODING, "identity").strip().lower()
    if encoding == "identity":
        return body
    if encoding not in ENCODINGS:
        raise InvalidInput(ENCODING, encoding, f"one of {', '.join(ENCODINGS)}")
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, as its head says
    try:
        found = stream.decompress(body, bytes_max + 1)
    except zlib.error as error:
        raise InvalidInput("body", str(error), f"data in {encoding}") from error
    if len(found) > bytes_max:
        raise PayloadTooLarge(len(found), bytes_max)
    if not stream.eof:
        raise InvalidInput("body", f"{len(body)} bytes", f"a whole stream of {encoding}")
    return found


def read_infer(headers: Mapping[str, str], body: bytes, model: str, version: str) -> tuple[bytes, Wanted]:
    """The ModelInferRequest in protobuf's wire format, and how the answer is wanted. Raises InvalidInput."""
    end = _json_length(headers, len(body))
    told = _known("", json_object(body[:end]), REQUEST_KEYS)
    request = pb.ModelInferRequest(model_name=model, model_version=version, id=_text("id", told.get("id", "")))
    for place, one in enumerate(_list("inputs", told.get("inputs", []))):
        end = _add_input(request, _known(f"inputs[{place}].", one, INPUT_KEYS), f"inputs[{place}]", body, end)
    if end != len(body):
        expected = f"{end}, the JSON and what {SIZE} says of its inputs"
        raise InvalidInput("body", f"{len(body)} bytes", expected, reason="SIZE_MISMATCH")
    each = {}
    for place, one in enumerate(_list("outputs", told.get("outputs", []))):
        field = f"outputs[{place}]"
        parameters = _parameters(field, _known(f"{field}.", one, OUTPUT_KEYS))
        name = _text(f"{field}.name", one.get("name"))
        if BINARY in parameters:
            each[name] = _flag(f"{field}.parameters.{BINARY}", parameters.pop(BINARY))
        filled({"name": name, "parameters": choices(field, parameters)}, request.outputs.add())
    of_all = _parameters("request", told).get(BINARY_ALL, False)
    return request.SerializeToString(), Wanted(_flag(f"parameters.{BINARY_ALL}", of_all), each)


def write_infer(payload: bytes, wanted: Wanted) -> tuple[bytes, int | None]:
    """The body of a ModelInferResponse, and the length of its JSON where bytes follow it."""
    response = pb.ModelInferResponse.FromString(payload)
    outputs, tail = [], []
    for place, told in enumerate(response.outputs):
        output: dict[str, Any] = {"name": told.name, "datatype": told.datatype, "shape": list(told.shape)}
        raw = response.raw_output_contents[place] if response.raw_output_contents else b""
        if wanted.binary(told.name):
            output["parameters"] = {SIZE: len(raw)}
            tail.append(raw)
        else:
            values = contents.from_raw(told.name, told.datatype, tuple(told.shape), raw)
            output["data"] = contents.to_json(Tensor(told.name, told.datatype, values))
        outputs.append(output)
    head = {"model_name": response.model_name, "model_version": response.model_version}
    body = json.dumps(head | ({"id": response.id} if response.id else {}) | {"outputs": outputs}).encode()
    return b"".join([body, *tail]), len(body) if tail else None


def _add_input(request: Any, told: dict[str, Any], field: str, body: bytes, begin: int) -> int:
    """Adds one input to the request, its elements raw; returns where the next one's bytes begin."""
    name = _text(f"{field}.name", told.get("name"))
    datatype = check_datatype(f"{field}.datatype", _text(f"{field}.datatype", told.get("datatype")))
    sizes = _list(f"{field}.shape", told.get("shape"))
    if any(type(size) is not int for size in sizes):
        raise InvalidInput(f"{field}.shape", sizes, "whole numbers", reason="BAD_SHAPE")
    shape = check_shape(f"{field}.shape", sizes)
    parameters = _parameters(field, told)
    size = parameters.pop(SIZE, None)
    if size is None:
        values = contents.from_json(f"{field}.data", datatype, shape, told.get("data"))
        raw, end = contents.to_raw(Tensor(name, datatype, values)), begin
    else:
        end = begin + size if type(size) is int else -1
        if "data" in told or not begin <= end <= len(body):
            expected = f"0 to the {len(body) - begin} bytes that are left, and no data in JSON"
            raise InvalidInput(f"{field}.parameters.{SIZE}", size, expected, reason="SIZE_MISMATCH")
        raw = body[begin:end]
    filled({"name": name, "datatype": datatype, "parameters": choices(field, parameters)}, request.inputs.add())
    request.inputs[-1].shape.extend(shape)
    request.raw_input_contents.append(raw)
    return end


def _json_length(headers: Mapping[str, str], size: int) -> int:
    told = headers.get(JSON_LENGTH)
    if told is None:
        return size
    if not (told.isascii() and told.isdecimal() and len(told) < 12 and int(told) <= size):
        raise InvalidInput(JSON_LENGTH, told, f"the bytes of the JSON, 0 to {size}")
    return int(told)


def choices(field: str, parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """JSON parameters as InferParameters: what is not served is refused by the codec, and it must see it."""
    kinds = {bool: "boolParam", int: "int64Param", float: "doubleParam", str: "stringParam"}
    for name, value in parameters.items():
        if type(value) not in kinds:
            raise InvalidInput(f"{field}.parameters.{name[:80]}", value, "a text, a number, true or false")
    return {name: {kinds[type(value)]: value} for name, value in parameters.items()}


def _parameters(field: str, told: Mapping[str, Any]) -> dict[str, Any]:
    found = told.get("parameters", {})
    if not isinstance(found, dict):
        raise InvalidInput(f"{field}.parameters", found, "an object")
    return dict(found)


def _known(prefix: str, told: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise InvalidInput(prefix.rstrip("."), told, "an object")
    for key in told:
        if key not in keys:
            raise InvalidInput(f"{prefix}{key[:80]}", told[key], f"one of {', '.join(keys)}", reason="UNKNOWN_FIELD")
    return told


def _list(field: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInput(field, value, "a list")
    return value


def _text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field, value, "a text")
    return value


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(field, value, "true or false")
    return value
