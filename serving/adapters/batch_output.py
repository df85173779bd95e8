"""The output of a batch: one part a block, and at the end the manifest. A part is there whole or not at all.

part-000012_20000_9f86d081884c7d65.parquet   block 12, its rows, the first digits of its SHA-256
_operation.json                              whose output this is
_manifest.json                               written last: what the parts were made of, with their checksums
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from serving.adapters.batch_places import DRAFT, Place
from serving.core.errors import ArchiveUnavailable, InvalidInput

OWNER: Final = "_operation.json"
MANIFEST: Final = "_manifest.json"
DIGEST_CHARS: Final = 16
ROW_GROUP: Final = 65_536
_NAME: Final = re.compile(r"part-(\d{6})_(\d+)_([0-9a-f]{16})\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """One block's part as it lies there."""

    block: int
    rows: int
    digest: str

    @property
    def name(self) -> str:
        return f"part-{self.block:06d}_{self.rows}_{self.digest}.parquet"

    @classmethod
    def parse(cls, name: str) -> Part | None:
        """None for what is no part."""
        found = _NAME.fullmatch(name)
        return None if found is None else cls(int(found[1]), int(found[2]), found[3])


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a worker says of a block that is done."""

    block: int
    rows: int
    file: str
    sha256: str
    seconds: float
    degraded: int = 0
    """Rows whose answer fell back on something."""
    refused: int = 0
    """Rows that have no answer; the column `error` says why."""
    peak_mib: int = 0
    """The most memory that the worker has had."""
    worker: str = ""


def claim(place: Place, operation: str) -> None:
    """Makes the folder this operation's. Raises InvalidInput when something is there already."""
    info = place.info()
    if info.type == fs.FileType.File or (info.type == fs.FileType.Directory and place.listed()):
        raise InvalidInput(
            "output_uri", place.told, "a folder that is not there yet, or is empty: nothing is overwritten",
            reason="OUTPUT_EXISTS",
        )  # fmt: skip
    place.write(OWNER, json.dumps({"operation": operation}).encode())


def check_owner(place: Place, operation: str) -> None:
    """Raises InvalidInput when the folder has become another's, or is gone."""
    try:
        owner = json.loads(place.read(OWNER)).get("operation")
    except (ArchiveUnavailable, ValueError) as error:
        if isinstance(error, ArchiveUnavailable) and not isinstance(error.__cause__, FileNotFoundError):
            raise
        owner = None
    if owner != operation:
        expected = f"the folder with {OWNER} that the batch {operation} has begun"
        raise InvalidInput("output_uri", place.told, expected, reason="OUTPUT_EXISTS")


def parts(place: Place) -> dict[int, Part]:
    """Block -> its part. What workers that were killed have left, and second parts of a block, are taken away."""
    found: dict[int, Part] = {}
    for info in place.listed():
        name = str(info.base_name)
        part = Part.parse(name)
        if name.endswith(DRAFT) or (part is not None and part.block in found):
            place.delete(name)
        elif part is not None:
            found[part.block] = part
    return found


def write_part(place: Place, block: int, table: pa.Table) -> tuple[Part, str]:
    """The part, and its SHA-256. The same rows give the same bytes."""
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", row_group_size=ROW_GROUP)
    data = out.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    part = Part(block, len(table), digest[:DIGEST_CHARS])
    place.write(part.name, data)
    return part, digest


def whole_digest(place: Place, part: Part) -> str:
    """SHA-256 of a part, "" when it is not what its name says."""
    sha = hashlib.sha256()
    with place.open(part.name) as file:
        while chunk := place.guarded(file.read, 1 << 20):
            sha.update(chunk)
    digest = sha.hexdigest()
    return digest if digest.startswith(part.digest) else ""


def write_manifest(place: Place, facts: Mapping[str, Any], receipts: Iterable[Receipt]) -> None:
    """Written last: who sees it sees all parts."""
    shown = ("block", "file", "rows", "sha256", "degraded", "refused")
    listed = [{name: getattr(one, name) for name in shown} for one in sorted(receipts, key=lambda one: one.block)]
    place.write(MANIFEST, (json.dumps({**facts, "parts": listed}, indent=1) + "\n").encode())


def receipt_json(receipt: Receipt) -> str:
    return json.dumps(asdict(receipt))
