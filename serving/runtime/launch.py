"""Starts the gateway on Ray Serve, stays while it serves, and leaves nothing behind."""

from __future__ import annotations

import http.client
import logging
import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing, suppress
from typing import Any

import psutil  # type: ignore[import-untyped]

from serving.core.errors import NotReady, SettingError, StoregateError
from serving.runtime import ray_env
from serving.runtime.home import Replica, locked, replicas, workers
from serving.runtime.leaving import Departure, Leaving, departure, reinstall
from serving.runtime.local import OnReady, at_the_edge, batches_of, look_after
from serving.runtime.params import RuntimeParams
from serving.runtime.parts import Plan, Say
from serving.runtime.ports import SharedPorts
from serving.runtime.process import THREADS, children, end, pin
from serving.runtime.rolling import Rollout, on_signal
from serving.runtime.worker_parts import WorkerSpec
from serving.runtime.worker_watch import WorkerWatch

BROKEN = ("DEPLOY_FAILED", "UNHEALTHY")
POLL_S = 0.2
WATCH_S = 1.0
END_S = 3.0
"""What a process of Ray gets to end by itself once Ray was shut down."""
WORKERS_S_MAX = 30.0
"""How long a start waits for workers once the gateway is there; it serves without them."""
REPLICA_ENVIRON = (*THREADS, "NUMBA_CACHE_DIR", "RAY_worker_niceness")

log = logging.getLogger(__name__)


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
    import ray.serve  # noqa: F401  # here: an import that a signal cuts short cannot be begun again by _end_ray

    ours: list[psutil.Process] = []
    stack.callback(_end_ray, ours, say)
    _start_ray(plan, leave, ours)
    leave.check()
    many = "1 replica" if params.replicas == 1 else f"{params.replicas} replicas"
    say(f"starting {many} (the first start compiles kernels for up to a minute)")
    _start_serve()
    stack.callback(_end_gateway, plan)
    _deploy(plan, settings)
    running = _wait_until_ready(plan, leave)
    watch = WorkerWatch(plan.home, plan.workers, _failed)
    watch.wait(WORKERS_S_MAX, leave, say)
    here = sum(replica.here for replica in running)
    edge = stack.enter_context(at_the_edge(plan, shared, here, leave))
    batches = stack.enter_context(batches_of(plan, settings, _ray_address()))
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


