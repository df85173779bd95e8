"""The client and a replica that dies while a connection to it is being made."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Sequence

from serving.engine.calls import Call
from serving.transport.front_params import FrontParams
from serving.transport.native_front import NativeFront
from storegate.client import Client
from storegate.v1 import gateway_pb2

PING = "/storegate.v1.GatewayService/Ping"


class Gate:
    """An Intake that answers everything with nothing."""

    def submit(self, calls: Sequence[Call], returning: bool = False) -> bool:
        for call in calls:
            call.responder.respond(call.call_id, b"")
        return False

    def cancel(self, responder: object, call_id: int) -> None:
        """Nothing waits here."""


def test_a_reset_connection_is_dialled_again_within_the_call() -> None:
    """Left to itself gRPC would wait a second before it dials again, and all retries of the call would fail in it."""
    dying = socket.create_server(("127.0.0.1", 0))
    port = dying.getsockname()[1]
    fronts: list[NativeFront] = []

    def die_and_be_replaced() -> None:
        caller, _ = dying.accept()
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a close is then a reset
        dying.close()
        front = NativeFront(FrontParams(port=port), [PING], [])
        front.start(Gate())
        fronts.append(front)
        caller.close()

    replica = threading.Thread(target=die_and_be_replaced)
    replica.start()
    with Client(f"127.0.0.1:{port}", timeout_s=10.0, connections=1) as client:
        assert client.ping() == gateway_pb2.PingResponse()
    replica.join()
    fronts[0].close(0.0)
