"""The deployments of a gateway on Ray Serve: made, looked at, and ended in order."""

from __future__ import annotations

import http.client
import logging
import os
import time
from typing import Any

from serving.core.errors import NotReady, StoregateError
from serving.runtime.home import Replica, replicas
from serving.runtime.leaving import Departure
from serving.runtime.parts import Plan
from serving.runtime.process import THREADS

log = logging.getLogger(__name__)
BROKEN = ("DEPLOY_FAILED", "UNHEALTHY")
POLL_S = 0.2
REPLICA_ENVIRON = (*THREADS, "NUMBA_CACHE_DIR", "RAY_worker_niceness")


def start_serve() -> None:
    from ray import serve

    quiet = {"log_level": "ERROR", "enable_access_log": False}
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    serve.start(proxy_location="Disabled", logging_config=quiet)


def deploy(plan: Plan, settings: Any) -> None:
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


def given_up(worker: str) -> str:
    """Why Ray has given a worker up; empty when it has not."""
    from ray import serve

    from serving.runtime.ray_workers import NAMES

    status = serve.status().applications.get(NAMES.format(worker))
    if status is None or status.status not in BROKEN:
        return ""
    return "; ".join(each.message for each in status.deployments.values() if each.message) or status.message


def wait_until_ready(plan: Plan, leave: Departure) -> list[Replica]:
    """Waits until Ray, every replica's admin port and gRPC say so. Raises NotReady with the cause."""
    until = time.monotonic() + plan.params.start_s_max
    while True:
        leave.check()
        problem = problem_of(plan)
        if not problem:
            return replicas(plan.home)
        if time.monotonic() > until:
            raise NotReady(f"the gateway did not start within {plan.params.start_s_max:g} s: {problem}")
        time.sleep(POLL_S)


def problem_of(plan: Plan) -> str:
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


def end_gateway(plan: Plan) -> None:
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
    except Exception as error:  # Ray's controller may be away; end_ray ends everything
        log.warning("the gateway was not ended before its workers: %s", error)
