"""Where ImportUserEvents may read: below the import folder, and below the URIs that the settings name.

A file, a folder (all files below it whose names end in one of KINDS) or a pattern (`clicks/2026-11-*.csv`). What a
caller says never reaches the object store as an option: endpoint, region and keys are the settings' and the
environment's.
"""

from __future__ import annotations

import errno
import io
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs

from serving.adapters.object_stores import STORES, open_place
from serving.core.errors import FilesUnavailable, InvalidInput, NotFound, SettingError
from serving.core.row_files import KINDS, RowFile
from serving.core.uris import address, scheme_of, visible, without_secrets

KEY: Final = "events.import_uris"
FILES_MAX: Final = 1000
READ_BYTES: Final = 1 << 20
"""Asked of an object store at once."""
WILD: Final = "*?["
FILE_SCHEME: Final = "file"


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder below which may be read. uri: as the setting names it, '' = the import folder."""

    files: fs.FileSystem
    root: str
    uri: str = ""

    def shown(self, path: str) -> str:
        """What people call the file or folder at `path`, which lies below the root."""
        rest = path.removeprefix(self.root).lstrip("/")
        return f"{address(self.uri).rstrip('/')}/{rest}" if self.uri else rest

    def said(self, error: Exception) -> str:
        return without_secrets(str(error), self.uri)


class ImportFiles:
    """A RowFiles. Object stores are connected to when they are first asked for."""

    def __init__(self, import_dir: Path, uris: Sequence[str]) -> None:
        """Raises SettingError for URIs of no kind that is known."""
        for uri in uris:
            if scheme_of(uri) not in STORES:
                raise SettingError(f"{KEY} {visible(uri)}: expected URIs of {_schemes()}", key=KEY)
        self._folder, self._uris = import_dir, tuple(uris)
        self._places: dict[str, _Place] = {}
        self._connecting = threading.Lock()

    def find(self, uri: str) -> Sequence[RowFile]:
        """See RowFiles."""
        scheme = scheme_of(uri)
        if scheme and scheme != FILE_SCHEME:
            place, rest = self._allowed(uri, scheme)
        else:
            place, rest = self._local(unquote(uri.partition("://")[2]) if scheme else uri)
        _check_parts(uri, rest)
        parts = [part for part in rest.split("/") if part]
        plain = next((at for at, part in enumerate(parts) if any(char in part for char in WILD)), len(parts))
        path = "/".join([place.root, *parts[:plain]])
        found = _listed(place, path, "/".join([place.root, *parts]) if plain < len(parts) else "")
        if not found:
            raise NotFound("import file", place.shown("/".join([place.root, *parts])) or ".")
        if len(found) > FILES_MAX:
            raise InvalidInput("uri", f"{len(found)} files or more", f"at most {FILES_MAX}: import them in parts")
        return [RowFile(place.shown(one), partial(_opened, place, one)) for one in sorted(found)]

    def _local(self, path: str) -> tuple[_Place, str]:
        """Of a path, absolute or below the import folder."""
        folder = self._folder.resolve()
        rest = path
        if path.startswith("/"):
            try:
                rest = str(Path(path).relative_to(folder))
            except ValueError:
                raise InvalidInput("uri", path, "a path below the import folder") from None
        return _Place(fs.LocalFileSystem(), str(folder)), rest

    def _allowed(self, uri: str, scheme: str) -> tuple[_Place, str]:
        if scheme not in STORES:
            raise InvalidInput("uri", visible(uri), f"a path below the import folder, or a URI of {_schemes()}")
        asked = address(uri)
        if uri.partition("://")[2] != asked.partition("://")[2]:
            raise InvalidInput(
                "uri",
                visible(uri),
                f"a URI without keys and options: they stand in the gateway's environment and its setting {KEY}",
            )
        for allowed in self._uris:
            base = address(allowed).rstrip("/")
            if asked == base or asked.startswith(f"{base}/"):
                return self._place(allowed), unquote(asked.removeprefix(base).lstrip("/"))
        raise InvalidInput("uri", asked, f"a URI below one that the gateway's setting {KEY} names")

    def _place(self, uri: str) -> _Place:
        with self._connecting:
            if uri not in self._places:
                self._places[uri] = _Place(*open_place(KEY, uri), uri)
            return self._places[uri]


def _schemes() -> str:
    return ", ".join(f"{scheme}://" for scheme in STORES)


def _check_parts(uri: str, rest: str) -> None:
    if "\0" in rest or any(part in ("..", ".") for part in rest.split("/")):
        raise InvalidInput("uri", uri, "a path without the parts . and ..")


def _listed(place: _Place, path: str, pattern: str) -> list[str]:
    """The files at or below `path`; with a pattern those that match it, part by part."""
    try:
        info = place.files.get_file_info(path)
        if info.type == fs.FileType.File:
            infos = [info]
            if not _of_a_kind(path):
                raise InvalidInput("uri", place.shown(path), f"a name ending in {', '.join(KINDS)}")
        elif info.type == fs.FileType.Directory:
            infos = place.files.get_file_info(fs.FileSelector(path, recursive=True))
        else:
            infos = []
    except (pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) == errno.ENAMETOOLONG:
            raise InvalidInput("uri", place.shown(path), "a path that is not too long") from None
        raise FilesUnavailable(place.shown(path), place.said(error)) from error
    found = (one.path for one in infos if one.type == fs.FileType.File and _of_a_kind(one.path))
    found = (one for one in found if _matches(one, pattern))
    return list(found) if place.uri else _real(place, found)


def _of_a_kind(path: str) -> bool:
    return path.lower().endswith(KINDS)


def _matches(path: str, pattern: str) -> bool:
    if not pattern:
        return True
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _real(place: _Place, paths: Iterable[str]) -> list[str]:
    """Of files on the disk: no link leads out of the folder, and none makes a file two."""
    by_place: dict[Path, str] = {}
    for path in sorted(paths, key=lambda path: (len(path), path)):
        by_place.setdefault(Path(path).resolve(), path)
    return [path for real, path in by_place.items() if real.is_relative_to(place.root)]


def _opened(place: _Place, path: str) -> BinaryIO:
    raw = _Remote(place, path)
    return cast(BinaryIO, io.BufferedReader(raw, READ_BYTES))


class _Remote(io.RawIOBase):
    """A file of an object store or of the disk. What goes wrong on the way is a FilesUnavailable: what reads the rows
    must not take it for a file that is damaged."""

    def __init__(self, place: _Place, path: str) -> None:
        self._place, self._path = place, path
        self._file: Any = self._guarded(place.files.open_input_file, path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._guarded(self._file.read, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._guarded(self._file.seek, offset, whence))

    def tell(self) -> int:
        return int(self._guarded(self._file.tell))

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    def _guarded(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return work(*arguments)
        except (pa.ArrowException, OSError) as error:
            raise FilesUnavailable(self._place.shown(self._path), self._place.said(error)) from error
