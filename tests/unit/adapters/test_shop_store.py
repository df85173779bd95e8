"""The store that outlives replicas: started and seeded, mended, and given the history of every new release."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from worlds import checkerboard

from model_repo.publish import Trained, publish
from model_repo.ranker.network import Ranker, Scaling, initial_layers
from model_repo.ranker.onnx_file import to_onnx
from serving.adapters import shop_store
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.model_loader import RANKERS
from serving.adapters.redis_connection import RedisServer
from serving.adapters.redis_profiles import RedisProfiles
from serving.adapters.shop_store import HISTORY_FILE, ShopStore
from serving.adapters.token_keys import erasure_key
from serving.adapters.versions import read_version
from serving.core.errors import NotReady
from serving.events.erasure import Erasure, Pseudonyms, State
from serving.events.history import read_history, write_history
from serving.events.records import RECORD, RECORD_BYTES, encode_rows
from serving.features import FEATURES


def release(folder: Path, users: int) -> Trained:
    """The checkerboard, and `users` customers who have each bought i0 once."""
    models, catalogue = checkerboard()
    records = np.frombuffer(
        b"".join(encode_rows([(user + 1, "purchase-complete", "i0", 1_700_000_000, 1)]) for user in range(users)),
        RECORD,
    )
    path = folder / f"{users}.npz"
    write_history(path, [f"u:{user}" for user in range(users)], records, np.arange(users + 1))
    width = len(FEATURES)
    layers = initial_layers((width, 4, 1), np.random.default_rng(0))
    ranker = Ranker(Scaling(np.zeros(width, np.float32), np.ones(width, np.float32), False), layers)
    rankers = dict.fromkeys(RANKERS, to_onnx(ranker, FEATURES))
    return Trained(models, rankers, FEATURES, catalogue.items, {HISTORY_FILE: path})


def fetched(url: str, key: str) -> bytes:
    store = RedisProfiles(RedisServer(url), read_timeout_s=2.0)
    try:
        assert store.wait_ready(10)
        return store.fetch([key], 2.0)[0]
    finally:
        store.close()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, said: list[str]) -> Iterator[Callable[..., ShopStore]]:
    stores: list[ShopStore] = []

    def make(url: str = "", **options: Any) -> ShopStore:
        stores.append(ShopStore(tmp_path, url, RedisProfiles, said.append, **options))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def test_it_is_seeded_once_and_keeps_over_a_restart(tmp_path: Path, opened, said: list[str]) -> None:
    """The second start finds everything there."""
    publish(tmp_path, release(tmp_path, 3), wall_s=1.7e9)
    store = opened()
    assert len(fetched(store.url, "u:2")) == RECORD_BYTES
    assert fetched(store.url, "u:3") == b""
    assert any("3 profiles" in line for line in said)
    store.close()
    said.clear()
    again = opened()
    assert len(fetched(again.url, "u:2")) == RECORD_BYTES
    assert not any("profiles" in line for line in said)


def test_a_new_release_brings_its_history(tmp_path: Path, opened, said: list[str]) -> None:
    """With the next look; looking without news does nothing."""
    publish(tmp_path, release(tmp_path, 1), wall_s=1.7e9)
    store = opened()
    said.clear()
    store.look(said.append)
    assert said == []
    publish(tmp_path, release(tmp_path, 2), wall_s=1.7e9 + 1)
    store.look(said.append)
    assert len(fetched(store.url, "u:1")) == RECORD_BYTES
    assert len(said) == 1


def test_a_release_brings_back_nobody_who_was_erased(tmp_path: Path, opened, said: list[str]) -> None:
    """Neither at the start nor with a later release; its history holds him no longer, and is whole."""
    names = Pseudonyms(erasure_key(tmp_path))
    gone = Erasure("e" * 32, names.subject("u:1"), 1_700_000_100_000, State.COMPLETE, 1_700_000_101_000)
    ErasureLedger(tmp_path).add([gone])
    publish(tmp_path, release(tmp_path, 3), wall_s=1.7e9)
    store = opened(names=names)
    assert [len(fetched(store.url, f"u:{user}")) for user in range(3)] == [RECORD_BYTES, 0, RECORD_BYTES]
    publish(tmp_path, release(tmp_path, 4), wall_s=1.7e9 + 1)
    store.look(said.append)
    assert len(fetched(store.url, "u:3")) == RECORD_BYTES
    assert fetched(store.url, "u:1") == b""
    publish(tmp_path, release(tmp_path, 5), wall_s=1.7e9 + 2, go_live=False)  # a candidate is not seeded
    store.look(said.append)
    store.look(said.append)
    assert sum("1 records of erased users" in line for line in said) == 3
    for folder in (tmp_path / "history").iterdir():
        keys = [key for key, _ in read_history(read_version(tmp_path, "history", folder.name) / HISTORY_FILE)]
        assert "u:1" not in keys
        assert "u:0" in keys


def test_a_history_that_cannot_be_written_hides_no_other(
    tmp_path: Path, opened, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once and tried again; the start goes on."""
    names = Pseudonyms(erasure_key(tmp_path))
    gone = Erasure("e" * 32, names.subject("u:1"), 1_700_000_100_000, State.COMPLETE, 1_700_000_101_000)
    ErasureLedger(tmp_path).add([gone])
    publish(tmp_path, release(tmp_path, 3), wall_s=1.7e9)
    publish(tmp_path, release(tmp_path, 4), wall_s=1.7e9 + 1)
    first = min((tmp_path / "history").iterdir())
    erase, full = shop_store.erase_history, [True]

    def erase_or_not(home: Path, folder: Path, cut_of: object) -> int:
        if folder == first and full[0]:
            raise OSError(28, "No space left on device")
        return erase(home, folder, cut_of)  # type: ignore[arg-type]

    monkeypatch.setattr(shop_store, "erase_history", erase_or_not)
    store = opened(names=names)
    for _ in range(3):
        store.look(said.append)
    assert sum("No space left" in line for line in said) == 1
    assert sum("1 records of erased users" in line for line in said) == 1
    full[0] = False
    store.look(said.append)
    assert sum("1 records of erased users" in line for line in said) == 2


def test_a_killed_redis_is_started_again(tmp_path: Path, opened, said: list[str]) -> None:
    """With the data it had written, at the same place."""
    publish(tmp_path, release(tmp_path, 1), wall_s=1.7e9)
    store = opened()
    url = store.url
    (server,) = [p for p in psutil.Process().children() if "redis" in p.name() or "valkey" in p.name()]
    os.kill(server.pid, signal.SIGKILL)
    server.wait(10)
    store.look(said.append)
    assert store.url == url
    assert len(fetched(url, "u:0")) == RECORD_BYTES
    assert any("started again" in line for line in said)


def test_a_named_server_that_is_away_is_told_and_the_start_goes_on(tmp_path: Path, opened, said: list[str]) -> None:
    """Recommendations do not need it."""
    publish(tmp_path, release(tmp_path, 1), wall_s=1.7e9)
    store = opened(f"unix://{tmp_path}/nobody.sock")
    assert store.url.endswith("nobody.sock")
    assert any("without profiles" in line for line in said)


def test_nothing_trained_starts_nothing(tmp_path: Path, opened) -> None:
    """No Redis is left behind by a start that cannot succeed."""
    with pytest.raises(NotReady, match="storegate train"):
        opened()
    assert not (tmp_path / "redis").exists()
