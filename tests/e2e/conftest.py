"""One trained shop, one gateway on Ray with two replicas, one without Ray: shared by the whole session."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from e2e.faces import Face, GrpcFace, HttpFace, faces_of
from e2e.gateways import Gateway, gateway

from model_repo.datasets.demo_store import generate
from model_repo.datasets.tables import Dataset
from model_repo.ranker.build import Params as RankerParams
from model_repo.recommend import Plan
from model_repo.train import train
from storegate.client import Client

QUICK = Plan(moments=2, ranker=RankerParams(epochs=3))
SERVE = {"local": ("--local",), "ray": ("--replicas", "2")}
PATIENT = {
    "recommend.profile_timeout_ms": 500,
    "redis.write_timeout_s": 10,
    "events.counters": "",
    "batch.block_rows": 1000,
}
"""On a busy machine the store may need longer than the usual few milliseconds; an answer would be without profile. What
others do meanwhile changes no answer: see test_counters.py. Small blocks: a batch shall not be over before it can be
disturbed."""


@dataclass(frozen=True)
class Shop:
    """What was trained. user: the customer who did most; item: the item that was bought or viewed most."""

    home: Path
    dataset: Dataset
    user: str
    item: str

    @property
    def in_stock(self) -> list[str]:
        """Ids of the items that can be shown, in the order of the catalogue."""
        return [item.item_id for item in self.dataset.items if item.on_hand]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A small demo store with a live release; nobody serves from this home, it is copied."""
    home = tmp_path_factory.mktemp("trained")
    dataset = generate(items=400, customers=800, days=120, seed=1)
    train(home, dataset, seed=0, plan=QUICK)
    events = dataset.events
    user = dataset.users[np.bincount(events.user[events.user >= 0]).argmax()]
    return Shop(home, dataset, user, dataset.items[np.bincount(events.item).argmax()].item_id)


@pytest.fixture(scope="session")
def new_home(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes a trained home of one's own."""
    return lambda: shutil.copytree(shop.home, tmp_path_factory.mktemp("shop"), dirs_exist_ok=True)


@pytest.fixture(scope="session")
def local_gateway(new_home: Callable[[], Path]) -> Iterator[Gateway]:
    with gateway(new_home(), *SERVE["local"], settings=PATIENT) as running:
        yield running


@pytest.fixture(scope="session")
def ray_gateway(new_home: Callable[[], Path]) -> Iterator[Gateway]:
    with gateway(new_home(), *SERVE["ray"], settings=PATIENT) as running:
        yield running


@pytest.fixture(scope="session", params=["local", "ray"])
def served(request: pytest.FixtureRequest) -> Gateway:
    """Both ways to run it, one after the other: every test that asks for this holds for both."""
    running: Gateway = request.getfixturevalue(f"{request.param}_gateway")
    return running


@pytest.fixture(scope="module")
def both_faces(served: Gateway) -> Iterator[tuple[GrpcFace, HttpFace]]:
    pair = faces_of(served)
    yield pair
    for one in pair:
        one.close()


@pytest.fixture(params=[0, 1], ids=["grpc", "http"])
def face(request: pytest.FixtureRequest, both_faces: tuple[GrpcFace, HttpFace]) -> Face:
    """Over gRPC and over HTTP."""
    return both_faces[request.param]


@pytest.fixture(scope="module")
def client(served: Gateway) -> Iterator[Client]:
    """The client that storefronts use."""
    with served.client() as one:
        yield one


@pytest.fixture
def replica_clients(served: Gateway) -> Iterator[list[Client]]:
    """One client for every replica."""
    with served.each_replica() as clients:
        yield clients
