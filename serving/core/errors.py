"""One tree of errors. Each carries its facts; how a protocol spells it is known to transport/status.py alone."""

from __future__ import annotations


class StoregateError(Exception):
    """Base of everything this gateway raises on purpose.

    `reason` is a stable upper-case word that programs may compare; the message tells people what to try.
    `facts` are short strings about the failure, safe to show to the caller.
    """

    reason = "INTERNAL"

    def __init__(self, message: str, **facts: str) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between processes with all that they carry, whatever their constructors take."""
        return _again, (type(self), self.args, self.__dict__)


def _again(cls: type[StoregateError], args: tuple[object, ...], facts: dict[str, object]) -> StoregateError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(facts)
    return error


class InvalidInput(StoregateError):
    """A field of a request, a file or a setting has a value that cannot be used."""

    reason = "INVALID_FIELD"

    def __init__(self, field: str, value: object, expected: str, *, reason: str = "INVALID_FIELD") -> None:
        if getattr(value, "ndim", None) == 0:
            value = value.item()  # type: ignore[attr-defined]  # numpy's numbers as ours
        shown = repr(value)
        shown = shown if len(shown) <= 80 else shown[:77] + "..."
        super().__init__(f"{field}: got {shown}, expected {expected}", field=field, value=shown, expected=expected)
        self.field = field
        self.expected = expected
        self.reason = reason

    def about(self, field: str) -> InvalidInput:
        """The same error, of a field by the name under which its reader knows it."""
        told = InvalidInput(field, None, self.expected, reason=self.reason)
        told.message = field + self.message.removeprefix(self.field)
        told.args = (told.message,)
        told.facts = {**self.facts, "field": field}
        return told


class PayloadTooLarge(StoregateError):
    """A body is larger than the limit; it was refused before it was decoded."""

    reason = "PAYLOAD_TOO_LARGE"

    def __init__(self, size_bytes: int | None, limit_bytes: int) -> None:
        """size_bytes: None = not known, but above the limit."""
        size = f"more than {limit_bytes}" if size_bytes is None else str(size_bytes)
        super().__init__(
            f"the request has {size} bytes, at most {limit_bytes} are accepted: send it in smaller parts",
            size_bytes=size,
            limit_bytes=str(limit_bytes),
        )


class NotFound(StoregateError):
    """The thing asked for does not exist."""

    reason = "NOT_FOUND"

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"{what} {name!r} is not known", what=what, name=name)


class UnknownMethod(StoregateError):
    """No such method or path."""

    reason = "UNKNOWN_METHOD"


class Unauthenticated(StoregateError):
    """The bearer token is missing or wrong."""

    reason = "UNAUTHENTICATED"


class DeadlineExpired(StoregateError):
    """The caller's deadline passed before the work began; nothing was computed."""

    reason = "DEADLINE_EXPIRED"


class Overloaded(StoregateError):
    """The queue is full; the call was refused at once and may be retried."""

    reason = "OVERLOADED"

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreUnavailable(StoregateError):
    """The behaviour store (Redis) does not answer; writes fail, recommendations go on without profiles."""

    reason = "STORE_UNAVAILABLE"

    def __init__(self, cause: str) -> None:
        super().__init__(f"the store is unavailable ({cause}): try again later", cause=cause)
        self.cause = cause


class NotDurable(StoregateError):
    """The store cannot say that a write is on its disk; nothing was written."""

    reason = "NOT_DURABLE"

    def __init__(self, problem: str) -> None:
        super().__init__(f"a durable acknowledgement cannot be given: {problem}", problem=problem)


class ArchiveUnavailable(StoregateError):
    """Where events are archived cannot be read or written."""

    reason = "ARCHIVE_UNAVAILABLE"

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"the archive {place}: {problem}", place=place)


class FilesUnavailable(StoregateError):
    """Files that are to be imported cannot be read at the moment."""

    reason = "FILES_UNAVAILABLE"

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place} cannot be read now: {problem}", place=place)


class NotReady(StoregateError):
    """The gateway is starting or going away."""

    reason = "NOT_READY"


class ModelDamaged(StoregateError):
    """A model version is incomplete or does not match its checksums; it is not served."""

    reason = "MODEL_DAMAGED"


class ModelRefused(ModelDamaged):
    """A model version is whole and must not serve all the same: what it answers is wrong, or comes too late."""

    reason = "MODEL_REFUSED"

    def __init__(self, model: str, check: str, problem: str) -> None:
        super().__init__(f"{model}: {problem}", model=model, check=check)
        self.check = check


class Conflict(StoregateError):
    """What is live does not allow the change, or somebody else is changing it at the moment."""

    reason = "CONFLICT"


class ModelFailed(StoregateError):
    """The runtime of a model or index refused one run; the pipeline falls back and says so."""

    reason = "MODEL_FAILED"

    def __init__(self, model: str, cause: str) -> None:
        super().__init__(f"{model}: {cause}", model=model)
        self.model, self.cause = model, cause


class WorkerLost(StoregateError):
    """Processes that computed for us were killed, again and again; what they had done before is kept."""

    reason = "WORKER_LOST"


class WorkerUnavailable(StoregateError):
    """Who computes calls of this method is starting, has just died, or is away; others are answered."""

    reason = "WORKER_UNAVAILABLE"

    def __init__(self, worker: str, problem: str) -> None:
        super().__init__(f"the worker {worker} {problem}: try again in a moment", worker=worker)
        self.worker = worker


class TableUnavailable(StoregateError):
    """The server of travel times does not answer, or answers what cannot be used."""

    reason = "TABLE_UNAVAILABLE"

    def __init__(self, problem: str) -> None:
        super().__init__(f"the server of travel times cannot be used ({problem}): try again later", problem=problem)


class NoRoom(StoregateError):
    """A bound on what may be held in memory is reached, and nothing of it can give way."""

    reason = "NO_ROOM"


class DataError(StoregateError):
    """A data file cannot be used: names the file and, where known, the line and the column."""

    reason = "BAD_DATA"

    def __init__(self, path: str, problem: str, *, line: int | None = None, column: str | None = None) -> None:
        where = path + (f", line {line}" if line is not None else "") + (f", column {column!r}" if column else "")
        super().__init__(f"{where}: {problem}")
        self.path, self.line, self.column, self.problem = path, line, column, problem


class SettingError(StoregateError):
    """A setting has a value that cannot be used, or the surroundings do not allow a start."""

    reason = "BAD_SETTING"


class NotInstalled(StoregateError):
    """Something that is asked for needs a part that this installation lacks."""

    reason = "NOT_INSTALLED"

    def __init__(self, what: str, needs: str, command: str) -> None:
        super().__init__(f"{what} need {needs}: {command}", needs=needs, install=command)


class InternalError(StoregateError):
    """A defect of ours: logged with its trace; the caller learns no more than a reference."""

    reason = "INTERNAL"
