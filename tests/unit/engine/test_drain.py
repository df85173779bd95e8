"""Leaving: what is in is answered, or failed when the time is up."""

from __future__ import annotations

import threading

from engines import Gate

from serving.core.errors import NotReady
from serving.engine.calls import Lane
from serving.engine.engine import Engine


def test_drain_finishes_what_waits_then_refuses(recorder, make_route) -> None:
    """Leaving: calls that are in are answered, later ones get NotReady, the threads end."""
    others = set(threading.enumerate())
    gate = Gate()
    engine = Engine([make_route(gate.run), make_route(method="/write", lane=Lane.WRITER)])
    names = {thread.name for thread in set(threading.enumerate()) - others}
    assert names >= {"storegate-engine", "storegate-writer"}
    holder = threading.Thread(target=engine.submit, args=([recorder.call(0, b"0")],))
    holder.start()
    assert gate.began.wait(20)
    engine.submit([recorder.call(1, b"1"), recorder.call(2, b"2", "/write")])
    leaving = threading.Thread(target=engine.drain, args=(20.0,))
    leaving.start()
    gate.go.set()
    leaving.join(20)
    holder.join(20)
    engine.submit([recorder.call(3), recorder.call(4, method="/write")])
    assert [recorder.only(number) for number in range(3)] == [b"0", b"1", b"2"]
    assert isinstance(recorder.only(3), NotReady)
    assert isinstance(recorder.only(4), NotReady)
    assert not set(threading.enumerate()) - others
    engine.drain(0.0)


def test_drain_without_grace_fails_what_waits(recorder, make_route) -> None:
    """When the time is up, waiting calls are failed with NotReady instead of being forgotten."""
    gate = Gate()
    engine = Engine([make_route(gate.run)])
    holder = threading.Thread(target=engine.submit, args=([recorder.call(0, b"0")],))
    holder.start()
    assert gate.began.wait(20)
    engine.submit([recorder.call(1)])
    leaving = threading.Thread(target=engine.drain, args=(0.0,))
    leaving.start()
    recorder.wait(1)
    gate.go.set()
    leaving.join(20)
    holder.join(20)
    recorder.wait(2)
    assert recorder.only(0) == b"0"
    assert isinstance(recorder.only(1), NotReady)
