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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from serving.adapters.archive_erasure import ArchiveErasure, Found
from serving.adapters.erasure_ledger import ErasureLedger
from serving.adapters.history_erasure import (
    CutOf,
    FoundHistory,
    erase_history,
    find_history,
    history_versions,
    sweep_drafts,
)  # fmt: skip
from serving.adapters.parquet_archive import ParquetArchive
from serving.adapters.redis_decisions import RedisDecisions
from serving.adapters.redis_erasures import RedisErasures, proof_of
from serving.adapters.retrain_files import forget_work
from serving.core.errors import DataError, ModelDamaged
from serving.events.erasure import Erasure, Order, newest

SETTLE_S: Final = 1.0
"""A decision may be so long on its way to the store: an order that is younger waits."""

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
        self._looked: set[Path] = set()
        """Versions of the training history that were looked through."""

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
        left = [sweep_drafts(self._home), forget_work(self._home)]
        covering = newest(orders)
        cuts = {key: order.cut_ms for key, order in covering.items()}
        work = ArchiveErasure(archive, covering)
        found, history = work.find(), find_history(self._home, cuts.get)
        self._looked = set(history.looked)
        counted = _counted(orders, covering, found, history)
        self._store.counted(counted)
        work.apply(found)
        history.left += self._forget(history.versions, cuts.get)
        late = {covering[key].erasure_id: self._decisions.erase(key, cut_ms / 1000) for key, cut_ms in cuts.items()}
        left = _told([*left, *found.left, *history.left])
        filed = [replace(one, decisions=one.decisions + late.get(one.erasure_id, 0)) for one in counted]
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
        left = _told([barred, self._store.rewrite(hold)])
        proofs = self._ledger.add([proof_of(one, round(self._wall() * 1000), left) for one in filed])
        self._forget_published()
        self._store.complete(proofs)
        return len(proofs)

    def _forget_published(self) -> None:
        """Of versions that came after those that were looked through: the launcher may have looked at them before the
        proofs were there, which it goes by."""
        new = [folder for folder in history_versions(self._home) if folder not in self._looked]
        if new:
            cuts = self._ledger.cuts()
            _told(self._forget(new, lambda key: cuts.get(self._store.subject(key))))

    def _forget(self, folders: Sequence[Path], cut_of: CutOf) -> list[str]:
        """What could not be written anew, and why."""
        left = []
        for folder in folders:
            try:
                erase_history(self._home, folder, cut_of)
            except (DataError, ModelDamaged, OSError) as error:
                left.append(str(error))
        return left

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        self._store.close()
        self._decisions.close()


def _counted(
    orders: Sequence[Order], covering: Mapping[str, Order], found: Found, history: FoundHistory
) -> list[Order]:
    """With what each will erase; those that were counted before as they are. Of two orders of one person the later one
    counts what is found."""
    made = []
    for order in orders:
        key = order.profile_key
        if order.events < 0:
            mine = covering[key] is order
            files = found.files[key] + history.files[key]
            order = replace(
                order,
                events=found.events[key] * mine,
                history_records=history.records[key] * mine,
                files=files * mine,
            )
        made.append(order)
    return made


def _told(left: Iterable[str]) -> list[str]:
    """Those that are not empty, logged."""
    found = [one for one in left if one]
    for one in found:
        _log.error("an erasure does not reach everything: %s", one)
    return found
