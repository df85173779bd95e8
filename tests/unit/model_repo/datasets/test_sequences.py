"""Reading one line a user, leaving the last out, and turning positions into times."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from model_repo.datasets.sequences import Sequences, read_sequences
from serving.core.errors import DataError, InvalidInput

DATA = Path(os.environ.get("STOREGATE_DATA", Path(__file__).resolve().parents[5] / "shared" / "data"))
BEAUTY = DATA / "amazon_beauty" / "Beauty.txt.gz"


@pytest.fixture
def three(tmp_path: Path) -> Sequences:
    path = tmp_path / "three.txt"
    path.write_text("ann a b c\n\nbob b\ncid c a\n")
    return read_sequences(path)


def test_reads_users_and_items(three: Sequences) -> None:
    """Users and items are numbered as they appear; blank lines are skipped."""
    assert (three.name, three.users, three.items) == ("three", ("ann", "bob", "cid"), ("a", "b", "c"))
    assert [three.of(user).tolist() for user in range(3)] == [[0, 1, 2], [1], [2, 0]]


def test_gzip_gives_the_same(three: Sequences, tmp_path: Path) -> None:
    """A packed file reads like a plain one."""
    path = tmp_path / "three.txt.gz"
    path.write_bytes(gzip.compress(b"ann a b c\r\nbob b\r\ncid c a"))
    packed = read_sequences(path)
    assert (packed.users, packed.items) == (three.users, three.items)
    assert packed.item.tolist() == three.item.tolist()


def test_attributes_go_with_the_items(tmp_path: Path) -> None:
    """Items of the file that nobody took are left out; of many the first 32 count; a split keeps them."""
    path, numbers = tmp_path / "three.txt", tmp_path / "attributes.json"
    path.write_text("ann a b c\n")
    numbers.write_text(json.dumps({"a": [17, 4, 17], "b": list(range(100, 140)), "unsold": [1]}))
    sequences = read_sequences(path, numbers)
    assert sequences.attributes["a"] == {"a17": "1", "a4": "1"}
    assert list(sequences.attributes["b"]) == [f"a{number}" for number in range(100, 132)]
    assert sequences.attributes.keys() == {"a", "b"}
    assert sequences.split(1)[0].attributes == sequences.attributes
    a, _, c = sequences.to_dataset().items
    assert (a.attributes, c.attributes) == ({"a17": "1", "a4": "1"}, {})


@pytest.mark.parametrize("content", ["[", "[1]", '{"a": 5}', '{"a": ["red"]}', '{"a": [-1]}', '{"a": [true]}'])
def test_attributes_that_cannot_be_read_are_refused(tmp_path: Path, content: str) -> None:
    path, numbers = tmp_path / "three.txt", tmp_path / "attributes.json"
    path.write_text("ann a b c\n")
    numbers.write_text(content)
    with pytest.raises(DataError, match=r"attributes\.json"):
        read_sequences(path, numbers)


def test_leave_last_out(three: Sequences) -> None:
    """The last item goes; who has only one keeps it and has no target."""
    seen, target = three.split(1)
    assert [seen.of(user).tolist() for user in range(3)] == [[0, 1], [1], [2]]
    assert target.tolist() == [2, -1, 0]
    seen, target = three.split(2)
    assert [seen.of(user).tolist() for user in range(3)] == [[0], [1], [2, 0]]
    assert target.tolist() == [1, -1, -1]
    assert three.split(0)[0].item.tolist() == three.item.tolist()


def test_dataset_keeps_the_order(three: Sequences) -> None:
    """Rows are in order of artificial time, each user's in the order of the line, last items on one day."""
    data = three.to_dataset()
    assert np.all(np.diff(data.events.time_s) >= 0)
    for user in range(3):
        mine = data.events.where(data.events.user == user)
        assert mine.item.tolist() == three.of(user).tolist()
        assert mine.time_s[-1] == data.events.time_s[-1]
    assert len(set(data.events.basket.tolist())) == len(data.events) == 6
    assert [item.item_id for item in data.items] == ["a", "b", "c"]


def test_dataset_hides_the_held_out(three: Sequences) -> None:
    """to_dataset and split agree on what is seen, and the report adds up."""
    data = three.to_dataset(holdout=1)
    seen, _ = three.split(1)
    for user in range(3):
        assert data.events.item[data.events.user == user].tolist() == seen.of(user).tolist()
    assert sum(kept.rows for kept in data.report) == len(three.item)
    with pytest.raises(InvalidInput, match="holdout: got -1"):
        three.to_dataset(-1)


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"ann a\nbob\n", 2, "user 'bob' has no items"),
        (b"ann a\nann b\n", 2, "user 'ann' stands on line 1 already"),
        (b"ann a\n\nbob \xff\n", 3, "byte 5 of this line is not UTF-8"),
        (b"ann " + b"x" * 300 + b"\n", 1, "at most 256 bytes"),
        (b"a\x07 b\n", 1, "no control characters"),
        (b"\n \n", None, "only blank lines"),
        (b"", None, "this file is empty"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, line: int | None, problem: str) -> None:
    """Errors name the file and the line."""
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=problem) as caught:
        read_sequences(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_absent_and_not_packed(tmp_path: Path) -> None:
    """An absent file and a .gz that is none are told apart."""
    with pytest.raises(DataError, match="does not exist"):
        read_sequences(tmp_path / "no.txt")
    (tmp_path / "no.txt.gz").write_text("ann a")
    with pytest.raises(DataError, match="not a gzip file"):
        read_sequences(tmp_path / "no.txt.gz")


def test_amazon_beauty() -> None:
    """The public file: 22,363 users, 12,101 items, 198,502 interactions; every user can spare the last."""
    if not BEAUTY.exists():
        pytest.skip(f"{BEAUTY} is absent: Amazon Beauty, 5-core, of the S3-Rec paper's repository")
    data = read_sequences(BEAUTY)
    assert (len(data.users), len(data.items), len(data.item)) == (22_363, 12_101, 198_502)
    seen, target = data.split(1)
    assert len(seen.item) == 198_502 - 22_363
    assert target.min() >= 0
