"""WriteUserEvent without any wire: one write a group, consent first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from serving.adapters.memory_profiles import MemoryProfiles
from serving.core.attribution import Attribution, TokenSigner
from serving.core.errors import InvalidInput, NotDurable, StoreUnavailable
from serving.core.turn import Turn
from serving.events.contract import EventWritten, Outcome, WriteEvent
from serving.events.log import LoggedEvent, decode_logged
from serving.events.records import encode
from serving.events.types import LOGGED_ONLY, UserEvent
from serving.events.writing import WriteEvents

TURN = Turn(now=0.0, wall=1_700_000_000.0, deadline=float("inf"))
KNOWN = frozenset({"mug"})
SIGNER = TokenSigner([b"a key of this shop"])
ONE, OTHER = "ab" * 16, "cd" * 16
TOKEN, OTHER_TOKEN = SIGNER.sign(ONE, 1_699_999_999, 0), SIGNER.sign(OTHER, 1_699_999_999, 0)
FORGED = TokenSigner([b"a key of somebody"]).sign(ONE, 1_699_999_999, 0)


class Counting(MemoryProfiles):
    """Counts the writes that reach it."""

    groups = 0

    def __init__(self) -> None:
        super().__init__()
        self.durable: list[bool] = []
        """Of each group."""

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        self.groups += 1
        self.durable.append(durable)
        return super().append(writes, timeout_s, entries)


class Touchy(MemoryProfiles):
    """Fails when touched."""

    def append(
        self,
        writes: Sequence[tuple[str, bytes]],
        timeout_s: float,
        entries: Sequence[bytes] = (),
        durable: bool = False,
    ) -> list[int]:
        raise StoreUnavailable("redis: away")


class Noted:
    """Outcomes as they come, in groups; fails while `away`."""

    def __init__(self, away: bool = False) -> None:
        self.away = away
        self.groups: list[list[Outcome]] = []

    def attribution(self, token: str) -> Attribution:
        return SIGNER.verify(token, "event.attribution_token")

    def record(self, outcomes: Sequence[tuple[Attribution, Outcome]], now_s: float) -> None:
        if self.away:
            raise StoreUnavailable("redis: away")
        assert now_s == TURN.wall
        assert all(attribution.decision_id == outcome.decision_id for attribution, outcome in outcomes)
        self.groups.append([outcome for _, outcome in outcomes])


def event(event_id: str, *items: str, user: str = "ada", kind: str = "detail-page-view") -> UserEvent:
    return UserEvent(event_id, kind, user, "", 1_700_000_000, tuple((item, 1) for item in items))


def writer(store: MemoryProfiles, *, consent: bool = True, outcomes: Noted | None = None) -> WriteEvents:
    return WriteEvents(store, consent, KNOWN.__contains__, outcomes=outcomes)


def outcome(decision_id: str, item_id: str, kind: str = "detail-page-view") -> Outcome:
    return Outcome(decision_id, item_id, kind, 1_700_000_000)


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
    assert writer(Touchy()).run([denied], TURN) == [EventWritten(False, ("new",), denied=True)]
    answers = writer(Touchy(), consent=False).run([WriteEvent(event("e1"))], TURN)
    assert answers == [EventWritten(False, denied=True)]
    assert writer(Touchy()).run([WriteEvent(event("e1"), validate_only=True)], TURN) == [EventWritten(False)]


def test_consent_of_the_request_wins_over_the_default() -> None:
    answers = writer(MemoryProfiles(), consent=False).run([WriteEvent(event("e1"), personal=True)], TURN)
    assert answers == [EventWritten(True)]


def test_a_store_that_is_away_fails_only_what_needed_it() -> None:
    answers = writer(Touchy()).run([WriteEvent(event("e1"), personal=False), WriteEvent(event("e2"))], TURN)
    assert answers[0] == EventWritten(False, denied=True)
    assert isinstance(answers[1], StoreUnavailable)


def test_events_with_a_token_are_outcomes_of_their_decisions() -> None:
    """One an item and once, all of a group together; an event about no item, or without a token, is nobody's."""
    noted = Noted()
    bought = event("e2", "cup", kind="purchase-complete")
    writes = [
        WriteEvent(event("e1", "mug", "new", "mug"), attribution_token=TOKEN),
        WriteEvent(bought, attribution_token=OTHER_TOKEN),
        WriteEvent(event("e3", "mug")),
        WriteEvent(event("e4", kind="home-page-view"), attribution_token=TOKEN),
    ]
    answers = writer(MemoryProfiles(), outcomes=noted).run(writes, TURN)
    assert [answer.stored for answer in answers if isinstance(answer, EventWritten)] == [True] * 4
    assert noted.groups == [[outcome(ONE, "mug"), outcome(ONE, "new"), outcome(OTHER, "cup", "purchase-complete")]]


