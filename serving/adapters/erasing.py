"""Carries erasures out, many at once, on the mover's thread: everything that lies on a disk, then the proof.

    ordered    by a replica: profile and decisions are gone, the order names whom and the cut
    moved      all that was received before the cuts is in the archive (Moving)
    counted    where they stand in archive and history is kept with the orders: it is told right after a death, too
    rewritten  archive and history files, without them; decisions that were on their way
    filed      from here on nothing names them; the orders are deleted
    barred     the nodes of the event log that they stood in are gone (Moving)
    complete   the store has written its own file anew; the proof is on the disk

Each step can be done again, so a mover that died goes on where it stopped, or before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from serving.adapters.archive_erasure import ArchiveErasure
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.history_erasure import erase_history, find_history, sweep_drafts
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_erasures import RedisErasures, proof_of
from serving.core.errors import DataError, ModelDamaged
from serving.events.erasure import Erasure, Order, newest

SETTLE_S: Final = 1.0
"""A decision may be so long on its way to the store: an order that is younger waits."""
NOT_ALL: Final = "an erasure does not reach everything: %s"

_log = logging.getLogger(__name__)


class Erasing:
    """What the mover does of it. Not thread-safe."""

    def __init__(
        self,
        home: Path,
        store: RedisErasures,
        decisions: RedisDecisions,
        ledger: ErasureLedger,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._home, self._store, self._decisions, self._ledger, self._wall = home, store, decisions, ledger, wall

    def wait_ready(self, timeout_s: float) -> bool:
        """Waits for the connections; whether they are there."""
        return self._store.wait_ready(timeout_s) and self._decisions.wait_ready(timeout_s)

    @property
    def waiting(self) -> int:
        """Erasures that are not complete. Raises StoreUnavailable."""
        return self._store.waiting

    def ripe(self) -> list[Order]:
        """What can be carried out once all that waits now has been moved. Raises StoreUnavailable."""
        now_ms = self._wall() * 1000
        return [order for order in self._store.orders() if order.cut_ms + SETTLE_S * 1000 <= now_ms]

    def file(self, orders: Sequence[Order], archive: ParquetArchive) -> None:
        """Takes them out of all files and late decisions. Raises StoreUnavailable, ArchiveUnavailable, Conflict."""
        if not orders:
            return
        left = [sweep_drafts(self._home)]
        covering = newest(orders)
        cuts = {key: order.cut_ms for key, order in covering.items()}
        work = ArchiveErasure(archive, covering)
        found, history = work.find(), find_history(self._home, cuts.get)
        counted = []
        for order in orders:
            key = order.profile_key
            if order.events < 0:
                mine = covering[key] is order  # two orders of one person: what is found counts once
                order = replace(
                    order,
                    events=found.events[key] * mine,
                    history_records=history.records[key] * mine,
                    files=(found.files[key] + history.files[key]) * mine,
                )
            counted.append(order)
        self._store.counted(counted)
        work.apply(found)
        for folder in history.versions:
            try:
                erase_history(self._home, folder, cuts.get)
            except (DataError, ModelDamaged, OSError) as error:
                history.left.append(str(error))
        late = {key: self._decisions.erase(key, order.cut_ms / 1000) for key, order in covering.items()}
        left = [one for one in (*left, *found.left, *history.left) if one]
        for one in left:
            _log.error(NOT_ALL, one)
        filed = [
            replace(one, decisions=one.decisions + (late[one.profile_key] if covering[one.profile_key].erasure_id ==
                    one.erasure_id else 0))
            for one in counted
        ]  # fmt: skip
        self._store.filed([order.done(left) for order in filed])

    def filed(self) -> list[Erasure]:
        """Those whose files are done, by this mover or one that died. Raises StoreUnavailable."""
        return self._store.filed_before()

    def bar(self) -> str:
        """See RedisErasures.bar."""
        return self._store.bar()

    def complete(self, filed: Iterable[Erasure], barred: str, hold: Callable[[], None]) -> int:
        """Has the store write its file anew, and proves them; how many. barred: what `bar` has said. Raises
        StoreUnavailable, DataError, Conflict."""
        left = [one for one in (barred, self._store.rewrite(hold)) if one]
        for one in left:
            _log.error(NOT_ALL, one)
        proofs = [proof_of(one, round(self._wall() * 1000), left) for one in filed]
        self._store.complete(self._ledger.add(proofs))
        return len(proofs)

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        self._store.close()
        self._decisions.close()
