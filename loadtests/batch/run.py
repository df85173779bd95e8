"""One batch to its end: seconds, memory, and what a killed worker costs."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from loadtests.batch.gateway import POLL_S, STALL_S, Bench
from loadtests.bench.process import MIB
from serving.adapters.batch_store import BatchStore
from serving.core.errors import NotReady


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a batch. peak_mib: PSS of all its processes together; recomputed: blocks that were there and were
    computed again; cut_short: blocks that another worker was seen to begin anew."""

    rows: int
    seconds: float
    computing_s: float
    peak_mib: float
    worker_peak_mib: int
    blocks: int
    recomputed: int = 0
    cut_short: int = 0
    restarts: int = 0


def run(bench: Bench) -> Ran:
    """One batch to its end; with a worker killed when a third is done, where that was asked for. Raises NotReady."""
    begun = time.monotonic()
    name = bench.begin()
    store, peak, kept = BatchStore(bench.home), 0.0, None
    anew: set[str] = set()
    out = Path(store.get(name).spec.output_uri)
    told = moved = begun
    rows_done = 0
    while not (found := store.get(name)).state.over:
        if found.progress.rows_done > rows_done:
            rows_done, moved = found.progress.rows_done, time.monotonic()
        if time.monotonic() - moved > STALL_S:
            raise NotReady(f"the batch has got no further than {rows_done:,} rows for {STALL_S:g} s")
        anew |= _begun_anew(store.path(name))
        peak = max(peak, _pss_mib(bench.processes()))
        if bench.asked.kill and kept is None and 3 * found.progress.blocks_done >= found.progress.blocks_total:
            kept = _parts(out)
            _kill(bench)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            bench.say(f"{found.progress.rows_done:,} rows, {found.progress.rows_per_second:,.0f} a second")
        time.sleep(POLL_S)
    seconds = time.monotonic() - begun
    if found.state != "SUCCEEDED":
        raise NotReady(f"the batch {found.state.lower()}: {found.reason}: {found.message}")
    after, manifest = _parts(out), json.loads((out / "_manifest.json").read_text())
    receipts = store.receipts(name)
    return Ran(
        manifest["rows"], seconds, found.progress.seconds, peak, manifest["worker_peak_mib"], len(after),
        sum(after.get(part) != at for part, at in (kept or {}).items()), len(anew),
        len({receipt.worker for receipt in receipts.values()}) - bench.asked.workers,
    )  # fmt: skip


def _kill(bench: Bench) -> None:
    """SIGKILLs one worker. Raises NotReady when none is found."""
    workers = [one for one in bench.standing_back() if one.cpu_times().user > 0.5]
    if not workers:
        raise NotReady("no worker was found to be killed")
    workers[0].kill()
    bench.say("a worker was killed")


def _begun_anew(folder: Path) -> set[str]:
    """Blocks that more than one worker has begun with: batch_store.py writes a dot for each."""
    found = set()
    for path in folder.glob("begun-*"):
        with suppress(OSError):  # it has just been done
            if path.stat().st_size > 1:
                found.add(path.name)
    return found


def _parts(out: Path) -> dict[str, int]:
    """Name of each part, and when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.parquet")}


def _pss_mib(processes: Sequence[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total / MIB
