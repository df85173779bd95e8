"""PlanRoutes on every face, over a real engine and a real worker: what every stream of plans must do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import httpx
import pytest
from google.protobuf import json_format
from planners import planner
from towns import GLOBE, LINE, changed, message

from serving.core.clock import SystemClock
from serving.core.errors import NotReady
from serving.core.turn import Turn
from serving.decisions.route.contract import PlanQuery
from serving.decisions.route.params import Limits
from serving.engine.batcher import Limits as QueueLimits
from serving.engine.calls import Lane, Route
from serving.engine.engine import Engine, EngineParams
from serving.engine.remote_lane import RemoteLane, RemoteLimits, Sent
from serving.runtime.worker_params import WorkerParams
from serving.runtime.worker_parts import WorkerSpec
from serving.runtime.worker_thread import ThreadLink
from serving.transport.aio_front import AioFront
from serving.transport.codecs import PLAN_ROUTES, codecs
from serving.transport.contract import services
from serving.transport.front_params import FrontParams
from serving.transport.http_face import http_app
from serving.transport.http_server import HttpServer
from serving.transport.http_way import HttpParams
from serving.transport.native_front import NativeFront
from serving.transport.plan_steps import STREAMS_MAX
from storegate.client import Client
from storegate.client import reason as reason_of
from storegate.v1 import routing_pb2 as pb

pytestmark = pytest.mark.timeout(60)
LIMITS = Limits(seconds=0.2, seconds_max=30.0, slice_s=0.2, spare_s=0.1)
PAYLOAD_BYTES_MAX = 5 << 20
"""More than grpcio takes where it is told nothing."""


class Watched:
    """The worker of a gateway; can be held, and fail. asked: the steps that it has computed. staying: a step lasts
    until its caller has gone; then it has noticed."""

    def __init__(self, _: object) -> None:
        codec = codecs(SystemClock())[PLAN_ROUTES]
        self.routes = [Route(PLAN_ROUTES, Lane.ENGINE, codec.decode, self._run, codec.encode)]

    asked: list[PlanQuery]
    go: threading.Event
    failing: list[bool]
    staying: threading.Event
    begun: threading.Event
    noticed: threading.Event

    def _run(self, queries: Sequence[PlanQuery], turn: Turn) -> list[Any]:
        self.go.wait(20)
        if self.staying.is_set():
            self.begun.set()
            awaited(turn.gone, "the step is told that its caller has gone")
            self.noticed.set()
        self.asked.extend(queries)
        if self.failing:
            return [NotReady("away")] * len(queries)
        return planner().run_plan(queries, turn)

    def ready(self) -> tuple[bool, str]:
        return True, ""

    def facts(self) -> dict[str, str]:
        return {}

    def close(self) -> None:
        pass


@dataclass
class Told(Exception):
    """An error as a caller sees it."""

    reason: str


class Face(Protocol):
    def plans(self, town: dict[str, Any], timeout_s: float | None = None) -> Iterator[Any]:
        """The messages as they come. Raises Told."""
        ...


class OverGrpc:
    def __init__(self, target: str) -> None:
        self.client = Client(target, timeout_s=20)

    def plans(self, town: dict[str, Any], timeout_s: float | None = None) -> Iterator[Any]:
        try:
            yield from self.client.plan_routes(message(town), timeout_s=timeout_s)
        except grpc.RpcError as error:
            raise Told(reason_of(error) or error.code().name) from None


class OverHttp:
    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=20, trust_env=False)

    def plans(self, town: dict[str, Any], timeout_s: float | None = None) -> Iterator[Any]:
        headers = {} if timeout_s is None else {"x-storegate-timeout-ms": str(round(timeout_s * 1000))}
        with self.client.stream("POST", "/v1/routes:plan", json=town, headers=headers) as response:
            if response.status_code != 200:
                raise Told(json.loads(response.read())["reason"])
            assert response.headers["content-type"] == "application/x-ndjson"
            for line in response.iter_lines():
                yield json_format.Parse(line, pb.PlanRoutesResponse())


@dataclass
class World:
    face: Face
    worker: type[Watched]
    close_front: Callable[[float], None]
    lane: RemoteLane


@pytest.fixture(params=["native", "grpc.aio", "http"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    planner()
    clock = SystemClock()
    events = {name: threading.Event() for name in ("go", "staying", "begun", "noticed")}
    worker = type("Mine", (Watched,), {"asked": [], "failing": [], **events})
    worker.go.set()
    params = WorkerParams(batch_max=1)
    link = ThreadLink(WorkerSpec("route", worker, {PLAN_ROUTES: Sent()}, params), None, clock)
    lane = RemoteLane("route", {PLAN_ROUTES: Sent()}, link, RemoteLimits(QueueLimits(batch_max=1)), clock)
    engine = Engine([], EngineParams(payload_bytes_max=PAYLOAD_BYTES_MAX), clock, [lane])
    front: Any
    if request.param == "http":
        front = HttpServer(http_app(engine, HttpParams(PAYLOAD_BYTES_MAX, plans=LIMITS)))
        front.start()
        face: Any = OverHttp(f"http://127.0.0.1:{front.port}")
    else:
        kind = NativeFront if request.param == "native" else AioFront
        front = kind(FrontParams(payload_bytes_max=PAYLOAD_BYTES_MAX, plans=LIMITS), [PLAN_ROUTES], services())
        front.start(engine)
        face = OverGrpc(f"127.0.0.1:{front.port}")
    yield World(face, worker, front.close, lane)
    worker.go.set()
    face.client.close()
    front.close(0.5)
    engine.drain(2.0)
    link.close()


def awaited(look: Callable[[], object], what: str) -> None:
    until = time.monotonic() + 20
    while not look():
        assert time.monotonic() < until, what
        time.sleep(0.005)


def test_plans_come_until_the_last_one_is_final(world: World) -> None:
    """The obvious best way there and back; every plan is whole; the last is no worse than any."""
    plans = list(world.face.plans(LINE | {"requestId": "r", "seed": 5}))
    assert [plan.final for plan in plans] == [False] * (len(plans) - 1) + [True]
    assert len(plans) >= 2
    for plan in plans:
        assert sorted(visit.stop_id for route in plan.plan.routes for visit in route.visits) == ["a", "b", "c"]
        assert plan.request_id == "r"
    assert plans[-1].plan.cost == min(plan.plan.cost for plan in plans) == 600
    assert [plan.elapsed_s for plan in plans] == sorted(plan.elapsed_s for plan in plans)


def test_a_request_as_large_as_may_be_is_planned(world: World) -> None:
    start = {"dropped": [{"stopId": "a", "detail": "x" * (PAYLOAD_BYTES_MAX - 2000)}]}
    *_, last = world.face.plans(LINE | {"timeLimitS": 0.1, "start": start})
    assert last.final


def test_the_first_plan_comes_before_the_time_is_up(world: World) -> None:
    """While the worker is held the second step waits; the first plan is there already."""
    plans = world.face.plans(LINE | {"timeLimitS": 25})
    first = next(plans)
    assert not first.final
    world.worker.go.clear()
    plans.close()  # type: ignore[attr-defined]


def test_a_caller_that_goes_away_ends_the_work(world: World) -> None:
    plans = world.face.plans(LINE | {"timeLimitS": 25})
    next(plans)
    plans.close()  # type: ignore[attr-defined]
    awaited(lambda: not world.lane.waiting, "no step is left")
    computed = len(world.worker.asked)
    pause = threading.Event()
    pause.wait(0.3)
    assert len(world.worker.asked) <= computed + 1


def test_a_caller_that_goes_away_ends_the_step_under_way(world: World) -> None:
    plans = world.face.plans(LINE | {"timeLimitS": 25})
    next(plans)
    world.worker.staying.set()
    awaited(world.worker.begun.is_set, "a step is under way")
    plans.close()  # type: ignore[attr-defined]
    awaited(world.worker.noticed.is_set, "the step ends")


def test_a_deadline_ends_the_stream_with_a_plan_in_time(world: World) -> None:
    *_, last = world.face.plans(GLOBE | {"timeLimitS": 25}, timeout_s=0.8)
    assert last.final
    assert last.elapsed_s < 0.8
    assert len(last.plan.routes) == 1


def test_what_is_wrong_is_told_before_any_plan(world: World) -> None:
    for town, reason in (
        ({}, "WRONG_COUNT"),
        (changed(LINE, "stops.1.stopId", "a"), "REPEATED_ID"),
        (LINE | {"timeLimitS": 31}, "INVALID_FIELD"),
        (LINE | {"requestId": "x" * PAYLOAD_BYTES_MAX}, "PAYLOAD_TOO_LARGE"),
    ):
        with pytest.raises(Told) as told:
            list(world.face.plans(town))
        assert told.value.reason == reason


def test_what_cannot_be_visited_is_left_out_with_its_reason(world: World) -> None:
    """An infeasible whole is an answer."""
    late = changed(LINE, "stops.2.windows", [{"startS": 0, "endS": 5}])
    *_, last = world.face.plans(late)
    assert [(one.stop_id, one.reason) for one in last.plan.dropped] == [("c", "out-of-reach-in-time")]
    assert last.plan.cost == 400


def test_a_worker_that_fails_later_costs_no_plan(world: World) -> None:
    """The best one that there is ends the stream."""
    plans = world.face.plans(LINE | {"timeLimitS": 25})
    first = next(plans)
    world.worker.failing.append(True)
    *_, last = plans
    assert last.final
    assert last.plan.cost <= first.plan.cost


def test_a_worker_that_is_away_is_told(world: World) -> None:
    world.worker.failing.append(True)
    with pytest.raises(Told) as told:
        list(world.face.plans(LINE, timeout_s=10.0))
    assert told.value.reason == "NOT_READY"


def test_streams_beside_each_other_all_end_with_a_plan(world: World) -> None:
    found: list[Any] = []

    def one() -> None:
        found.append(list(world.face.plans(LINE | {"timeLimitS": 0.5}))[-1])

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [plan.final for plan in found] == [True] * 6


def test_more_streams_than_a_front_has_are_refused(world: World) -> None:
    world.worker.go.clear()
    outcomes: list[str] = []

    def one() -> None:
        try:
            list(world.face.plans(LINE))
            outcomes.append("planned")
        except Told as told:
            outcomes.append(told.reason)

    threads = [threading.Thread(target=one) for _ in range(STREAMS_MAX + 3)]
    for thread in threads:
        thread.start()
    awaited(lambda: len(outcomes) == 3, "three are refused at once")
    assert outcomes == ["OVERLOADED"] * 3
    world.worker.go.set()
    for thread in threads:
        thread.join()
    assert outcomes[3:] == ["planned"] * STREAMS_MAX


def test_a_leaving_front_ends_its_streams_with_their_best_plan(world: World) -> None:
    plans = world.face.plans(LINE | {"timeLimitS": 25})
    next(plans)
    closing = threading.Thread(target=world.close_front, args=(3.0,))
    closing.start()
    *_, last = plans
    closing.join()
    assert last.final
