"""A Locust user that asks the gateway: in an open loop at times that wait for no answer, or in a closed one."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.pool import Group  # type: ignore[import-untyped]
from locust import User, task

from loadtests.scenarios.arrivals import poisson
from loadtests.scenarios.setup import Setup, epoch_s
from loadtests.scenarios.transports import OUTSTANDING_MAX, TIMEOUT_S, Refused, Transport
from loadtests.users import BulkVisitors, Question, Visitors, wrong

THINK_S = (0.02, 0.08)
"""In a closed loop, between an answer and the next question."""
QUIET_S = 0.1
"""How often a bulk user in a closed loop looks whether its time has come."""


class GatewayUser(User):
    """`transport` says how it asks. Latency is from the intended start, so that queueing is not hidden."""

    abstract = True
    bulk = False

    def transport(self, setup: Setup) -> Transport:
        """A connection of its own."""
        raise NotImplementedError

    def on_start(self) -> None:
        self.setup: Setup = self.environment.storegate
        seed = f"{self.setup.seed}-{self.environment.runner.worker_index}-{self.setup.next_user()}"
        self.questions = (BulkVisitors if self.bulk else Visitors)(self.setup.ids, seed)
        self.wire = self.transport(self.setup)
        rate = self.setup.rate and (self.setup.bulk_rate if self.bulk else self.setup.rate)
        self.arrivals: Iterator[float] | None = poisson(rate, seed) if rate else None
        self.begun_s = time.perf_counter()
        self.under_way = Group()

    def on_stop(self) -> None:
        """What is under way is waited for: its deadline bounds that."""
        self.under_way.join(2 * TIMEOUT_S)
        self.under_way.kill()
        self.wire.close()

    def wait_time(self) -> float:
        """Nothing in an open loop: when to ask is the arrivals' business."""
        return random.uniform(*THINK_S) if self.arrivals is None else 0.0

    @task
    def ask(self) -> None:
        """One question: now, or at the next arrival."""
        if self.arrivals is None:
            self._ask_now()
            return
        question = self.questions.next()
        payload = self.wire.prepare(question)
        intended_s = self.begun_s + next(self.arrivals)
        if (pause_s := intended_s - time.perf_counter()) > 0:
            gevent.sleep(pause_s)
        if self.bulk and not self.setup.bulky_at(epoch_s(intended_s)):
            return
        if len(self.under_way) < OUTSTANDING_MAX:
            self.under_way.spawn(self._call, question, payload, intended_s)
        else:
            text = f"not sent: {OUTSTANDING_MAX} calls of this user are under way"
            self._tell(question, intended_s, 0.0, None, 0, text)

    def _ask_now(self) -> None:
        if self.bulk and not self.setup.bulky_at(epoch_s(time.perf_counter())):
            gevent.sleep(QUIET_S)
            return
        question = self.questions.next()
        self._call(question, self.wire.prepare(question), None)

    def _call(self, question: Question, payload: bytes, intended_s: float | None) -> None:
        """intended_s: perf_counter; None = now, and no lag is told."""
        sent_s = time.perf_counter()
        begun_s = sent_s if intended_s is None else intended_s
        lag_ms = None if intended_s is None else 1000 * (sent_s - intended_s)
        answer, problem = b"", ""
        try:
            answer = self.wire.send(question, payload)
        except Refused as error:
            problem = str(error)
        took_ms = 1000 * (time.perf_counter() - begun_s)
        if not problem:
            try:
                problem = wrong(question, self.wire.read(question, answer))
            except ValueError as error:
                problem = str(error)
        self._tell(question, begun_s, took_ms, lag_ms, len(answer), problem)

    def _tell(
        self, question: Question, begun_s: float, took_ms: float, lag_ms: float | None, length: int, problem: str
    ) -> None:
        """To Locust and to the tally."""
        self.setup.tally.add(epoch_s(begun_s), question.name, took_ms, failed=bool(problem), lag_ms=lag_ms)
        told: dict[str, Any] = {
            "request_type": self.wire.kind,
            "name": question.name,
            "response_time": took_ms,
            "response_length": length,
            "exception": AssertionError(problem) if problem else None,
            "context": {},
        }
        self.environment.events.request.fire(**told)