def test_a_forged_token_fails_its_event_alone() -> None:
    """Nothing of it is stored; it is refused even where nothing would be."""
    noted, store = Noted(), MemoryProfiles()
    writes = [
        WriteEvent(event("e1", "mug", user="eve"), attribution_token=FORGED),
        WriteEvent(event("e2", "mug", user="eve"), validate_only=True, attribution_token="nonsense"),
        WriteEvent(event("e3", "mug", user="eve"), personal=False, attribution_token=FORGED),
        WriteEvent(event("e4", "mug"), attribution_token=TOKEN),
    ]
    *refused, stored = writer(store, outcomes=noted).run(writes, TURN)
    for error in refused:
        assert isinstance(error, InvalidInput)
        assert (error.field, error.reason) == ("event.attribution_token", "INVALID_ATTRIBUTION_TOKEN")
    assert stored == EventWritten(True)
    assert store.fetch(["u:eve"], 1.0) == [b""]
    assert noted.groups == [[outcome(ONE, "mug")]]


@pytest.mark.parametrize("write", [{"personal": False}, {"validate_only": True}])
def test_what_is_not_stored_is_no_outcome(write: dict[str, bool]) -> None:
    noted = Noted()
    answers = writer(Touchy(), outcomes=noted).run([WriteEvent(event("e1"), attribution_token=TOKEN, **write)], TURN)
    assert answers == [EventWritten(False, denied="personal" in write)]
    assert noted.groups == []


def test_an_event_that_could_not_be_stored_is_no_outcome_until_it_is_repeated() -> None:
    """The first attempt may have been stored and answered by a timeout: the repeated one is known, and counts."""
    noted, store = Noted(), MemoryProfiles()
    write = WriteEvent(event("e1", "mug"), attribution_token=TOKEN)
    writer(Touchy(), outcomes=noted).run([write], TURN)
    assert noted.groups == []
    writer(store).run([write], TURN)
    assert writer(store, outcomes=noted).run([write], TURN) == [EventWritten(False)]
    assert noted.groups == [[outcome(ONE, "mug")]]


def test_a_log_that_is_away_loses_outcomes_and_no_events() -> None:
    """And says how many."""
    store = MemoryProfiles()
    writing = writer(store, outcomes=Noted(away=True))
    assert writing.run([WriteEvent(event("e1", "mug", "cup"), attribution_token=TOKEN)], TURN) == [
        EventWritten(True, ("cup",))
    ]
    assert len(store.fetch(["u:ada"], 1.0)[0]) == 2 * 24
    assert writing.outcomes_lost == 2


def test_a_gateway_without_a_log_reads_no_tokens() -> None:
    writes = [WriteEvent(event("e1", "mug"), attribution_token=token) for token in (TOKEN, "nonsense")]
    assert writer(MemoryProfiles()).run(writes, TURN) == [EventWritten(True), EventWritten(False)]


def test_every_stored_event_is_logged_with_the_decision_that_led_to_it() -> None:
    """A known one is not logged again; one that may not be stored is not logged at all."""
    store = MemoryProfiles()
    writes = [
        WriteEvent(event("e1", "mug"), attribution_token=SIGNER.sign(ONE, 1_699_999_999, 3)),
        WriteEvent(event("e1", "mug")),
        WriteEvent(event("e2", "mug"), personal=False),
        WriteEvent(event("e3", "mug")),
    ]
    writer(store, outcomes=Noted()).run(writes, TURN)
    assert [decode_logged(entry) for entry in store.log] == [
        LoggedEvent(event("e1", "mug"), ONE, 3),
        LoggedEvent(event("e3", "mug")),
    ]


@pytest.mark.parametrize("kind", sorted(LOGGED_ONLY))
def test_what_the_shop_did_is_logged_and_changes_no_profile(kind: str) -> None:
    store = MemoryProfiles()
    (answer,) = writer(store).run([WriteEvent(event("e1", "mug", "cup", kind=kind))], TURN)
    assert answer == EventWritten(True, ("cup",))
    assert store.fetch(["u:ada"], 1.0) == [b""]
    assert [decode_logged(entry).event for entry in store.log] == [event("e1", "mug", "cup", kind=kind)]


def test_durable_events_are_a_group_of_their_own() -> None:
    """Those that do not say follow the default; the fast ones do not wait for the disk."""
    store = Counting()
    writes = [
        WriteEvent(event("e1", "mug")),
        WriteEvent(event("e2", "mug"), durable=True),
        WriteEvent(event("e3", "mug"), durable=False),
    ]
    assert writer(store).run(writes, TURN) == [EventWritten(True)] * 3
    assert (store.groups, store.durable) == (2, [False, True])
    assert len(store.log) == 3
    careful = Counting()
    WriteEvents(careful, True, KNOWN.__contains__, durable_default=True).run(writes[:1], TURN)
    assert careful.durable == [True]


def test_a_promise_that_the_store_cannot_keep_fails_those_that_want_it() -> None:
    answers = writer(MemoryProfiles()).run(
        [WriteEvent(event("e1", "mug"), durable=True), WriteEvent(event("e2", "mug"))], TURN
    )
    assert isinstance(answers[0], NotDurable)
    assert answers[1] == EventWritten(True)
