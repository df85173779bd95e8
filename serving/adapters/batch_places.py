"""Where batches read and write: a folder of this machine, or a URI that pyarrow or fsspec can open."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs

from serving.adapters import disk
from serving.core.errors import ArchiveUnavailable, InvalidInput
from serving.core.uris import address, is_uri, visible, without_secrets

EXTRAS: Final = {
    "http": "fsspec aiohttp",
    "https": "fsspec aiohttp",
    "sftp": "fsspec paramiko",
    "ssh": "fsspec paramiko",
    "smb": "fsspec smbprotocol",
    "webhdfs": "fsspec requests",
    "dropbox": "fsspec dropboxdrivefs",
    "oss": "fsspec ossfs",
}
"""Scheme -> what must be installed for it; pyarrow itself opens s3, gs, abfs and file."""
DRAFT: Final = disk.DRAFT

T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """A folder or a file. told: fit for messages, without what may be secret."""

    files: Any
    root: str
    told: str
    local: bool
    uri: str = ""
    """As it was given: what errors must not quote of it is known by it."""

    def info(self, name: str = "") -> Any:
        """What is there. Raises ArchiveUnavailable."""
        (found,) = self.guarded(self.files.get_file_info, [self._path(name)])
        return found

    def listed(self) -> list[Any]:
        """FileInfo of everything directly in it, sorted by name; nothing where it is not there."""
        found = self.guarded(self.files.get_file_info, fs.FileSelector(self.root, allow_not_found=True))
        return sorted(found, key=lambda info: str(info.base_name))

    def read(self, name: str) -> bytes:
        """A small file of the folder. Raises ArchiveUnavailable."""

        def whole(path: str) -> bytes:
            with self.files.open_input_stream(path) as stream:
                return bytes(stream.read())

        return self.guarded(whole, self._path(name))

    def open(self, name: str = "") -> Any:
        """A file to be read at any place. Raises ArchiveUnavailable."""
        return self.guarded(self.files.open_input_file, self._path(name))

    def write(self, name: str, data: bytes) -> None:
        """A file of the folder, whole or not at all. Raises ArchiveUnavailable."""
        self.guarded(self._write, name, data)

    def delete(self, name: str) -> None:
        """What is gone already is fine."""
        if self.info(name).type != fs.FileType.NotFound:
            self.guarded(self.files.delete_file, self._path(name))

    def guarded(self, work: Callable[..., T], *arguments: Any) -> T:
        """What `work` gives; what goes wrong outside of this program becomes ArchiveUnavailable."""
        try:
            return work(*arguments)
        except (OSError, pa.ArrowException) as error:
            raise ArchiveUnavailable(self.told, without_secrets(_short(error), self.uri)) from error

    def _write(self, name: str, data: bytes) -> None:
        if self.local:
            target = Path(self._path(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            # Two workers may write the same block for a moment: each has a draft of its own.
            draft = target.with_name(f".{target.name}.{os.getpid()}{DRAFT}")
            disk.write(draft, data)
            os.replace(draft, target)
            disk.sync(target.parent)
            return
        with self.files.open_output_stream(self._path(name)) as stream:  # there when it is closed, or not at all
            stream.write(data)

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}" if name else self.root


def place(field: str, uri: str) -> Place:
    """The place of a path or URI. field: of the request. Raises InvalidInput, naming what to install where a piece is
    missing."""
    if not uri:
        raise InvalidInput(field, uri, "a path, or a URI such as s3://bucket/folder")
    if not is_uri(uri):
        return Place(fs.LocalFileSystem(), str(Path(uri).absolute()), uri, True)
    scheme, told = uri.partition("://")[0].lower(), visible(uri)
    try:
        files, root = fs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError, ImportError) as error:
        if scheme in EXTRAS:
            return _through_fsspec(field, uri, scheme, told)
        raise InvalidInput(
            field, told, f"a path, or s3://, gs://, abfs://, {', '.join(f'{each}://' for each in EXTRAS)}",
            reason="UNKNOWN_URI",
        ) from error  # fmt: skip
    return Place(files, root.rstrip("/"), told, isinstance(files, fs.LocalFileSystem), uri)


def _through_fsspec(field: str, uri: str, scheme: str, told: str) -> Place:
    missing = InvalidInput(
        field, told, f"what {scheme}:// needs to be installed: pip install {EXTRAS[scheme]}", reason="MISSING_EXTRA"
    )
    try:
        import fsspec  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise missing from None
    try:
        found, root = fsspec.core.url_to_fs(uri)
    except ImportError:
        raise missing from None
    except (OSError, ValueError) as error:
        raise InvalidInput(
            field, told, f"a URI that can be opened ({without_secrets(_short(error), uri)})", reason="UNKNOWN_URI"
        ) from None
    return Place(fs.PyFileSystem(fs.FSSpecHandler(found)), root.rstrip("/"), told, False, uri)


def allowed(field: str, uri: str, home: Path, places: Sequence[str]) -> str:
    """The URI or absolute path, when it is within one of `places`: folders (relative ones below home) or beginnings of
    URIs, whose options (`?region=...`) it gets. Relative paths are below the first folder. Raises InvalidInput naming
    them, also for a URI with keys or options of its own: they would say where this process connects to, and as whom."""
    folders = [home / each for each in places if not is_uri(each)]
    if is_uri(uri):
        for start in (each for each in places if is_uri(each)):
            base = address(start).rstrip("/")
            if uri == address(uri) and _begins(uri, base):
                whole, mark, options = start.partition("?")
                return f"{whole.rstrip('/')}{uri.removeprefix(base)}{mark}{options}"
    elif uri and folders:
        found = Path(os.path.realpath(folders[0] / uri))
        if any(found.is_relative_to(os.path.realpath(folder)) for folder in folders):
            return str(found)
    told = ", ".join(visible(each) if is_uri(each) else str(home / each) for each in places) or "nowhere"
    raise InvalidInput(field, visible(uri), f"a place within {told}, without options (the setting batch.places)")


def _begins(uri: str, start: str) -> bool:
    """Whether `uri` is within the place `start`: no sibling whose name begins alike, no way up."""
    return (uri == start or uri.startswith(f"{start}/")) and not {"..", "."} & set(unquote(uri).split("/"))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
