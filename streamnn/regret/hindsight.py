"""The best fixed linear model in hindsight: least squares, or logistic regression by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import LimitError, SpecError

MAX_UNKNOWNS = 4000
"""Most unknowns of a logistic model: one Newton step costs their third power."""
TOLERANCE = 1e-10
"""Newton's method ends when a step promises less than this share of the summed loss."""


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A linear model fitted to all events at once, and what it loses on them.

    Parameters
    ----------
    weights : ndarray of float64, shape (outputs, columns + 1)
        The last column is the constant.
    losses : ndarray of float64, shape (n,)
        Squared losses, or log losses in nats.
    """

    weights: np.ndarray
    losses: np.ndarray


def best_linear(x: np.ndarray, y: np.ndarray) -> LinearFit:
    """The linear model with the least squared loss on these events.

    Parameters
    ----------
    x : ndarray, shape (n, d)
        Rows; d may be 0: then it is the mean.
    y : ndarray, shape (n,)

    Raises
    ------
    SpecError
        When a value is not finite or there are no events.

    Examples
    --------
    >>> import numpy as np
    >>> fit = best_linear(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
    >>> fit.weights.round(9).tolist(), round(float(fit.losses.sum()), 9)
    ([[2.0, 1.0]], 0.0)
    """
    x1, target = _with_constant(x), np.asarray(y, np.float64)
    if not np.isfinite(target).all():
        raise SpecError("hindsight: a target is not finite")
    w = np.linalg.lstsq(x1, target, rcond=None)[0]
    return LinearFit(w[None], (target - x1 @ w) ** 2)


def best_logistic(
    x: np.ndarray, y: np.ndarray, classes: int, ridge: float = 1e-6, steps: int = 100
) -> LinearFit:
    """The logistic model with the least log loss on these events.

    Newton's method with shortened steps on the summed loss plus ``ridge / 2 * |weights|**2``; the ridge gives
    an optimum where classes can be told apart without error. Class 0 has zero weights.

    Parameters
    ----------
    x : ndarray, shape (n, d)
    y : ndarray of int, shape (n,)
        Class numbers from 0.
    classes : int
    ridge : float
    steps : int
        Most Newton steps.

    Raises
    ------
    SpecError
        When there are no events, a value is not finite or a label is no class number.
    LimitError
        When the model would have more than 4,000 unknowns.

    Examples
    --------
    >>> import numpy as np
    >>> fit = best_logistic(np.zeros((4, 0)), np.array([0, 1, 1, 1]), 2)
    >>> round(float(fit.losses.mean()), 4), round(float(np.exp(fit.weights[1, 0])), 4)
    (0.5623, 3.0)
    """
    x1, label = _with_constant(x), np.asarray(y, np.int64)
    d = x1.shape[1]
    if classes < 2 or label.min() < 0 or label.max() >= classes:
        raise SpecError(f"hindsight: labels must be class numbers from 0 to {classes - 1}")
    free = classes - 1
    if free * d > MAX_UNKNOWNS:
        raise LimitError(
            f"hindsight: {free * d} unknowns of a logistic model, the limit is {MAX_UNKNOWNS}: "
            "use fewer columns"
        )
    hit = (label[:, None] == np.arange(1, classes)).astype(np.float64)
    w = np.zeros((free, d))
    p, losses = _softmax(x1, label, w)
    value = losses.sum()
    for _ in range(steps):
        slope = (p[:, 1:] - hit).T @ x1 + ridge * w
        curve = np.empty((free, d, free, d))
        for a in range(free):
            for b in range(a + 1):
                part = p[:, a + 1] * ((a == b) - p[:, b + 1])
                curve[a, :, b, :] = (x1 * part[:, None]).T @ x1
                curve[b, :, a, :] = curve[a, :, b, :]
        flat = curve.reshape(free * d, free * d) + ridge * np.eye(free * d)
        step = np.linalg.solve(flat, slope.ravel()).reshape(free, d)
        gain = float((step * slope).sum())
        if gain <= TOLERANCE * max(value, 1.0):
            break
        t = 1.0
        while t > 1e-8:
            p, losses = _softmax(x1, label, w - t * step)
            new = losses.sum() + 0.5 * ridge * ((w - t * step) ** 2).sum()
            if new <= value - 1e-4 * t * gain:
                break
            t *= 0.5
        else:
            break  # rounding leaves nothing to gain
        w, value = w - t * step, new
    w = np.vstack([np.zeros((1, d)), w])
    return LinearFit(w, _softmax(x1, label, w[1:])[1])


def _with_constant(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or not len(x) or not np.isfinite(x).all():
        raise SpecError(
            f"hindsight: rows of shape {x.shape} are needed as (events, columns), finite, and at least one"
        )
    return np.column_stack([x, np.ones(len(x))])


def _softmax(x1: np.ndarray, label: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # probabilities of all classes, and the log loss of every event
    z = np.column_stack([np.zeros(len(x1)), x1 @ w.T])
    z -= z.max(1, keepdims=True)
    e = np.exp(z)
    total = e.sum(1)
    return e / total[:, None], np.log(total) - z[np.arange(len(z)), label]
