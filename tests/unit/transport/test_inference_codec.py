"""Tensors on the wire: what goes in comes out, whatever the way; what does not fit is told by name."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.core.errors import InvalidInput
from serving.core.tensors import BF16, BYTES, DTYPES, RANK_MAX, Tensor
from serving.decisions.inference.contract import InferAnswer, LoadQuery, ModelQuery
from serving.transport.inference import codec, contents
from serving.transport.inference.methods import CODECS
from storegate.inference import service_pb2 as pb

SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Any tensor of any datatype; of numbers that JSON has where it has them."""
    datatype = draw(st.sampled_from(sorted(DTYPES)))
    shape = draw(SHAPES)
    if datatype == BYTES:
        values = np.empty(shape, object)
        values.flat = [draw(st.text(max_size=5)) for _ in range(values.size)]
        return Tensor("x", datatype, values)
    finite = {"allow_nan": False, "allow_infinity": False} if datatype.startswith("FP") else {}
    elements = arrays.from_dtype(DTYPES[datatype], **finite)  # type: ignore[arg-type]
    return Tensor("x", datatype, draw(arrays.arrays(DTYPES[datatype], shape, elements=elements)))


def same(found: Any, tensor: Tensor) -> bool:
    wanted = tensor.values
    bits = found.tolist() == wanted.tolist() if tensor.datatype == BYTES else found.tobytes() == wanted.tobytes()
    return bits and (found.dtype, found.shape) == (wanted.dtype, wanted.shape)


@given(tensors())
def test_every_way_there_and_back(tensor: Tensor) -> None:
    """Bit by bit: raw, typed, and JSON by way of its text."""
    datatype, shape = tensor.datatype, tensor.values.shape
    assert same(contents.from_raw("x", datatype, shape, contents.to_raw(tensor)), tensor)
    if datatype in contents.TYPED:
        typed = pb.InferTensorContents()
        contents.to_typed(tensor, typed)
        assert same(contents.from_typed("x", datatype, shape, typed), tensor)
    if datatype != BF16:
        text = json.dumps(contents.to_json(tensor))
        assert same(contents.from_json("x", datatype, shape, json.loads(text)), tensor)


@given(st.binary(max_size=40), st.sampled_from(sorted(DTYPES)), SHAPES)
def test_no_bytes_break_the_reader(data: bytes, datatype: str, shape: tuple[int, ...]) -> None:
    """They are a tensor, and then these very bytes again, or refused."""
    with suppress(InvalidInput):
        values = contents.from_raw("x", datatype, shape, data)
        assert contents.to_raw(Tensor("x", datatype, values)) == data


def request(datatype: str = "FP32", shape: tuple[int, ...] = (2,), raw: bytes | None = None, **typed: Any) -> Any:
    """A ModelInferRequest with one input, "x"."""
    made = pb.ModelInferRequest(model_name="m", model_version="7", id="r-1")
    told = made.inputs.add(name="x", datatype=datatype, shape=shape)
    if raw is not None:
        made.raw_input_contents.append(raw)
    if typed:
        told.contents.CopyFrom(pb.InferTensorContents(**typed))
    return made


def test_a_request_is_a_query_and_the_answer_is_in_its_form() -> None:
    """Raw for raw, typed for typed."""
    for sent, typed in ((request(raw=np.float32([1, 2]).tobytes()), False), (request(fp32_contents=[1, 2]), True)):
        sent.outputs.add(name="y")
        query = codec.decode_infer(sent.SerializeToString())
        assert (query.model, query.version, query.request_id, query.outputs) == ("m", "7", "r-1", ("y",))
        assert query.typed == typed
        assert query.inputs[0].values.tolist() == [1.0, 2.0]
        y = Tensor("y", "FP32", np.float32([[3], [4]]))
        answer = InferAnswer("m", "7", [y], "r-1", query.typed)
        told = pb.ModelInferResponse.FromString(codec.encode_infer(answer))
        assert (told.model_name, told.model_version, told.id) == ("m", "7", "r-1")
        assert (told.outputs[0].name, told.outputs[0].datatype, list(told.outputs[0].shape)) == ("y", "FP32", [2, 1])
        assert list(told.outputs[0].contents.fp32_contents) == ([3.0, 4.0] if typed else [])
        assert list(told.raw_output_contents) == ([] if typed else [y.values.tobytes()])


def test_an_answer_is_raw_where_one_output_has_no_list() -> None:
    """All or none, as the protocol wants it."""
    outputs = [Tensor("y", "FP32", np.float32([1])), Tensor("z", "FP16", np.float16([1]))]
    told = pb.ModelInferResponse.FromString(codec.encode_infer(InferAnswer("m", "1", outputs, typed=True)))
    assert [len(raw) for raw in told.raw_output_contents] == [4, 2]
    assert not told.outputs[0].HasField("contents")


