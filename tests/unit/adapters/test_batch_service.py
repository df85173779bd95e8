"""Inline batches through a real engine: in order, a few at a time, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from onnx_models import echo, operation, write_model

from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_places import allowed, place
from serving.adapters.batch_service import AT_ONCE, INLINE_BYTES_MAX, BatchService
from serving.adapters.memory_catalogue import MemoryCatalogue
from serving.adapters.onnx_shelf import OnnxShelf
from serving.core.batch import Column, InlineRecommend, InlineScore, Responses, Scored
from serving.core.clock import NEVER, SystemClock
from serving.core.errors import DeadlineExpired, InvalidInput, NotFound, StoregateError
from serving.core.turn import Turn
from serving.decisions.price.contract import Quotes
from serving.decisions.recommend.params import Params
from serving.engine.batcher import Limits
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine, EngineParams
from serving.runtime.batch_params import BatchParams

METHOD = "/recommend"
Run = Callable[[Sequence[bytes], Turn], Sequence[bytes]]


def nowhere() -> None:
    raise AssertionError("no profile is read here")


def unpriced(query: object) -> Quotes:
    raise AssertionError("no price is asked for here")


@contextmanager
def serving(home: Path, run: Run, limits: Limits | None = None) -> Iterator[BatchService]:
    engine = Engine([Route(METHOD, Lane.ENGINE, bytes, run, bytes)], EngineParams(limits or Limits()))
    shelf = OnnxShelf(home, 8)
    around = Surroundings(home, Params(), nowhere, 100, 1000)  # type: ignore[arg-type]
    service = BatchService(around, MemoryCatalogue(), shelf, lambda: engine, METHOD, ("exchange",), unpriced)
    try:
        yield service
    finally:
        engine.drain(0.0)
        service.close()
        shelf.close()


def turn(seconds: float = NEVER) -> Turn:
    now = SystemClock().monotonic()
    return Turn(now, 0.0, now + seconds)


def test_answers_come_in_the_order_of_the_requests_and_as_bulk(tmp_path: Path) -> None:
    """However the engine cuts them; never more at once than are sent at a time."""
    sizes = []

    def run(queries: Sequence[bytes], turn: Turn) -> list[bytes]:
        sizes.append(len(queries))
        return [b"<" + query + b">" for query in queries]

    asked = tuple(b"%d" % number for number in range(500))
    with serving(tmp_path, run) as service:
        (found,) = service.run_recommend([InlineRecommend(asked)], turn())
    assert found == Responses(tuple(b"<" + one + b">" for one in asked))
    assert sum(sizes) == 500
    assert max(sizes) <= AT_ONCE


def test_requests_that_are_refused_for_now_are_sent_again(tmp_path: Path) -> None:
    """A bulk queue far smaller than the batch: all are answered, each once."""
    with serving(tmp_path, lambda queries, turn: list(queries), Limits(batch_max=4, bulk_queue_max=4)) as service:
        asked = tuple(b"%d" % number for number in range(60))
        assert service.run_recommend([InlineRecommend(asked)], turn()) == [Responses(asked)]


def test_one_request_that_fails_fails_the_batch(tmp_path: Path) -> None:
    def run(queries: Sequence[bytes], turn: Turn) -> list[bytes | StoregateError]:
        return [NotFound("item", "x") if query == b"7" else query for query in queries]

    with serving(tmp_path, run) as service:  # type: ignore[arg-type]
        (found,) = service.run_recommend([InlineRecommend(tuple(b"%d" % n for n in range(20)))], turn())
    assert isinstance(found, NotFound)


def test_a_deadline_ends_a_batch(tmp_path: Path) -> None:
    """While the engine is at other work; what has not begun then costs nothing."""
    let_go = threading.Event()

    def run(queries: Sequence[bytes], turn: Turn) -> list[bytes]:
        let_go.wait(10)
        return list(queries)

    with serving(tmp_path, run) as service:
        (found,) = service.run_recommend([InlineRecommend((b"1",))], turn(-1.0))
        let_go.set()
    assert isinstance(found, DeadlineExpired)


def test_an_answer_that_is_too_large_says_what_to_do(tmp_path: Path) -> None:
    part = bytes(INLINE_BYTES_MAX // 10)
    with serving(tmp_path, lambda queries, turn: [part] * len(queries)) as service:
        (found,) = service.run_recommend([InlineRecommend((b"1",) * 11)], turn())
    assert isinstance(found, InvalidInput)
    assert found.reason == "ANSWER_TOO_LARGE"
    assert "input_uri" in found.message


def test_rows_through_models_of_all_kinds(tmp_path: Path) -> None:
    """Vectors, single values, whole numbers and strings; rows beyond the model's limit are cut, models without one run
    row by row."""
    write_model(
        tmp_path,
        "sum",
        "1",
        operation("Add", {"x": ("FP32", ("n", 2)), "y": ("FP32", ("n", 1))}, {"z": ("FP32", ("n", 2))}),
        4,
    )
    write_model(tmp_path, "words", "1", echo("BYTES", ("n",)), 4)
    write_model(tmp_path, "whole", "1", echo("INT64", ("n", 1)))
    x = np.arange(20.0)
    with serving(tmp_path, lambda queries, turn: []) as service:

        def scored(model: str, *columns: Column) -> Scored:
            (found,) = service.run_score([InlineScore(model, "", columns)], turn())
            assert isinstance(found, Scored), found
            return found

        added = scored("sum", Column("x", 2, tuple(x)), Column("y", 0, tuple(range(10)))).columns[0]
        assert (added.name, added.width) == ("z", 2)
        np.testing.assert_allclose(added.numbers, (x.reshape(-1, 2) + np.arange(10)[:, None]).reshape(-1))
        assert scored("words", Column("x", texts=("a", "ä", ""))).columns[0].texts == ("a", "ä", "")
        assert scored("whole", Column("x", 1, (1.0, 2.0, 3.0))).columns[0].numbers == (1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ((Column("x", 1, (1.5,)),), "values of INT64"),
        ((Column("x", 2, (1.0, 2.0)),), "2 values a row"),
        ((Column("y", 1, (1.0,)),), "each of x once"),
        ((Column("x", 1, (1.0,)), Column("x", 1, (1.0,))), "each of x once"),
        ((Column("x", 1, texts=("a",)),), "values of INT64"),
    ],
)
def test_columns_that_do_not_fit(tmp_path: Path, columns: tuple[Column, ...], told: str) -> None:
    """Each names the column and what the model takes."""
    write_model(tmp_path, "whole", "1", echo("INT64", ("n", 1)), 8)
    with serving(tmp_path, lambda queries, turn: []) as service:
        (found,) = service.run_score([InlineScore("whole", "", columns)], turn())
    assert isinstance(found, InvalidInput)
    assert told in found.message


@pytest.mark.parametrize(
    "uri", ["users.parquet", "deep/users.parquet", "{home}/exchange/users.parquet", "s3://b/batches/x"]
)
def test_places_that_callers_may_name(tmp_path: Path, uri: str) -> None:
    found = allowed("input_uri", uri.format(home=tmp_path), tmp_path, ("exchange", "s3://b/batches"))
    assert found.startswith(("s3://b/batches/", str(tmp_path / "exchange")))


@pytest.mark.parametrize(
    "uri",
    [
        "../redis",
        "/etc/passwd",
        "link/x",
        "s3://b/batches-of-others/x",
        "s3://b/batches/../x",
        "s3://b/batches/%2e%2e/x",
        "s3://b/batches/x?endpoint_override=elsewhere",
        "s3://b/batches/x#y",
        "s3://KEY:SECRET@b/batches/x",
        "s3://other/x",
        "file:///etc/x",
        "",
    ],
)
def test_places_that_callers_may_not_name(tmp_path: Path, uri: str) -> None:
    """No way up, no link that leads out, no neighbour whose name begins alike, nobody else's store or keys."""
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange" / "link").symlink_to("/tmp")
    with pytest.raises(InvalidInput, match=r"batch\.places"):
        allowed("input_uri", uri, tmp_path, ("exchange", "s3://b/batches"))


def test_the_options_of_a_store_are_those_of_the_setting(tmp_path: Path) -> None:
    options = "region=eu-west-2&endpoint_override=127.0.0.1:9000"
    assert allowed("input_uri", "s3://b/x/y", tmp_path, (f"s3://b/x?{options}",)) == f"s3://b/x/y?{options}"
    kept = f"s3://KEY:SECRETSECRET@b/x/?{options}"
    assert allowed("input_uri", "s3://b/x/y", tmp_path, (kept,)) == f"s3://KEY:SECRETSECRET@b/x/y?{options}"
    assert "SECRET" not in repr(BatchParams(places=(kept,)))


def test_no_key_of_a_uri_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        place("input_uri", "nosuch://KEY:SECRET@bucket/x?secret=SECRET")
    assert "SECRET" not in caught.value.message
