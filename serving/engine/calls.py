"""What fronts hand to the engine and what they take back. No protocol is known here, only bytes, ids and deadlines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from serving.core.clock import NEVER
from serving.core.errors import StoregateError
from serving.core.turn import Turn


class Responder(Protocol):
    """The side of a front that answers. Both methods work from any thread, and ignore a call that is gone."""

    def respond(self, call_id: int, payload: bytes) -> None:
        """Sends the encoded answer."""
        ...

    def fail(self, call_id: int, error: StoregateError) -> None:
        """Sends the error; the front spells it with transport/status.py."""
        ...


@dataclass(slots=True, eq=False)
class Call:
    """One waiting call. deadline and arrived: seconds of the monotonic clock."""

    responder: Responder
    call_id: int
    method: str
    """Full gRPC name, "/storegate.v1.RecommendationService/Recommend"; HTTP calls carry the same name."""
    payload: bytes
    """The request message in protobuf's wire format."""
    deadline: float = NEVER
    arrived: float = 0.0
    caller: str = ""
    """Whose share of the engine it takes: what the caller calls itself, else its address."""
    bulk: bool | None = None
    """Nobody waits for it: it runs when no interactive call does, or by its share. None = its size decides."""
    units: int = 1
    """Of work, as its route counts them; 1 or more."""
    json: bool = False
    """Whether the answer is wanted as JSON, see `Route.encode_json`."""


class Lane(Enum):
    """Where a method runs."""

    ENGINE = "engine"
    """In memory, at once, batched, on whichever thread holds the engine."""
    WRITER = "writer"
    """Waits for a store: on the writer thread, grouped."""
    IMPORTER = "importer"
    """Takes seconds or minutes: on a thread of its own, one after the other, so that writes do not wait behind it."""
    OPERATOR = "operator"
    """Changes what is served: likewise, so that going back to an older model does not wait behind an import."""
    FILES = "files"
    """Stores the rows of files, call by call, each for as long as it may take: likewise, so that nobody else waits."""
    BATCH = "batch"
    """Brings many calls at once, or starts and follows what takes hours: likewise. What it computes it sends to the
    engine as bulk, so that its own time is mostly waiting."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much work the calls of a method bring."""

    units: Callable[[bytes], int]
    """Of a request's bytes, 1 or more; cheap, because it is asked before a call is admitted. Never raises."""
    interactive_max: int
    """Calls of more units are bulk unless they say that they are not."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method: bytes to query, a batch of queries to a batch of answers, answer to bytes."""

    method: str
    lane: Lane
    decode: Callable[[bytes], Any]
    """Raises InvalidInput."""
    run: Callable[[Sequence[Any], Turn], Sequence[Any]]
    """One answer, or one StoregateError, per query, in order. An exception is a defect: the engine then runs the
    queries one by one, so that one poisonous call does not take its neighbours with it."""
    encode: Callable[[Any], bytes]
    size: Size | None = None
    """How much work a call brings; None = every call is one unit, and bulk only if its caller says so."""
    encode_json: Callable[[Any], bytes] | None = None
    """The same in protobuf's JSON mapping, for calls that want it; None = there is only `encode`."""


class Intake(Protocol):
    """What a front needs of the engine."""

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        """Takes calls from any thread; every one of them is answered or failed exactly once, unless cancelled.

        May compute a batch on this thread. returning: the caller will, when True is answered, submit again at once,
        with what has arrived meanwhile or with nothing: work is left to be done by it.
        """
        ...

    def cancel(self, responder: Responder, call_id: int) -> None:
        """The caller has gone: the call costs nothing more if it has not begun."""
        ...


class Front(Responder, Protocol):
    """A listener. Constructed bound to its address (so that a taken port fails early), started with an intake."""

    @property
    def port(self) -> int: ...

    def start(self, intake: Intake) -> None:
        """Begins to accept calls."""
        ...

    def close(self, grace_s: float) -> None:
        """Stops listening; in-flight calls get up to `grace_s` to be answered. Idempotent."""
        ...
