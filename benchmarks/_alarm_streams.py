"""Scalar streams for alarms.py: stationary ones, and ones that change once. Seeded; mean 0 and sd 1 where that exists."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from numba import njit

KINDS = (
    *("iid", "ar .5", "ar .9", "ar .99", "hmm .01", "hmm .002"),
    *("sine 48", "sine 336", "garch", "log-normal", "errors .1"),
)
CHANGED_ON = ("iid", "ar .9", "ar .99", "hmm .01", "sine 48")
CHANGES = (
    *("mean .5 sd", "mean 1 sd", "mean 2 sd", "variance x2", "variance x.5"),
    *("shape Laplace", "shape skewed", "ramp 2 sd"),
)
RAMP = 5000


@njit
def autoregressive(noise: np.ndarray, rho: float) -> np.ndarray:
    x = noise.copy()
    for t in range(1, x.size):
        x[t] = rho * x[t - 1] + np.sqrt(1.0 - rho * rho) * noise[t]
    return x


@njit
def _volatile(noise: np.ndarray, a: float, b: float) -> np.ndarray:
    x = np.empty(noise.size)
    h = 1.0
    for t in range(x.size):
        x[t] = np.sqrt(h) * noise[t]
        h = 1.0 - a - b + a * x[t] * x[t] + b * h
    return x


def regimes(rng: np.random.Generator, n: int, leave: float) -> np.ndarray:
    """Two hidden states, 0 and 1, left with that probability an event."""
    state: np.ndarray = (np.cumsum(rng.random(n) < leave) + rng.integers(2)) % 2
    return state


def shaped(noise: np.ndarray, shape: str) -> np.ndarray:
    """Standard normal noise reshaped: same mean and variance, another distribution."""
    cdf = np.array([NormalDist().cdf(v) for v in noise.tolist()]).clip(1e-12, 1 - 1e-12)
    if shape == "Laplace":
        out = np.where(cdf < 0.5, np.log(2 * cdf), -np.log(2 * (1 - cdf))) / np.sqrt(2)
    else:  # exponential: skewness 2
        out = -np.log1p(-cdf) - 1.0
    return np.asarray(out)


def background(
    kind: str, n: int, seed: int, change: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """A stationary stream; `change` works on what is random in it from one event to the next."""
    rng = np.random.default_rng([seed, KINDS.index(kind), 11])
    noise = rng.standard_normal(n)
    own = change or (lambda v: v)
    name, _, figure = kind.partition(" ")
    if name == "ar":
        return own(autoregressive(noise, float(figure)))
    if name == "hmm":
        return np.asarray((2.0 * regimes(rng, n, float(figure)) - 1.0 + 0.5 * own(noise)) / np.sqrt(1.25))
    if name == "sine":
        wave = np.sin(2 * np.pi * (np.arange(n) / float(figure) + rng.random()))
        return np.asarray(wave + np.sqrt(0.5) * own(noise))
    if name == "garch":
        return np.asarray(_volatile(noise, 0.08, 0.9))
    if name == "log-normal":
        return np.asarray((np.exp(noise) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e))
    if name == "errors":
        return np.asarray((rng.random(n) < float(figure)) * 1.0)
    return own(noise)


def changed(kind: str, change: str, n: int, at: int, seed: int) -> np.ndarray:
    """A background that changes at event `at` and stays so."""
    what, _, figure = change.partition(" ")
    seed += 1000
    if what == "shape":
        return background(
            kind, n, seed, lambda v: np.concatenate([v[:at], shaped(v[at:], figure.replace("skewed", ""))])
        )
    x = background(kind, n, seed)
    if what == "variance":
        x[at:] *= np.sqrt(float(figure[1:]))
    elif what == "mean":
        x[at:] += float(figure.split()[0])
    else:
        x[at:] += 2.0 * np.minimum(1.0, np.arange(n - at) / RAMP)
    return x


def family(n: int, seed: int, share: float) -> dict[str, np.ndarray]:
    """Eight scalars, each of its own kind, that share a slow factor."""
    kinds = ("iid", "ar .5", "ar .9", "ar .99", "hmm .01", "sine 48", "garch", "log-normal")
    slow = background("ar .9", n, 10_000 + seed)
    return {
        k: np.sqrt(share) * slow + np.sqrt(1.0 - share) * background(k, n, 20_000 + 8 * seed + i)
        for i, k in enumerate(kinds)
    }


@njit
def _threshold(noise: np.ndarray) -> np.ndarray:
    x = noise.copy()
    for t in range(2, x.size):
        x[t] = (0.8 * x[t - 1] if x[t - 1] > 0.5 else -0.4 * x[t - 2]) + noise[t]
    return x


@njit
def _tent(start: float, noise: np.ndarray) -> np.ndarray:
    x = np.empty(noise.size)
    v = start
    for t in range(x.size):
        v = 1.9999 * min(v, 1.0 - v)
        x[t] = v + 0.02 * noise[t]
    return x


@njit
def _queue(u: np.ndarray) -> np.ndarray:
    x = np.zeros(u.size)
    for t in range(1, x.size):
        x[t] = max(0.0, x[t - 1] + (1.0 if u[t] < 0.46 else -1.0))
    return x


@njit
def _ar2(noise: np.ndarray) -> np.ndarray:
    x = noise.copy()
    for t in range(2, x.size):
        x[t] = 1.6 * x[t - 1] - 0.8 * x[t - 2] + noise[t]
    return x


def _moving(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(rng.standard_normal(n + width - 1))])
    return np.asarray((total[width:] - total[:-width]) / np.sqrt(width))


FRESH: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "queue length": lambda r, n: _queue(r.random(n)),
    "threshold AR": lambda r, n: _threshold(r.standard_normal(n)),
    "tent map": lambda r, n: _tent(0.1 + 0.8 * r.random(), r.standard_normal(n)),
    "AR(2) cycle": lambda r, n: _ar2(r.standard_normal(n)),
    "moving mean of 100": lambda r, n: _moving(r, n, 100),
    "square wave 200": lambda r, n: (
        np.sign(np.sin(2 * np.pi * (np.arange(n) / 200 + r.random()))) + 0.7 * r.standard_normal(n)
    ),
    "day and week of counts": lambda r, n: (
        r.poisson(
            np.exp(
                1.0
                + 0.8 * np.sin(np.arange(n) * 2 * np.pi / 24)
                + 0.4 * np.sin(np.arange(n) * 2 * np.pi / 168)
            )
        )
        * 1.0
    ),
    "Student t, 3 degrees": lambda r, n: r.standard_t(3, n),
    "volatility AR .95": lambda r, n: (
        r.standard_normal(n) * np.exp(0.6 * autoregressive(r.standard_normal(n), 0.95))
    ),
    "errors in bursts": lambda r, n: (r.random(n) < 0.05 + 0.25 * regimes(r, n, 0.01)) * 1.0,
}
"""Generated only after the detector was fixed."""


def fresh(name: str, n: int, seed: int) -> np.ndarray:
    """A stationary stream of a kind that the detector was not made on."""
    return np.ascontiguousarray(FRESH[name](np.random.default_rng([seed, list(FRESH).index(name), 2026]), n))
