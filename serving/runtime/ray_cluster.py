"""Ray itself: a cluster of our own on this machine, or the one of the settings."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil  # type: ignore[import-untyped]

from serving.core.errors import NotReady, SettingError
from serving.runtime.leaving import Departure, reinstall
from serving.runtime.params import RuntimeParams
from serving.runtime.parts import Plan, Say
from serving.runtime.process import children, end
from serving.runtime.worker_parts import WorkerSpec

log = logging.getLogger(__name__)
END_S = 3.0
"""What a process of Ray gets to end by itself once Ray was shut down."""


def start_ray(plan: Plan, leave: Departure, ours: list[psutil.Process]) -> None:
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


def ray_address() -> str:
    """Where a process of this machine finds the Ray that runs the gateway."""
    import ray

    found: str = ray.get_runtime_context().gcs_address
    return found


def end_ray(ours: list[psutil.Process], say: Say) -> None:
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
