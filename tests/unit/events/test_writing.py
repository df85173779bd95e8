"""WriteUserEvent without any wire: one write a group, consent first."""

from __future__ import annotations

from collections.abc import Sequence

from serving.adapters.memory_profiles import MemoryProfiles
from serving.core.errors import StoreUnavailable
from serving.core.turn import Turn
from serving.events.contract import EventWritten, WriteEvent
from serving.events.records import encode
from serving.events.types import UserEvent
from serving.events.writing import WriteEvents

TURN = Turn(now=0.0, wall=1_700_000_000.0, deadline=float("inf"))
KNOWN = frozenset({"mug"})


class Counting(MemoryProfiles):
    """Counts the writes that reach it."""

    groups = 0

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        self.groups += 1
        return super().append(writes, durable_timeout_s)


class Touchy(MemoryProfiles):
    """Fails when touched."""

    def append(self, writes: Sequence[tuple[str, bytes]], durable_timeout_s: float) -> list[int]:
        raise StoreUnavailable("redis: away")


def event(event_id: str, *items: str, user: str = "ada", kind: str = "detail-page-view") -> UserEvent:
    return UserEvent(event_id, kind, user, "", 1_700_000_000, tuple((item, 1) for item in items))


def writer(store: MemoryProfiles, *, consent: bool = True) -> WriteEvents:
    return WriteEvents(store, consent, KNOWN.__contains__)


def test_a_group_is_one_write_and_repeated_events_are_stored_once() -> None:
    store = Counting()
    one, two, home = event("e1", "mug"), event("e2", "mug", user="bob"), event("e3", kind="home-page-view")
    answers = writer(store).run([WriteEvent(each) for each in (one, one, two, home)], TURN)
    assert [answer.stored for answer in answers if isinstance(answer, EventWritten)] == [True, False, True, True]
    assert store.groups == 1
    assert store.fetch(["u:ada", "u:bob"], 1.0) == [encode(one) + encode(home), encode(two)]


def test_unknown_items_are_named_once_and_kept() -> None:
    store = MemoryProfiles()
    (answer,) = writer(store).run([WriteEvent(event("e1", "new", "mug", "new"))], TURN)
    assert answer == EventWritten(True, ("new",))
    assert len(store.fetch(["u:ada"], 1.0)[0]) == 3 * 24


def test_without_consent_or_to_validate_the_store_is_not_touched() -> None:
    """Denied by the request, denied by the store's default, only to be validated."""
    denied = WriteEvent(event("e1", "new"), personal=False)
    assert writer(Touchy()).run([denied], TURN) == [EventWritten(False, ("new",))]
    assert writer(Touchy(), consent=False).run([WriteEvent(event("e1"))], TURN) == [EventWritten(False)]
    assert writer(Touchy()).run([WriteEvent(event("e1"), validate_only=True)], TURN) == [EventWritten(False)]


def test_consent_of_the_request_wins_over_the_default() -> None:
    answers = writer(MemoryProfiles(), consent=False).run([WriteEvent(event("e1"), personal=True)], TURN)
    assert answers == [EventWritten(True)]


def test_a_store_that_is_away_fails_only_what_needed_it() -> None:
    answers = writer(Touchy()).run([WriteEvent(event("e1"), personal=False), WriteEvent(event("e2"))], TURN)
    assert answers[0] == EventWritten(False)
    assert isinstance(answers[1], StoreUnavailable)
