"""Our policy as Ray's controller gets it: over JSON and pickle, called with Ray's own context."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray.serve.config import AutoscalingConfig, AutoscalingContext

from serving.core.errors import SettingError
from serving.engine.scaling import Load, ScalingParams
from serving.runtime.params import RuntimeParams
from serving.runtime.ray_cluster import check_gpus
from serving.runtime.ray_scaling import as_stats, autoscaling, loads_of
from serving.runtime.ray_serve import application
from serving.settings import load

EAGER = RuntimeParams(replicas=1, replicas_max=4, scaling=ScalingParams(busy_target=0.5, up_delay_s=0, down_delay_s=0))


def policy_of(config: AutoscalingConfig) -> Any:
    """As the controller makes it from what it is sent."""
    arrived = AutoscalingConfig.model_validate_json(config.model_dump_json())
    return config.policy.get_policy()(**arrived.policy.policy_kwargs)


def context(told: dict[str, dict[str, float]], target: int, state: dict[str, Any]) -> AutoscalingContext:
    """Ray's, with what the policy looks at."""
    return AutoscalingContext(
        deployment_id=None, deployment_name="gateway", app_name="storegate", current_num_replicas=target,
        target_num_replicas=target, running_replicas=[], total_num_requests=0.0, total_queued_requests=0.0,
        aggregated_metrics=lambda: told, raw_metrics=dict, capacity_adjusted_min_replicas=1,
        capacity_adjusted_max_replicas=4, policy_state=state, last_scale_up_time=None, last_scale_down_time=None,
        current_time=0.0, config=None,
    )  # fmt: skip


def told(*loads: Load) -> dict[str, dict[str, float]]:
    """Metric -> replica -> value."""
    every = {str(number): as_stats(each) for number, each in enumerate(loads)}
    return {name: {replica: stats[name] for replica, stats in every.items()} for name in ("busy", "queue")}


def test_what_replicas_tell_decides_and_the_state_lies_with_ray() -> None:
    """One replica at its limit: two; both at theirs: four, which is the most; nothing to do: one."""
    policy, state, target = policy_of(autoscaling(EAGER)), dict[str, Any](), 1
    targets = []
    for loads in ([Load(1.0, 0.0)], [Load(1.0, 0.0)] * 2, [Load(0.9, 99.0)] * 4, [Load(0.0, 0.0)] * 4):
        target, state = policy(context(told(*loads), target, state))
        targets.append(target)
    assert targets == [2, 4, 4, 1]


def test_nobody_has_told_anything_is_not_no_load() -> None:
    """After a restart of the controller the number stays until replicas have told their load."""
    policy = policy_of(autoscaling(EAGER))
    assert policy(context({}, 3, {}))[0] == 3
    assert policy(context({"busy": {}, "queue": {}}, 3, {}))[0] == 3


def test_replicas_are_told_apart() -> None:
    """Both figures of one replica belong together; one that misses a figure has none of it."""
    assert loads_of({"busy": {"a": 0.5, "b": 0.25}, "queue": {"b": 4.0}}) == [Load(0.5, 0.0), Load(0.25, 4.0)]


def test_ray_is_told_our_bounds_and_none_of_its_delays() -> None:
    config = autoscaling(EAGER)
    assert (config.min_replicas, config.max_replicas) == (1, 4)
    assert config.upscale_delay_s == config.downscale_delay_s == 0
    assert config.metrics_interval_s < config.look_back_period_s < 10


def test_without_a_higher_maximum_nothing_is_elastic() -> None:
    """By default, and where both are the same."""
    assert not RuntimeParams(replicas=3).elastic
    assert not RuntimeParams(replicas=3, replicas_max=3).elastic
    assert RuntimeParams(replicas=3).bounds.most == 3


def test_a_maximum_below_the_replicas_is_refused() -> None:
    with pytest.raises(SettingError, match=r"runtime\.replicas_max.*2.*runtime\.replicas \(3\) or more"):
        load(environ={}, overrides={"runtime.replicas": 3, "runtime.replicas_max": 2})


def test_gpus_that_the_machine_does_not_have_are_refused_before_anybody_waits() -> None:
    check_gpus(RuntimeParams(replicas=2, ray_replica_gpus=0.5), 1.0)
    with pytest.raises(SettingError, match=r"runtime\.ray_replica_gpus: 3 replicas want 0\.5 GPUs each.*has 1: set 0"):
        check_gpus(RuntimeParams(replicas=3, ray_replica_gpus=0.5), 1.0)


def test_ray_is_asked_for_what_a_replica_needs() -> None:
    """Cores always, GPUs where they are wanted; a number of replicas, or their bounds."""
    fixed = application(print, None, Path("home"), RuntimeParams(replicas=3, ray_replica_cpus=0.5))
    options = fixed._bound_deployment
    assert options.ray_actor_options == {"num_cpus": 0.5}
    assert options.num_replicas == 3
    elastic = application(print, None, Path("home"), replace(EAGER, ray_replica_gpus=0.25))._bound_deployment
    assert elastic.ray_actor_options["num_gpus"] == 0.25
    assert elastic._deployment_config.autoscaling_config.max_replicas == 4
