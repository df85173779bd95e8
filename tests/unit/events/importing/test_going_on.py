"""How far a call comes, and that the next one goes on there after anything."""

from __future__ import annotations

import pytest
from event_imports import LeavingStore
from importers import Files, Make, Ticking, ask, done, ids, rows

from serving.core.errors import DeadlineExpired, NotReady, StoreUnavailable
from serving.events.import_contract import EventsImported
from serving.events.importing import GROUP

pytestmark = pytest.mark.timeout(60)


def test_a_call_ends_in_time_and_the_next_goes_on(make: Make, store: LeavingStore) -> None:
    """Every look at the clock takes half a second: a few groups fit into a call of four."""
    clock = Ticking(0.5)
    work = make(Files(a__csv=rows(0, 1000), b__csv=rows(1000, 2500)), clock)
    answers: list[EventsImported] = []
    while not (answers and answers[-1].complete):
        at = answers[-1] if answers else EventsImported()
        answers.append(done(work, clock.now + 4.0, start_file=at.next_file, skip_rows=at.next_row))
    assert len(answers) > 3
    assert all(answer.rows >= GROUP for answer in answers[:-1])
    assert sum(answer.stored for answer in answers) == 2500
    assert sorted(ids(store)) == sorted(f"e{number}" for number in range(2500))


def test_a_call_without_a_deadline_ends_all_the_same(make: Make) -> None:
    """The lane is for others too."""
    answer = done(make(Files(a__csv=rows(0, 4000)), Ticking(1.0)))
    assert not answer.complete
    assert 0 < answer.rows < 4000


def test_a_deadline_that_passes_on_the_way_says_so(make: Make, store: LeavingStore) -> None:
    answer = ask(make(Files(a__csv=rows(0, 600)), Ticking(1.0)), 0.5, skip_rows=500)
    assert isinstance(answer, DeadlineExpired)
    assert "500 rows were passed over" in answer.message
    assert store.log == []


def test_a_store_that_goes_away_costs_nothing(make: Make, store: LeavingStore) -> None:
    """What was stored is told; the call after it is refused; then it goes on there."""
    work = make(Files(a__csv=rows(0, 1000)))
    store.left = 600
    first = done(work)
    assert (first.rows, first.stored, first.next_row) == (2 * GROUP, 2 * GROUP, 2 * GROUP)
    assert isinstance(ask(work, skip_rows=first.next_row), StoreUnavailable)
    store.left = 1 << 30
    rest = done(work, skip_rows=first.next_row)
    assert (rest.stored, rest.complete) == (1000 - 2 * GROUP, True)
    assert sorted(ids(store)) == sorted(f"e{number}" for number in range(1000))


def test_files_that_are_through_are_not_read_again(make: Make) -> None:
    files = Files(a__csv=rows(0, 3), b__csv=rows(3, 6), c__csv=rows(6, 9))
    answer = done(make(files), start_file="c.csv", skip_rows=1)
    assert (answer.rows, answer.files_done) == (2, 3)
    assert "b.csv" not in files.opened


def test_a_gateway_that_leaves_says_so(make: Make) -> None:
    work = make(Files(a__csv=rows(0, 2)))
    work.close()
    assert isinstance(ask(work), NotReady)


def test_one_that_leaves_in_the_midst_answers_what_it_did(
    make: Make, store: LeavingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = make(Files(a__csv=rows(0, 1000)))
    monkeypatch.setattr(work, "_write", lambda writes, turn, run=work._write: (work.close(), run(writes, turn))[1])
    answer = done(work)
    assert (answer.rows, answer.complete) == (GROUP, False)
