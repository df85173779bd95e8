"""The load of a soak: h2load for each kind of request, and a few catalogue changes beside it, in stretches.

Each stretch dials anew, so that what a connection leaves behind when it ends would be seen.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from loadtests.bench.bodies import Bodies
from loadtests.bench.generate import DEADLINE, H2load
from loadtests.gateway import OwnGateway
from loadtests.soak.mix import Kind
from storegate.client import Client
from storegate.v1 import catalog_pb2, common_pb2

TIMEOUT_S = 5.0
CHANGED = 50
"""Items that are changed."""


class Stretch(H2load):
    """One h2load over one connection, for one kind of request."""

    def __init__(self, gateway: OwnGateway, kind: Kind, body: Path, seconds: float, folder: Path, number: int) -> None:
        base = gateway.http_url if kind.http else f"http://{gateway.grpc_target}"
        protocol = ["--h1", "-H", "content-type: application/json"] if kind.http else [
            "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", f"grpc-timeout: {DEADLINE}",
        ]  # fmt: skip
        pace = ["--rps", str(kind.rate)] if kind.rate else []
        command = [
            "-c", "1", "-m", str(kind.callers), "-D", f"{round(seconds * 1000)}ms", "-d", str(body), *pace, *protocol,
            base + kind.path,
        ]  # fmt: skip
        super().__init__(command, folder, number)


class Changes:
    """Prices that change and items that are written again, through the client that shops use; answers are read."""

    def __init__(self, target: str, items: Sequence[str], pause_s: float) -> None:
        """items: some of these change. pause_s: between two changes. Raises grpc.RpcError when none can be read."""
        self._client = Client(target, timeout_s=TIMEOUT_S, connections=1)
        self._items = [self._client.get_item(item) for item in items[:CHANGED]]
        self._pause_s, self._next_s = pause_s, 0.0
        self.made = 0
        self.problems: list[str] = []

    def poll(self) -> None:
        """Makes the next change when it is time for it."""
        if (now := time.monotonic()) < self._next_s:
            return
        self._next_s = now + self._pause_s
        item = self._items[self.made // 2 % len(self._items)]
        try:
            changed = self._upserted(item) if self.made % 2 else self._priced(item)
        except grpc.RpcError as error:
            self.problems.append(f"a change of {item.item_id}: {error.code().name}: {error.details()}")
        else:
            if changed != 1:
                self.problems.append(f"a change of {item.item_id} has changed {changed} items")
        self.made += 1

    def close(self) -> None:
        """Writes the items as they were, and ends the connection."""
        try:
            self._client.upsert_items(self._items)
        finally:
            self._client.close()

    def _priced(self, item: catalog_pb2.Item) -> int:
        price = common_pb2.Money()
        price.CopyFrom(item.price)
        price.amount_minor += 1 + self.made % 7
        return int(self._client.set_prices([catalog_pb2.PriceUpdate(item_id=item.item_id, price=price)]).updated)

    def _upserted(self, item: catalog_pb2.Item) -> int:
        return int(self._client.upsert_items([item]).upserted)


@contextmanager
def stretch(gateway: OwnGateway, kinds: Sequence[Kind], seconds: float, work: Path) -> Iterator[Callable[[], None]]:
    """All kinds at work for so long. Inside, call what it yields often: it gives every kind new bodies.

    At the end each h2load has ended. Raises SettingError when one did not do its work, ValueError when an answer had
    another status than 200.
    """
    with ExitStack() as stack, ExitStack() as killing:
        running: list[Stretch] = []
        files = []
        for number, kind in enumerate(kinds):
            folder = work / f"kind-{number}"
            folder.mkdir(exist_ok=True)
            bodies = stack.enter_context(Bodies(folder, kind.bodies, 1, start=random.randrange(len(kind.bodies))))
            files.append(bodies)
            running.append(Stretch(gateway, kind, bodies.paths[0], seconds, folder, number))
            killing.callback(running[-1].kill)

        def rewrite() -> None:
            for bodies in files:
                bodies.rewrite()

        yield rewrite
        for kind, one in zip(kinds, running, strict=True):
            log, _ = one.ended()
            if log.failed:
                raise ValueError(f"{kind.name}: {log.failed} of {len(log)} answers had another status than 200")
