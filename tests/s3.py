"""A real S3 API to test against: moto's server, in a process and an environment of its own (requirements/s3.in)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from unittest import mock

if TYPE_CHECKING:
    from pyarrow import fs

ENVIRONMENT: Final[Mapping[str, str]] = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests-0123456789",
    "AWS_EC2_METADATA_DISABLED": "true",
}
PYTHON: Final = Path(os.environ.get("STOREGATE_S3_PYTHON", Path(sys.prefix) / "s3" / "bin" / "python"))
"""Of that environment, as `make test` makes it."""
SERVER: Final = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@dataclass
class S3:
    """The server. Its process can be stopped and killed."""

    process: subprocess.Popen[bytes]
    port: int

    def uri(self, path: str, **options: str) -> str:
        """Of "bucket/path", as a setting names it."""
        given = {"endpoint_override": f"127.0.0.1:{self.port}", "scheme": "http", "region": "us-east-1"} | options
        return f"s3://{path}?" + "&".join(f"{name}={value}" for name, value in given.items())

    def bucket(self, name: str) -> fs.S3FileSystem:
        """Makes one; a file system that sees it, and may delete it."""
        from pyarrow import fs  # loaded when needed

        uri = self.uri(name, allow_bucket_creation="true", allow_bucket_deletion="true")
        files, _ = fs.FileSystem.from_uri(uri)
        files.create_dir(name)
        return files


@contextmanager
def s3_server() -> Iterator[S3]:
    """Runs it, with keys for it in the environment."""
    process = subprocess.Popen(
        [PYTHON, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with mock.patch.dict(os.environ, ENVIRONMENT):
            yield S3(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
