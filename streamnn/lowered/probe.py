"""What a plan computes for one sample, and its gradients: to compare a lowered network with the one it stands for."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import kernel
from .arrays import COUNT_WIDTH, Learnt, Scratch
from .passes import backward, forward
from .plan import Plan, PlanArrays

f4 = np.float32


@kernel
def _forward(plan: PlanArrays, learnt: Learnt, scratch: Scratch, training):
    forward(plan, learnt, scratch, training)


@kernel
def _backward(plan: PlanArrays, learnt: Learnt, scratch: Scratch):
    backward(plan, learnt, scratch)


def new_scratch(plan: Plan) -> Scratch:
    """Room for one sample."""
    values = plan.values
    return Scratch(
        np.zeros(values, f4), np.zeros(values, f4), np.zeros(len(plan.weights), f4), np.zeros(plan.kept, f4)
    )


def outputs(plan: Plan, weights: np.ndarray, x: np.ndarray, training: bool = False) -> np.ndarray:
    """What comes out of a plan.

    Parameters
    ----------
    plan : Plan
    weights : ndarray of float32
        Flat, as ``plan.weights``.
    x : ndarray, the shape of a sample
    training : bool
        Whether numbers are dropped.

    Returns
    -------
    ndarray of float32, the shape of the output

    Examples
    --------
    >>> from streamnn.lowered import PlanBuilder
    >>> from streamnn.lowered.dense import linear
    >>> b = PlanBuilder((2,))
    >>> y = linear(b, b.input, "out", np.array([[1.0, 2.0]]), np.array([0.5]))
    >>> plan = b.finish(y, latent=b.input)
    >>> outputs(plan, plan.weights, np.array([3.0, 4.0])).tolist()
    [11.5]
    >>> gradients(plan, plan.weights, np.array([3.0, 4.0]), np.ones(1))[1].tolist()
    [1.0, 2.0]
    """
    scratch = _run(plan, _learnt(plan, weights), x, training)
    return _piece(scratch.z, plan.output.at, plan.output.shape)


def gradients(
    plan: Plan, weights: np.ndarray, x: np.ndarray, d_output: np.ndarray, training: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of a loss of what comes out.

    Parameters
    ----------
    plan : Plan
    weights : ndarray of float32
        Flat, as ``plan.weights``.
    x : ndarray, the shape of a sample
    d_output : ndarray, the shape of the output
        The loss' gradient there.
    training : bool
        Whether numbers are dropped.

    Returns
    -------
    parameters : ndarray of float32
        Flat; ``plan.named`` takes it apart.
    inputs : ndarray of float32, the shape of a sample
    """
    learnt = _learnt(plan, weights)
    scratch = _run(plan, learnt, x, training)
    at = plan.output.at
    scratch.d[at : at + plan.output.size] = np.asarray(d_output, f4).ravel()
    _backward(plan.arrays, learnt, scratch)
    return scratch.g, _piece(scratch.d, plan.input.at, plan.input.shape)


def _learnt(plan: Plan, weights: np.ndarray) -> Learnt:
    w = np.ascontiguousarray(weights, f4)
    slow, counters = plan.slow.copy(), plan.counters.copy()
    moments = np.zeros_like(w), np.zeros_like(w)
    return Learnt(w, *moments, slow, np.zeros_like(slow), counters, np.zeros(COUNT_WIDTH, np.int64))


def _run(plan: Plan, learnt: Learnt, x: np.ndarray, training: bool) -> Scratch:
    scratch = new_scratch(plan)
    scratch.z[plan.input.at : plan.input.at + plan.input.size] = np.asarray(x, f4).ravel()
    _forward(plan.arrays, learnt, scratch, training)
    return scratch


def _piece(flat: np.ndarray, at: int, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    return flat[at : at + size].reshape(shape).copy()
