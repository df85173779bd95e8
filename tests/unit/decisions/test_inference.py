"""Requests that wait together are one run of a model; each gets the rows that are its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_models import echo, model, operation, write_model

from serving.adapters.onnx_shelf import OnnxShelf
from serving.core.clock import SystemClock
from serving.core.errors import InvalidInput, NotFound, NotReady, StoregateError
from serving.core.tensors import Tensor
from serving.core.turn import Turn
from serving.decisions.inference.contract import InferAnswer, InferQuery, ModelQuery
from serving.decisions.inference.service import InferenceService
from serving.decisions.inference.statistics import BATCH_SIZES_MAX, Counters

TURN = Turn(0.0, 1_700_000_000.0, float("inf"))
LIMIT = 8
TABLE = np.array([10, 11, 12, 13], np.int64)


@pytest.fixture
def shelf(tmp_path: Path) -> OnnxShelf:
    wide = echo("FP32", ("n", "width"))
    pair = {"a": ("FP32", ("n", 2)), "b": ("FP32", ("n", 2))}
    look_up = [
        helper.make_node("Constant", [], ["table"], value=numpy_helper.from_array(TABLE)),
        helper.make_node("Gather", ["table", "x"], ["y"]),
    ]
    whole = [helper.make_node("Unique", ["x"], ["y"])]
    write_model(tmp_path, "echo", "1", wide, LIMIT)
    write_model(tmp_path, "echo", "2", wide, LIMIT)
    write_model(tmp_path, "alone", "1", wide)
    write_model(tmp_path, "fixed", "1", echo("FP32", (2, 2)), LIMIT)
    write_model(tmp_path, "sum", "1", operation("Add", pair, {"c": ("FP32", ("n", 2))}), LIMIT)
    write_model(tmp_path, "table", "1", model(look_up, {"x": ("INT64", ["n"])}, {"y": ("INT64", ["n"])}), LIMIT)
    write_model(tmp_path, "liar", "1", model(whole, {"x": ("INT64", ["n"])}, {"y": ("INT64", ["n"])}), LIMIT)
    found = OnnxShelf(tmp_path, 16)
    found.load("echo", ["1"])
    return found


@pytest.fixture
def service(shelf: OnnxShelf) -> InferenceService:
    return InferenceService(shelf, SystemClock(), "0")


def query(name: str, values: object, version: str = "", dtype: type = np.float32, **more: object) -> InferQuery:
    datatype = "FP32" if dtype is np.float32 else "INT64"
    return InferQuery(name, version, [Tensor("x", datatype, np.asarray(values, dtype))], **more)  # type: ignore[arg-type]


def rows(first: int, count: int, width: int = 2) -> list[list[float]]:
    """So many rows, each different."""
    return [[float(first + row)] * width for row in range(count)]


def outcome(answer: InferAnswer | StoregateError) -> object:
    return answer if isinstance(answer, StoregateError) else answer.outputs[0].values.tolist()


def runs(service: InferenceService, name: str, version: str = "") -> Counters:
    (row,) = service.run_statistics([ModelQuery(name, version)], TURN)[0].rows[-1:]
    return row[2]


def test_what_waits_together_is_one_run(service: InferenceService) -> None:
    """In the order of the queries, whatever their sizes, with each one's id."""
    asked = [rows(10, 2), rows(20, 1), rows(30, 3), []]
    answers = service.run_infer(
        [query("echo", values, request_id=str(place)) for place, values in enumerate(asked[:3])], TURN
    )
    assert [outcome(answer) for answer in answers] == asked[:3]
    assert [answer.request_id for answer in answers] == ["0", "1", "2"]
    counters = runs(service, "echo")
    assert (counters.executions, counters.rows, counters.success.count) == (1, 6, 3)
    assert {size: parts.infer.count for size, parts in counters.batches.items()} == {6: 1}
    assert counters.last_wall_s == TURN.wall


def test_a_run_takes_no_more_rows_than_the_model_says(service: InferenceService) -> None:
    answers = service.run_infer([query("echo", rows(10 * one, 3)) for one in range(5)], TURN)
    assert [outcome(answer) for answer in answers] == [rows(10 * one, 3) for one in range(5)]
    assert {size: parts.infer.count for size, parts in runs(service, "echo").batches.items()} == {6: 2, 3: 1}
    (refused,) = service.run_infer([query("echo", rows(0, 9))], TURN)
    assert "inputs.x.shape: got '9 rows', expected at most 8" in str(refused)


def test_only_what_is_alike_runs_together(service: InferenceService) -> None:
    """Rows of another width and another version are runs of their own; what stands between does not part the rest."""
    answers = service.run_infer(
        [
            query("echo", rows(1, 1)),
            query("echo", rows(2, 1, width=3)),
            query("echo", rows(3, 1), version="1"),
            query("echo", rows(4, 1)),
        ],
        TURN,
    )
    assert [outcome(answer) for answer in answers] == [rows(1, 1), rows(2, 1, width=3), rows(3, 1), rows(4, 1)]
    assert [answer.version for answer in answers] == ["2", "2", "1", "2"]
    assert runs(service, "echo", "2").executions == 2
    assert runs(service, "echo", "1").executions == 1


