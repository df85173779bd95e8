"""Folders wherever they are: on the disk, or in an object store that pyarrow speaks to (s3://, gs://, abfs://).

Access keys come from where the store's own tools take them: the environment, profiles, the machine's role.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import fs

from serving.core.errors import FilesUnavailable, NotInstalled, SettingError
from serving.core.uris import is_uri, scheme_of, visible, without_secrets

STORES: Final = {
    "s3": ("S3FileSystem", "Amazon S3"),
    "gs": ("GcsFileSystem", "Google Cloud Storage"),
    "abfs": ("AzureFileSystem", "Azure Blob Storage"),
    "abfss": ("AzureFileSystem", "Azure Blob Storage"),
}
"""Scheme -> the class of pyarrow.fs, and what people call it."""
EXPECTED: Final = (
    "a folder, or s3://BUCKET/PATH, gs://BUCKET/PATH or abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH"
)


def open_place(key: str, place: str | Path) -> tuple[fs.FileSystem, str]:
    """The file system, and the folder's path in it. key: the setting that names the place, for errors.

    A URI may carry the store's options as its query (`?region=eu-west-2`, `?endpoint_override=host:port&scheme=http`).
    Raises SettingError, NotInstalled where pyarrow was built without the store, and FilesUnavailable where the store
    had to be asked (for the region of a bucket) and does not answer; keys are in no message.
    """
    name = str(place)
    if not is_uri(name):
        return fs.LocalFileSystem(), str(Path(place).absolute())
    scheme = scheme_of(name)
    if scheme not in STORES:
        raise SettingError(f"{key} {visible(name)}: expected {EXPECTED}", key=key)
    needed, store = STORES[scheme]
    if getattr(fs, needed, None) is None:
        raise NotInstalled(
            f"{scheme}:// URIs",
            f"a pyarrow that was built with {store}",
            'pip install --force-reinstall --only-binary :all: "pyarrow>=18"',
        )
    try:
        files, root = fs.FileSystem.from_uri(name)
    except OSError as error:
        raise FilesUnavailable(visible(name), without_secrets(str(error), name)) from None
    except (pa.ArrowException, NotImplementedError, ValueError) as error:
        problem = without_secrets(str(error), name)
        raise SettingError(f"{key} {visible(name)}: expected {EXPECTED} ({problem})", key=key) from None
    if not root.strip("/"):
        raise SettingError(f"{key} {visible(name)}: it names no bucket; expected {EXPECTED}", key=key)
    return files, root.rstrip("/")
