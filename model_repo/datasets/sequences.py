"""One line a user: the user's id, then the ids of the items taken up, oldest first (the format of Amazon Beauty)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from model_repo.datasets.files import Progress, check_file, dataset_name, digest, opened
from model_repo.datasets.tables import Dataset, EventTable, Kept
from serving.catalogue.checks import ATTRIBUTES_MAX
from serving.core.catalogue import Item
from serving.core.errors import DataError, InvalidInput
from serving.core.ids import check_id
from serving.events.types import PURCHASE

_FIRST_S: Final = 946_684_800
"""2000-01-01: the artificial clock of `to_dataset` starts here."""
_STEP_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Sequences:
    """What every user took, in order."""

    name: str
    sha256: str
    users: tuple[str, ...]
    items: tuple[str, ...]
    start: npt.NDArray[np.int64]
    """(users + 1,) where each user's items begin in `item`."""
    item: npt.NDArray[np.int32]
    """(n,) positions in `items`, user after user, oldest first."""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """item -> its attributes; an item without any may be absent."""

    def of(self, user: int) -> npt.NDArray[np.int32]:
        """The items of user number `user`, oldest first."""
        return self.item[self.start[user] : self.start[user + 1]]

    def split(self, holdout: int = 1) -> tuple[Sequences, npt.NDArray[np.int32]]:
        """Leave-last-out: everything but each user's last `holdout` items, and the first item left out, (users,).

        -1 = the user has too few items to spare any; all of them stay. holdout 1 = test on the last, 2 = validate on
        the last but one, with the last hidden too.
        """
        mask, target = self._seen(holdout)
        kept = np.add.reduceat(np.append(mask, False), self.start[:-1]) if len(self.users) else np.zeros(0, np.int64)
        start = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
        return replace(self, start=start, item=self.item[mask]), target

    def to_dataset(self, holdout: int = 0) -> Dataset:
        """As purchases on an artificial clock, without each user's last `holdout` items.

        Positions are counted from the end (before leaving out): every user's last item is on the same day, the one
        before a day earlier. Each row is a basket of its own. Items have an id and attributes, nothing else.
        """
        mask, _ = self._seen(holdout)
        lengths = np.diff(self.start)
        user = np.repeat(np.arange(len(self.users)), lengths)
        to_end = np.repeat(self.start[1:], lengths) - 1 - np.arange(len(self.item))
        longest = int(lengths.max(initial=1))
        time_s = _FIRST_S + (longest - 1 - to_end) * _STEP_S
        rows = np.flatnonzero(mask)
        rows = rows[np.argsort(time_s[rows], kind="stable")]
        report = [Kept("kept: customer known", len(rows), "items of a user, in order")]
        if len(rows) < len(self.item):
            report.append(Kept("dropped: held out", len(self.item) - len(rows), f"the last {holdout} of each user"))
        return Dataset(
            name=self.name,
            sha256=self.sha256,
            items=tuple(
                Item(item_id, available_s=_FIRST_S, attributes=self.attributes.get(item_id, {}))
                for item_id in self.items
            ),
            users=self.users,
            events=EventTable(
                user=user[rows].astype(np.int32),
                item=self.item[rows],
                time_s=time_s[rows],
                type=np.full(len(rows), PURCHASE, np.uint8),
                quantity=np.ones(len(rows), np.int32),
                price=np.zeros(len(rows), np.int64),
                basket=rows.astype(np.int64),
            ),
            currency="",
            report=tuple(report),
        )

    def _seen(self, holdout: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
        """(n,) rows that stay, and (users,) the first item left out, -1 = none."""
        if holdout < 0:
            raise InvalidInput("holdout", holdout, "a whole number from 0")
        lengths = np.diff(self.start)
        cut = np.where(lengths > holdout, self.start[1:] - holdout, self.start[1:])
        mask: npt.NDArray[np.bool_] = np.arange(len(self.item)) < np.repeat(cut, lengths)
        target = np.full(len(self.users), -1, np.int32)
        some = cut < self.start[1:]
        target[some] = self.item[cut[some]]
        return mask, target


def read_sequences(
    path: str | Path, attributes: str | Path | None = None, progress: Progress | None = None
) -> Sequences:
    """Reads a text file (gzip allowed). Users and items are numbered by first appearance. DataError names the line.

    attributes: a JSON file, see `read_attributes`.
    """
    path = Path(path)
    check_file(path)
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    numbers: list[int] = []
    start = [0]
    with opened(path, progress) as stream:
        for line, raw in enumerate(_lines(stream.read()), 1):
            words = _words(path, line, raw)
            if not words:
                continue
            if len(words) < 2:
                raise DataError(str(path), f"user {words[0]!r} has no items: expected 'USER ITEM ITEM ...'", line=line)
            if users.setdefault(words[0], line) != line:
                raise DataError(str(path), f"user {words[0]!r} stands on line {users[words[0]]} already", line=line)
            for word in words[1:]:
                if word not in items:
                    items[_checked(path, line, "item", word)] = len(items)
                numbers.append(items[word])
            start.append(len(numbers))
    if not users:
        raise DataError(str(path), "this file holds only blank lines: expected 'USER ITEM ITEM ...' on each")
    return Sequences(
        name=dataset_name(path),
        sha256=digest(path),
        users=tuple(users),
        items=tuple(items),
        start=np.array(start, np.int64),
        item=np.array(numbers, np.int32),
        attributes=read_attributes(attributes, items) if attributes is not None else {},
    )


def read_attributes(path: str | Path, items: Iterable[str]) -> dict[str, dict[str, str]]:
    """{"item": [17, 4], ...}, gzip allowed: attributes a17 = "1" and a4 = "1" of each of `items` that the file names.

    Of an item with more than ATTRIBUTES_MAX the first ones count, as they stand in the file. Raises DataError.
    """
    path = Path(path)
    check_file(path)
    with opened(path) as stream:
        try:
            numbers = json.loads(stream.read())
        except ValueError as error:
            raise DataError(str(path), f"this file is not JSON: {error}") from error
    if not isinstance(numbers, dict):
        raise DataError(str(path), 'expected an object {"ITEM": [NUMBER, ...], ...}')
    return {item: _attributes(path, item, numbers[item]) for item in items if item in numbers}


def _attributes(path: Path, item: str, numbers: object) -> dict[str, str]:
    if not isinstance(numbers, list) or not all(type(number) is int and number >= 0 for number in numbers):
        raise DataError(str(path), f"item {item!r}: expected a list of whole numbers from 0")
    return {f"a{number}": "1" for number in dict.fromkeys(numbers[:ATTRIBUTES_MAX])}


def _lines(data: bytes) -> list[bytes]:
    return data.removeprefix(b"\xef\xbb\xbf").split(b"\n")


def _words(path: Path, line: int, raw: bytes) -> list[str]:
    """The words of one line; the first is checked as a user's id."""
    try:
        words = raw.decode("utf-8").split()
    except UnicodeDecodeError as error:
        raise DataError(str(path), f"byte {error.start + 1} of this line is not UTF-8", line=line) from error
    if words:
        _checked(path, line, "user", words[0])
    return words


def _checked(path: Path, line: int, column: str, word: str) -> str:
    try:
        return check_id(column, word)
    except InvalidInput as error:
        raise DataError(str(path), error.message, line=line, column=column) from error
