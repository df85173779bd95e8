"""A forecast whose right answer can be worked out by hand: Poisson demand with a rate for every weekday."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from serving.core.errors import ModelDamaged, ModelFailed
from serving.decisions.forecast.pipeline import ALL_LOCATIONS

FILE = "rates.npz"
FIRST_DAY = 15_318
"""2011-12-10, a Saturday."""


@dataclass(frozen=True)
class Found:
    mean: npt.NDArray[np.float32]
    quantiles: npt.NDArray[np.float32]
    method: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.uint8]


@dataclass
class WeekdayRates:
    """A DemandModel. rates: (locations or 1, n, 7) units by days since first_day modulo 7; a price twice the last one
    halves them, a promotion doubles them: a price below the last one is one, unless it is said otherwise. broken: why
    the trained model cannot run; the statistical one can."""

    item_ids: tuple[str, ...]
    rates: npt.NDArray[np.float64]
    last_price: npt.NDArray[np.int64]
    locations: tuple[str, ...] = ()
    version: str = "v1"
    first_day: int = FIRST_DAY
    horizon_max: int = 84
    methods: tuple[str, ...] = ("global-model", "tsb")
    broken: str = ""
    runs: list[int] = field(default_factory=list)
    """Rows of each call."""

    def forecast(  # type: ignore[no-untyped-def]  # as the Protocol says
        self, rows, horizon, quantiles, *, lead=0, location=ALL_LOCATIONS, price=None, promo=None, block_days=1,
        statistical=False,
    ) -> Found:  # fmt: skip
        self.runs.append(len(rows))
        if self.broken and not statistical:
            raise ModelFailed("forecast", self.broken)
        of_place = self.rates.sum(axis=0) if location == ALL_LOCATIONS else self.rates[location]
        rate = of_place[rows][:, (lead + np.arange(horizon)) % 7]
        if price is not None:
            asked = np.where(price > 0, price, self.last_price[rows])
            rate = rate * (self.last_price[rows] / asked)[:, None]
            promo = np.repeat((asked < self.last_price[rows])[:, None], horizon, axis=1) if promo is None else promo
        if promo is not None:
            rate = rate * np.where(promo, 2.0, 1.0)
        rate = rate.reshape(len(rows), horizon // block_days, block_days).sum(axis=2)
        levels = np.asarray(quantiles)
        return Found(
            rate.astype(np.float32),
            poisson.ppf(levels, rate[:, :, None]).astype(np.float32),
            np.full(len(rows), int(statistical), np.uint8),
            (rows % 3).astype(np.uint8),
        )


def weekday_rates(n: int = 6, locations: tuple[str, ...] = (), **changes: object) -> WeekdayRates:
    """Items i0, i1, ...: item i sells i + weekday / 10 a day and location, its last price is 100 * (i + 1)."""
    one = np.arange(n)[:, None] + np.arange(7) / 10
    rates = np.stack([one * (place + 1) for place in range(max(len(locations), 1))])
    last = 100 * (np.arange(n) + 1)
    return WeekdayRates(tuple(f"i{i}" for i in range(n)), rates, last, locations, **changes)  # type: ignore[arg-type]


def dumped(model: WeekdayRates) -> dict[str, bytes]:
    """Its file."""
    out = io.BytesIO()
    np.savez(
        out,
        items=np.array(model.item_ids),
        rates=model.rates,
        price=model.last_price,
        locations=np.array(model.locations),
    )
    return {FILE: out.getvalue()}


def opened(folder: Path, version: str) -> WeekdayRates:
    """Reads it. Raises ModelDamaged."""
    try:
        with np.load(folder / FILE) as file:
            return WeekdayRates(
                tuple(map(str, file["items"])),
                file["rates"],
                file["price"],
                tuple(map(str, file["locations"])),
                version,
            )
    except (OSError, ValueError, KeyError) as error:
        raise ModelDamaged(f"forecast: {FILE}: {error}", model="forecast") from error
