"""The log of decisions: nothing waits for it, nothing is lost without being counted."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from serving.adapters.memory_decisions import MemoryDecisions
from serving.core.attribution import Attribution, TokenSigner
from serving.core.catalogue import Catalogue, Item
from serving.core.errors import InvalidInput, NotFound, StoreUnavailable
from serving.decisions.recommend.contract import Answer, Query
from serving.decisions.recommend.decision_log import GROUP_MAX, DecisionLog, OutcomeLog, logged, not_found
from serving.decisions.recommend.params import Params
from serving.decisions.recommend.record import Decision
from serving.events.contract import Outcome

WALL = 1_800_000_000.0
GRACE_S = 20.0
IDS = [f"{0x9C0FFEE123456789:016x}{number:016x}" for number in range(1, 12_001)]
SIGNER = TokenSigner([b"sixteen bytes key"])


def answer(number: int) -> Answer:
    none32, none8 = np.zeros(0, np.float32), np.zeros(0, np.uint8)
    rows = np.zeros(0, np.int32)
    return Answer(
        Catalogue.build([Item("mug")], version=1), rows, none32, none8, none8, rows, none32, np.zeros(0, np.int64),
        none32, decision_id=f"{number:032x}",
    )  # fmt: skip


class Gate(MemoryDecisions):
    """A store that lets nothing through until it is opened; it remembers how large the groups were."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.opened = threading.Event(), threading.Event()
        self.groups: list[int] = []

    def put(self, decisions: Iterable[Decision]) -> None:
        made = list(decisions)
        self.groups.append(len(made))
        self.entered.set()
        assert self.opened.wait(GRACE_S)
        super().put(made)


class Away(MemoryDecisions):
    """A store that does not answer."""

    def put(self, decisions: Iterable[Decision]) -> None:
        raise StoreUnavailable("redis: away")

    def add_outcomes(self, outcomes: object) -> int:
        raise StoreUnavailable("redis: away")


def offer(log: DecisionLog, *numbers: int) -> None:
    sink = log.of_release("r1")
    for number in numbers:
        sink.offer(Query(user_id=f"user-{number}"), b"x" * 24, WALL + number, answer(number))


def test_what_is_offered_is_stored_as_it_was() -> None:
    """With its release, and with the placements before it on the page."""
    store = MemoryDecisions()
    log = DecisionLog(store, Params(), 1.0)
    before = (Query(placement="trending", decision_id="cd" * 16, personal=True),)
    log.of_release("r7").offer(Query(user_id="ada"), b"x" * 24, WALL, answer(1), before)
    log.close(GRACE_S)
    found = store.get(f"{1:032x}")
    assert found is not None
    made = found.decision
    assert (made.release, made.query.user_id, made.blob, made.wall, made.before) == (
        "r7", "ada", b"x" * 24, WALL, before,
    )  # fmt: skip
    assert (log.written, log.dropped_full, log.dropped_away, log.defects, log.waiting) == (1, 0, 0, 0, 0)


def test_a_waiting_log_stores_without_being_closed() -> None:
    store = Gate()
    store.opened.set()
    log = DecisionLog(store, Params(), 1.0)
    for number in range(3):
        store.entered.clear()
        offer(log, number)
        assert store.entered.wait(GRACE_S)
    log.close(GRACE_S)
    assert log.written == 3


def test_many_are_stored_in_groups() -> None:
    store = Gate()
    log = DecisionLog(store, Params(), 1.0)
    offer(log, 0)
    assert store.entered.wait(GRACE_S)
    offer(log, *range(1, 2 * GROUP_MAX + 10))
    store.opened.set()
    log.close(GRACE_S)
    assert store.groups == [1, GROUP_MAX, GROUP_MAX, 9]
    assert log.written == 2 * GROUP_MAX + 10 == len(list(store.scan(0, 2 * WALL)))


def test_a_full_queue_drops_and_counts() -> None:
    """The newest, at once: who offers never waits."""
    store = Gate()
    log = DecisionLog(store, Params(), 1.0, queue_max=5)
    offer(log, 0)
    assert store.entered.wait(GRACE_S)
    offer(log, *range(1, 9))
    assert (log.waiting, log.dropped_full) == (5, 3)
    store.opened.set()
    log.close(GRACE_S)
    assert [int(each.decision.decision_id, 16) for each in store.scan(0, 2 * WALL)] == [0, 1, 2, 3, 4, 5]
    assert (log.written, log.dropped_full) == (6, 3)


