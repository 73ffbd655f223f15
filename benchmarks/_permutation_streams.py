"""Made streams with hidden groups of columns: of numbers, and of sensors of machines."""

from __future__ import annotations

import numpy as np

f4 = np.float32
Array = np.ndarray


def hidden_groups(
    n: int, groups: int, seed: int, events: int, order: Array | None = None
) -> tuple[Array, Array, Array]:
    """Rows, targets and the true order: y is a sum over hidden groups of a small tanh network of the group's columns.

    Target variance 1, noise .1 standard deviations. `order`, if given, is the input of every place.
    """
    rng = np.random.default_rng([seed, 6])
    k = n // groups
    order = rng.permutation(n) if order is None else order
    w = rng.standard_normal((groups, 3, k)) * 2.0 / np.sqrt(k)
    out, bias = rng.standard_normal((groups, 3)), rng.standard_normal((groups, 3)) * 0.5
    x = rng.standard_normal((events, n)).astype(f4)
    y = (np.tanh(np.einsum("egk,guk->egu", x[:, order].reshape(events, groups, k), w) + bias) * out).sum(
        (1, 2)
    )
    y = (y - y.mean()) / y.std()
    return x, (y + 0.1 * rng.standard_normal(events)).astype(f4), order


def partly_fixed(n: int, groups: int, seed: int) -> Array:
    """ShuffleNet's fixed order with 40 % of its places permuted."""
    rng = np.random.default_rng([seed, 7])
    order = np.arange(n).reshape(groups, -1).T.ravel()
    some = rng.choice(n, round(0.4 * n), replace=False)
    order[some] = order[rng.permutation(some)]
    return order


def sensors(seed: int, events: int = 40_000) -> tuple[Array, Array, Array]:
    """Rows of 512 sensors of 16 machines (3 slow factors each), one of 4 classes, and the true order."""
    rng = np.random.default_rng([seed, 8])
    g, k = 16, 32
    drive = rng.standard_normal((events, g, 3)).astype(f4)
    factors = np.empty_like(drive)
    factors[0] = drive[0]
    for i in range(1, events):
        factors[i] = f4(0.9) * factors[i - 1] + f4(np.sqrt(0.19)) * drive[i]
    load = rng.standard_normal((g, k, 3)).astype(f4) / f4(np.sqrt(3))
    x = np.einsum("egf,gkf->egk", factors, load).reshape(events, g * k)
    x = x + f4(0.5) * rng.standard_normal(x.shape).astype(f4)
    w, b = 2.0 * rng.standard_normal((g, 3, 3)), 0.5 * rng.standard_normal((g, 3))
    out = rng.standard_normal((g, 3))
    score = (np.tanh(np.einsum("egf,guf->egu", factors, w) + b) * out).sum((1, 2))
    order = rng.permutation(g * k)
    rows = np.empty_like(x)
    rows[:, order] = x
    return rows, np.digitize(score, np.quantile(score, [0.25, 0.5, 0.75])).astype(f4), order


def together(index: Array, order: Array, groups: int) -> float:
    """Share of truly grouped pairs of columns that an order puts into one group."""
    n = len(order)
    found, true = np.empty(n, int), np.empty(n, int)
    found[index] = true[order] = np.arange(n) // (n // groups)
    pairs = (true[:, None] == true) & ~np.eye(n, dtype=bool)
    return float((found[:, None] == found)[pairs].mean())
