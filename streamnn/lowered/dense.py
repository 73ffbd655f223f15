"""Dense layers, whole or in groups: every output of a group is a weighted sum of the group's inputs.

Weights lie input by input, so that a layer is a sum of scaled rows; inputs that are 0 are left out.
"""

from __future__ import annotations

from math import prod

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, load_first, splat, store, store_first, total
from ..errors import SpecError
from .codes import A0, A1, A2, A3, BIAS_AT, IN, KEPT, LINEAR, OUT, WEIGHT_AT
from .plan import PlanBuilder, Value

f4 = np.float32
DENSE_POSITIONS, DENSE_GROUPS, DENSE_INPUTS, DENSE_OUTPUTS = A0, A1, A2, A3
"""Columns of the operation; inputs and outputs are those of a group."""


def linear(b: PlanBuilder, x: Value, name: str, weight: np.ndarray, bias: np.ndarray | None) -> Value:
    """``x @ weight.T + bias`` on the last axis, with the same weights at all leading positions.

    Parameters
    ----------
    b : PlanBuilder
    x : Value, shape (..., inputs)
    name : str
        Of the layer: its parameters are ``name.weight`` and ``name.bias``.
    weight : ndarray, shape (outputs, inputs)
    bias : ndarray, shape (outputs,), optional

    Returns
    -------
    Value, shape (..., outputs)

    Raises
    ------
    SpecError
        When shapes do not fit.
    """
    words = f"Linear({weight.shape[1]} -> {weight.shape[0]})"
    return _dense(b, x, name, weight, bias, 1, words)


def grouped(
    b: PlanBuilder, x: Value, name: str, weight: np.ndarray, bias: np.ndarray | None, groups: int
) -> Value:
    """A dense layer in groups: each sees its share of the inputs, in their order, and gives its share of the outputs.

    Parameters
    ----------
    b : PlanBuilder
    x : Value, shape (..., inputs)
    name : str
    weight : ndarray, shape (outputs, inputs / groups)
    bias : ndarray, shape (outputs,), optional
    groups : int

    Returns
    -------
    Value, shape (..., outputs)

    Raises
    ------
    SpecError
        When shapes do not fit.
    """
    words = f"Grouped({x.shape[-1]} -> {weight.shape[0]}, {groups} groups)"
    return _dense(b, x, name, weight, bias, groups, words)


def _dense(
    b: PlanBuilder, x: Value, name: str, weight: np.ndarray, bias: np.ndarray | None, groups: int, words: str
) -> Value:
    outputs, n = weight.shape
    if x.shape[-1] != n * groups or outputs % groups:
        raise SpecError(f"layer {name!r}: weights of shape {weight.shape} in {groups} groups on {x.shape}")
    h, positions = outputs // groups, prod(x.shape[:-1])
    at = b.parameter(f"{name}.weight", weight, (groups, h, n), (0, 2, 1))
    at_bias = -1 if bias is None else b.parameter(f"{name}.bias", bias)
    more = positions, groups, n, h
    kept = positions * groups * (1 + 2 * n)
    return b.op(LINEAR, words, x, b.value(*x.shape[:-1], outputs), at, at_bias, more, kept=kept)


@leaf(inline=True)
def forward_linear(i, plan, learnt, scratch, training):
    """Outputs of all positions and groups; what is kept are the inputs that are not 0, and their places."""
    ops, w, z, kept = plan.ops, learnt.w, scratch.z, scratch.kept
    n, h = ops[i, DENSE_INPUTS], ops[i, DENSE_OUTPUTS]
    x, y, k = ops[i, IN], ops[i, OUT], ops[i, KEPT]
    for _ in range(ops[i, DENSE_POSITIONS]):
        at, at_bias = ops[i, WEIGHT_AT], ops[i, BIAS_AT]
        for _ in range(ops[i, DENSE_GROUPS]):
            m = _gather(z, x, n, kept, k)
            _weigh(w, at, at_bias, m, n, h, kept, k, z, y)
            x, y, k, at = x + n, y + h, k + 1 + 2 * n, at + n * h
            at_bias = at_bias + h if at_bias >= 0 else at_bias


@leaf(inline=True)
def _gather(z, x, n, kept, k):
    # how many of n values are not 0, their places and then they themselves
    m = 0
    for q in range(n):
        v = z[x + q]
        kept[k + 1 + m], kept[k + 1 + n + m] = f4(q), v
        m += 1 if v != f4(0.0) else 0
    kept[k] = f4(m)
    return m


@leaf(inline=True)
def _weigh(w, at, bias, m, n, h, kept, k, z, y):
    # h sums of rows of weights, each in the order of its inputs
    whole = h - h % LANES
    for j in range(0, whole, LANES):
        v = splat(f4(0.0))
        if bias >= 0:
            v = load(w, bias + j)
        for q in range(m):
            v = v + splat(kept[k + 1 + n + q]) * load(w, at + np.int64(kept[k + 1 + q]) * h + j)
        store(z, y + j, v)
    if whole < h:
        c = h - whole
        v = splat(f4(0.0))
        if bias >= 0:
            v = load_first(w, bias + whole, c)
        for q in range(m):
            p = at + np.int64(kept[k + 1 + q]) * h + whole
            v = v + splat(kept[k + 1 + n + q]) * load_first(w, p, c)
        store_first(z, y + whole, c, v)


@leaf(inline=True)
def backward_linear(i, plan, learnt, scratch):
    """Gradients of weights and biases, and of the inputs."""
    ops, w, d, g, kept = plan.ops, learnt.w, scratch.d, scratch.g, scratch.kept
    n, h = ops[i, DENSE_INPUTS], ops[i, DENSE_OUTPUTS]
    x, y, k = ops[i, IN], ops[i, OUT], ops[i, KEPT]
    for _ in range(ops[i, DENSE_POSITIONS]):
        at, at_bias = ops[i, WEIGHT_AT], ops[i, BIAS_AT]
        for _ in range(ops[i, DENSE_GROUPS]):
            if at_bias >= 0:
                _add(g, at_bias, f4(1.0), d, y, h)
                at_bias += h
            for q in range(np.int64(kept[k])):
                _add(g, at + np.int64(kept[k + 1 + q]) * h, kept[k + 1 + n + q], d, y, h)
            for q in range(n):
                d[x + q] += _dot(w, at + q * h, d, y, h)
            x, y, k, at = x + n, y + h, k + 1 + 2 * n, at + n * h


@leaf(inline=True)
def _add(g, at, x, d, y, h):
    # x times h errors to a row of gradients
    whole = h - h % LANES
    for j in range(0, whole, LANES):
        store(g, at + j, load(g, at + j) + splat(x) * load(d, y + j))
    if whole < h:
        c = h - whole
        store_first(g, at + whole, c, load_first(g, at + whole, c) + splat(x) * load_first(d, y + whole, c))


@leaf(inline=True)
def _dot(w, at, d, y, h):
    whole = h - h % LANES
    s = splat(f4(0.0))
    for j in range(0, whole, LANES):
        s = s + load(w, at + j) * load(d, y + j)
    if whole < h:
        s = s + load_first(w, at + whole, h - whole) * load_first(d, y + whole, h - whole)
    return total(s)
