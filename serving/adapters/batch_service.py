"""The methods of BatchService; those that compute belong on the batch lane, where they wait for nobody but each other.

An inline batch of recommendations is nothing but its requests, sent through the engine as bulk calls, a few at a time:
so it is cut into slices like all bulk, gets its share and no more, and its answers are those of `Recommend`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa

from serving.adapters import batch_job
from serving.adapters.batch_kind import Surroundings
from serving.adapters.batch_places import allowed
from serving.adapters.batch_score import ScoreBlocks, as_array
from serving.adapters.batch_store import BatchStore
from serving.catalogue.store import CatalogueStore
from serving.core.batch import (
    BatchSpec,
    CancelOperation,
    Column,
    GetOperation,
    InlineRecommend,
    InlineScore,
    ListOperations,
    Operation,
    Responses,
    ResumeOperation,
    Scored,
)
from serving.core.errors import DeadlineExpired, InvalidInput, Overloaded, StoregateError
from serving.core.ports import ModelShelf
from serving.core.priority import yield_to_others
from serving.core.turn import Turn
from serving.core.uris import visible
from serving.decisions.price.contract import AllQuery, QuoteQuery, Quotes
from serving.engine.calls import Call, Intake

INLINE_BYTES_MAX: Final = 4_000_000
"""Of an inline answer: below what gRPC's clients take by default (4 MiB)."""
AT_ONCE: Final = 64
"""Requests of an inline batch that are at the engine."""
INLINE_S_MAX: Final = 120.0
"""For callers without a deadline."""
CALLER: Final = "batch"
NICE: Final = 10

T = TypeVar("T")
R = TypeVar("R")


class BatchService:
    """One answer or StoregateError a query, in order."""

    def __init__(
        self,
        around: Surroundings,
        catalogue: CatalogueStore,
        shelf: ModelShelf,
        intake: Callable[[], Intake],
        recommend: str,
        places: Sequence[str],
        quote: Callable[[QuoteQuery | AllQuery], Quotes],
    ) -> None:
        """intake: the engine, which does not exist yet when this is made. recommend: the full name of the method
        `Recommend`. places: where files may be, see batch_places.allowed. quote: answers inline batches of quotes."""
        self._around, self._catalogue, self._shelf = around, catalogue, shelf
        self._intake, self._recommend, self._places, self._quote = intake, recommend, tuple(places), quote
        self._store = BatchStore(around.home)
        # The lane's own thread must not yield: the engine's work is done on it, too.
        self._patient = ThreadPoolExecutor(1, "batch-aside", initializer=yield_to_others, initargs=(NICE,))

    def close(self) -> None:
        """Ends its thread. Idempotent."""
        self._patient.shutdown()

    def run_recommend(
        self, queries: Sequence[InlineRecommend | BatchSpec], turn: Turn
    ) -> list[Responses | Operation | StoregateError]:
        """BatchRecommend."""
        return [self._guarded(lambda query=query: self._recommended(query, turn)) for query in queries]  # type: ignore[misc]

    def run_score(
        self, queries: Sequence[InlineScore | BatchSpec], turn: Turn
    ) -> list[Scored | Operation | StoregateError]:
        """BatchScore."""
        return [self._guarded(lambda query=query: self._aside(self._scored, query)) for query in queries]  # type: ignore[misc]

    def run_quote_prices(
        self, queries: Sequence[QuoteQuery | AllQuery | BatchSpec], turn: Turn
    ) -> list[Quotes | Operation | StoregateError]:
        """BatchQuotePrices."""
        return [self._guarded(lambda query=query: self._quoted(query)) for query in queries]  # type: ignore[misc]

    def run_get(self, queries: Sequence[GetOperation], turn: Turn) -> list[Operation | StoregateError]:
        """GetOperation."""
        return [self._guarded(lambda query=query: _told(self._store.get(query.name))) for query in queries]  # type: ignore[misc]

    def run_list(self, queries: Sequence[ListOperations], turn: Turn) -> list[list[Operation] | StoregateError]:
        """ListOperations."""
        return [self._guarded(lambda: list(map(_told, self._store.all()))) for _ in queries]

    def run_cancel(self, queries: Sequence[CancelOperation], turn: Turn) -> list[Operation | StoregateError]:
        """CancelOperation."""
        return [self._guarded(lambda query=query: _told(self._store.cancel(query.name))) for query in queries]  # type: ignore[misc]

    def run_resume(self, queries: Sequence[ResumeOperation], turn: Turn) -> list[Operation | StoregateError]:
        """ResumeOperation."""
        return [self._guarded(lambda query=query: _told(self._store.resume(query.name))) for query in queries]  # type: ignore[misc]

    def _guarded(self, run):  # type: ignore[no-untyped-def]  # the answer of `run`, or its StoregateError
        try:
            return run()
        except StoregateError as error:
            return error

    def _aside(self, run: Callable[[T], R], query: T) -> R:
        """On a thread that yields to the engine."""
        return self._patient.submit(run, query).result()

    def _recommended(self, query: InlineRecommend | BatchSpec, turn: Turn) -> Responses | Operation:
        if isinstance(query, BatchSpec):
            return self._aside(self._begun, query)
        deadline = min(turn.deadline, turn.now + INLINE_S_MAX)
        return Responses(_Inline(query.requests, self._recommend, deadline).run(self._intake()))

    def _quoted(self, query: QuoteQuery | AllQuery | BatchSpec) -> Quotes | Operation:
        return self._aside(self._begun, query) if isinstance(query, BatchSpec) else self._quote(query)

    def _scored(self, query: InlineScore | BatchSpec) -> Scored | Operation:
        if isinstance(query, BatchSpec):
            return self._begun(query)
        version, model = self._shelf.find(query.model, query.version)
        blocks = ScoreBlocks(query.model, version, model, query.outputs)
        columns = {column.name: column for column in query.columns}
        known = [spec.name for spec in model.inputs]
        for place, column in enumerate(query.columns):
            if column.name not in known or columns[column.name] is not column:
                raise InvalidInput(f"columns[{place}].name", column.name, f"each of {', '.join(known)[:400]} once")
        inputs = {}
        for spec in model.inputs:
            if spec.name not in columns:
                raise InvalidInput("columns", sorted(columns), f"a column {spec.name}", reason="MISSING_COLUMN")
            inputs[spec.name] = (spec, as_array(_arrow(columns[spec.name]), spec))
        sizes = {len(values) for _, values in inputs.values()}
        if len(sizes) != 1:
            raise InvalidInput("columns", f"columns of {sorted(sizes)} rows", "as many rows in each")
        found = blocks.run_arrays(inputs, sizes.pop())
        if sum(values.nbytes for values in found.values()) > INLINE_BYTES_MAX:
            raise _too_large("columns", "rows")
        return Scored(query.model, version, tuple(_column(name, values) for name, values in found.items()))

    def _begun(self, spec: BatchSpec) -> Operation:
        home: Path = self._around.home
        checked = BatchSpec(
            spec.kind,
            allowed("input_uri", spec.input_uri, home, self._places),
            allowed("output_uri", spec.output_uri, home, self._places),
            spec.options,
        )
        return _told(batch_job.create(self._around, self._store, checked, self._catalogue))


