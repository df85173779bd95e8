"""Batches at a running gateway, on Ray Data and without Ray, as other services and the command line ask for them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from e2e.conftest import Shop
from e2e.gateways import Gateway, awaited, command

from storegate.client import Client, reason
from storegate.v1 import batch_pb2 as pb
from storegate.v1 import recommendation_pb2 as rec

ROWS = 9_000
DRIVER = "serving.runtime.batch_driver"
S_MAX = 120.0


def written(home: Path, name: str, users: list[str]) -> Path:
    """A file within the folder that callers may name."""
    path = home / "exchange" / name
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"user_id": users, "line": range(len(users))}), path, row_group_size=5000)
    return path


def finished(client: Client, name: str) -> pb.Operation:
    def over() -> pb.Operation | None:
        found = client.get_operation(name)
        return None if found.state in (pb.OPERATION_STATE_PENDING, pb.OPERATION_STATE_RUNNING) else found

    found = awaited(over, "the batch is over", S_MAX)
    assert found is not None
    return found


def output(place: Path) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(place.glob("part-*.parquet"))])


def processes(gateway: Gateway, *, drivers: bool) -> list[psutil.Process]:
    """The driver, or its workers: all that stand back behind the rest."""
    found = []
    for process in gateway.family():
        with suppress(psutil.NoSuchProcess):
            words = " ".join(process.cmdline())
            helper = "resource_tracker" in words
            if process.nice() == 19 and not helper and (DRIVER in words) == drivers:
                found.append(process)
    return found


def test_inline_answers_are_those_of_recommend(client: Client, shop: Shop) -> None:
    """In order, items and scores; more than fit into one answer are refused with what to do."""
    asked = [
        rec.RecommendRequest(user_id=user, page_size=5, filter="price > 200", request_id=f"r{n}")
        for n, user in enumerate([*shop.dataset.users[:70], "nobody"])
    ]
    found = client.batch_recommend(pb.BatchRecommendRequest(requests=asked)).responses
    assert [one.request_id for one in found] == [one.request_id for one in asked]
    for request, response in zip(asked, found, strict=True):
        alone = client.recommend(request.user_id, page_size=5, filter="price > 200")
        assert [one.item_id for one in response.results] == [one.item_id for one in alone.results]
        assert [one.score for one in response.results] == pytest.approx([one.score for one in alone.results], rel=1e-4)
        assert response.serving_info.model_versions == alone.serving_info.model_versions
    many = [rec.RecommendRequest(page_size=100)] * 1000
    with pytest.raises(grpc.RpcError) as caught:
        client.batch_recommend(pb.BatchRecommendRequest(requests=many))
    assert reason(caught.value) == "ANSWER_TOO_LARGE"
    assert "input_uri" in caught.value.details()


def test_scores_inline(client: Client) -> None:
    """Any ONNX model of the repository by its name; one that is not there is NOT_FOUND."""
    with pytest.raises(grpc.RpcError) as caught:
        client.batch_score(pb.BatchScoreRequest(model="absent", columns=[pb.ScoreColumn(name="x", numbers=[1.0])]))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    width = 37
    rows = [float(n % 7) / 7 for n in range(3 * width)]
    both = client.batch_score(score_request(width, rows))
    assert both.version
    (scores,) = [column for column in both.columns if len(column.numbers) == 3][:1]
    one = client.batch_score(score_request(width, rows[width : 2 * width]))
    (alone,) = [column for column in one.columns if column.name == scores.name]
    assert alone.numbers[0] == pytest.approx(scores.numbers[1], rel=1e-5)


def score_request(width: int, numbers: list[float]) -> pb.BatchScoreRequest:
    return pb.BatchScoreRequest(
        model="ranker.purchase", columns=[pb.ScoreColumn(name="features", width=width, numbers=numbers)]
    )


def test_a_killed_worker_and_a_killed_driver_cost_nothing_that_is_done(
    served: Gateway, client: Client, shop: Shop
) -> None:
    """Every row is there once, in its place, as Recommend answers it; parts that were there are left alone."""
    users = [shop.dataset.users[n % 800] for n in range(ROWS)]
    written(served.home, f"{served.wanted}.parquet", users)
    made = client.batch_recommend(
        pb.BatchRecommendRequest(
            input_uri=f"{served.wanted}.parquet",
            output_uri=f"out{served.wanted}",
            each=rec.RecommendRequest(page_size=5),
        )
    ).operation
    assert (made.rows_total, made.blocks_total) == (ROWS, 9)
    place = served.home / "exchange" / f"out{served.wanted}"

    def parts() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in place.glob("part-*")}

    awaited(lambda: len(parts()) >= 2, "two blocks are done", S_MAX)
    for process in processes(served, drivers=False):
        process.kill()
    awaited(lambda: len(parts()) >= 4, "it goes on with a new worker", S_MAX)
    for process in processes(served, drivers=True):
        process.kill()
    kept = parts()
    done = finished(client, made.name)
    assert (done.state, done.rows_done) == (pb.OPERATION_STATE_SUCCEEDED, ROWS), done.error_message
    assert {name: parts()[name] for name in kept} == kept
    found = output(place)
    assert found.column("line").to_pylist() == list(range(ROWS))
    assert found.column("user_id").to_pylist() == users
    for n in range(0, 800, 40):
        alone = client.recommend(users[n], page_size=5)
        assert [one["item_id"] for one in found.column("results")[n].as_py()] == [one.item_id for one in alone.results]
    manifest = json.loads((place / "_manifest.json").read_text())
    assert len(manifest["parts"]) == 9
    assert manifest["versions"]["ranker"] == done.model_versions["ranker"]
    assert done.name in [one.name for one in client.list_operations().operations]


def test_cancel_and_resume(served: Gateway, client: Client, shop: Shop) -> None:
    """A batch that was asked to end ends; it goes on when it is resumed."""
    written(served.home, "cancelled.parquet", [shop.user] * ROWS)
    request = pb.BatchRecommendRequest(input_uri="cancelled.parquet", output_uri=f"cancelled{served.wanted}")
    name = client.batch_recommend(request).operation.name
    client.cancel_operation(name)
    assert finished(client, name).state == pb.OPERATION_STATE_CANCELLED
    client.resume_operation(name)
    done = finished(client, name)
    assert (done.state, done.rows_done) == (pb.OPERATION_STATE_SUCCEEDED, ROWS), done.error_message


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"input_uri": "/etc/hostname", "output_uri": "x"}, "INVALID_FIELD"),
        ({"input_uri": "../redis", "output_uri": "x"}, "INVALID_FIELD"),
        ({"input_uri": "nothing.parquet", "output_uri": "x"}, "NOT_FOUND"),
        ({"input_uri": "s3://elsewhere/in", "output_uri": "x"}, "INVALID_FIELD"),
        ({"input_uri": "small.parquet", "output_uri": "x", "model": "absent"}, "NOT_FOUND"),
    ],
)
def test_what_is_refused(served: Gateway, client: Client, fields: dict[str, Any], word: str) -> None:
    """Places that callers must not name, files and models that are not there: at once, and nothing is begun."""
    written(served.home, "small.parquet", ["a"])
    with pytest.raises(grpc.RpcError) as caught:
        client.batch_recommend(pb.BatchRecommendRequest(**fields))
    assert reason(caught.value) == word
    assert not (served.home / "exchange" / "x").exists()


def test_the_command_asks_the_gateway(local_gateway: Gateway, shop: Shop) -> None:
    """And follows it to its end; what exists is not overwritten; the list names it."""
    home = local_gateway.home
    path = written(home, "people.parquet", shop.dataset.users[:30])
    told = ["batch", "recommend", "--input", str(path), "--output", str(home / "exchange" / "told"), "--page-size", "3"]
    done = command(home, *told)
    assert done.returncode == 0, done.stderr
    assert "30 rows in" in done.stdout
    assert [len(row) for row in output(home / "exchange" / "told").column("results").to_pylist()] == [3] * 30
    again = command(home, *told)
    assert again.returncode == 2
    assert "OUTPUT_EXISTS" in again.stderr
    assert "SUCCEEDED" in command(home, "batch", "list").stdout
