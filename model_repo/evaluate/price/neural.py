"""The optional rows: DQN and PPO, learning in the trial itself, from nets that the past has prepared. Needs PyTorch."""

from __future__ import annotations

from typing import Final

import numpy as np

from model_repo.evaluate.price.contenders import ARMS, Known, Morning
from model_repo.evaluate.price.market import F64, I64, Seen
from model_repo.evaluate.price.simulate import Maker
from model_repo.neural.models import torch_missing
from serving.core.errors import NotReady
from serving.core.ports import F32

WIDTH: Final = 6
"""Features of an item and day."""
HIDDEN: Final = 48
RATE: Final = 1e-3


def contenders() -> list[Maker]:
    """Raises NotReady where PyTorch is missing."""
    if missing := torch_missing():
        raise NotReady(missing)
    return [Dqn, Ppo]


class _Learner:
    """What both share: nine multiples of the list price are the actions; a day's margin over the item's usual one is
    the reward; one net for all items reads where its prices, costs and sales stand."""

    name = ""

    def __init__(self, known: Known) -> None:
        import torch

        torch.manual_seed(known.seed)
        torch.set_num_threads(1)
        self.torch, self.rng = torch, np.random.default_rng(np.random.SeedSequence([known.seed, 6]))
        self.listed, n, panel = known.listed, len(known.listed), known.panel
        units = panel.units.reshape(n, -1)
        price = panel.price.reshape(n, -1).astype(np.float64)
        rival = panel.competitor.reshape(n, -1).astype(np.float64)
        margin = units * (price - known.cost[:, None])
        self.usual_units = np.maximum(units.mean(axis=1), 0.1)
        self.usual_margin = np.maximum(np.abs(margin).mean(axis=1), 1.0)
        self.recent = self.usual_units.copy()
        self.past_states, self.past_arms, self.past_rewards = self._past(units, price, rival, margin, known.cost)

    def net(self, outputs: int):  # type: ignore[no-untyped-def]
        nn = self.torch.nn
        return nn.Sequential(
            nn.Linear(WIDTH, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs)
        )

    def state(self, price: F64, cost: F64, rival: F64, recent: F64) -> F32:
        """(n, WIDTH)."""
        columns = (
            np.log(price / self.listed) * 5, np.log(cost / self.listed) * 5, np.log(rival / self.listed) * 5,
            np.log1p(recent) - np.log1p(self.usual_units), np.log(self.usual_units), np.ones(len(price)),
        )  # fmt: skip
        return np.stack(columns, axis=1).astype(np.float32)

    def arms(self, price: F64) -> I64:
        """(n,) the action nearest to a price."""
        found: I64 = np.abs(price[:, None] / self.listed[:, None] - ARMS).argmin(axis=1)
        return found

    def _past(self, units: F64, price: F64, rival: F64, margin: F64, cost: I64) -> tuple[F32, I64, F32]:
        """(days, n, WIDTH), (days, n), (days, n)."""
        states, arms, rewards = [], [], []
        for day in range(units.shape[1]):
            yesterday = price[:, max(day - 1, 0)]
            states.append(self.state(yesterday, cost.astype(np.float64), rival[:, day], self.recent))
            arms.append(self.arms(price[:, day]))
            rewards.append(margin[:, day] / self.usual_margin)
            self.recent = 0.8 * self.recent + 0.2 * units[:, day]
        return np.stack(states), np.stack(arms), np.stack(rewards).astype(np.float32)

    def _seen(self, morning: Morning) -> F32:
        today, cost, rival = (column.astype(np.float64) for column in (morning.today, morning.cost, morning.rival))
        return self.state(today, cost, rival, self.recent)

    def _prices(self, arm: I64) -> I64:
        return np.rint(self.listed * ARMS[arm]).astype(np.int64)


