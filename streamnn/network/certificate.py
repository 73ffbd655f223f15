"""The slope certificate: a proven upper bound, and a lower bound found by looking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_ROUNDING = 1.0 + 1e-9


@dataclass(frozen=True, slots=True)
class Certificate:
    """Bounds of the largest l2 slope of a network, from the numeric part of its row to its outputs.

    Parameters
    ----------
    bound : float
        No two rows have outputs further apart than `bound` times their distance.
    attacked : float
        Largest slope found at the rows looked at: the truth lies between the two.
    l1_bound : float
        The paper's bound for the l1 norm, product of largest weights and summed BV(2) norms.
    """

    bound: float
    attacked: float
    l1_bound: float


def _spectral(w: np.ndarray) -> float:
    w = w.astype(np.float64)
    return float(np.linalg.norm(w, 2)) * _ROUNDING if w.size else 0.0


def certify(
    first: np.ndarray,
    hidden: list[np.ndarray],
    out: np.ndarray,
    bias: np.ndarray,
    knots: np.ndarray | None,
    rows: np.ndarray,
) -> Certificate:
    """Certificate of a network with the given weights.

    The bound is the product of the layers' spectral norms and of their steepest activations, in double
    precision from the weights as they are (Aziznejad et al. 2020, in the l2 norm; their l1 bound beside it).

    Parameters
    ----------
    first : ndarray, shape (inputs, H1)
    hidden : list of ndarray, shapes (H1, H2), ...
    out : ndarray, shape (outputs, H)
    bias : ndarray, shape (units,)
    knots : ndarray, shape (units, 21), or None
        Spline values on [-4, 4]; None for leaky ReLU.
    rows : ndarray, shape (n, inputs)
        Places at which the slope is evaluated exactly.
    """
    layers = [first, *hidden]
    bound, l1 = 1.0, 1.0
    at = 0
    steep = []
    for w in layers:
        H = w.shape[1]
        c = None if knots is None else knots[at : at + H].astype(np.float64)
        steep.append(np.full(H, 1.0) if c is None else np.abs(np.diff(c, axis=1)).max(1) / 0.4)
        if c is None:
            bv = np.full(H, 1.99)  # kink .99, value 0 at 0 and 1 at 1
        else:
            at_one = c[:, 12] + (c[:, 13] - c[:, 12]) * 0.5
            bv = np.abs(np.diff(c, 2, axis=1)).sum(1) / 0.4 + np.abs(c[:, 10]) + np.abs(at_one)
        bound *= _spectral(w) * float(steep[-1].max())
        l1 *= float(np.abs(w).max(initial=0.0)) * float(bv.sum())
        at += H
    bound *= _spectral(out)
    l1 *= float(np.abs(out).max(initial=0.0)) * len(out)  # the l1 norm sums over outputs
    return Certificate(bound * _ROUNDING, _attack(layers, out, bias, knots, rows), l1)


def _attack(
    layers: list[np.ndarray], out: np.ndarray, bias: np.ndarray, knots: np.ndarray | None, rows: np.ndarray
) -> float:
    found = 0.0
    for x in rows.astype(np.float64):
        z, at, jac = x, 0, np.eye(len(x))
        for w in layers:
            H = w.shape[1]
            a = z @ w + bias[at : at + H]
            if knots is None:
                slope = np.where(a > 0, 1.0, 0.01)
                z = a * slope
            else:
                i = np.clip(a / 0.4 + 10, 0, 19.5).astype(int)
                c = knots[at : at + H].astype(np.float64)
                lo, hi = c[np.arange(H), i], c[np.arange(H), i + 1]
                slope = (hi - lo) / 0.4
                z = lo + (a / 0.4 + 10 - i) * (hi - lo)
            jac = (jac @ w) * slope
            at += H
        found = max(found, float(np.linalg.norm(jac @ out.T.astype(np.float64), 2)))
    return found
