"""Activation functions, number by number, with the derivatives that torch gives them where they have a corner."""

from __future__ import annotations

from math import prod

import numpy as np

from .._kernels.ieee import erf32, exp32, expm1_32, sigmoid32, softplus32, tanh32
from .._kernels.jit import leaf
from ..errors import SpecError
from .codes import A0, A1, A2, ACTIVATION, IN, OUT, SIZE_IN, WEIGHT_AT
from .plan import PlanBuilder, Value

f4 = np.float32
ACT_KIND, ACT_CHANNELS, ACT_EACH = A0, A1, A2
"""Columns of the operation: which function; and of a PReLU its channels and the numbers of each."""

LEAKY, TANH, ACT_SIGMOID, ELU, ACT_SILU, ACT_GELU, ACT_GELU_TANH, SOFTPLUS = range(8)
CLAMP, HARDSIGMOID, HARDSWISH, ACT_MISH, SOFTSIGN, LOG_SIGMOID, PRELU, SCALED = range(8, 16)

_SELU_NUMBERS = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
_HALF, _THIRD, _SIXTH = f4(0.5), f4(1 / 3), f4(1 / 6)
_ROOT_HALF, _DENSITY_0 = f4(0.7071067811865476), f4(0.3989422804014327)
_GELU_A, _GELU_B = f4(0.7978845608028654), f4(0.044715)

_ACTIVATION_KINDS = {
    "relu": LEAKY, "leaky_relu": LEAKY, "tanh": TANH, "sigmoid": ACT_SIGMOID, "elu": ELU, "selu": ELU, "silu": ACT_SILU,
    "gelu": ACT_GELU, "gelu_tanh": ACT_GELU_TANH, "softplus": SOFTPLUS, "hardtanh": CLAMP, "relu6": CLAMP,
    "hardsigmoid": HARDSIGMOID, "hardswish": HARDSWISH, "mish": ACT_MISH, "softsign": SOFTSIGN,
    "log_sigmoid": LOG_SIGMOID, "scaled": SCALED,
}  # fmt: skip
_USUAL_NUMBERS = {
    "relu": (0.0,), "leaky_relu": (0.01,), "elu": (1.0, 1.0), "selu": _SELU_NUMBERS, "softplus": (1.0, 20.0),
    "hardtanh": (-1.0, 1.0), "relu6": (0.0, 6.0), "scaled": (1.0, 0.0),
}  # fmt: skip
ACTIVATION_KINDS = tuple(_ACTIVATION_KINDS)
"""Names of the functions that :func:`activation` knows."""


def activation(b: PlanBuilder, x: Value, kind: str, *numbers: float) -> Value:
    """A function of every number.

    Parameters
    ----------
    b : PlanBuilder
    x : Value
    kind : str
        One of :data:`ACTIVATION_KINDS`.
    *numbers
        ``leaky_relu``: slope; ``elu``: alpha; ``softplus``: beta and threshold; ``hardtanh``: low and high; ``scaled``: factor and what is added. Those
        that are not given are torch's defaults.

    Returns
    -------
    Value, the shape of `x`

    Raises
    ------
    SpecError
        When the function is not known, or takes fewer numbers.
    """
    if kind not in _ACTIVATION_KINDS:
        raise SpecError(f"activation {kind!r} is not known: {', '.join(ACTIVATION_KINDS)}")
    usual = _USUAL_NUMBERS.get(kind, ())
    if len(numbers) > (0 if kind in ("relu", "selu", "relu6") else len(usual)):
        raise SpecError(f"activation {kind!r} is given {len(numbers)} numbers")
    said = f"({', '.join(f'{v:g}' for v in numbers)})" if numbers else ""
    reals = (*numbers, *usual[len(numbers) :])
    return b.op(
        ACTIVATION, f"{kind}{said}", x, b.value(*x.shape), more=[_ACTIVATION_KINDS[kind]], reals=reals
    )


