"""Messages of the Open Inference Protocol to queries, and answers to messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from serving.core.errors import InvalidInput
from serving.core.tensors import Array, Tensor, TensorSpec, check_datatype, check_shape
from serving.decisions.inference.contract import (
    Index,
    IndexQuery,
    InferAnswer,
    InferQuery,
    LoadQuery,
    ModelFacts,
    ModelQuery,
    ServerFacts,
    Statistics,
)
from serving.decisions.inference.statistics import Counters, Lapse, Parts
from serving.transport import checks
from serving.transport.inference import contents
from storegate.inference import service_pb2 as pb

NAME_BYTES_MAX: Final = 256
PLATFORM: Final = "onnxruntime_onnx"
UNSUPPORTED: Final = ("shared_memory_region", "classification")
"""Parameters of tensors that change what an answer means: better refused than passed over."""


def decode_nothing(payload: bytes) -> None:
    """A request without fields. Raises InvalidInput for bytes that are no message."""
    checks.parsed(pb.ServerLiveRequest.FromString, "request", payload)


def decode_model(payload: bytes) -> ModelQuery:
    """ModelReady, ModelMetadata, ModelStatistics: their requests are alike."""
    request = checks.parsed(pb.ModelReadyRequest.FromString, "request", payload)
    return ModelQuery(_name("name", request.name), _name("version", request.version))


def decode_infer(payload: bytes) -> InferQuery:
    """ModelInfer. Raises InvalidInput naming the tensor."""
    request = checks.parsed(pb.ModelInferRequest.FromString, "ModelInferRequest", payload)
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        expected = f"one for each of the {len(request.inputs)} inputs, or none"
        raise InvalidInput("raw_input_contents", f"{len(raw)} tensors", expected, reason="SIZE_MISMATCH")
    return InferQuery(
        model=_name("model_name", request.model_name),
        version=_name("model_version", request.model_version),
        inputs=[_input(place, one, raw[place] if raw else None) for place, one in enumerate(request.inputs)],
        outputs=tuple(_output(place, one) for place, one in enumerate(request.outputs)),
        request_id=_name("id", request.id),
        typed=not raw,
    )


def decode_index(payload: bytes) -> IndexQuery:
    """RepositoryIndex."""
    request = checks.parsed(pb.RepositoryIndexRequest.FromString, "RepositoryIndexRequest", payload)
    _check_repository(request.repository_name)
    return IndexQuery(request.ready)


def decode_load(payload: bytes) -> LoadQuery:
    """RepositoryModelLoad. Models come from the disk alone: a caller's files or other configurations are refused."""
    request = checks.parsed(pb.RepositoryModelLoadRequest.FromString, "RepositoryModelLoadRequest", payload)
    _check_repository(request.repository_name)
    _check_known("parameters", request.parameters, ("config",))
    versions: tuple[str, ...] = ()
    if "config" in request.parameters:
        versions = _versions(request.parameters["config"].string_param)
    return LoadQuery(_name("model_name", request.model_name), versions)


def decode_unload(payload: bytes) -> ModelQuery:
    """RepositoryModelUnload."""
    request = checks.parsed(pb.RepositoryModelUnloadRequest.FromString, "RepositoryModelUnloadRequest", payload)
    _check_repository(request.repository_name)
    _check_known("parameters", request.parameters, ("unload_dependents",))
    return ModelQuery(_name("model_name", request.model_name))


def encode_live(live: bool) -> bytes:
    return checks.wire(pb.ServerLiveResponse(live=live))


def encode_ready(ready: bool) -> bytes:
    """ServerReady and ModelReady: their answers are alike."""
    return checks.wire(pb.ModelReadyResponse(ready=ready))


def encode_server(facts: ServerFacts) -> bytes:
    return checks.wire(pb.ServerMetadataResponse(name=facts.name, version=facts.version, extensions=facts.extensions))


def encode_metadata(facts: ModelFacts) -> bytes:
    return checks.wire(
        pb.ModelMetadataResponse(
            name=facts.name,
            versions=facts.versions,
            platform=PLATFORM,
            inputs=map(_metadata, facts.inputs),
            outputs=map(_metadata, facts.outputs),
        )
    )


def encode_infer(answer: InferAnswer) -> bytes:
    """Typed contents when the request had them and every output has a list of its type, else raw ones."""
    response = pb.ModelInferResponse(model_name=answer.model, model_version=answer.version, id=answer.request_id)
    typed = answer.typed and all(tensor.datatype in contents.TYPED for tensor in answer.outputs)
    for tensor in answer.outputs:
        told = response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.values.shape)
        if typed:
            contents.to_typed(tensor, told.contents)
        else:
            response.raw_output_contents.append(contents.to_raw(tensor))
    return checks.wire(response)