def test_a_store_that_is_away_drops_and_counts() -> None:
    log = DecisionLog(Away(), Params(), 1.0)
    offer(log, 1, 2, 3)
    log.close(GRACE_S)
    assert (log.written, log.dropped_away) == (0, 3)


def test_a_closed_log_takes_nothing_and_a_hanging_store_is_given_up() -> None:
    """What waits behind it is counted as dropped."""
    store = Gate()
    log = DecisionLog(store, Params(), 1.0)
    offer(log, 0)
    assert store.entered.wait(GRACE_S)
    offer(log, 1, 2)
    closing = threading.Thread(target=log.close, args=(0.0,))
    closing.start()
    closing.join(GRACE_S)
    assert not closing.is_alive()
    offer(log, 3)
    assert (log.waiting, log.dropped_full) == (2, 1)
    store.opened.set()
    log.close(GRACE_S)
    assert (log.written, log.dropped_full, log.waiting) == (1, 3, 0)


def test_a_record_that_cannot_be_made_takes_no_neighbours_with_it() -> None:
    store = MemoryDecisions()
    log = DecisionLog(store, Params(), 1.0)
    broken = replace(answer(2), rows=np.array([5], np.int32))
    sink = log.of_release("r1")
    for each in (answer(1), broken, answer(3)):
        sink.offer(Query(), b"", WALL, each)
    log.close(GRACE_S)
    assert (log.written, log.defects) == (2, 1)
    assert [int(each.decision.decision_id, 16) for each in store.scan(0, 2 * WALL)] == [1, 3]


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.9])
def test_the_share_is_kept_whatever_the_ids_are_like(share: float) -> None:
    """Ids that count, as ids.Serial makes them: in all of them, and in every second, third and fourth, which may be one
    placement's. Four standard deviations of a fair coin."""
    taken = np.array([logged(name, share) for name in IDS])
    for step in (1, 2, 3, 4):
        part = taken[::step]
        assert abs(part.mean() - share) < 4 * np.sqrt(share * (1 - share) / len(part))
    both = (taken[1:] & taken[:-1]).mean()
    assert abs(both - share**2) < 4 * np.sqrt(share**2 * (1 - share**2) / len(taken)) + 0.005


def test_all_none_and_what_is_no_decision() -> None:
    assert all(logged(name, 1.0) for name in IDS)
    assert not any(logged(name, 0.0) for name in IDS)
    assert not logged("", 1.0)


def test_who_is_logged_at_a_share_is_logged_at_every_larger_one() -> None:
    for name in IDS[:1000]:
        assert [logged(name, share / 10) for share in range(11)] == sorted(logged(name, n / 10) for n in range(11))


def test_the_log_wants_its_share() -> None:
    log = DecisionLog(MemoryDecisions(), Params(), 0.3)
    assert [log.of_release("r").wants(name) for name in IDS] == [logged(name, 0.3) for name in IDS]
    log.close(GRACE_S)


def test_outcomes_of_forgotten_decisions_are_left_out() -> None:
    store = MemoryDecisions()
    log = DecisionLog(store, Params(), 1.0)
    offer(log, 1, 2)
    log.close(GRACE_S)
    outcomes = OutcomeLog(store, SIGNER, retention_s=100)
    recent, old = (Attribution(f"{number:032x}", int(WALL) - age, 0) for number, age in ((1, 99), (2, 100)))
    found = [(each, Outcome(each.decision_id, "mug", "detail-page-view", 5)) for each in (recent, old)]
    outcomes.record(found, WALL)
    told = [each.outcomes for each in store.scan(0, 2 * WALL)]
    assert told == [(found[0][1],), ()]


def test_outcomes_know_their_decision_by_the_token_alone() -> None:
    outcomes = OutcomeLog(Away(), SIGNER, retention_s=100)
    assert outcomes.attribution(SIGNER.sign("ab" * 16, 7, 2)) == Attribution("ab" * 16, 7, 2)
    with pytest.raises(InvalidInput) as caught:
        outcomes.attribution("forged")
    assert caught.value.field == "event.attribution_token"
    outcomes.record([], WALL)
    with pytest.raises(StoreUnavailable):
        outcomes.record([(Attribution("ab" * 16, int(WALL), 2), Outcome("ab" * 16, "mug", "x", 5))], WALL)


def test_an_absent_decision_says_why_it_may_be_absent() -> None:
    error = not_found("ab" * 16, 0.05, 30 * 86_400)
    assert isinstance(error, NotFound)
    assert str(error) == error.message
    for part in ("ab" * 16, "0.05", "30 days", "decisions.share", "decisions.retention_days"):
        assert part in error.message