def prelu(b: PlanBuilder, x: Value, name: str, weight: np.ndarray) -> Value:
    """x where it is above 0, and a learnt slope times x elsewhere.

    Parameters
    ----------
    b : PlanBuilder
    x : Value, shape (channels, ...)
    name : str
        The parameter is ``name.weight``.
    weight : ndarray, shape (channels,) or (1,)
        One slope for all if it is one.

    Returns
    -------
    Value, the shape of `x`

    Raises
    ------
    SpecError
        When there are neither one slope nor as many as channels.
    """
    slopes = len(weight)
    if slopes not in (1, x.shape[0]):
        raise SpecError(f"PReLU {name!r} has {slopes} slopes for {x.shape[0]} channels")
    at, more = b.parameter(f"{name}.weight", weight), (PRELU, slopes, prod(x.shape) // slopes)
    return b.op(ACTIVATION, f"PReLU({slopes})", x, b.value(*x.shape), at, more=more)


@leaf(inline=True)
def forward_activation(i, plan, learnt, scratch, training):
    """Values."""
    ops, z = plan.ops, scratch.z
    kind, n, x, y = ops[i, ACT_KIND], ops[i, SIZE_IN], ops[i, IN], ops[i, OUT]
    a, b = plan.reals[i, 0], plan.reals[i, 1]
    if kind == LEAKY:
        for j in range(n):
            v = z[x + j]
            z[y + j] = v if v > f4(0.0) else a * v
    elif kind == TANH:
        for j in range(n):
            z[y + j] = tanh32(z[x + j])
    elif kind == ACT_SIGMOID:
        for j in range(n):
            z[y + j] = sigmoid32(z[x + j])
    elif kind == ELU:
        for j in range(n):
            v = z[x + j]
            z[y + j] = b * v if v > f4(0.0) else a * b * expm1_32(min(v, f4(0.0)))
    elif kind == ACT_SILU:
        for j in range(n):
            z[y + j] = z[x + j] * sigmoid32(z[x + j])
    elif kind == ACT_GELU:
        for j in range(n):
            v = z[x + j]
            z[y + j] = v * (_HALF * (f4(1.0) + erf32(v * _ROOT_HALF)))
    elif kind == ACT_GELU_TANH:
        for j in range(n):
            v = z[x + j]
            z[y + j] = _HALF * v * (f4(1.0) + tanh32(_GELU_A * (v + _GELU_B * v * v * v)))
    elif kind == SOFTPLUS:
        for j in range(n):
            v = z[x + j]
            z[y + j] = v if v * a > b else softplus32(v * a) / a
    elif kind == CLAMP:
        for j in range(n):
            v = z[x + j]
            z[y + j] = a if v < a else (b if v > b else v)
    elif kind == HARDSIGMOID:
        for j in range(n):
            z[y + j] = min(max(z[x + j] + f4(3.0), f4(0.0)), f4(6.0)) * _SIXTH
    elif kind == HARDSWISH:
        for j in range(n):
            v = z[x + j]
            z[y + j] = v * min(max(v + f4(3.0), f4(0.0)), f4(6.0)) * _SIXTH
    elif kind == ACT_MISH:
        for j in range(n):
            z[y + j] = z[x + j] * tanh32(softplus32(z[x + j]))
    elif kind == SOFTSIGN:
        for j in range(n):
            z[y + j] = z[x + j] / (f4(1.0) + abs(z[x + j]))
    elif kind == LOG_SIGMOID:
        for j in range(n):
            z[y + j] = -softplus32(-z[x + j])
    elif kind == SCALED:
        for j in range(n):
            z[y + j] = z[x + j] * a + b
    elif kind == PRELU:
        _forward_prelu(i, ops, learnt.w, z)


@leaf
def _forward_prelu(i, ops, w, z):
    x, y, n = ops[i, IN], ops[i, OUT], ops[i, ACT_EACH]
    for c in range(ops[i, ACT_CHANNELS]):
        a = w[ops[i, WEIGHT_AT] + c]
        for j in range(c * n, (c + 1) * n):
            v = z[x + j]
            z[y + j] = v if v > f4(0.0) else a * v


@leaf(inline=True)
def backward_activation(i, plan, learnt, scratch):
    """Gradients of what came in, from that and from the values."""
    ops, z, d = plan.ops, scratch.z, scratch.d
    kind, n, x, y = ops[i, ACT_KIND], ops[i, SIZE_IN], ops[i, IN], ops[i, OUT]
    a, b = plan.reals[i, 0], plan.reals[i, 1]
    zero, one = f4(0.0), f4(1.0)
    if kind == LEAKY:
        for j in range(n):
            d[x + j] += d[y + j] * (one if z[x + j] > zero else a)
    elif kind == TANH:
        for j in range(n):
            d[x + j] += d[y + j] * (one - z[y + j] * z[y + j])
    elif kind == ACT_SIGMOID:
        for j in range(n):
            d[x + j] += d[y + j] * (one - z[y + j]) * z[y + j]
    elif kind == ELU:
        for j in range(n):
            d[x + j] += d[y + j] * (b if z[x + j] > zero else a * b * exp32(z[x + j]))
    elif kind == ACT_SILU:
        for j in range(n):
            q = sigmoid32(z[x + j])
            d[x + j] += d[y + j] * (q * (one + z[x + j] * (one - q)))
    elif kind == ACT_GELU:
        for j in range(n):
            v = z[x + j]
            q = _HALF * (one + erf32(v * _ROOT_HALF))
            d[x + j] += d[y + j] * (q + v * exp32(-_HALF * v * v) * _DENSITY_0)
    elif kind == ACT_GELU_TANH:
        for j in range(n):
            v = z[x + j]
            t = tanh32(_GELU_A * (v + _GELU_B * v * v * v))
            q = _GELU_A * (one + f4(3.0) * _GELU_B * v * v)
            d[x + j] += d[y + j] * (_HALF * (one + t) + _HALF * v * (one - t * t) * q)
    elif kind == SOFTPLUS:
        for j in range(n):
            v = z[x + j] * a
            d[x + j] += d[y + j] * (one if v > b else sigmoid32(v))
    elif kind == CLAMP:
        for j in range(n):
            d[x + j] += d[y + j] if a < z[x + j] < b else zero
    elif kind == HARDSIGMOID:
        for j in range(n):
            d[x + j] += d[y + j] * (_SIXTH if f4(-3.0) < z[x + j] < f4(3.0) else zero)
    elif kind == HARDSWISH:
        for j in range(n):
            v = z[x + j]
            d[x + j] += d[y + j] * (zero if v <= f4(-3.0) else (v * _THIRD + _HALF if v < f4(3.0) else one))
    elif kind == ACT_MISH:
        for j in range(n):
            v = z[x + j]
            t = tanh32(softplus32(v))
            d[x + j] += d[y + j] * (t + v * (one - t * t) * sigmoid32(v))
    elif kind == SOFTSIGN:
        for j in range(n):
            q = one + abs(z[x + j])
            d[x + j] += d[y + j] / (q * q)
    elif kind == LOG_SIGMOID:
        for j in range(n):
            d[x + j] += d[y + j] * sigmoid32(-z[x + j])
    elif kind == SCALED:
        for j in range(n):
            d[x + j] += d[y + j] * a
    elif kind == PRELU:
        _backward_prelu(i, ops, learnt.w, z, d, scratch.g)


@leaf
def _backward_prelu(i, ops, w, z, d, g):
    x, y, n = ops[i, IN], ops[i, OUT], ops[i, ACT_EACH]
    for c in range(ops[i, ACT_CHANNELS]):
        a, s = w[ops[i, WEIGHT_AT] + c], f4(0.0)
        for j in range(c * n, (c + 1) * n):
            v = z[x + j]
            d[x + j] += d[y + j] * (f4(1.0) if v > f4(0.0) else a)
            s += d[y + j] * min(v, f4(0.0))
        g[ops[i, WEIGHT_AT] + c] += s
