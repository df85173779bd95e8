"""Locust users for a running gateway: `make loadtest`, or `locust -f loadtests/locustfile.py` with its web page."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import grpc.experimental.gevent
from google.protobuf import json_format
from locust import FastHttpUser, User, between, events, task

from loadtests.ids import Ids
from loadtests.loopback import check_loopback
from loadtests.users import PATHS, RECOMMEND, WRITE_USER_EVENT, Question, Visitors, wrong
from serving.core.errors import SettingError
from storegate.v1 import event_pb2, recommendation_pb2

grpc.experimental.gevent.init_gevent()

TIMEOUT_S = 2.0
METHODS = {
    RECOMMEND: (
        "/storegate.v1.RecommendationService/Recommend",
        recommendation_pb2.RecommendRequest,
        recommendation_pb2.RecommendResponse,
    ),
    WRITE_USER_EVENT: (
        "/storegate.v1.UserEventService/WriteUserEvent",
        event_pb2.WriteUserEventRequest,
        event_pb2.WriteUserEventResponse,
    ),
}
_seeds = itertools.count()


@events.init_command_line_parser.add_listener
def _options(parser: Any) -> None:
    parser.add_argument("--grpc-port", type=int, default=50051, help="Port of the gateway's gRPC listener")
    parser.add_argument("--ids-file", default="", help="JSON of users and items; without it those of the demo store")
    parser.add_argument("--seed", type=int, default=0, help="The same seed draws the same questions")


@events.init.add_listener
def _start(environment: Any, **_: Any) -> None:
    """Refuses targets elsewhere, and reads the ids once for all users."""
    try:
        environment.target_host = check_loopback(environment.host or GatewayHttpUser.host)
    except SettingError as error:
        raise SystemExit(error.message) from None  # Locust would log anything else and go on
    file = environment.parsed_options.ids_file
    environment.ids = Ids.read(Path(file)) if file else Ids.demo()


def _visitors(environment: Any) -> Visitors:
    return Visitors(environment.ids, 1000 * environment.parsed_options.seed + next(_seeds))


class GatewayGrpcUser(User):
    """Asks over gRPC, on a channel of its own, with a deadline."""

    wait_time = between(0.02, 0.08)

    def on_start(self) -> None:
        self.visitors = _visitors(self.environment)
        host, port = self.environment.target_host, self.environment.parsed_options.grpc_port
        self.channel = grpc.insecure_channel(f"{f'[{host}]' if ':' in host else host}:{port}")

    def on_stop(self) -> None:
        self.channel.close()

    @task
    def ask(self) -> None:
        question = self.visitors.next()
        path, request, response = METHODS[question.method]
        payload = json_format.ParseDict(question.body, request()).SerializeToString()
        call = self.channel.unary_unary(path, response_deserializer=response.FromString)
        began, problem, length = time.perf_counter(), None, 0
        try:
            answer = call(payload, timeout=TIMEOUT_S)
            took = time.perf_counter() - began
            length = answer.ByteSize()
            if text := wrong(question, json_format.MessageToDict(answer)):
                problem = AssertionError(text)
        except grpc.RpcError as error:
            took = time.perf_counter() - began
            problem = AssertionError(f"{error.code().name}: {error.details()}")
        self.environment.events.request.fire(
            request_type="gRPC",
            name=question.name,
            response_time=took * 1000,
            response_length=length,
            exception=problem,
            context={},
        )


class GatewayHttpUser(FastHttpUser):
    """Asks over HTTP with JSON."""

    host = "http://127.0.0.1:8080"
    wait_time = between(0.02, 0.08)
    connection_timeout = network_timeout = TIMEOUT_S

    def on_start(self) -> None:
        self.visitors = _visitors(self.environment)
        check_loopback(urlsplit(self.host).hostname or "")

    @task
    def ask(self) -> None:
        question = self.visitors.next()
        with self.client.post(
            PATHS[question.method], json=dict(question.body), name=question.name, catch_response=True
        ) as answer:
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}: {(answer.text or '')[:200]}")
            elif text := _wrong_json(question, answer):
                answer.failure(text)


def _wrong_json(question: Question, answer: Any) -> str:
    try:
        return wrong(question, answer.json())
    except ValueError:
        return f"the body is no JSON: {(answer.text or '')[:200]!r}"
