"""Run by the Python of an environment of its own (requirements/peers/statsforecast.txt): statsforecast's forecasts.

    python peers_worker.py ASKED.npz FOLDER

ASKED: values (m,) and ptr (n + 1,), season, horizon, levels (q,), models (names of MODELS). Written for each model:
FOLDER/NAME.npz with mean (n, h); quantiles (n, h, q) float32 three times: own (the model's own intervals, where it has
any), residual (its forecast plus the empirical quantiles of its one-step errors in the history), phase (the same with
the errors at the same phase of the season alone); failed (n,); seconds. It imports nothing of this repository.
"""

import itertools
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from statsforecast import models as sf

GRID = (0.02, 0.05, 0.1, 0.2, 0.3)
"""TSB takes its two smoothing parameters from outside: the pair of least squared error in the history."""
PHASE_MIN = 20
"""Fewer errors than that at a phase say nothing about its tails: all errors are taken."""
TELL_S = 20.0


def tsb(y):
    tried = []
    for demand, chance in itertools.product(GRID, GRID):
        model = sf.TSB(alpha_d=demand, alpha_p=chance)
        fitted = model.forecast(y=y, h=1, fitted=True)["fitted"]
        tried.append((np.nansum((y - fitted) ** 2), demand, chance))
    _, demand, chance = min(tried)
    return sf.TSB(alpha_d=demand, alpha_p=chance)


# name -> (the model for a history and a season, has it intervals of its own?)
MODELS = {
    "AutoETS": (lambda y, season: sf.AutoETS(season_length=season), True),
    "AutoTheta": (lambda y, season: sf.AutoTheta(season_length=season), True),
    "AutoARIMA": (lambda y, season: sf.AutoARIMA(season_length=season), True),
    "AutoCES": (lambda y, season: sf.AutoCES(season_length=season), True),
    "CrostonSBA": (lambda y, season: sf.CrostonSBA(), False),
    "TSB": (lambda y, season: tsb(y), False),
    "ADIDA": (lambda y, season: sf.ADIDA(), False),
    "IMAPA": (lambda y, season: sf.IMAPA(), False),
    "SeasonalNaive": (lambda y, season: sf.SeasonalNaive(season_length=season), True),
}


def own(answer, levels):
    """(h, q) quantiles of the intervals in the answer."""
    out = np.empty((len(answer["mean"]), len(levels)))
    for place, level in enumerate(levels):
        width = 100 * abs(2 * level - 1)
        if width < 1e-6:
            out[:, place] = answer["mean"]
        else:
            out[:, place] = answer[f"{'lo' if level < 0.5 else 'hi'}-{round(width, 4)}"]
    return out


def spread(errors, levels, season, horizon):
    """Quantiles (h, q) of errors (t,): all of them at each step, and those of the step's own phase."""
    if not np.isfinite(errors).any():
        return np.zeros((horizon, len(levels))), np.zeros((horizon, len(levels)))
    every = np.quantile(errors[np.isfinite(errors)], levels)
    out = np.empty((horizon, len(levels)))
    for step in range(horizon):
        same = errors[(len(errors) + step) % season :: season]
        same = same[np.isfinite(same)]
        out[step] = np.quantile(same, levels) if len(same) >= PHASE_MIN else every
    return np.tile(every, (horizon, 1)), out


def answer_one(name, y, season, horizon, levels):
    """mean (h,), and own, residual, phase (h, q) of one series. Raises what the library raises."""
    make, intervals = MODELS[name]
    asked = sorted({round(100 * abs(2 * level - 1), 4) for level in levels} - {0.0}) if intervals else None
    found = make(y, season).forecast(y=y, h=horizon, fitted=True, **({"level": asked} if intervals else {}))
    mean = np.asarray(found["mean"], float)
    if not np.isfinite(mean).all():
        raise ValueError("not finite")
    every, phase = spread(y - np.asarray(found["fitted"], float), levels, season, horizon)
    limits = own(found, levels) if intervals else every
    if not np.isfinite(limits).all():
        limits = mean[:, None] + every
    return mean, limits, mean[:, None] + every, mean[:, None] + phase


def main(asked_file, folder):
    warnings.filterwarnings("ignore")
    with np.load(asked_file) as file:
        asked = dict(file)
    values, ptr, levels = asked["values"], asked["ptr"], asked["levels"]
    season, horizon, n = int(asked["season"]), int(asked["horizon"]), len(ptr) - 1
    for name in asked["models"].tolist():
        began, told = time.monotonic(), time.monotonic()
        mean = np.zeros((n, horizon), np.float32)
        limits = np.zeros((3, n, horizon, len(levels)), np.float32)
        failed = np.zeros(n, bool)
        for row in range(n):
            y = values[ptr[row] : ptr[row + 1]]
            try:
                mean[row], *some = answer_one(name, y, season, horizon, levels)
            except Exception:  # too short, too flat: the library gives up in many ways
                failed[row], mean[row], some = True, y.mean(), [np.quantile(y, levels)] * 3
            for kind in range(3):
                limits[kind, row] = some[kind]
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                print(f"{name}: {row + 1} of {n} series", file=sys.stderr, flush=True)
        seconds = time.monotonic() - began
        answer = {"mean": mean, "residual": limits[1], "phase": limits[2], "failed": failed, "seconds": seconds}
        if MODELS[name][1]:
            answer["own"] = limits[0]
        part = Path(folder) / f"{name}.part"
        with part.open("wb") as file:
            np.savez(file, **answer)
        part.replace(Path(folder) / f"{name}.npz")
        print(f"{name}: {n} series in {seconds:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