def encode_index(index: Index) -> bytes:
    response = pb.RepositoryIndexResponse()
    for one in index.states:
        state = "READY" if one.ready else "UNAVAILABLE"
        response.models.add(name=one.name, version=one.version, state=state, reason=one.reason)
    return checks.wire(response)


def encode_done(_: None) -> bytes:
    """RepositoryModelLoad, RepositoryModelUnload."""
    return b""


def encode_statistics(statistics: Statistics) -> bytes:
    return checks.wire(pb.ModelStatisticsResponse(model_stats=[_counted(*row) for row in statistics.rows]))


def _name(field: str, value: str) -> str:
    return checks.text(field, value, NAME_BYTES_MAX)


def _input(place: int, told: Any, raw: bytes | None) -> Tensor:
    name = _name(f"inputs[{place}].name", told.name)
    field = f"inputs.{name}"
    _check_unsupported(field, told.parameters)
    datatype = check_datatype(f"{field}.datatype", told.datatype)
    shape = check_shape(f"{field}.shape", told.shape)
    if raw is None:
        values: Array = contents.from_typed(f"{field}.contents", datatype, shape, told.contents)
    elif told.HasField("contents"):
        raise InvalidInput(f"{field}.contents", "typed contents", "none: raw_input_contents are given")
    else:
        values = contents.from_raw(f"{field}.raw_input_contents", datatype, shape, raw)
    return Tensor(name, datatype, values)


def _output(place: int, told: Any) -> str:
    name = _name(f"outputs[{place}].name", told.name)
    _check_unsupported(f"outputs.{name}", told.parameters)
    return name


def _check_unsupported(field: str, parameters: Mapping[str, Any]) -> None:
    for name in UNSUPPORTED:
        if name in parameters:
            raise InvalidInput(f"{field}.parameters", name, "no such parameter: it is not served here")


def _check_known(field: str, parameters: Mapping[str, Any], known: Sequence[str]) -> None:
    for name in parameters:
        if name not in known:
            raise InvalidInput(field, name, f"{' or '.join(known)}, or nothing", reason="UNKNOWN_PARAMETER")


def _check_repository(name: str) -> None:
    if name:
        raise InvalidInput("repository_name", name, "nothing: there is one repository")


def _versions(config: str) -> tuple[str, ...]:
    """Versions that a model configuration names, () = none."""
    expected = '{"version_policy": {"specific": {"versions": ["..."]}}} in JSON, or {}'
    try:
        parsed = json.loads(config)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("parameters.config", config, expected) from error
    if parsed == {}:
        return ()
    try:
        ((policy, told),) = parsed.items()
        ((specific, by),) = told.items()
        ((key, versions),) = by.items()
        known = policy in ("version_policy", "versionPolicy") and (specific, key) == ("specific", "versions")
        if not (known and versions and all(type(version) in (str, int) for version in versions)):
            raise InvalidInput("parameters.config", config, expected)
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidInput("parameters.config", config, expected) from error
    return tuple(_name("parameters.config", str(version)) for version in versions)


def _metadata(spec: TensorSpec) -> pb.ModelMetadataResponse.TensorMetadata:
    return pb.ModelMetadataResponse.TensorMetadata(name=spec.name, datatype=spec.datatype, shape=spec.shape)


def _counted(name: str, version: str, counters: Counters) -> pb.ModelStatistics:
    return pb.ModelStatistics(
        name=name,
        version=version,
        last_inference=round(counters.last_wall_s * 1000),
        inference_count=counters.rows,
        execution_count=counters.executions,
        inference_stats=pb.InferStatistics(
            success=_lapse(counters.success), fail=_lapse(counters.fail), **_parts(counters.requests)
        ),
        batch_stats=[
            pb.InferBatchStatistics(batch_size=rows, **_parts(parts))
            for rows, parts in sorted(counters.batches.items())
        ],
    )


def _parts(parts: Parts) -> dict[str, pb.StatisticDuration]:
    return {
        "compute_input": _lapse(parts.gather),
        "compute_infer": _lapse(parts.infer),
        "compute_output": _lapse(parts.split),
    }


def _lapse(lapse: Lapse) -> pb.StatisticDuration:
    return pb.StatisticDuration(count=lapse.count, ns=round(lapse.seconds * 1e9))
