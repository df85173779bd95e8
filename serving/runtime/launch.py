"""Starts the gateway on Ray Serve, stays while it serves, and leaves nothing behind."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from typing import Any

import psutil  # type: ignore[import-untyped]

from serving.runtime import ray_env
from serving.runtime.home import locked, replicas, workers
from serving.runtime.leaving import Departure, Leaving, departure
from serving.runtime.local import OnReady, at_the_edge, batches_of, look_after
from serving.runtime.parts import Plan, Say
from serving.runtime.ports import SharedPorts
from serving.runtime.process import pin
from serving.runtime.ray_cluster import end_ray, ray_address, start_ray
from serving.runtime.ray_deploy import deploy, end_gateway, given_up, problem_of, start_serve, wait_until_ready
from serving.runtime.rolling import Rollout, on_signal
from serving.runtime.worker_watch import WorkerWatch

WATCH_S = 1.0
WORKERS_S_MAX = 30.0
"""How long a start waits for workers once the gateway is there; it serves without them."""


def launch(plan: Plan, say: Say, on_ready: OnReady) -> None:
    """Starts, calls `on_ready` once every replica serves, stays until a signal or `Departure.ask`. Main thread only.

    Raises StoregateError when the start fails. Either way no process of ours is left.
    """
    with departure() as leave, ExitStack() as stack:
        try:
            _launch(plan, say, on_ready, leave, stack)
        except Leaving:
            say("asked to leave during the start")


def _launch(plan: Plan, say: Say, on_ready: OnReady, leave: Departure, stack: ExitStack) -> None:
    params = plan.params
    ray_env.prepare(os.environ, plan.home, own_cluster=not params.ray_address)
    pin()
    stack.enter_context(locked(plan.home))
    shared = stack.enter_context(closing(SharedPorts(plan.host, plan.ports)))
    backing = stack.enter_context(closing(plan.open_backing(say)))
    settings = plan.with_ports(backing.settings, shared.ports)
    rollout = stack.enter_context(on_signal(_rollout(plan, settings)))
    say("starting Ray")
    import ray.serve  # noqa: F401  # here: an import that a signal cuts short cannot be begun again by end_ray

    ours: list[psutil.Process] = []
    stack.callback(end_ray, ours, say)
    start_ray(plan, leave, ours)
    leave.check()
    many = "1 replica" if params.replicas == 1 else f"{params.replicas} replicas"
    say(f"starting {many} (the first start compiles kernels for a few minutes)")
    start_serve()
    stack.callback(end_gateway, plan)
    deploy(plan, settings)
    running = wait_until_ready(plan, leave)
    watch = WorkerWatch(plan.home, plan.workers, given_up)
    watch.wait(WORKERS_S_MAX, leave, say)
    here = sum(replica.here for replica in running)
    edge = stack.enter_context(at_the_edge(plan, shared, here, leave))
    batches = stack.enter_context(batches_of(plan, settings, ray_address()))
    leave.steady()
    on_ready([replica.addresses for replica in running], leave)
    while not leave.wait(WATCH_S):
        look_after(backing, say)
        look_after(batches, say)
        rollout.look(say)
        watch.look(say)
        if edge is not None:
            edge.look(say)
    say("leaving: answering what has been accepted")


def _rollout(plan: Plan, settings: Any) -> Rollout:
    return Rollout(
        deploy=lambda: deploy(plan, settings),
        names=lambda: {each.name for each in (*replicas(plan.home), *workers(plan.home))},
        problem=lambda: problem_of(plan) or WorkerWatch(plan.home, plan.workers).problem(),
        patience_s=plan.params.start_s_max,
    )
