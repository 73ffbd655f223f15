"""A search for a steep place of a network: the lower side of the slope certificate."""

from __future__ import annotations

import numpy as np

from .functions import Functions

_STARTS_KEPT, _TRIES, _SEARCH_ROUNDS = 4, 16, 6
"""Steepest rows that a round begins from, tries around each, and rounds, each of half the step of the last."""
_ROWS_AT_ONCE = 32
"""Rows whose Jacobians are in memory together."""


def attack(
    layers: list[np.ndarray],
    out: np.ndarray,
    bias: np.ndarray,
    functions: list[Functions],
    rows: np.ndarray,
) -> float:
    """Largest l2 slope found: at the rows, then around the steepest of them in steps that grow smaller.

    The slope at a place is the spectral norm of the Jacobian there, exact up to rounding. The same answer for the same
    arguments.

    Parameters
    ----------
    layers : list of ndarray, shapes (inputs, H1), (H1, H2), ...
    out : ndarray, shape (outputs, H)
    bias : ndarray, shape (units,)
    functions : list of Functions
        Of each layer.
    rows : ndarray, shape (n, inputs)
    """
    x = rows.astype(np.float64)
    if not len(x) or not x.shape[1]:
        return 0.0
    rng = np.random.default_rng(0)
    scale = x.std(0) + 0.1
    found = slopes_at(layers, out, bias, functions, x)
    for turn in range(_SEARCH_ROUNDS):
        top = np.argsort(-found, kind="stable")[:_STARTS_KEPT]
        x, found = x[top], found[top]
        step = scale * 2.0 ** (1 - turn) * rng.standard_normal((len(x) * _TRIES, x.shape[1]))
        near = np.repeat(x, _TRIES, 0) + step
        x, found = (
            np.concatenate([x, near]),
            np.concatenate([found, slopes_at(layers, out, bias, functions, near)]),
        )
    return float(found.max())


def slopes_at(
    layers: list[np.ndarray], out: np.ndarray, bias: np.ndarray, functions: list[Functions], x: np.ndarray
) -> np.ndarray:
    """The slope at each row of x, shape (n,); other arguments as for :func:`attack`.

    The time it takes does not grow with the number of classes: what lies beyond the units at either end only turns
    vectors, and a turned vector is as long.
    """
    found = []
    into, above = narrow(layers[0]), narrow(out)
    for a in range(0, len(x), _ROWS_AT_ONCE):
        z, at = x[a : a + _ROWS_AT_ONCE], 0
        jacobian = np.zeros((0, 0, 0))
        for l, (w, f) in enumerate(zip(layers, functions, strict=True)):
            z, slope = f.at(z @ w + bias[at : at + w.shape[1]])
            jacobian = (into[None] if l == 0 else jacobian @ w) * slope[:, None, :]
            at += w.shape[1]
        found.append(np.linalg.norm(jacobian @ above.T, 2, axis=(1, 2)))
    return np.concatenate(found)


def narrow(w: np.ndarray) -> np.ndarray:
    """A matrix that stretches every vector as `w` does and has no more rows than columns."""
    if w.shape[0] <= w.shape[1]:
        return w
    return np.asarray(np.linalg.qr(w, mode="r"))
