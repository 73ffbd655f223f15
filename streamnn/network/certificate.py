"""The slope certificate: a proven upper bound, and a lower bound found by looking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .attack import attack, narrow
from .functions import Functions

_ROUNDED_UP = 1.0 + 1e-9
"""Factor that covers rounding in double precision: bounds stay bounds."""
_BALANCE_ROUNDS = 24
"""Steps of the descent that balances two sides; any number gives a valid bound."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Bounds of the largest l2 slope of a network, from the numeric part of its row to its outputs.

    Parameters
    ----------
    bound : float
        No two rows have outputs further apart than `bound` times their distance.
    attacked : float
        Largest slope found by a search from the rows looked at: the truth lies between the two.
    l1_bound : float
        The paper's bound for the l1 norm, product of largest weights and summed BV(2) norms.
    product : float
        The simplest l2 bound, spectral norms times steepest activations; never below `bound`.
    """

    bound: float
    attacked: float
    l1_bound: float
    product: float


def certify(
    first: np.ndarray,
    hidden: list[np.ndarray],
    out: np.ndarray,
    bias: np.ndarray,
    functions: Functions,
    rows: np.ndarray,
) -> Certificate:
    """Certificate of a network with the given weights.

    In double precision from the weights as they are; the smaller of two l2 bounds, and the l1 bound of Aziznejad et
    al. (2020). The first l2 bound is the product of the layers' spectral norms and steepest activations. The second
    takes each activation's slope as its middle plus or minus half its span, so that what all slopes have in common
    passes through all layers as one matrix.

    Parameters
    ----------
    first : ndarray, shape (inputs, H1)
    hidden : list of ndarray, shapes (H1, H2), ...
    out : ndarray, shape (outputs, H)
    bias : ndarray, shape (units,)
    functions : Functions
        Of all units.
    rows : ndarray, shape (n, inputs)
        Where the search for a steep place begins.
    """
    layers = [w.astype(np.float64) for w in (first, *hidden)]
    last = out.astype(np.float64)
    if not all(np.isfinite(v).all() for v in (*layers, last, bias, functions.values)):
        return Certificate(np.inf, np.inf, np.inf, np.inf)  # it has no slope
    product, l1, at = 1.0, 1.0, 0
    middles, halves, parts = [], [], []
    for w in layers:
        f = functions.of(at, at + w.shape[1])
        slopes = f.slopes()
        low, high = slopes.min(1), slopes.max(1)
        middles.append((low + high) / 2.0)
        halves.append((high - low) / 2.0)
        product *= _spectral(w) * float(np.abs(slopes).max())
        l1 *= float(np.abs(w).max(initial=0.0)) * float(f.bv2().sum())
        parts.append(f)
        at += w.shape[1]
    product *= _spectral(last) * _ROUNDED_UP
    l1 *= float(np.abs(last).max(initial=0.0)) * len(last)  # the l1 norm sums over outputs
    both = min(
        product, _common([narrow(layers[0]), *layers[1:]], narrow(last), middles, halves) * _ROUNDED_UP
    )
    return Certificate(both, attack(layers, last, bias, parts, rows), l1 * _ROUNDED_UP, product)


def _spectral(w: np.ndarray) -> float:
    return float(np.linalg.norm(w, 2)) * _ROUNDED_UP if w.size else 0.0


def _common(
    layers: list[np.ndarray], out: np.ndarray, middles: list[np.ndarray], halves: list[np.ndarray]
) -> float:
    # Every product of (middle + deviation) over layers is a sum over which layers deviate. reach[i] bounds what comes
    # out of layer i as a deviation; between two deviations lies one matrix through the middles of layers.
    chain = [w.T for w in layers] + [out]
    into = [_balance(chain[i], chain[i + 1], h) for i, h in enumerate(halves)]
    reach = [1.0]
    for j in range(len(chain)):
        total = 0.0
        for i in range(j + 1):
            a = chain[i] if i == 0 else chain[i] * into[i - 1][1]
            for l in range(i, j):
                a = (chain[l + 1] * middles[l]) @ a
            if j < len(halves):
                a = into[j][0][:, None] * a
            total += reach[i] * _spectral(a)
        reach.append(total)
    return reach[-1]


def _balance(below: np.ndarray, above: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Factors of each unit's half span, one for each side; any split is valid. Descends log of the product of both
    # sides' norms, whose gradient are squares of singular vectors.
    root = np.sqrt(half)
    a, b = root[:, None] * below, above * root
    if not a.any() or not b.any():
        return root, root
    with np.errstate(divide="ignore", invalid="ignore"):
        log = 0.5 * np.log(np.linalg.norm(b, axis=0) / np.linalg.norm(a, axis=1))
    log = np.clip(np.where(np.isfinite(log), log, 0.0), -8.0, 8.0)
    best, found = np.zeros_like(log), np.inf
    for turn in range(_BALANCE_ROUNDS):
        d = np.exp(log)
        u, s, _ = np.linalg.svd(d[:, None] * a, full_matrices=False)
        _, t, v = np.linalg.svd(b / d, full_matrices=False)
        if s[0] * t[0] < found:
            best, found = log.copy(), s[0] * t[0]
        log = log - (1.0 / (1.0 + 0.25 * turn)) * (u[:, 0] ** 2 - v[0] ** 2)
    return root * np.exp(best), root / np.exp(best)
