"""The gateway in this very process, without Ray: the same engine, fronts and adapters, for laptops and tests."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing

from serving.core.errors import StoregateError
from serving.runtime.home import announce, locked, withdraw
from serving.runtime.leaving import Departure, Leaving, departure
from serving.runtime.parts import Addresses, Backing, Plan, Say
from serving.runtime.ports import SharedPorts
from serving.runtime.process import settle, tune

WATCH_S = 1.0

OnReady = Callable[[list[Addresses], Departure], None]
"""Called once, with the addresses of every replica; may ask to leave."""

log = logging.getLogger(__name__)


def serve_local(plan: Plan, say: Say, on_ready: OnReady) -> None:
    """Starts, calls `on_ready` once the gateway serves, and stays until a signal or `Departure.ask`. Main thread only.

    Raises StoregateError when the start fails; nothing is left running then.
    """
    with departure() as leave, ExitStack() as stack:
        try:
            _serve(plan, say, on_ready, leave, stack)
        except Leaving:
            say("asked to leave during the start")


def _serve(plan: Plan, say: Say, on_ready: OnReady, leave: Departure, stack: ExitStack) -> None:
    tune(plan.params.gil_switch_s)
    stack.enter_context(locked(plan.home))
    SharedPorts(plan.host, plan.ports).close()  # a taken port is better known before the store and the models are up
    backing = stack.enter_context(closing(plan.open_backing(say)))
    gateway = plan.build(backing.settings, False)
    stack.callback(gateway.close, plan.params.grace_s)
    gateway.start()
    settle()
    addresses = gateway.addresses
    stack.callback(withdraw, announce(plan.home, "local", addresses))
    plan.probe(addresses)
    leave.steady()
    on_ready([addresses], leave)
    was_healthy = True
    while not leave.wait(WATCH_S):
        look_after(backing, say)
        healthy, reason = gateway.healthy()
        if was_healthy and not healthy:
            log.error("the gateway is not healthy: %s", reason)
        was_healthy = healthy
    say("leaving: answering what has been accepted")


def look_after(backing: Backing, say: Say) -> None:
    """One look at the store; what cannot be mended now is tried again with the next one."""
    try:
        backing.look(say)
    except StoregateError as error:
        log.error("the store: %s", error.message)
