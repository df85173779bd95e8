"""Operations below the home folder: `<home>/batches/<name>/`, so that they outlive every process.

request.json   what is asked for, with what it is pinned to; written once
blocks.json    which rows each block has; written once
state.json     how far it is; written by the one that works on it
receipts       a line a block that is done
begun-N        a dot for each worker that has begun with block N and not ended
cancel         is there when it shall end
driver.log     what its drivers had to tell
lock           held by the one that works on it, as long as it lives
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

from serving.adapters import disk
from serving.adapters.batch_input import Block
from serving.adapters.batch_output import Receipt, receipt_json
from serving.core.batch import BatchSpec, Operation, Progress, State
from serving.core.errors import Conflict, DataError, NoRoom, NotFound

FOLDER: Final = "batches"
KEPT_MAX: Final = 100
"""Operations that are over, and kept; the oldest are forgotten. Their outputs stay."""
WAITING_MAX: Final = 16
REQUEST, STATE, RECEIPTS, CANCEL, LOCK = "request.json", "state.json", "receipts", "cancel", "lock"
BLOCKS: Final = "blocks.json"
BEGUN: Final = "begun-"
LOG: Final = "driver.log"
LOOK_S_MAX: Final = 1.0
"""Who looks whether somebody works on an operation holds its lock for a moment; waiting for it takes no longer."""
_NAME: Final = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Request:
    """An operation as it was made."""

    name: str
    spec: BatchSpec
    pins: Mapping[str, Any]
    rows: int
    blocks_total: int
    created_s: int


class BatchStore:
    """Any process of the home may use it."""

    def __init__(self, home: Path) -> None:
        self.folder = home / FOLDER

    def new_name(self) -> str:
        """One that no other operation has; later ones sort behind earlier ones."""
        return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"

    def check_room(self) -> None:
        """Raises NoRoom when too many wait already."""
        waiting = sum(not self.get(name).state.over for name in self.names())
        if waiting >= WAITING_MAX:
            raise NoRoom(f"{waiting} batches wait or run already, at most {WAITING_MAX} may: cancel one, or wait")

    def add(self, request: Request, blocks: Sequence[Block], files: Mapping[str, bytes]) -> None:
        """Makes it known, whole or not at all. files: what it needs beside, by name."""
        self._forget_old()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".{request.name}{disk.DRAFT}"
        draft.mkdir(mode=0o700)
        body = {
            "spec": asdict(request.spec),
            "pins": dict(request.pins),
            "rows": request.rows,
            "blocks_total": request.blocks_total,
            "created_s": request.created_s,
        }
        own = {BLOCKS: [block.to_json() for block in blocks], REQUEST: body}
        for name, data in {**files, **{name: json.dumps(told).encode() for name, told in own.items()}}.items():
            disk.write(draft / name, data)
        disk.rename_folder(draft, self.folder / request.name)

    def names(self) -> list[str]:
        """The newest first."""
        try:
            return sorted((each.name for each in os.scandir(self.folder) if _NAME.fullmatch(each.name)), reverse=True)
        except FileNotFoundError:
            return []

    def path(self, name: str) -> Path:
        """Its folder. Raises NotFound."""
        found = self.folder / name
        if not _NAME.fullmatch(name) or not (found / REQUEST).is_file():
            raise NotFound("operation", name)
        return found

    def log(self, name: str) -> Path:
        """The file for what its drivers have to tell. Raises NotFound."""
        return self.path(name) / LOG

    def request(self, name: str) -> Request:
        """Raises NotFound, DataError."""
        path = self.path(name) / REQUEST
        try:
            body = json.loads(path.read_text())
            return Request(name, BatchSpec(**body.pop("spec")), **body)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(str(path), f"not the request of a batch ({error})") from None

    def blocks(self, name: str) -> tuple[Block, ...]:
        """All of its blocks, by their numbers. Raises NotFound, DataError."""
        path = self.path(name) / BLOCKS
        try:
            return tuple(Block.of_json(number, told) for number, told in enumerate(json.loads(path.read_text())))
        except (OSError, ValueError, TypeError) as error:
            raise DataError(str(path), f"not the blocks of a batch ({error})") from None

    def waiting(self) -> list[str]:
        """Those that somebody should work on, the oldest first. Looked at once a second: cheap where all are over."""
        found = []
        for name in reversed(self.names()):
            with suppress(NotFound, DataError):
                if (
                    not State(self._state(name).get("state", State.PENDING)).over
                    and self.get(name).state is State.PENDING
                ):
                    found.append(name)
        return found

    def get(self, name: str) -> Operation:
        """As it is at this moment. Raises NotFound, DataError."""
        path, request, said = self.path(name), self.request(name), self._state(name)
        state = State(said.get("state", State.PENDING))
        cancelling = (path / CANCEL).exists() and not state.over
        if not state.over:
            held = _held(path / LOCK)
            state = State.RUNNING if held else State.CANCELLED if cancelling else State.PENDING
        progress = Progress(
            **{"rows_total": request.rows, "blocks_total": request.blocks_total, **said.get("progress", {})}
        )
        return Operation(
            name, request.spec, state, progress, request.created_s, said.get("updated_s", request.created_s),
            request.pins, said.get("reason", ""), said.get("message", ""), cancelling and state is State.RUNNING,
        )  # fmt: skip

    def all(self) -> list[Operation]:
        """The newest first; what is being removed meanwhile, or damaged, is left out."""
        found = []
        for name in self.names():
            with suppress(NotFound, DataError):
                found.append(self.get(name))
        return found

    def cancel(self, name: str) -> Operation:
        """Asks it to end; one that is over stays what it is."""
        if not self.get(name).state.over:
            (self.path(name) / CANCEL).touch()
        return self.get(name)

    def resume(self, name: str) -> Operation:
        """Lets it go on. Raises Conflict for one that has succeeded, or is running and being cancelled."""
        found = self.get(name)
        if found.state is State.SUCCEEDED:
            raise Conflict(f"the batch {name} has succeeded: there is nothing to resume")
        if found.cancelling:
            raise Conflict(f"the batch {name} is being cancelled: resume it when that is done")
        if found.state.over:
            (self.path(name) / CANCEL).unlink(missing_ok=True)
            self.write_state(name, State.PENDING, found.progress)
        return self.get(name)

    def cancel_asked(self, name: str) -> bool:
        return (self.folder / name / CANCEL).exists()

    def write_state(
        self, name: str, state: State, progress: Progress, *, reason: str = "", message: str = "", tries: int = 0
    ) -> None:
        """tries: attempts that ended without a word, in a row."""
        body = {
            "state": state, "progress": asdict(progress), "reason": reason, "message": message,
            "updated_s": int(time.time()), "tries": tries,
        }  # fmt: skip
        disk.replace(self.path(name) / STATE, json.dumps(body).encode())

    def tries(self, name: str) -> int:
        """See `write_state`."""
        return int(self._state(name).get("tries", 0))

    def add_receipt(self, name: str, receipt: Receipt) -> None:
        """Noted for the manifest. A line that is cut short by a crash is left out by `receipts`."""
        with (self.path(name) / RECEIPTS).open("a") as file:
            file.write(receipt_json(receipt) + "\n")

    def receipts(self, name: str) -> dict[int, Receipt]:
        """Block -> the last one of it."""
        found: dict[int, Receipt] = {}
        with suppress(FileNotFoundError), (self.path(name) / RECEIPTS).open() as file:
            for line in file:
                with suppress(ValueError, TypeError):
                    receipt = Receipt(**json.loads(line))
                    found[receipt.block] = receipt
        return found

    def begun(self, name: str, block: int) -> int:
        """Notes that a worker begins with the block; how often one has, since the driver began, without an end."""
        with (self.folder / name / f"{BEGUN}{block}").open("a") as file:
            file.write(".")
            file.flush()
            return file.tell()

    def ended(self, name: str, block: int) -> None:
        """The block is done."""
        (self.folder / name / f"{BEGUN}{block}").unlink(missing_ok=True)

    def forget_attempts(self, name: str) -> None:
        """Of drivers before."""
        for path in (self.folder / name).glob(f"{BEGUN}*"):
            path.unlink(missing_ok=True)

    @contextmanager
    def working(self, name: str) -> Iterator[None]:
        """Inside, nobody else works on it. Raises Conflict when somebody does; ends with the process, however."""
        with (self.path(name) / LOCK).open("a") as file:
            until = time.monotonic() + LOOK_S_MAX
            while not _taken(file):
                if time.monotonic() > until:
                    raise Conflict(f"another process works on the batch {name}")
                time.sleep(LOOK_S_MAX / 100)
            yield

    def _state(self, name: str) -> dict[str, Any]:
        path = self.folder / name / STATE
        try:
            found = json.loads(path.read_text())
            return found if isinstance(found, dict) else {}
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise DataError(str(path), f"not the state of a batch ({error})") from None

    def _forget_old(self) -> None:
        over = [each.name for each in self.all() if each.state.over]
        for name in over[KEPT_MAX - 1 :]:
            shutil.rmtree(self.folder / name, ignore_errors=True)


def _held(path: Path) -> bool:
    """Whether somebody has the lock."""
    try:
        with path.open("r") as file:
            return not _taken(file)
    except FileNotFoundError:
        return False


def _taken(file: IO[str]) -> bool:
    """Whether the lock was free and is held through `file` now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
