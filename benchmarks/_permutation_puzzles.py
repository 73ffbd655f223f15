"""Graph matching on regular graphs, and two-layer networks whose loss has a closed form: tests of the rule itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streamnn.permutations.assignment import assignment
from streamnn.permutations.host import alone, settle_alone
from streamnn.permutations.reopening import shares_of
from streamnn.permutations.schedule import Schedule

Array = np.ndarray
STEPS = 1000


def descended(gradient: Callable[[Array], Array], n: int, rule: str, penalty: float, seed: int) -> Array:
    """Shares after 1,000 steps, the penalty rising over 70 % of them."""
    step = 0.02 * n if rule == "mirror" else 0.02 * n / 2.0
    schedule = Schedule(step, 1, 0, 700, penalty, 0.0, sweeps=2, rule=rule, seed=seed)
    t = alone(schedule.start(n, n))
    for _ in range(STEPS):
        m = shares_of(0, t).astype(np.float64)
        t.slow_g[: n * n] = gradient(m).ravel()
        settle_alone(t, 0.0, 0.0)
    return shares_of(0, t).astype(np.float64)


def matching(n: int, degree: int, seed: int) -> tuple[Callable[[Array], Array], Callable[[Array], bool]]:
    """A random regular graph and itself with its nodes renamed: gradient of |MA - BM|^2, and whether M solves it."""
    rng = np.random.default_rng([seed, n])
    while True:  # the pairing model, simple graphs only
        ends = rng.permutation(np.repeat(np.arange(n), degree)).reshape(-1, 2)
        a = np.zeros((n, n))
        np.add.at(a, (ends[:, 0], ends[:, 1]), 1.0)
        a += a.T
        if a.max() == 1.0 and not a.diagonal().any():
            break
    p = np.eye(n)[rng.permutation(n)]
    b = p @ a @ p.T

    def gradient(m: Array) -> Array:
        e = m @ a - b @ m
        return 2.0 * (e @ a - b @ e)

    return gradient, lambda m: not np.abs(m @ a - b @ m).any()


def teacher(
    hidden: int, n: int, seed: int
) -> tuple[Callable[[Array], Array], Callable[[Array], bool], Callable[[Array], float]]:
    """Student W M of a teacher W P, sums of ReLUs on Gaussian inputs: gradient of the closed-form loss, whether M is P,
    and the loss."""
    rng = np.random.default_rng([seed, hidden, n])
    w = rng.standard_normal((hidden, n))
    p = np.eye(n)[rng.permutation(n)]
    v = w @ p

    def loss(m: Array) -> float:
        u = w @ m
        return float(_kernel(u, u)[0].sum() / 2 + _kernel(v, v)[0].sum() / 2 - _kernel(u, v)[0].sum())

    def gradient(m: Array) -> Array:
        u = w @ m
        _, own, to = _kernel(u, u)
        _, own2, to2 = _kernel(u, v)
        return w.T @ (own.sum(1)[:, None] * u + to @ u - own2.sum(1)[:, None] * u - to2 @ v)

    return gradient, lambda m: bool((m == p).all()), loss


def _kernel(u: Array, v: Array) -> tuple[Array, Array, Array]:
    # arc-cosine kernel of all pairs of rows, and the factors of u and of v in its gradient by u
    a, b = np.linalg.norm(u, axis=1)[:, None] + 1e-12, np.linalg.norm(v, axis=1)[None] + 1e-12
    c = np.clip(u @ v.T / (a * b), -1.0, 1.0)
    t = np.arccos(c)
    return (
        a * b * (np.sin(t) + (np.pi - t) * c) / (2 * np.pi),
        b / a * np.sin(t) / (2 * np.pi),
        (np.pi - t) / (2 * np.pi),
    )


def rounded(m: Array) -> Array:
    """The nearest permutation by assignment."""
    return np.eye(len(m))[assignment(m)]
