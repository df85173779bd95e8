"""An operation from its making to its manifest. Who runs the blocks, and where, is not known here.

What is done is what lies in the output: a block whose part is there is never computed again, whoever has been killed
meanwhile; all else is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from serving.adapters.batch_input import Block, read_block, read_input
from serving.adapters.batch_kind import BlockFunction, Surroundings
from serving.adapters.batch_output import (
    OWNER,
    Part,
    Receipt,
    check_owner,
    claim,
    parts,
    whole_digest,
    write_manifest,
    write_part,
)
from serving.adapters.batch_places import Place, place
from serving.adapters.batch_store import BatchStore, Request
from serving.adapters.batches import BATCHES
from serving.catalogue.store import CatalogueStore
from serving.core.batch import BatchSpec, Operation, Progress, State
from serving.core.errors import ArchiveUnavailable, InvalidInput, NoRoom, StoregateError, WorkerLost
from serving.core.uris import visible

TELL_S: Final = 0.25
"""Between two writes of the state."""
TRIES_MAX: Final = 5
"""Attempts in a row that end without a word and without a block: then it is given up."""

KILLED_MAX: Final = 3
"""Workers that may be killed at one block before it is given up."""
KILLED_ADVICE: Final = "look for the kernel's word on memory, lower batch.block_rows, and resume"

Run = Callable[[Callable[[], "BlockWorker"], Sequence[int]], Iterable[str]]
"""(makes a worker, in the worker's process; numbers of blocks) -> what each said, in any order."""

log = logging.getLogger(__name__)


def create(around: Surroundings, store: BatchStore, spec: BatchSpec, catalogue: CatalogueStore) -> Operation:
    """Checks all that can be known before, pins what it is computed with, and makes the output its own.

    Raises InvalidInput, DataError, NotFound, NoRoom, ArchiveUnavailable, StoreUnavailable, ModelDamaged, NotReady.
    """
    store.check_room()
    if spec.kind not in BATCHES:
        raise InvalidInput("kind", spec.kind, f"one of {', '.join(BATCHES)}")
    source, target = place("input_uri", spec.input_uri), place("output_uri", spec.output_uri)
    found = read_input(source, around.block_rows)
    pinned = BATCHES[spec.kind].pin(around, spec, found.schema, catalogue)
    listing = hashlib.sha256(json.dumps(found.files).encode()).hexdigest()
    name = store.new_name()
    claim(target, name)
    pins = {**pinned.pins, "input": {"files": len(found.files), "rows": found.rows, "listing_sha256": listing}}
    made = Request(name, spec, pins, found.rows, len(found.blocks), int(time.time()))
    try:
        store.add(made, found.blocks, pinned.files)
    except OSError as error:
        target.delete(OWNER)
        raise ArchiveUnavailable(str(store.folder), f"the batch cannot be noted ({error.strerror})") from error
    return store.get(name)


class BlockWorker:
    """Computes blocks in a process of its own. Opened with the first block, so that what goes wrong can be told."""

    def __init__(self, around: Surroundings, home: Path, name: str) -> None:
        self._around, self._store, self._name = around, BatchStore(home), name
        self._id = secrets.token_hex(4)
        self._opened: tuple[tuple[Block, ...], BlockFunction, Place, Place] | None = None

    def __call__(self, number: int) -> str:
        """Reads, computes and writes one block; a Receipt in JSON, or {"reason", "message"} of what went wrong."""
        began = time.monotonic()
        try:
            attempts = self._store.begun(self._name, number)
            if attempts > KILLED_MAX:
                raise WorkerLost(f"block {number}: {attempts - 1} workers in a row were killed at it: {KILLED_ADVICE}")
            blocks, function, source, target = self._open()
            computed = function.run(read_block(source, blocks[number]), number)
            part, sha256 = write_part(target, number, computed.table)
            peak_mib = peak_memory_mib()
            if peak_mib > self._around.memory_mib:
                raise NoRoom(
                    f"a worker needs {peak_mib} MiB, and its share of batch.memory_mib is {self._around.memory_mib}: "
                    "lower batch.block_rows or batch.workers, or raise it, and resume"
                )
        except StoregateError as error:
            return json.dumps({"reason": error.reason, "message": error.message})
        except Exception as error:  # a defect, or the memory is at its end: told by its reference alone
            reference = secrets.token_hex(4)
            message = f"block {number}: {type(error).__name__}, logged under the reference {reference}"
            trace = "".join(traceback.format_exception(error))  # the driver's log is the one that is kept
            return json.dumps({"reason": "INTERNAL", "message": message, "trace": trace})
        self._store.ended(self._name, number)
        seconds = round(time.monotonic() - began, 3)
        return json.dumps(
            asdict(
                Receipt(
                    number,
                    part.rows,
                    part.name,
                    sha256,
                    seconds,
                    computed.degraded,
                    computed.refused,
                    peak_mib,
                    self._id,
                )
            )
        )

    def _open(self) -> tuple[tuple[Block, ...], BlockFunction, Place, Place]:
        if self._opened is None:
            request = self._store.request(self._name)
            spec = request.spec
            function = BATCHES[spec.kind].open(self._around, request, self._store.path(self._name))
            blocks = self._store.blocks(self._name)
            self._opened = blocks, function, place("input_uri", spec.input_uri), place("output_uri", spec.output_uri)
        return self._opened


class MakeWorker:
    """Makes a worker where it is called; picklable."""

    def __init__(self, around: Surroundings, home: Path, name: str) -> None:
        self._what = around, home, name

    def __call__(self) -> BlockWorker:
        return BlockWorker(*self._what)


def drive(around: Surroundings, store: BatchStore, name: str, run: Run) -> Operation:
    """Works on the operation until it is over. Raises Conflict when another process does, StoregateError never: what
    goes wrong is written down. An exception that ends the program leaves it waiting, to be gone on with."""
    with store.working(name):
        found = store.get(name)
        if found.state.over and not store.cancel_asked(name):
            return found
        try:
            job = _Job(around, store, store.request(name), found.progress)
        except StoregateError as error:
            store.write_state(name, State.FAILED, found.progress, reason=error.reason, message=error.message)
            return store.get(name)
        try:
            job.work(run)
        except StoregateError as error:
            job.over(State.FAILED, error.reason, error.message)
        except Exception as error:
            reference = secrets.token_hex(4)
            log.error("batch %s failed, reference %s", name, reference, exc_info=error)
            told = " ".join(str(error).split())[:300]
            job.over(State.FAILED, "INTERNAL", f"{type(error).__name__}: {told}, reference {reference}")
        except BaseException:
            job.put_off()
            raise
    return store.get(name)


class _Job:
    """One attempt."""

    def __init__(self, around: Surroundings, store: BatchStore, request: Request, before: Progress) -> None:
        self._around, self._store, self._request = around, store, request
        self._target = place("output_uri", request.spec.output_uri)
        self._blocks = store.blocks(request.name)
        self._receipts: dict[int, Receipt] = {}
        self._seconds, self._began = before.seconds, time.monotonic()
        self._told_at = 0.0
        self._tries = store.tries(request.name)

    def work(self, run: Run) -> None:
        name = self._request.name
        if self._store.cancel_asked(name):
            self.over(State.CANCELLED)
            return
        if self._tries >= TRIES_MAX:
            problem = f"{self._tries} attempts in a row have ended without a word: see the log of the gateway"
            self.over(State.FAILED, "INTERRUPTED", problem)
            return
        self._tries += 1
        self._store.forget_attempts(name)
        self.tell(State.RUNNING)
        check_owner(self._target, name)
        self._receipts = self._done()
        todo = [block.number for block in self._blocks if block.number not in self._receipts]
        self._began = time.monotonic()
        self.tell(State.RUNNING)
        for receipt in self._outcomes(run, todo):
            self._store.add_receipt(name, receipt)
            self._receipts[receipt.block] = receipt
            self._tries = 0
            if time.monotonic() - self._told_at > TELL_S:
                self.tell(State.RUNNING)
            if self._store.cancel_asked(name):
                self.over(State.CANCELLED)
                return
        lost = [block.number for block in self._blocks if block.number not in self._receipts]
        if lost:
            raise WorkerLost(f"{len(lost)} blocks have got no answer, block {lost[0]} first: resume")
        write_manifest(self._target, self._facts(), self._receipts.values())
        self.over(State.SUCCEEDED)

    def tell(self, state: State) -> None:
        """Writes down how far it is."""
        self._told_at = time.monotonic()
        self._store.write_state(self._request.name, state, self._progress(), tries=self._tries)

    def put_off(self) -> None:
        """The program is asked to end: that is no attempt without a word."""
        self._tries = max(self._tries - 1, 0)
        self.tell(State.PENDING)

    def over(self, state: State, reason: str = "", message: str = "") -> None:
        """Its end, for now."""
        self._store.write_state(self._request.name, state, self._progress(), reason=reason, message=message)

    def _outcomes(self, run: Run, todo: Sequence[int]) -> Iterator[Receipt]:
        """Raises the StoregateError of the first block that failed."""
        if not todo:
            return
        request = self._request
        for said in run(MakeWorker(self._around, self._store.folder.parent, request.name), todo):
            outcome = json.loads(said)
            if "message" in outcome:
                if trace := outcome.get("trace"):
                    log.error("batch %s: %s\n%s", request.name, outcome["message"], trace)
                error = StoregateError(outcome["message"])
                error.reason = outcome["reason"]
                raise error
            yield Receipt(**outcome)

    def _done(self) -> dict[int, Receipt]:
        """Receipts of the blocks whose parts are there and whole; a part that is damaged is taken away."""
        known, found = self._store.receipts(self._request.name), {}
        for number, part in parts(self._target).items():
            if number >= len(self._blocks) or part.rows != self._blocks[number].rows:
                self._target.delete(part.name)
                continue
            receipt = known.get(number)
            if receipt is None or receipt.file != part.name:
                receipt = self._reread(part)
            if receipt is not None:
                found[number] = receipt
        return found

    def _reread(self, part: Part) -> Receipt | None:
        """Of a part whose worker, or whose driver, was killed before it could be noted."""
        digest = whole_digest(self._target, part)
        if not digest:
            self._target.delete(part.name)
            return None
        receipt = Receipt(part.block, part.rows, part.name, digest, 0.0)
        self._store.add_receipt(self._request.name, receipt)
        return receipt

    def _progress(self) -> Progress:
        done = list(self._receipts.values())
        return Progress(
            sum(one.rows for one in done), self._request.rows, len(done), len(self._blocks),
            round(self._seconds + time.monotonic() - self._began, 3),
        )  # fmt: skip

    def _facts(self) -> dict[str, Any]:
        request, receipts = self._request, list(self._receipts.values())
        spec = replace(
            request.spec,
            input_uri=visible(request.spec.input_uri),
            output_uri=visible(request.spec.output_uri),
        )
        return {
            "operation": request.name,
            **asdict(spec),
            **request.pins,
            "rows": sum(one.rows for one in receipts),
            "degraded_rows": sum(one.degraded for one in receipts),
            "refused_rows": sum(one.refused for one in receipts),
            "worker_peak_mib": max((one.peak_mib for one in receipts), default=0),
            "seconds": self._progress().seconds,
        }


def peak_memory_mib() -> int:
    """The most this process has held, 0 where the system does not say. Not ru_maxrss: a child inherits its parent's."""
    try:
        with open("/proc/self/status") as file:
            line = next((line for line in file if line.startswith("VmHWM")), "VmHWM: 0 kB")
    except OSError:
        return 0
    return int(line.split()[1]) // 1024
