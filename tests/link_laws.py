"""Laws of every way to a worker: on a thread of this process, and in a Serve deployment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from small_worker import ADD

from serving.core.clock import NEVER
from serving.core.errors import (
    DeadlineExpired,
    InternalError,
    InvalidInput,
    Overloaded,
    UnknownMethod,
    WorkerUnavailable,
)
from serving.engine.remote import Answers, Bundle, Link, Request

WAIT_S = 40.0
TIMES_MAX = 5
T = TypeVar("T")


def awaited(look: Callable[[], T], what: str) -> T:
    """The first true thing that `look` sees."""
    until = time.monotonic() + WAIT_S
    while not (seen := look()):
        assert time.monotonic() < until, what
        time.sleep(0.005)
    return seen


@dataclass(frozen=True)
class World:
    """A way to the small worker, which writes down in `folder` what it computes."""

    link: Link
    folder: Path
    replicas: int = 1
    bundles: Callable[[], int] | None = None
    """How many are at the worker, computed and waiting; None = all that were sent and not called back, at once."""

    def waits(self, payload: bytes) -> Future[Answers]:
        """Has arrived behind what is computed. It is sent again where it was told to come again."""
        for _ in range(TIMES_MAX):
            before, sent = self.bundles() if self.bundles else 0, self.send(payload)
            if self.bundles is not None:
                awaited(lambda sent=sent, more=before + 1: sent.done() or self.bundles() == more, f"more than {before}")
            if not (sent.done() and isinstance(sent.exception(), WorkerUnavailable)):
                return sent
        raise AssertionError(f"told to come again {TIMES_MAX} times")

    def call_back(self, sent: Future[Answers]) -> None:
        """Until it is no longer there."""
        before = self.bundles() if self.bundles else 0
        assert sent.cancel()
        if self.bundles is not None:
            awaited(lambda: self.bundles() == before - 1, f"less than {before}")

    def send(self, *payloads: bytes, left_s: float = NEVER, repeatable: bool = True) -> Future[Answers]:
        return self.link.send(Bundle(ADD, tuple(Request(each, left_s) for each in payloads), repeatable))

    def ask(self, *payloads: bytes, left_s: float = NEVER, repeatable: bool = True) -> Answers:
        return self.send(*payloads, left_s=left_s, repeatable=repeatable).result(WAIT_S)

    @contextmanager
    def held(self, name: str) -> Iterator[list[Future[Answers]]]:
        """Inside, every replica computes a bundle that ends with it."""
        names = [f"{name}{number}" for number in range(self.replicas)]
        futures = []
        for each in names:
            (self.folder / each).touch()
            futures.append(self.send(f"hold {each}".encode()))
            awaited(lambda each=each: (self.folder / f"{each}.held").exists(), "it is being computed")
        yield futures
        for each in names:
            (self.folder / each).unlink()
        assert [future.result(WAIT_S) for future in futures] == [[each.encode()] for each in names]

    def computed(self) -> list[str]:
        return (self.folder / "computed").read_text().splitlines()


class LinkLaws:
    """Needs a fixture `world`."""

    def test_one_answer_a_request_in_order(self, world: World) -> None:
        assert world.ask(b"1 2", b"3", b"4 5 6") == [b"3", b"3", b"15"]

    def test_errors_travel_as_themselves(self, world: World) -> None:
        """With their facts, beside the answers of their neighbours."""
        wrong, later, good = world.ask(b"", b"later", b"1")
        assert isinstance(wrong, InvalidInput)
        assert wrong.field == "numbers"
        assert wrong.facts["expected"] == "at least one"
        assert isinstance(later, Overloaded)
        assert later.retry_after_s == 2.5
        assert good == b"1"

    def test_a_poisonous_request_fails_alone(self, world: World) -> None:
        """Under a reference; nothing of the trace leaves the worker."""
        before, poison, after = world.ask(b"1", b"poison", b"2")
        assert (before, after) == (b"1", b"2")
        assert isinstance(poison, InternalError)
        assert poison.facts["reference"] in poison.message
        assert "invalid literal" not in poison.message

    def test_what_has_expired_is_not_computed(self, world: World) -> None:
        late, good = world.link.send(Bundle(ADD, (Request(b"77 1", -1.0), Request(b"78 1")))).result(WAIT_S)
        assert isinstance(late, DeadlineExpired)
        assert good == b"79"
        assert "77 1" not in world.computed()

    def test_what_waits_past_its_deadline_is_not_computed(self, world: World) -> None:
        """Behind another batch; the one that has time left is."""
        with world.held("slow"):
            late, patient = world.send(b"79 1", left_s=0.0), world.send(b"80 1")
        (answer,) = late.result(WAIT_S)
        assert isinstance(answer, DeadlineExpired)
        assert patient.result(WAIT_S) == [b"81"]
        assert "79 1" not in world.computed()

    def test_what_was_called_back_costs_nothing(self, world: World) -> None:
        with world.held("busy"):
            unwanted, wanted = world.waits(b"81 1"), world.waits(b"82 1")
            world.call_back(unwanted)
        assert wanted.result(WAIT_S) == [b"83"]
        assert world.ask(*[b"1"] * 3) == [b"1"] * 3
        assert "81 1" not in world.computed()

    def test_a_long_search_is_told_when_nobody_waits_for_it(self, world: World) -> None:
        """And makes room for those who do."""
        future = world.send(b"search treasure")
        awaited(lambda: (world.folder / "treasure.held").exists(), "it searches")
        future.cancel()
        awaited(lambda: (world.folder / "treasure.ended").exists(), "it has ended")
        assert world.ask(b"83 1") == [b"84"]

    def test_large_requests_and_answers_go_through(self, world: World) -> None:
        """Beyond the 4 MB of one message of Ray's."""
        many, total = world.ask(b"many 9000000", b"1 " * 3_000_000)
        assert many == b"x" * 9_000_000
        assert total == b"3000000"

    def test_a_method_that_it_does_not_know(self, world: World) -> None:
        """As in the middle of a rollout."""
        (answer,) = world.link.send(Bundle("/storegate.test/New", (Request(b""),))).result(WAIT_S)
        assert isinstance(answer, UnknownMethod)