class _Inline:
    """The Responder of one inline batch: sends its requests, a few at a time, and gathers what comes back."""

    def __init__(self, requests: Sequence[bytes], method: str, deadline: float) -> None:
        self._requests, self._method, self._deadline = requests, method, deadline
        self._waiting = deque(range(len(requests)))
        self._answers: dict[int, bytes] = {}
        self._bytes = 0
        self._running = 0
        self._pause_s = 0.0
        self._error: StoregateError | None = None
        self._changed = threading.Condition()

    def respond(self, call_id: int, payload: bytes) -> None:
        """See Responder."""
        with self._changed:
            self._answers[call_id] = payload
            self._bytes += len(payload)
            self._running -= 1
            self._changed.notify()

    def fail(self, call_id: int, error: StoregateError) -> None:
        """See Responder. One that was refused is sent again, when the engine says that it may be."""
        with self._changed:
            self._running -= 1
            if isinstance(error, Overloaded):
                self._waiting.appendleft(call_id)
                self._pause_s = max(self._pause_s, error.retry_after_s)
            else:
                self._error = self._error or error
            self._changed.notify()

    def run(self, intake: Intake) -> tuple[bytes, ...]:
        """The answers in order. Raises what a request failed with, DeadlineExpired, InvalidInput when the answers are
        too large to be sent in one."""
        try:
            while len(self._answers) < len(self._requests):
                self._check()
                calls = self._next()
                if calls:
                    intake.submit(calls)
                    continue
                with self._changed:
                    pause_s, self._pause_s = self._pause_s, 0.0
                    if pause_s and not self._running:
                        self._changed.wait(min(pause_s, 1.0))
                    elif self._running:
                        self._changed.wait(max(0.0, min(self._deadline - time.monotonic(), 1.0)))
            self._check()
        except BaseException:
            for number in range(len(self._requests)):
                if number not in self._answers:
                    intake.cancel(self, number)
            raise
        return tuple(self._answers[number] for number in range(len(self._requests)))

    def _next(self) -> list[Call]:
        now = time.monotonic()
        with self._changed:
            if self._pause_s:
                return []
            calls = []
            while self._waiting and self._running < AT_ONCE:
                number = self._waiting.popleft()
                calls.append(
                    Call(self, number, self._method, self._requests[number], self._deadline, now, CALLER, bulk=True)
                )
                self._running += 1
        return calls

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._bytes > INLINE_BYTES_MAX:
            raise _too_large("requests", "requests")
        if len(self._answers) < len(self._requests) and time.monotonic() > self._deadline:
            done = f"{len(self._answers)} of {len(self._requests)} requests were answered"
            raise DeadlineExpired(f"the deadline has passed, {done}: send fewer, or allow for more time")


def _too_large(field: str, what: str) -> InvalidInput:
    expected = f"fewer {what}, or input_uri and output_uri"
    return InvalidInput(field, f"an answer of over {INLINE_BYTES_MAX} bytes", expected, reason="ANSWER_TOO_LARGE")


def _told(found: Operation) -> Operation:
    """As callers may see it: places without the keys that may stand in their URIs."""
    spec = found.spec
    shown = BatchSpec(spec.kind, visible(spec.input_uri), visible(spec.output_uri), {})
    return Operation(
        found.name, shown, found.state, found.progress, found.created_s, found.updated_s, found.pins, found.reason,
        found.message, found.cancelling,
    )  # fmt: skip


def _arrow(column: Column) -> pa.ChunkedArray:
    values = pa.array(column.texts, pa.string()) if column.texts else pa.array(column.numbers, pa.float64())
    return pa.chunked_array([pa.FixedSizeListArray.from_arrays(values, column.width) if column.width else values])


def _column(name: str, values: np.ndarray) -> Column:
    width = int(np.prod(values.shape[1:])) if values.ndim > 1 else 0
    flat = values.reshape(-1).tolist()
    if values.dtype == object:
        return Column(name, width, (), tuple(flat))
    return Column(name, width, tuple(map(float, flat)))
