"""The second front: grpcio's own asyncio server. Slower, older, and with a limit on what it reads."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from serving.core.clock import NEVER, Clock, SystemClock
from serving.core.errors import NotReady, PayloadTooLarge, StoregateError, Unauthenticated
from serving.engine.calls import Intake
from serving.transport import status
from serving.transport.callers import caller_in
from serving.transport.contract import unary
from serving.transport.event_stream import STREAMS_MAX, EventStreams
from serving.transport.front_params import FrontParams
from serving.transport.listening import cannot_listen, listening_socket
from serving.transport.loop_bridge import LoopBridge
from serving.transport.loop_thread import LoopThread
from serving.transport.plan_loop import PlanLoop
from serving.transport.plan_steps import PLAN_ROUTES, Step
from serving.transport.priority import bulk_in
from serving.transport.tokens import check_bearer

STARTING: Final = "the gateway is starting: retry"
FLUSH_S_MAX: Final = 0.2
"""After the last answer: time for it to reach the socket, when a health watch keeps its connection busy."""
PORT_SETTING: Final = "--grpc-port"
CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class AioFront:
    """Front over grpc.aio, on an event loop in a thread of its own.

    With tokens, every method needs one, health and reflection too, as on the native front.
    """

    def __init__(
        self, params: FrontParams, methods: Sequence[str], services: Sequence[str], clock: Clock | None = None
    ) -> None:
        """Binds. methods: full names, "/storegate.v1.X/Y". services: for health and reflection. Raises SettingError."""
        self._params, self._methods, self._services = params, frozenset(unary(methods)), tuple(services)
        self._clock = clock or SystemClock()
        self._streams = EventStreams(params.payload_bytes_max, self._clock)
        self._plans = PlanLoop(params.plans, self._clock)
        self._bridge: LoopBridge | None = None
        self._close_lock = threading.Lock()
        self._closed = False
        self._thread = LoopThread("aio-front")
        try:
            self._server, self._health, self._port = self._thread.call(self._bind())
        except StoregateError:
            self._thread.close()
            raise

    @property
    def port(self) -> int:
        return self._port

    def start(self, intake: Intake) -> None:
        self._streams.serve(intake)
        self._bridge = LoopBridge(intake, self._thread.loop, self._clock)
        self._thread.call(self._server.start())

    def set_serving(self, serving: bool) -> None:
        """What grpc.health.v1 answers; of no effect once closed."""
        if self._closed:
            return
        self._thread.call(self._set_serving(serving))

    def respond(self, call_id: int, payload: bytes) -> None:
        if self._bridge is not None:
            self._bridge.respond(call_id, payload)

    def fail(self, call_id: int, error: StoregateError) -> None:
        if self._bridge is not None:
            self._bridge.fail(call_id, error)

    def close(self, grace_s: float) -> None:
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
            self._streams.close()
            self._plans.leave()
            self._thread.call(self._stop(grace_s))
            self._thread.close()

    async def _bind(self) -> tuple[Any, Any, int]:
        """The server, its health and its port."""
        params = self._params
        if params.port and not params.reuse_port:
            # grpcio says only that it failed; a socket of ours says why.
            listening_socket(params.host, params.port, reuse_port=False, setting=PORT_SETTING).close()
        server = grpc.aio.server(
            # Streams each hold a thread; as many again refuse those that are too many.
            migration_thread_pool=ThreadPoolExecutor(2 * STREAMS_MAX, thread_name_prefix="streams"),
            interceptors=[_TokenGate(params.token_sha256)] if params.token_sha256 else None,
            options=[
                ("grpc.so_reuseport", int(params.reuse_port)),
                ("grpc.max_concurrent_streams", params.streams_max),
                # Somewhat more than our own limit, which answers with the facts; beyond that grpcio refuses.
                ("grpc.max_receive_message_length", min(4 * params.payload_bytes_max + (4 << 20), 2**31 - 1)),
            ],
        )
        try:
            port = server.add_insecure_port(params.address)
        except RuntimeError as error:
            raise cannot_listen(params.host, params.port, error, PORT_SETTING) from error
        server.add_generic_rpc_handlers(
            (_RawMethods(self._methods, self._handle), self._streams, _PlanMethod(self._stream))
        )
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        self._health = servicer
        await self._set_serving(False)
        reflection.enable_server_reflection((*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        return server, servicer, port

    async def _set_serving(self, serving: bool) -> None:
        code = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *self._services):
            await self._health.set(service, code)

    async def _handle(self, method: str, payload: bytes, context: Any) -> bytes:
        """One call; an error of ours ends it with its status."""
        try:
            if len(payload) > self._params.payload_bytes_max:
                raise PayloadTooLarge(len(payload), self._params.payload_bytes_max)
            if self._bridge is None:
                raise NotReady(STARTING)
            metadata = context.invocation_metadata() or ()
            caller, bulk = caller_in(metadata, context.peer()), bulk_in(metadata)
            return await self._bridge.ask(method, payload, context.time_remaining(), caller, bulk)
        except StoregateError as error:
            await _abort(context, error)
            raise  # abort has raised already

    async def _stream(self, payload: bytes, context: Any) -> AsyncIterator[bytes]:
        """PlanRoutes: plans as they come."""
        try:
            if len(payload) > self._params.payload_bytes_max:
                raise PayloadTooLarge(len(payload), self._params.payload_bytes_max)
            bridge = self._bridge
            if bridge is None:
                raise NotReady(STARTING)
            metadata, left_s = context.invocation_metadata() or (), context.time_remaining()
            caller, bulk = caller_in(metadata, context.peer()), bulk_in(metadata)
            deadline = NEVER if left_s is None else self._clock.monotonic() + left_s
            asked = partial(_step, bridge, caller, bulk)
            async for plan in self._plans.plans(payload, deadline, asked):
                yield plan
        except StoregateError as error:
            await _abort(context, error)

    async def _stop(self, grace_s: float) -> None:
        await self._set_serving(False)
        if self._bridge is not None:
            await self._bridge.close(grace_s)
        await self._server.stop(FLUSH_S_MAX)


async def _step(bridge: LoopBridge, caller: str, bulk: bool | None, step: Step, left_s: float | None) -> bytes:
    return await bridge.ask(PLAN_ROUTES, step.payload, left_s, caller, bulk)


class _PlanMethod(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    """Hands requests for a stream of plans to `stream`."""

    def __init__(self, stream: Callable[[bytes, Any], AsyncIterator[bytes]]) -> None:
        async def run(payload: bytes, context: Any) -> AsyncIterator[bytes]:
            async for plan in stream(payload, context):
                yield plan

        self._handler = grpc.unary_stream_rpc_method_handler(run)

    def service(self, handler_call_details: Any) -> Any:
        return self._handler if handler_call_details.method == PLAN_ROUTES else None


class _RawMethods(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc carries no types
    """Hands the methods' bytes to `handle` undecoded."""

    def __init__(self, methods: frozenset[str], handle: Callable[[str, bytes, Any], Awaitable[bytes]]) -> None:
        self._handlers = {method: grpc.unary_unary_rpc_method_handler(_bound(method, handle)) for method in methods}

    def service(self, handler_call_details: Any) -> Any:
        return self._handlers.get(handler_call_details.method)


def _bound(
    method: str, handle: Callable[[str, bytes, Any], Awaitable[bytes]]
) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def run(payload: bytes, context: Any) -> bytes:
        return await handle(method, payload, context)

    return run


class _TokenGate(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc carries no types
    """Refuses calls without a known token."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        self._digests = digests

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        sent = dict(details.invocation_metadata).get("authorization")
        try:
            check_bearer(sent, self._digests)
        except Unauthenticated as error:
            refused = error

            async def refuse(_: bytes, context: Any) -> bytes:
                await _abort(context, refused)
                raise refused  # abort has raised already

            return grpc.unary_unary_rpc_method_handler(refuse)
        return await continuation(details)


async def _abort(context: Any, error: StoregateError) -> None:
    told = status.grpc_status(error)
    await context.abort(CODES[told.code], told.message, trailing_metadata=((status.DETAILS_KEY, told.details),))