def _start_ray(plan: Plan, leave: Departure, ours: list[psutil.Process]) -> None:
    """Ray of our own on this machine, or the cluster of the settings. Raises SettingError without authentication.

    ours: gets the processes that were started.
    """
    import ray
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    # Ray prints what its daemons complain of, in an orderly end too, on our standard output. Its own logs have it.
    ray._private.worker.print_to_stdstream = _to_log
    params = plan.params
    before = set(children())
    where: dict[str, Any] = {"address": params.ray_address} if params.ray_address else _own_cluster(plan)
    try:
        ray.init(**where, namespace="storegate", logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SettingError(f"runtime.ray_address: Ray does not start ({error})", key="runtime.ray_address") from error
    except Exception as error:  # Ray raises it plain when its daemons are not up in 30 s
        raise NotReady(f"Ray does not start ({error}): try again when the machine is less busy") from error
    finally:
        ours += [process for process in children() if process not in before]
        reinstall(leave)
    if not is_token_auth_enabled():
        raise SettingError("Ray started without token authentication: unset RAY_AUTH_MODE or set it to 'token'")
    if not params.ray_address:
        gpus = ray.cluster_resources().get("GPU", 0.0)
        check_gpus(params, gpus)
        check_worker_gpus(plan.workers, gpus)


def check_gpus(params: RuntimeParams, gpus: float) -> None:
    """On a machine of its own Ray would wait for ever. Raises SettingError when `gpus` are too few."""
    if params.ray_replica_gpus * params.replicas > gpus:
        raise SettingError(
            f"runtime.ray_replica_gpus: {params.replicas} replicas want {params.ray_replica_gpus:g} GPUs each, and "
            f"this machine has {gpus:g}: set 0, or runtime.ray_address to a cluster that has them",
            key="runtime.ray_replica_gpus",
        )


def check_worker_gpus(specs: Sequence[WorkerSpec], gpus: float) -> None:
    """The same for workers."""
    for spec in specs:
        if spec.params.gpus * spec.params.replicas > gpus:
            raise SettingError(
                f"workers.{spec.name}.gpus: {spec.params.replicas} processes want {spec.params.gpus:g} GPUs each, and "
                f"this machine has {gpus:g}: set 0, or runtime.ray_address to a cluster that has them",
                key=f"workers.{spec.name}.gpus",
            )


def _to_log(data: dict[str, Any], ignore_prefix: bool) -> None:
    for line in data["lines"]:
        log.debug("ray: %s", line)


def _own_cluster(plan: Plan) -> dict[str, Any]:
    params = plan.params
    return {
        "address": "local",
        # A rollout runs old and new replicas side by side.
        "num_cpus": math.ceil(2 * _cpus(plan) + plan.batch_cpus) + 1,
        "object_store_memory": params.ray_object_store_mib << 20,
        "include_dashboard": False,
    }


def _cpus(plan: Plan) -> float:
    """What replicas of the gateway and of workers reserve at most, without a rollout."""
    workers = sum(spec.params.bounds.most * spec.params.cpus for spec in plan.workers)
    return plan.params.bounds.most * plan.params.ray_replica_cpus + workers


def _ray_address() -> str:
    """Where a process of this machine finds the Ray that runs the gateway."""
    import ray

    found: str = ray.get_runtime_context().gcs_address
    return found


def _rollout(plan: Plan, settings: Any) -> Rollout:
    return Rollout(
        deploy=lambda: _deploy(plan, settings),
        names=lambda: {each.name for each in (*replicas(plan.home), *workers(plan.home))},
        problem=lambda: _problem(plan) or WorkerWatch(plan.home, plan.workers).problem(),
        patience_s=plan.params.start_s_max,
    )


def _failed(worker: str) -> str:
    """Why Ray has given a worker up; empty when it has not."""
    from ray import serve

    from serving.runtime.ray_workers import NAMES

    status = serve.status().applications.get(NAMES.format(worker))
    if status is None or status.status not in BROKEN:
        return ""
    return "; ".join(each.message for each in status.deployments.values() if each.message) or status.message


def _start_serve() -> None:
    from ray import serve

    quiet = {"log_level": "ERROR", "enable_access_log": False}
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    serve.start(proxy_location="Disabled", logging_config=quiet)


def _deploy(plan: Plan, settings: Any) -> None:
    """The first time, or again: then every replica is replaced, because Ray takes each deployment for a new version."""
    from ray import serve

    from serving.runtime.ray_serve import APP, application
    from serving.runtime.ray_workers import NAMES, worker_application

    found = {name: os.environ[name] for name in REPLICA_ENVIRON if name in os.environ}
    environ = found if plan.params.ray_address else None
    targets = {APP: application(plan.build, settings, plan.home, plan.params, environ)}
    for spec in plan.workers:
        targets[NAMES.format(spec.name)] = worker_application(
            spec, settings, plan.home, plan.params, plan.worker_admin, environ
        )
    # Not serve.run: it waits without a limit, and says nothing meanwhile.
    serve.run_many(
        [serve.RunTarget(target, name=name, route_prefix=None) for name, target in targets.items()],
        wait_for_ingress_deployment_creation=False,
        wait_for_applications_running=False,
    )


def _wait_until_ready(plan: Plan, leave: Departure) -> list[Replica]:
    """Waits until Ray, every replica's admin port and gRPC say so. Raises NotReady with the cause."""
    until = time.monotonic() + plan.params.start_s_max
    while True:
        leave.check()
        problem = _problem(plan)
        if not problem:
            return replicas(plan.home)
        if time.monotonic() > until:
            raise NotReady(f"the gateway did not start within {plan.params.start_s_max:g} s: {problem}")
        time.sleep(POLL_S)


def _problem(plan: Plan) -> str:
    """Why the gateway does not serve yet; empty when it does. Raises NotReady when it never will."""
    from ray import serve

    from serving.runtime.ray_serve import APP

    status = serve.status().applications.get(APP)
    if status is None:
        return "Ray has not begun"
    if status.status in BROKEN:
        told = "; ".join(each.message for each in status.deployments.values() if each.message) or status.message
        raise NotReady(f"the replicas do not start: {told}")
    if status.status != "RUNNING":
        return f"Ray says {status.status}"
    found = replicas(plan.home)
    if len(found) < plan.params.replicas:
        return f"{len(found)} of {plan.params.replicas} replicas are up"
    for replica in found:
        if problem := not_ready(replica.addresses.admin_host, replica.addresses.admin_port):
            return f"replica {replica.name}: {problem}"
    try:
        plan.probe(found[0].addresses)
    except StoregateError as error:
        return error.message
    return ""


def not_ready(host: str, admin_port: int, timeout_s: float = 2.0) -> str:
    """What /readyz of an admin port answers when it does not say yes; empty when it does."""
    connection = http.client.HTTPConnection(host, admin_port, timeout=timeout_s)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(1000).decode(errors="replace").strip()
        return "" if answer.status == 200 else said or f"/readyz answers {answer.status}"
    except (OSError, http.client.HTTPException) as error:
        return f"no answer on its admin port ({error})"
    finally:
        connection.close()


def _end_gateway(plan: Plan) -> None:
    """The gateway's replicas before its workers: what they have accepted is still computed."""
    from ray import serve

    from serving.runtime.ray_serve import APP, CLOSE_S

    if not plan.workers or not replicas(plan.home):
        return
    until = time.monotonic() + plan.params.grace_s + CLOSE_S
    try:
        serve.delete(APP, _blocking=False)
        while replicas(plan.home) and time.monotonic() < until:
            time.sleep(POLL_S)
    except Exception as error:  # Ray's controller may be away; _end_ray ends everything
        log.warning("the gateway was not ended before its workers: %s", error)


def _end_ray(ours: list[psutil.Process], say: Say) -> None:
    """Replicas first, by their own grace, then Ray; then whatever is left of the processes it has started.

    ours: what ray.init has started (not the embedded store, which is stopped after this); their children are found
    while they live, because those of a dead process are no longer below us.
    """
    import ray
    from ray import serve

    family = _with_children(ours)
    try:
        if ray.is_initialized():
            serve.shutdown()
    except Exception as error:  # whatever Ray says, its processes must go
        log.warning("Ray Serve did not shut down in order: %s", error)
    family |= _with_children(ours)
    ray.shutdown()
    left = end(list(family), END_S)
    if left:
        say(f"{left} processes of Ray had to be ended")


def _with_children(processes: list[psutil.Process]) -> set[psutil.Process]:
    found = set(processes)
    for process in processes:
        with suppress(psutil.Error):
            found.update(process.children(recursive=True))
    return found
