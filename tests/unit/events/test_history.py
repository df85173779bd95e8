"""Profiles of training history: right records, stable hashes, a file that is sound or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving.adapters.memory_profiles import MemoryProfiles
from serving.core.errors import DataError
from serving.core.ids import hash64
from serving.events.history import History, history_from_events, read_history, splitmix64, write_history
from serving.events.types import PURCHASE, VIEW

ITEMS = np.array([hash64(name) for name in ("mug", "cup", "jug")], np.uint64)


def table(rows: list[tuple[int, int, int, int, int]], records_max: int = 512) -> History:
    """From (user, item, time, type, quantity)."""
    user, item, time, kind, quantity = (np.array(column) for column in zip(*rows, strict=True))
    return history_from_events(user, ITEMS[item], time, kind, quantity, records_max=records_max)


def blobs(history: History) -> dict[int, bytes]:
    bounds = history.offsets
    return {int(user): history.records[bounds[at] : bounds[at + 1]].tobytes() for at, user in enumerate(history.users)}


def test_every_user_has_the_newest_records_by_time() -> None:
    """Rows in any order; nobody (-1) is left out; quantities fit 16 bits."""
    rows = [(5, 0, 30, PURCHASE, 2), (-1, 1, 10, VIEW, 1), (2, 1, 20, VIEW, 1), (5, 1, 10, VIEW, 1)]
    history = table([*rows, (5, 2, 20, PURCHASE, 99_999)], records_max=2)
    assert history.users.tolist() == [2, 5]
    assert history.offsets.tolist() == [0, 1, 3]
    assert history.records["time_s"].tolist() == [20, 20, 30]
    assert history.records["item"].tolist() == [hash64("cup"), hash64("jug"), hash64("mug")]
    assert history.records["quantity"].tolist() == [1, 65535, 2]
    assert history.records["type"].tolist() == [VIEW, PURCHASE, PURCHASE]


def test_a_longer_file_repeats_the_history_of_a_shorter_one() -> None:
    """So that seeding it adds what is new and nothing twice, whatever the order of the rows."""
    random = np.random.default_rng(1)
    rows = [tuple(int(random.integers(high)) for high in (4, 3, 50, 3, 5)) for _ in range(300)]
    short, long = table(rows[:200]), table([rows[at] for at in random.permutation(300)])
    store = MemoryProfiles()
    store.append([(str(user), blob) for user, blob in blobs(short).items()], 1.0)
    store.append([(str(user), blob) for user, blob in blobs(long).items()], 1.0)
    for user, blob in blobs(long).items():
        assert sorted(np.frombuffer(store.fetch([str(user)], 1.0)[0], np.uint64)[::3]) == sorted(
            np.frombuffer(blob, np.uint64)[::3]
        )


def test_a_marked_row_keeps_its_mark() -> None:
    """The store has its record under that; rows without one get theirs from what they say, as without any marks."""
    user, time, kind = np.array([1, 1, 2]), np.array([20, 10, 10]), np.array([VIEW, PURCHASE, PURCHASE])
    arguments = (user, ITEMS, time, kind, np.ones(3, np.int32))
    plain = history_from_events(*arguments)
    marked = history_from_events(*arguments, marks=np.array([0, 77, 0], np.uint64))
    assert marked.records["event"].tolist() == [77, *plain.records["event"].tolist()[1:]]


def test_repeated_lines_are_events_of_their_own() -> None:
    history = table([(1, 0, 10, PURCHASE, 1)] * 3)
    assert len(set(history.records["event"].tolist())) == 3


def test_no_events_are_no_users() -> None:
    empty = table([(-1, 0, 1, VIEW, 1)])
    assert (len(empty.users), len(empty.records), empty.offsets.tolist()) == (0, 0, [0])


def test_the_file_brings_back_what_was_written(tmp_path: Path) -> None:
    history = table([(0, 0, 10, VIEW, 1), (1, 1, 20, PURCHASE, 3), (1, 2, 30, VIEW, 1)])
    write_history(tmp_path / "profiles.npz", ["u:ada", "u:bøb"], history.records, history.offsets)
    assert list(read_history(tmp_path / "profiles.npz")) == [
        ("u:ada", history.records[:1].tobytes()),
        ("u:bøb", history.records[1:].tobytes()),
    ]


def test_an_empty_history_can_be_kept(tmp_path: Path) -> None:
    history = table([(-1, 0, 1, VIEW, 1)])
    write_history(tmp_path / "profiles.npz", [], history.records, history.offsets)
    assert list(read_history(tmp_path / "profiles.npz")) == []


@pytest.mark.parametrize("damage", ["absent", "cut", "text", "other arrays", "offsets", "keys"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "profiles.npz"
    history = table([(0, 0, 10, VIEW, 1), (1, 1, 20, PURCHASE, 3)])
    write_history(path, ["u:a", "u:b"], history.records, history.offsets)
    match damage:
        case "absent":
            path.unlink()
        case "cut":
            path.write_bytes(path.read_bytes()[:-100])
        case "text":
            path.write_text("no archive")
        case "other arrays":
            np.savez(path, other=np.zeros(1))
        case "offsets":
            write_history(path, ["u:a", "u:b"], history.records, np.array([0, 1, 9]))
        case "keys":
            write_history(path, ["u:a"], history.records, history.offsets)
    with pytest.raises(DataError, match=r"profiles\.npz"):
        list(read_history(path))


def test_the_mix_is_splitmix64() -> None:
    """The first outputs of the published generator for seed 1234567."""
    states = [(1234567 + step * 0x9E3779B97F4A7C15) % 2**64 for step in range(3)]
    made = splitmix64(np.array(states, np.uint64)).tolist()
    assert made == [6457827717110365317, 3203168211198807973, 9817491932198370423]
