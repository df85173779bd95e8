"""The gateway in this very process, without Ray: the same engine, fronts and adapters, for laptops and tests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from serving.core.errors import NotReady, StoregateError
from serving.runtime.home import LOCAL, announce, announced_edge, locked, withdraw
from serving.runtime.leaving import Departure, Leaving, departure
from serving.runtime.parts import Addresses, Backing, Batches, Edge, Plan, Say
from serving.runtime.ports import SharedPorts
from serving.runtime.process import settle, tune

WATCH_S = 1.0
POLL_S = 0.02
EDGE_S_MAX = 30.0
"""How long the edge may take to find the replicas, which are ready already."""

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
    # A taken port is better known before the store and the models are up.
    shared = stack.enter_context(closing(SharedPorts(plan.host, plan.ports)))
    if plan.open_edge is None:
        shared.close()
    backing = stack.enter_context(closing(plan.open_backing(say)))
    gateway = plan.build(backing.settings, False, None)
    stack.callback(gateway.close, plan.params.grace_s)
    gateway.start()
    settle()
    addresses = gateway.addresses
    stack.callback(withdraw, announce(plan.home, LOCAL, addresses))
    plan.probe(addresses)
    edge = stack.enter_context(at_the_edge(plan, shared, 1, leave))
    batches = stack.enter_context(batches_of(plan, backing.settings, ""))
    leave.steady()
    on_ready([addresses], leave)
    was_healthy = True
    while not leave.wait(WATCH_S):
        look_after(backing, say)
        look_after(batches, say)
        if edge is not None:
            edge.look(say)
        healthy, reason = gateway.healthy()
        if was_healthy and not healthy:
            log.error("the gateway is not healthy: %s", reason)
        was_healthy = healthy
    say("leaving: answering what has been accepted")


@contextmanager
def at_the_edge(plan: Plan, ports: SharedPorts, replicas: int, leave: Departure) -> Iterator[Edge | None]:
    """Inside, the edge of the plan, if it has one, stands at the ports, which it takes for itself, and sends calls to
    `replicas` replicas.

    Raises SettingError when it does not start, NotReady when it does not find the replicas in time.
    """
    if plan.open_edge is None:
        yield None
        return
    ports.close()
    with closing(plan.open_edge(ports.ports)) as edge, announced_edge(plan.home, edge.front):
        until = time.monotonic() + EDGE_S_MAX
        while (found := edge.ready_replicas()) < replicas:
            leave.check()
            if time.monotonic() > until:
                raise NotReady(f"the edge sees {found} of {replicas} replicas ready after {EDGE_S_MAX:g} s")
            time.sleep(POLL_S)
        yield edge


@contextmanager
def batches_of(plan: Plan, settings: Any, ray_address: str) -> Iterator[Batches | None]:
    """Inside, what works on batches, if the plan has such."""
    if plan.open_batches is None:
        yield None
        return
    with closing(plan.open_batches(settings, ray_address)) as batches:
        yield batches


def look_after(part: Backing | Batches | None, say: Say) -> None:
    """One look at the store, or at the batches; what cannot be mended now is tried again with the next one."""
    if part is None:
        return
    try:
        part.look(say)
    except StoregateError as error:
        log.error("%s", error.message)