def with_(made: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        getattr(made, name).extend(value)
    return made


def with_parameter(name: str) -> Any:
    made = request(raw=bytes(8))
    made.inputs[0].parameters[name].string_param = "region"
    return made


WRONG = {
    "inputs.x.datatype: got 'FP31', expected one of BOOL": request("FP31", raw=bytes(8)),
    "inputs.x.shape: got [-1], expected at most": request(shape=(-1,), raw=bytes(8)),
    "inputs.x.shape: got [1, 1,": request(shape=(1,) * (RANK_MAX + 1), raw=bytes(8)),
    "raw_input_contents: got '7 bytes', expected 8 bytes for FP32 [2]": request(raw=bytes(7)),
    "raw_input_contents: got '2 tensors', expected one for each of the 1": with_(
        request(raw=bytes(8)), raw_input_contents=[bytes(8)]
    ),
    "inputs.x.contents: got 'typed contents', expected none": request(raw=bytes(8), fp32_contents=[1, 2]),
    "inputs.x.contents: got '1 elements', expected 2 elements": request(fp32_contents=[1]),
    "inputs.x.contents: got ['fp64_contents'], expected fp32_contents alone": request(fp64_contents=[1, 2]),
    "inputs.x.contents: got 'FP16', expected raw_input_contents": request("FP16", fp32_contents=[1, 2]),
    "inputs.x.contents: got 'a number too large or too small', expected numbers that INT8 has": request(
        "INT8", int_contents=[1, 128]
    ),
    "inputs.x.contents: got b'\\xff', expected elements in UTF-8": request("BYTES", (1,), bytes_contents=[b"\xff"]),
    "raw_input_contents: got '5 bytes', expected each element with its length": request("BYTES", (1,), raw=bytes(5)),
    "raw_input_contents: got '2 elements', expected 1 elements": request("BYTES", (1,), raw=bytes(8)),
    "raw_input_contents: got 'another byte', expected bytes 0 and 1": request("BOOL", raw=b"\1\2"),
    "inputs.x.parameters: got 'shared_memory_region'": with_parameter("shared_memory_region"),
    "model_name: got": pb.ModelInferRequest(model_name="x" * 257),
}


@pytest.mark.parametrize("told", WRONG)
def test_what_is_wrong_with_a_request_is_told_by_name(told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        codec.decode_infer(WRONG[told].SerializeToString())
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([1, 2.5], "got 2.5, expected int for INT64"),
        ([1, True], "got True, expected int for INT64"),
        ([1, "2"], "got '2', expected int for INT64"),
        ([1, None], "got None"),
        ([1], "got '1 elements', expected 2 elements for INT64 [2]"),
        ([1, 2**63], "got 'a number too large or too small', expected numbers that INT64 has"),
        ({"0": 1}, "expected a list"),
        (None, "or the parameter binary_data_size"),
        (json.loads("[" * 100 + "]" * 100), "nested at most"),
    ],
)
def test_json_of_another_kind_is_refused(data: object, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        contents.from_json("x", "INT64", (2,), data)
    assert told in str(refused.value)


def test_lists_may_be_nested_as_the_shape_is() -> None:
    assert contents.from_json("x", "FP64", (2, 2), [[1, 2.5], [3, 4]]).tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert contents.from_json("x", "BYTES", (2, 1), [["a"], ["ä"]]).tolist() == [["a"], ["ä"]]


@pytest.mark.parametrize(("datatype", "number"), [("FP16", 70000), ("FP32", 1e39), ("FP64", 10**400)])
def test_a_number_that_would_become_infinite_is_refused(datatype: str, number: object) -> None:
    with pytest.raises(InvalidInput, match=f"numbers that {datatype} has"):
        contents.from_json("x", datatype, (1,), [number])


def test_numbers_that_json_does_not_have_are_to_be_asked_for_in_binary() -> None:
    for tensor in (Tensor("y", "FP32", np.float32([1, np.nan])), Tensor("y", BF16, np.uint16([1]))):
        with pytest.raises(InvalidInput, match=r"outputs\.y: got .*, expected binary_data"):
            contents.to_json(tensor)


def test_a_load_names_versions_in_a_configuration() -> None:
    def load(**parameters: str) -> LoadQuery:
        made = pb.RepositoryModelLoadRequest(model_name="m")
        for name, text in parameters.items():
            made.parameters[name].string_param = text
        return codec.decode_load(made.SerializeToString())

    assert load() == load(config="{}") == LoadQuery("m")
    for key in ("version_policy", "versionPolicy"):
        assert load(config=json.dumps({key: {"specific": {"versions": ["a", 2]}}})) == LoadQuery("m", ("a", "2"))
    wrong = ["", "x", "[]", '{"name": "m"}', '{"version_policy": {"latest": {"num_versions": 1}}}', "[" * 10**5]
    wrong += ['{"version_policy": {"specific": {"versions": []}}}', '{"version_policy": {"specific": {"versions": 1}}}']
    for config in wrong:
        with pytest.raises(InvalidInput, match=r"parameters.config: got .*, expected .*specific"):
            load(config=config)
    with pytest.raises(InvalidInput, match=r"'file:1/model\.onnx', expected config, or nothing"):
        load(**{"file:1/model.onnx": "bytes"})


def test_there_is_one_repository() -> None:
    for decode, kind in (
        (codec.decode_index, pb.RepositoryIndexRequest),
        (codec.decode_load, pb.RepositoryModelLoadRequest),
        (codec.decode_unload, pb.RepositoryModelUnloadRequest),
    ):
        with pytest.raises(InvalidInput, match="repository_name: got 'other', expected nothing"):
            decode(kind(repository_name="other").SerializeToString())
    sent = pb.RepositoryModelUnloadRequest(model_name="m")
    sent.parameters["unload_dependents"].bool_param = True
    assert codec.decode_unload(sent.SerializeToString()) == ModelQuery("m")


def test_every_method_of_the_service_has_a_codec_that_refuses_what_is_no_message() -> None:
    (service,) = pb.DESCRIPTOR.services_by_name.values()
    assert set(CODECS) == {f"/{service.full_name}/{method.name}" for method in service.methods}
    for one in CODECS.values():
        with pytest.raises(InvalidInput, match="wire format"):
            one.decode(b"\xff")
