"""A rollout from the signal to its end: begun once, told of, given up in time."""

from __future__ import annotations

import os
import signal

from serving.core.errors import NotReady
from serving.runtime.rolling import SIGNAL, Rollout, on_signal


class Ray:
    """What a rollout asks and tells, set by hand."""

    def __init__(self) -> None:
        self.serving, self.deployed, self.said = {"a", "b"}, 0, list[str]()
        self.away = self.lost = False
        self.trouble = ""

    def deploy(self) -> None:
        if self.away:
            raise RuntimeError("the controller is away")
        self.deployed += 1

    def problem(self) -> str:
        if self.away:
            raise RuntimeError("the controller is away")
        if self.lost:
            raise NotReady("the replicas do not start: no module named x")
        return self.trouble

    def rollout(self, patience_s: float = 1e6) -> Rollout:
        return Rollout(self.deploy, lambda: set(self.serving), self.problem, patience_s)

    def look(self, rollout: Rollout) -> list[str]:
        """What is said at one look."""
        self.said.clear()
        rollout.look(self.said.append)
        return list(self.said)


def test_the_signal_begins_a_rollout_and_its_end_is_told() -> None:
    """Not before every old replica has gone and Ray is content; the handler of before is back afterwards."""
    ray, before = Ray(), signal.getsignal(SIGNAL)
    with on_signal(ray.rollout()) as rollout:
        assert ray.look(rollout) == []
        os.kill(os.getpid(), SIGNAL)
        assert ray.look(rollout) == ["replacing 2 replicas"]
        ray.serving = {"b", "c"}
        assert ray.look(rollout) == []
        ray.serving, ray.trouble = {"c"}, "1 of 2 replicas are up"
        assert ray.look(rollout) == []
        ray.serving, ray.trouble = {"c", "d"}, ""
        assert ray.look(rollout) == ["all replicas were replaced"]
    assert ray.deployed == 1
    assert signal.getsignal(SIGNAL) == before


def test_one_that_is_asked_for_meanwhile_comes_next() -> None:
    """However often it is asked for, once."""
    ray = Ray()
    rollout = ray.rollout()
    rollout.ask()
    ray.look(rollout)
    rollout.ask()
    rollout.ask()
    ray.serving = {"c", "d"}
    assert ray.look(rollout) == ["all replicas were replaced"]
    assert ray.look(rollout) == ["replacing 2 replicas"]
    ray.serving = {"e", "f"}
    assert ray.look(rollout) == ["all replicas were replaced"]
    assert ray.look(rollout) == []
    assert ray.deployed == 2


def test_new_replicas_that_never_start_are_told_of() -> None:
    """The old ones serve on, and another rollout may be asked for."""
    ray = Ray()
    rollout = ray.rollout()
    rollout.ask()
    ray.look(rollout)
    ray.serving, ray.lost = {"c", "d"}, True
    (said,) = ray.look(rollout)
    assert said == "not all replicas were replaced: the replicas do not start: no module named x"
    assert ray.look(rollout) == []


def test_one_that_takes_too_long_is_given_up() -> None:
    ray = Ray()
    rollout = ray.rollout(patience_s=0.0)
    rollout.ask()
    ray.look(rollout)
    assert ray.look(rollout) == ["not all replicas were replaced: 2 old replicas serve still"]


def test_a_controller_that_is_away_costs_the_rollout_only(caplog) -> None:
    """It is said, and logged with its cause; asked again, it works."""
    ray = Ray()
    ray.away = True
    rollout = ray.rollout()
    rollout.ask()
    assert ray.look(rollout) == ["the replicas cannot be replaced now: ask again"]
    assert "the controller is away" in caplog.text
    ray.away = False
    rollout.ask()
    assert ray.look(rollout) == ["replacing 2 replicas"]


def test_a_controller_that_dies_meanwhile_is_waited_for() -> None:
    """Ray starts another one, which goes on where it was; for ever it is not waited for."""
    ray = Ray()
    rollout = ray.rollout()
    rollout.ask()
    ray.look(rollout)
    ray.serving, ray.away = {"c", "d"}, True
    assert ray.look(rollout) == []
    ray.away = False
    assert ray.look(rollout) == ["all replicas were replaced"]

    hasty = ray.rollout(patience_s=0.0)
    hasty.ask()
    ray.look(hasty)
    ray.serving, ray.away = {"e", "f"}, True
    assert ray.look(hasty) == ["not all replicas were replaced: Ray does not answer (the controller is away)"]
