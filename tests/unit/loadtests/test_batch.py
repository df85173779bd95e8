"""The users of the batch measurement are who they should be, however many there are."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from loadtests.batch.users import users_file


def test_every_user_is_there_once_and_the_seed_orders_them(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        users_file(tmp_path / name, 5000, seed)
    one, again, other = (pq.read_table(tmp_path / name)["user_id"].to_pylist() for name in ("one", "again", "other"))
    assert one == again != other
    assert sorted(one) == sorted(other) == [f"B{number:08d}" for number in range(5000)]
