"""Ray Serve's autoscaling, with our signal and our policy: Ray counts the calls it carries itself, and ours pass it by.

Every replica tells its load once a second (`record_autoscaling_stats`); Ray averages that over a few seconds and asks
the policy, in its controller, several times a second. A controller that was started again begins with the number it has
kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ray.serve.config import AutoscalingConfig, AutoscalingContext, AutoscalingPolicy

from serving.engine.scaling import Bounds, Load, ScalingParams, ScalingState, scale
from serving.runtime.params import RuntimeParams

TELL_S = 1.0
"""How often replicas tell their load; Ray's default is 10 s."""
LOOK_BACK_S = 3.0
"""Over which Ray averages what they have told; its default is 30 s."""
STATE = "scaling"


def as_stats(load: Load) -> dict[str, float]:
    """What a replica tells Ray."""
    return {"busy": load.busy, "queue": load.queue}


def loads_of(told: Mapping[str, Mapping[Any, float]]) -> list[Load]:
    """Metric -> replica -> mean, as Ray has it, replica by replica; those that have told nothing yet are left out."""
    queues = told.get("queue", {})
    return [Load(busy, queues.get(replica, 0.0)) for replica, busy in told.get("busy", {}).items()]


class FollowLoad:
    """The policy as Ray calls it. Made once in its controller; the state lies with Ray between two calls."""

    def __init__(self, **params: float) -> None:
        """params: of ScalingParams; Ray sends them as JSON."""
        self._params = ScalingParams(**params)

    def __call__(self, context: AutoscalingContext) -> tuple[int, dict[str, Any]]:
        now, replicas = time.monotonic(), context.target_num_replicas
        state = context.policy_state.get(STATE) or ScalingState.begin(replicas, now)
        loads = loads_of(context.aggregated_metrics or {})
        if loads:  # else nobody has told anything, which is not the same as no load
            bounds = Bounds(context.capacity_adjusted_min_replicas, context.capacity_adjusted_max_replicas)
            replicas, state = scale(loads, replicas, now, state, bounds, self._params)
        return replicas, {STATE: state}


def autoscaling(params: RuntimeParams) -> AutoscalingConfig:
    """What the deployment is to be told. Ray's own delays are 0: ours count."""
    return AutoscalingConfig(
        min_replicas=params.bounds.least,
        max_replicas=params.bounds.most,
        metrics_interval_s=TELL_S,
        look_back_period_s=LOOK_BACK_S,
        upscale_delay_s=0.0,
        downscale_delay_s=0.0,
        policy=AutoscalingPolicy(
            policy_function=f"{FollowLoad.__module__}:{FollowLoad.__name__}", policy_kwargs=asdict(params.scaling)
        ),
    )