class Dqn(_Learner):
    """Q-learning with replay and a target net (Mnih et al. 2015), discount .8, one action in twenty by lot."""

    name = "DQN"
    epsilon, discount, steps, batch = 0.05, 0.8, 30, 256

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        self.online, self.target = self.net(len(ARMS)), self.net(len(ARMS))
        self.optimiser = self.torch.optim.Adam(self.online.parameters(), RATE)
        s = self.past_states
        self.memory = [s[:-1].reshape(-1, WIDTH), self.past_arms[:-1].ravel(), self.past_rewards[:-1].ravel(),
                       s[1:].reshape(-1, WIDTH)]  # fmt: skip
        self.target.load_state_dict(self.online.state_dict())
        for _ in range(20):
            self._train()

    def _train(self) -> None:
        torch = self.torch
        for _ in range(self.steps):
            at = self.rng.integers(0, len(self.memory[1]), self.batch)
            state, arm, reward, after = (torch.from_numpy(column[at]) for column in self.memory)
            with torch.no_grad():
                aim = reward + self.discount * self.target(after).max(dim=1).values
            told = self.online(state).gather(1, arm[:, None])[:, 0]
            loss = torch.nn.functional.smooth_l1_loss(told, aim)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
        self.target.load_state_dict(self.online.state_dict())

    def choose(self, morning: Morning) -> I64:
        with self.torch.no_grad():
            arm = self.online(self.torch.from_numpy(self._seen(morning))).argmax(dim=1).numpy()
        lots = self.rng.random(len(arm)) < self.epsilon
        return self._prices(np.where(lots, self.rng.integers(0, len(ARMS), len(arm)), arm))

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        before = self._seen(morning)
        self.recent = 0.8 * self.recent + 0.2 * seen.units
        price, cost, rival = (column.astype(np.float64) for column in (prices, morning.cost, morning.rival))
        new = (
            before, self.arms(price), (seen.margin / self.usual_margin).astype(np.float32),
            self.state(price, cost, rival, self.recent),
        )  # fmt: skip
        self.memory = [np.concatenate(pair) for pair in zip(self.memory, new, strict=True)]
        self._train()


class Ppo(_Learner):
    """Clipped policy gradients (Schulman et al. 2017) on a week of item-days at a time.

    The policy begins as an imitation of the past; a day's reward less what the value net expects is its advantage.
    """

    name = "PPO"
    clip, epochs, week = 0.2, 8, 7

    def __init__(self, known: Known) -> None:
        super().__init__(known)
        torch = self.torch
        self.policy, self.value = self.net(len(ARMS)), self.net(1)
        parameters = [*self.policy.parameters(), *self.value.parameters()]
        self.optimiser = torch.optim.Adam(parameters, RATE)
        state = torch.from_numpy(self.past_states.reshape(-1, WIDTH))
        arm, reward = torch.from_numpy(self.past_arms.ravel()), torch.from_numpy(self.past_rewards.ravel())
        for _ in range(300):
            at = torch.from_numpy(self.rng.integers(0, len(arm), 512))
            loss = torch.nn.functional.cross_entropy(self.policy(state[at]), arm[at])
            loss = loss + torch.nn.functional.mse_loss(self.value(state[at])[:, 0], reward[at])
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
        self.kept: list[tuple[F32, I64, F32, F32]] = []

    def choose(self, morning: Morning) -> I64:
        torch = self.torch
        with torch.no_grad():
            chance = torch.softmax(self.policy(torch.from_numpy(self._seen(morning))), dim=1).numpy()
        dart = self.rng.random(len(chance))[:, None]
        self.arm = np.minimum((np.cumsum(chance, axis=1) < dart).sum(axis=1), len(ARMS) - 1)
        self.chance = np.log(np.maximum(chance[np.arange(len(chance)), self.arm], 1e-9)).astype(np.float32)
        return self._prices(self.arm)

    def learn(self, morning: Morning, prices: I64, seen: Seen) -> None:
        reward = (seen.margin / self.usual_margin).astype(np.float32)
        self.kept.append((self._seen(morning), self.arm, self.chance, reward))
        self.recent = 0.8 * self.recent + 0.2 * seen.units
        if len(self.kept) == self.week:
            self._train()
            self.kept = []

    def _train(self) -> None:
        torch = self.torch
        state, arm, chance, reward = (torch.from_numpy(np.concatenate(c)) for c in zip(*self.kept, strict=True))
        with torch.no_grad():
            advantage = reward - self.value(state)[:, 0]
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        for _ in range(self.epochs):
            told = torch.log_softmax(self.policy(state), dim=1)
            ratio = (told.gather(1, arm[:, None])[:, 0] - chance).exp()
            gained = torch.minimum(ratio * advantage, ratio.clamp(1 - self.clip, 1 + self.clip) * advantage).mean()
            entropy = -(told.exp() * told).sum(dim=1).mean()
            missed = torch.nn.functional.mse_loss(self.value(state)[:, 0], reward)
            self.optimiser.zero_grad()
            (-gained + 0.5 * missed - 0.003 * entropy).backward()
            self.optimiser.step()
