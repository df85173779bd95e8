"""Workers as Serve deployments, each an application of its own, and the way to them by handle.

Ray Serve picks the replica with the fewest batches, and carries what is large through its object store; on one machine
gateways go past it (near_link.py). Import this after `ray_env.prepare`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

from ray import serve
from ray.exceptions import RayActorError
from ray.serve.config import AutoscalingConfig
from ray.serve.exceptions import DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from serving.core.clock import SystemClock
from serving.core.errors import WorkerUnavailable
from serving.engine.remote import Answers, Bundle
from serving.runtime.aside import keep_off, stand_aside, whoever_stands_aside
from serving.runtime.near_link import DIED
from serving.runtime.params import RuntimeParams
from serving.runtime.process import settle, tune
from serving.runtime.ray_scaling import LOOK_BACK_S, TELL_S
from serving.runtime.worker_parts import WorkerSpec
from serving.runtime.worker_post import Post
from serving.runtime.worker_turns import Turns

NAMES: Final = "storegate-{}"
"""Of the application of a worker."""
DEPLOYMENT: Final = "worker"
FIND_S: Final = 2.0
"""How long a batch waits for a replica to be there at all; then its calls are told to come again."""
SUCCESSOR_S: Final = 15.0
"""How long one whose replica has died, and that may be computed once more, waits for Ray to start another."""
NOBODY: Final = "has no replica at the moment"
BUILD_TIMES_MAX: Final = 5
"""A replica that cannot be built is tried so often; then the next rollout tries again."""
CLOSE_S: Final = 10.0
TARGET_BATCHES: Final = 2.0
"""Batches at a replica, computed and waiting, above which Ray starts another one."""

log = logging.getLogger(__name__)


class RayLink:
    """See Link. loop: the replica's own, which awaits what others send from their threads."""

    def __init__(self, worker: str, loop: asyncio.AbstractEventLoop) -> None:
        self._worker, self._loop = worker, loop
        self._handle: DeploymentHandle | None = None
        asyncio.run_coroutine_threadsafe(self._look_around(), loop)

    def send(self, bundle: Bundle) -> Future[Answers]:
        """See Link. A batch whose replica dies is computed once more where it may be."""
        return asyncio.run_coroutine_threadsafe(self._send(bundle), self._loop)

    def send_again(self, bundle: Bundle) -> Future[Answers]:
        """See Far."""
        return asyncio.run_coroutine_threadsafe(self._send(bundle, (True,)), self._loop)

    def close(self) -> None:
        """Ray ends the deployment."""

    async def _send(self, bundle: Bundle, tries: Sequence[bool] = (False, True)) -> Answers:
        for again in tries:
            try:
                if again:
                    await self._successor()
                return await self._once(bundle)
            except RayActorError as error:
                log.warning("a replica of the worker %s has gone: %s", self._worker, str(error).split("\n", 1)[0])
                if not bundle.repeatable:
                    break
            except DeploymentUnavailableError as error:
                raise WorkerUnavailable(self._worker, f"does not start ({error.message})") from error
        raise WorkerUnavailable(self._worker, DIED)

    async def _once(self, bundle: Bundle) -> Answers:
        response = self._deployment().remote(bundle)
        try:
            reference = await asyncio.wait_for(response._to_object_ref(), FIND_S)
            answers: Answers = await reference
        except TimeoutError:
            raise WorkerUnavailable(self._worker, NOBODY) from None
        except asyncio.CancelledError:  # also on its way to a replica, which would compute it for nobody
            response.cancel()
            raise
        return answers

    async def _successor(self) -> None:
        """Until a replica answers. Not by a longer wait of the batch itself: Ray sends what it could not deliver to one
        replica after another, and a batch that kills would take them all."""
        answer = self._deployment().options(method_name="__call__").remote()
        try:
            await asyncio.wait_for(answer, SUCCESSOR_S)
        except TimeoutError:
            raise WorkerUnavailable(self._worker, NOBODY) from None

    async def _look_around(self) -> None:
        """So that the first call does not wait until the replicas are known."""
        self._deployment()

    def _deployment(self) -> DeploymentHandle:
        if self._handle is None:
            found = serve.get_deployment_handle(DEPLOYMENT, NAMES.format(self._worker), _check_exists=False)
            self._handle = found.options(method_name="run")
        return self._handle


