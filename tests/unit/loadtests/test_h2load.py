"""The real h2load against a front in this process: what is sent, what is logged."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pygrpc_native import EVENT_CALL, NativeGrpcFront

from loadtests.bench.bodies import Bodies
from loadtests.bench.frames import RECOMMEND, known, unframe
from loadtests.bench.generate import Log, Process
from serving.core.errors import SettingError

pytestmark = pytest.mark.skipif(shutil.which("h2load") is None, reason="needs h2load: apt-get install nghttp2-client")


class Front:
    """Answers every call with its own message, and remembers all messages and deadlines."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.left_s: list[float | None] = []
        self._front = NativeGrpcFront("127.0.0.1:0", [(RECOMMEND, False)], call_details=True)
        self.target = f"127.0.0.1:{self._front.bound_port}"
        self._front.start()
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def close(self) -> None:
        self._front.close()
        self._thread.join()

    def _answer(self) -> None:
        while (events := self._front.recv_batch_details(64)) is not None:
            for kind, call_id, _, payload, _, details in events:
                if kind == EVENT_CALL:
                    self.messages.append(bytes(payload))
                    self.left_s.append(details[2])
                    self._front.respond(call_id, bytes(payload))


@pytest.fixture
def front() -> Iterator[Front]:
    one = Front()
    yield one
    one.close()


def test_requests_are_whole_messages_of_different_users(front: Front, tmp_path: Path) -> None:
    """Two processes, three callers: every call is logged as answered, each message is a user's, and they change."""
    users = [f"C{number:06d}" for number in range(500)]
    bodies = known(users)
    with Bodies(tmp_path, bodies, 2) as files:
        processes = [
            Process(front.target, RECOMMEND, files.paths[number], 2 - number, 0.6, tmp_path, number)
            for number in range(2)
        ]
        while any(process.running for process in processes):
            files.rewrite()
            time.sleep(files.pause_s)
        log = Log.joined([process.finish() for process in processes])
    assert log.failed == 0
    assert 0 < len(log) <= len(front.messages)
    assert set(front.messages) <= {unframe(body) for body in bodies}
    assert len(set(front.messages)) > 2  # more than one a file: they were overwritten while h2load ran
    assert all(left is not None and 0 < left <= 2 for left in front.left_s)
    assert log.micros.min() > 0
    assert not any(path.exists() for path in files.paths)


def test_a_target_where_nobody_listens_is_an_error(tmp_path: Path) -> None:
    """No calls, not zero milliseconds."""
    (tmp_path / "body").write_bytes(known(["C1"])[0])
    process = Process("127.0.0.1:9", RECOMMEND, tmp_path / "body", 1, 0.3, tmp_path, 0)
    assert len(process.finish()) == 0
    assert not process.running


def test_a_body_that_is_not_there_is_an_error_with_the_generators_words(tmp_path: Path) -> None:
    """h2load's own message reaches whoever runs the bench."""
    process = Process("127.0.0.1:9", RECOMMEND, tmp_path / "absent", 1, 0.3, tmp_path, 0)
    with pytest.raises(SettingError, match="Could not open file"):
        process.finish()
