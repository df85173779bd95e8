"""The gateway as a Ray Serve deployment. Ray places, watches and replaces replicas; the storefront's calls never pass
through it (what workers compute does: ray_workers.py).

Each replica listens for itself, on ports it shares with the others (SO_REUSEPORT). Import this after `ray_env.prepare`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ray import serve

from serving.engine.remote import Connect, Link
from serving.runtime.home import announce, withdraw
from serving.runtime.near_link import NearLink
from serving.runtime.params import RuntimeParams
from serving.runtime.parts import Gateway
from serving.runtime.process import settle, tune
from serving.runtime.ray_scaling import as_stats, autoscaling
from serving.runtime.ray_workers import RayLink

APP = "storegate"
DEPLOYMENT = "gateway"
Build = Callable[[Any, bool, Connect | None], Gateway]
CLOSE_S = 10.0
"""What a replica gets for leaving beyond the grace of its calls."""


def _link(home: Path, loop: asyncio.AbstractEventLoop, worker: str) -> Link:
    return NearLink(worker, home, RayLink(worker, loop))


class GatewayReplica:
    """One replica. Runs on the replica's own event loop; building and closing, which block, run beside it."""

    async def __init__(  # type: ignore[misc]  # Ray awaits it
        self, build: Build, settings: Any, home: str, params: RuntimeParams
    ) -> None:
        self._grace_s = params.grace_s
        self._gateway: Gateway | None = None
        self._announced: Path | None = None
        name = serve.get_replica_context().replica_id.unique_id
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(
            self._begin, build, settings, Path(home), name, params, partial(_link, Path(home), loop)
        )

    def _begin(
        self,
        build: Build,
        settings: Any,
        home: Path,
        name: str,
        params: RuntimeParams,
        connect: Callable[[str], Link],
    ) -> None:
        tune(params.gil_switch_s)
        gateway = self._gateway = build(settings, True, connect)
        try:
            gateway.start()
            settle()
            self._announced = announce(home, name, gateway.addresses)
        except BaseException:
            gateway.close(0.0)
            raise

    async def check_health(self) -> None:
        """Ray asks; raising says no. The front goes on accepting while Python hangs, so the engine's pulse is asked."""
        if self._gateway is not None:
            healthy, reason = self._gateway.healthy()
            if not healthy:
                raise RuntimeError(reason)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Ray asks where the number of replicas follows the load."""
        return as_stats(self._gateway.load()) if self._gateway is not None else {}

    async def __call__(self) -> float:
        """Ray wants an entrance; nobody uses it. The replica's monotonic clock."""
        return time.monotonic()

    async def __del__(self) -> None:
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            await asyncio.to_thread(gateway.close, self._grace_s)
        if self._announced is not None:  # not after a start that failed
            withdraw(self._announced)


def application(
    build: Build,
    settings: Any,
    home: Path,
    params: RuntimeParams,
    environ: dict[str, str] | None = None,
) -> serve.Application:
    """What Ray is asked to run. environ: variables for the replicas of a cluster that is not ours."""
    options: dict[str, Any] = {"num_cpus": params.ray_replica_cpus}
    if params.ray_replica_gpus:
        options["num_gpus"] = params.ray_replica_gpus
    if environ:
        options["runtime_env"] = {"env_vars": environ}
    deployment = serve.deployment(
        GatewayReplica,
        name=DEPLOYMENT,
        **({"autoscaling_config": autoscaling(params)} if params.elastic else {"num_replicas": params.replicas}),
        ray_actor_options=options,
        max_surge_percent=100,  # new replicas serve before old ones go; the default is an outage with one replica
        max_constructor_retry_count=2,
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=params.grace_s + CLOSE_S,
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )
    return deployment.bind(build, settings, str(home), params)