class WorkerReplica:
    """One process of a worker: a thread for each turn computes, the replica's event loop takes batches and tells how it
    is."""

    async def __init__(  # type: ignore[misc]  # Ray awaits it
        self, spec: WorkerSpec, settings: Any, home: str, admin: tuple[str, Sequence[int]], runtime: RuntimeParams
    ) -> None:
        self._spec, self._clock, self._grace_s = spec, SystemClock(), runtime.grace_s
        self._post: Post | None = None
        self._turns = Turns(spec, self._clock)
        name = serve.get_replica_context().replica_id.unique_id
        tune(runtime.gil_switch_s)
        await asyncio.get_running_loop().run_in_executor(
            self._turns.of(""), self._begin, settings, Path(home), name, admin
        )

    def _begin(self, settings: Any, home: Path, name: str, admin: tuple[str, Sequence[int]]) -> None:
        params = self._spec.params
        self._post = Post(self._spec, settings, home, name, admin, self._clock, self._turns)
        settle()
        self._turns.of("").submit(self._post.seat.warm)
        if params.spare_cores:
            self._turns.of("").submit(keep_off, params.spare_cores)
        for thread in self._turns:  # not before: what compiles for an idle core alone may do so for ever
            thread.submit(stand_aside, params.scheduling)
        self._turns.of("").submit(whoever_stands_aside, params.scheduling)

    async def run(self, bundle: Bundle) -> Answers:
        """See Host. Bundles that nobody waits for any more are taken from the queue of their thread, or told so."""
        assert self._post is not None
        taken = self._turns.take(self._post.seat, bundle)
        try:
            return await asyncio.wrap_future(taken.answers)
        except asyncio.CancelledError:
            taken.call_back()
            raise

    async def check_health(self) -> None:
        """Ray asks; raising says no."""
        if self._post is not None:
            healthy, reason = self._post.seat.healthy()
            if not healthy:
                raise RuntimeError(reason)

    async def __call__(self) -> float:
        """Ray wants an entrance. The replica's monotonic clock."""
        return time.monotonic()

    async def __del__(self) -> None:
        post, self._post = self._post, None
        if post is not None:
            post.withdraw()
            await asyncio.to_thread(post.close, self._grace_s + CLOSE_S / 2)  # Ray waits for CLOSE_S, then kills


def worker_application(
    spec: WorkerSpec,
    settings: Any,
    home: Path,
    runtime: RuntimeParams,
    admin: tuple[str, Sequence[int]],
    environ: dict[str, str] | None = None,
) -> serve.Application:
    """What Ray is asked to run. admin: host, and ports to be tried in order. environ: variables for the replicas of a
    cluster that is not ours."""
    params = spec.params
    options: dict[str, Any] = {"num_cpus": params.cpus}
    if params.gpus:
        options["num_gpus"] = params.gpus
    if environ:
        options["runtime_env"] = {"env_vars": environ}
    bounds = params.bounds
    many: dict[str, Any] = {"num_replicas": params.replicas}
    if params.elastic:
        many = {
            "autoscaling_config": AutoscalingConfig(
                min_replicas=bounds.least,
                max_replicas=bounds.most,
                target_ongoing_requests=TARGET_BATCHES,
                metrics_interval_s=TELL_S,
                look_back_period_s=LOOK_BACK_S,
                upscale_delay_s=runtime.scaling.up_delay_s,
                downscale_delay_s=runtime.scaling.down_delay_s,
            )
        }
    deployment = serve.deployment(
        WorkerReplica,
        name=DEPLOYMENT,
        **many,
        ray_actor_options=options,
        max_ongoing_requests=2 * runtime.bounds.most * params.in_flight_max,  # never refused: the gateway has bounds
        max_surge_percent=100,
        max_constructor_retry_count=BUILD_TIMES_MAX,
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=runtime.grace_s + CLOSE_S,
        logging_config={"log_level": "WARNING", "enable_access_log": False},
    )
    return deployment.bind(spec, settings, str(home), admin, runtime)