@pytest.mark.parametrize("name", ["alone", "fixed"])
def test_models_without_batches_run_one_by_one(service: InferenceService, name: str) -> None:
    answers = service.run_infer([query(name, rows(one, 2)) for one in range(3)], TURN)
    assert [outcome(answer) for answer in answers] == [rows(one, 2) for one in range(3)]
    assert (runs(service, name).executions, runs(service, name).rows) == (3, 3)


def test_a_bad_request_takes_no_neighbour_with_it(service: InferenceService) -> None:
    """The run of all fails, so each is run alone; what is refused before a run is never in one."""
    first, bad, second, wrong = service.run_infer(
        [query("table", index, dtype=np.int64) for index in ([0, 3], [9], [1], [[1]])], TURN
    )
    assert (outcome(first), outcome(second)) == ([10, 13], [11])
    assert "indices element out of data bounds, idx=9" in str(bad)
    assert [type(bad), type(wrong)] == [InvalidInput] * 2
    counters = runs(service, "table")
    assert (counters.executions, counters.success.count, counters.fail.count) == (2, 2, 2)


def test_outputs_that_are_not_a_row_for_each_row_are_never_cut(service: InferenceService) -> None:
    """A model whose shapes promise a batch and that gives another number of rows is run alone."""
    answers = service.run_infer([query("liar", values, dtype=np.int64) for values in ([1, 1, 2], [2, 2])], TURN)
    assert [outcome(answer) for answer in answers] == [[1, 2], [2]]


def test_each_query_has_its_own_error(service: InferenceService, shelf: OnnxShelf) -> None:
    shelf.unload("alone")
    answers = service.run_infer(
        [query("nothing", rows(0, 1)), query("alone", rows(0, 1)), query("echo", rows(7, 1))], TURN
    )
    assert [type(answer) for answer in answers] == [NotFound, NotReady, InferAnswer]


def test_what_does_not_fit_a_model_is_told(service: InferenceService) -> None:
    """Name of the input, what was sent, what would be right."""
    one, two = np.ones((1, 2), np.float32), np.ones((2, 2), np.float32)
    a, b = Tensor("a", "FP32", one), Tensor("b", "FP32", one)
    cases = {
        "inputs: got 'z', expected inputs named a, b": [a, Tensor("z", "FP32", one)],
        "inputs.b: got None, expected the inputs a, b": [a],
        "inputs.a: got 'it twice', expected every input once": [a, a],
        "inputs.b.datatype: got 'FP64', expected FP32": [a, Tensor("b", "FP64", one.astype(np.float64))],
        "inputs.b.shape: got [2], expected [-1, 2]": [a, Tensor("b", "FP32", one[0])],
        "inputs.b.shape: got [2, 2], expected 1 for 'n', as in a": [a, Tensor("b", "FP32", two)],
    }
    for told, inputs in cases.items():
        (refused,) = service.run_infer([InferQuery("sum", "", inputs)], TURN)
        assert str(refused) == told
    for outputs, told in {("z",): "outputs named c", ("c", "c"): "every output once"}.items():
        (refused,) = service.run_infer([InferQuery("sum", "", [a, b], outputs)], TURN)
        assert told in str(refused)


def test_statistics_are_those_of_what_is_in_memory(service: InferenceService, shelf: OnnxShelf) -> None:
    """What was unloaded is counted anew, and nothing is kept of it."""
    service.run_infer([query("alone", rows(0, 1)), query("echo", rows(0, 1))], TURN)
    (everything,) = service.run_statistics([ModelQuery()], TURN)
    assert [(name, version, counters.executions) for name, version, counters in everything.rows if counters.rows] == [
        ("alone", "1", 1),
        ("echo", "2", 1),
    ]
    shelf.unload("alone")
    assert isinstance(service.run_statistics([ModelQuery("alone", "1")], TURN)[0], NotReady)
    service.run_infer([query("fixed", rows(0, 2))], TURN)
    shelf.load("alone")
    assert runs(service, "alone").executions == 0
    assert runs(service, "echo").executions == 1


def test_batch_sizes_are_counted_up_to_a_bound() -> None:
    """The totals go on."""
    counters = Counters()
    for size in range(2 * BATCH_SIZES_MAX):
        counters.ran(1, size, (0.0, 0.001, 0.0), 0.0)
    assert (len(counters.batches), counters.executions) == (BATCH_SIZES_MAX, 2 * BATCH_SIZES_MAX)
    assert counters.requests.infer.seconds == pytest.approx(0.001 * 2 * BATCH_SIZES_MAX)
