"""What the store will not do is told; what it keeps of its own is written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from erasures import World, event, proof

from serving.adapters.embedded_redis import EmbeddedRedis
from serving.adapters.redis_connection import RedisServer
from serving.core.errors import StoreUnavailable

pytestmark = pytest.mark.timeout(120)


def test_a_store_that_refuses_to_write_its_file_is_told_in_the_proof(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server does whose user may not; the rest is done."""
    world.write(event(1, "ada"))
    world.erase("ada")

    def refused(moving: Any, erasing: Any, archive: Any) -> None:
        erasing._store.rewrite = lambda hold: "BGREWRITEAOF is refused by the store (NOPERM)"

    world.move(before=refused)
    assert proof(world, "ada").left == ("BGREWRITEAOF is refused by the store (NOPERM)",)


def test_a_store_whose_streams_cannot_be_cleared_is_told_in_the_proof(world: World) -> None:
    """And its words of being busy are waited out."""
    world.line.run([("CONFIG", "SET", "stream-node-max-bytes", "0")])
    try:
        world.erase("ada")
        world.line.run([("BGREWRITEAOF",)])
        world.move()
    finally:
        world.line.run([("CONFIG", "SET", "stream-node-max-bytes", "4096")])
    (left,) = proof(world, "ada").left
    assert "stream-node-max-bytes 0" in left


def test_snapshots_of_the_store_are_written_anew_too(world: World) -> None:
    """Of a server that keeps some."""
    world.line.run([("CONFIG", "SET", "save", "3600 1")])
    try:
        (before,) = world.line.run([("LASTSAVE",)])
        world.erase("ada")
        world.move()
        assert proof(world, "ada").left == ()
        (facts,) = world.line.run([("INFO", "persistence")])
        assert b"rdb_last_bgsave_status:ok" in facts
        assert world.line.run([("LASTSAVE",)])[0] >= before
    finally:
        world.line.run([("CONFIG", "SET", "save", "")])


def test_a_store_that_is_away_is_an_error_of_each_call(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    world = World(tmp_path, RedisServer(server.url), "away:")
    try:
        server.close()
        with pytest.raises(StoreUnavailable):
            world.erase("ada")
    finally:
        world.close()
