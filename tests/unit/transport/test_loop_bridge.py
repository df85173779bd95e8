"""The bridge between an event loop and the engine, whatever order things happen in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from serving.core.errors import InternalError, NotReady, Overloaded
from serving.engine.calls import Call
from serving.transport.loop_bridge import LoopBridge


def run(engine: Any, work: Callable[[LoopBridge], Coroutine[Any, Any, None]]) -> None:
    """`work` with a bridge on a loop of its own."""

    async def main() -> None:
        await work(LoopBridge(engine, asyncio.get_running_loop()))

    asyncio.run(main())


def test_each_ask_gets_its_own_answer(engine: Any) -> None:
    """Two hundred at once, answered from many threads."""

    async def work(bridge: LoopBridge) -> None:
        payloads = [str(number).encode() for number in range(200)]
        assert await asyncio.gather(*(bridge.ask("/m", payload) for payload in payloads)) == payloads

    run(engine, work)
    assert len(engine.batches) == 1


def test_an_error_is_raised_where_it_was_asked(engine: Any) -> None:
    error = Overloaded("full", 1.0)
    engine.answer = lambda call: call.responder.fail(call.call_id, error)

    async def work(bridge: LoopBridge) -> None:
        with pytest.raises(Overloaded) as caught:
            await bridge.ask("/m", b"")
        assert caught.value is error

    run(engine, work)


def test_a_call_is_cancelled_after_it_was_submitted_never_before(engine: Any) -> None:
    """Even when the caller goes away in the very turn in which it asked."""
    engine.answer = lambda call: None
    order: list[str] = []
    submit, cancel = engine.submit, engine.cancel
    engine.submit = lambda calls: (order.append("submit"), submit(calls))
    engine.cancel = lambda responder, call_id: (order.append("cancel"), cancel(responder, call_id))

    async def work(bridge: LoopBridge) -> None:
        asked = asyncio.ensure_future(bridge.ask("/m", b""))
        asyncio.get_running_loop().call_soon(asked.cancel)
        with pytest.raises(asyncio.CancelledError):
            await asked

    run(engine, work)
    assert order == ["submit", "cancel"]


def test_a_cancelled_ask_cancels_its_call_and_no_other(engine: Any) -> None:
    """Its late answer is ignored."""
    engine.answer = lambda call: None

    async def work(bridge: LoopBridge) -> None:
        first, second = (asyncio.ensure_future(bridge.ask("/m", name)) for name in (b"1", b"2"))
        while len(engine.calls) < 2:
            await asyncio.sleep(0)
        first.cancel()
        for call in engine.calls:
            call.responder.respond(call.call_id, call.payload)
            call.responder.respond(call.call_id, b"again")
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await second == b"2"

    run(engine, work)
    assert engine.cancelled == [engine.calls[0].call_id]


def test_an_engine_that_raises_fails_the_calls(engine: Any) -> None:
    def broken(calls: object) -> None:
        raise RuntimeError("a defect")

    engine.submit = broken

    async def work(bridge: LoopBridge) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        with pytest.raises(InternalError):
            await bridge.ask("/m", b"")

    run(engine, work)


def test_close_waits_for_the_open_ones_and_refuses_new_ones(engine: Any) -> None:
    held: list[Call] = []
    engine.answer = held.append

    async def work(bridge: LoopBridge) -> None:
        asked = asyncio.ensure_future(bridge.ask("/m", b"x"))
        while not held:
            await asyncio.sleep(0)
        closing = asyncio.ensure_future(bridge.close(10.0))
        await asyncio.sleep(0)
        with pytest.raises(NotReady):
            await bridge.ask("/m", b"late")
        assert not closing.done()
        threading.Thread(target=held[0].responder.respond, args=(held[0].call_id, b"done")).start()
        assert await asked == b"done"
        await closing

    run(engine, work)


def test_close_ends_at_the_grace(engine: Any) -> None:
    engine.answer = lambda call: None

    async def work(bridge: LoopBridge) -> None:
        asked = asyncio.ensure_future(bridge.ask("/m", b"x"))
        while not engine.calls:
            await asyncio.sleep(0)
        await bridge.close(0.01)
        with pytest.raises(NotReady):
            await asked

    run(engine, work)
