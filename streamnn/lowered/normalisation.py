"""Norms over the numbers of one sample: of layers, of groups of channels, and root mean square."""

from __future__ import annotations

from math import prod

import numpy as np

from .._kernels.jit import leaf
from ..errors import SpecError
from .codes import A0, A1, A2, A3, A4, BIAS_AT, IN, KEPT, NORMALISATION, OUT, WEIGHT_AT
from .plan import PlanBuilder, Value

f4 = np.float32
NORM_ROWS, NORM_SIZE, NORM_EACH, NORM_WEIGHTS, NORM_CENTRED = A0, A1, A2, A3, A4
"""Columns of the operation: rows that are normalised one by one, and their numbers; numbers that share a weight; weights
of a row, 0 if all rows have the same; and whether a row's mean is taken off."""

Weights = np.ndarray | None


def layer_norm(
    b: PlanBuilder, x: Value, name: str, weight: Weights, bias: Weights, eps: float, last: int
) -> Value:
    """Mean 0 and variance 1 over the last axes (Ba, Kiros and Hinton 2016), then a weight and a bias for each place.

    Parameters
    ----------
    b : PlanBuilder
    x : Value
    name : str
        Parameters are ``name.weight`` and ``name.bias``.
    weight, bias : ndarray, the shape of the last axes, or None
    eps : float
        Added to the variance.
    last : int
        How many axes.

    Returns
    -------
    Value, the shape of `x`

    Raises
    ------
    SpecError
        When weights have not the shape of these axes.
    """
    return _layer(b, x, name, weight, bias, eps, last, "LayerNorm")


def rms_norm(b: PlanBuilder, x: Value, name: str, weight: Weights, eps: float, last: int) -> Value:
    """Mean square 1 over the last axes (Zhang and Sennrich 2019), then a weight for each place; see `layer_norm`."""
    return _layer(b, x, name, weight, None, eps, last, "RMSNorm")


def _layer(
    b: PlanBuilder, x: Value, name: str, weight: Weights, bias: Weights, eps: float, last: int, kind: str
) -> Value:
    shape = x.shape[len(x.shape) - last :]
    size = prod(shape)
    more = x.size // size, size, 1, 0, int(kind == "LayerNorm")
    return _emit(b, x, name, weight, bias, shape, eps, more, f"{kind}({size})")


def group_norm(
    b: PlanBuilder, x: Value, name: str, weight: Weights, bias: Weights, eps: float, groups: int
) -> Value:
    """Mean 0 and variance 1 over each group of channels (Wu and He 2018), then a weight and a bias for each channel.

    Parameters
    ----------
    b : PlanBuilder
    x : Value, shape (channels, ...)
    name : str
        Parameters are ``name.weight`` and ``name.bias``.
    weight, bias : ndarray, shape (channels,), or None
    eps : float
        Added to the variance.
    groups : int

    Returns
    -------
    Value, the shape of `x`

    Raises
    ------
    SpecError
        When channels can't be parted into groups or weights are not one a channel.
    """
    channels = x.shape[0]
    if channels % groups:
        raise SpecError(f"norm {name!r}: {channels} channels make no {groups} groups")
    more = groups, x.size // groups, x.size // channels, channels // groups, 1
    words = f"GroupNorm({groups}, {channels})"
    return _emit(b, x, name, weight, bias, (channels,), eps, more, words)


def _emit(
    b: PlanBuilder,
    x: Value,
    name: str,
    weight: Weights,
    bias: Weights,
    shape: tuple[int, ...],
    eps: float,
    more: tuple[int, ...],
    words: str,
) -> Value:
    at = {}
    for leaf_name, v in (("weight", weight), ("bias", bias)):
        if v is not None and v.shape != shape:
            raise SpecError(f"norm {name!r}: its {leaf_name} has shape {v.shape}, its numbers {shape}")
        at[leaf_name] = -1 if v is None else b.parameter(f"{name}.{leaf_name}", v)
    y = b.value(*x.shape)
    return b.op(
        NORMALISATION, words, x, y, at["weight"], at["bias"], more=more, reals=[eps], kept=2 * more[0]
    )


@leaf
def forward_normalisation(i, plan, learnt, scratch, training):
    """Values; what is kept are each row's mean and one over its deviation."""
    ops, w, z, kept = plan.ops, learnt.w, scratch.z, scratch.kept
    n, each, x, y, k = ops[i, NORM_SIZE], ops[i, NORM_EACH], ops[i, IN], ops[i, OUT], ops[i, KEPT]
    for r in range(ops[i, NORM_ROWS]):
        mean = f4(0.0)
        if ops[i, NORM_CENTRED]:
            for j in range(n):
                mean += z[x + j]
            mean /= f4(n)
        square = f4(0.0)
        for j in range(n):
            v = z[x + j] - mean
            square += v * v
        scale = f4(1.0) / np.sqrt(square / f4(n) + plan.reals[i, 0])
        kept[k], kept[k + 1] = mean, scale
        for j in range(n):
            v, c = (z[x + j] - mean) * scale, r * ops[i, NORM_WEIGHTS] + j // each
            if ops[i, WEIGHT_AT] >= 0:
                v *= w[ops[i, WEIGHT_AT] + c]
            if ops[i, BIAS_AT] >= 0:
                v += w[ops[i, BIAS_AT] + c]
            z[y + j] = v
        x, y, k = x + n, y + n, k + 2


@leaf
def backward_normalisation(i, plan, learnt, scratch):
    """Gradients of weights and biases, and of what came in, through mean and deviation."""
    ops, w, z, d, g, kept = plan.ops, learnt.w, scratch.z, scratch.d, scratch.g, scratch.kept
    n, each, x, y, k = ops[i, NORM_SIZE], ops[i, NORM_EACH], ops[i, IN], ops[i, OUT], ops[i, KEPT]
    for r in range(ops[i, NORM_ROWS]):
        mean, scale = kept[k], kept[k + 1]
        sum_1, sum_2 = f4(0.0), f4(0.0)
        for j in range(n):
            v, q, c = (z[x + j] - mean) * scale, d[y + j], r * ops[i, NORM_WEIGHTS] + j // each
            if ops[i, BIAS_AT] >= 0:
                g[ops[i, BIAS_AT] + c] += q
            if ops[i, WEIGHT_AT] >= 0:
                g[ops[i, WEIGHT_AT] + c] += q * v
                q *= w[ops[i, WEIGHT_AT] + c]
            sum_1 += q
            sum_2 += q * v
        sum_1 = sum_1 / f4(n) if ops[i, NORM_CENTRED] else f4(0.0)
        sum_2 /= f4(n)
        for j in range(n):
            v, q = (z[x + j] - mean) * scale, d[y + j]
            if ops[i, WEIGHT_AT] >= 0:
                q *= w[ops[i, WEIGHT_AT] + r * ops[i, NORM_WEIGHTS] + j // each]
            d[x + j] += scale * (q - sum_1 - v * sum_2)
        x, y, k = x + n, y + n, k + 2
