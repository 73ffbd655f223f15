"""Torch's activations, sums and products as operations of a plan. Imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..lowered.activations import activation, prelu
from ..lowered.moving import add, multiplied
from ..lowered.plan import Value
from .moves import taken
from .pools import reduced
from .recorded import EVENTS_TRIED, Handler, Recorded
from .recorder import Recorder


def _each(r: Recorder, input: Tensor, kind: str, *numbers: float) -> Recorded:
    record = r.of(input)
    return record._replace(value=activation(r.builder, record.value, kind, *numbers))


def _plain(kind: str) -> Handler:
    def handler(r: Recorder, input: Tensor, inplace: bool = False) -> Recorded:
        return _each(r, input, kind)

    return handler


def _leaky_relu(r: Recorder, input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Recorded:
    return _each(r, input, "leaky_relu", negative_slope)


def _elu(r: Recorder, input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Recorded:
    return _each(r, input, "elu", alpha)


def _celu(r: Recorder, input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Recorded:
    if alpha != 1.0:
        raise r.refuse("is a CELU with another alpha than 1, which the compiled kernel does not know")
    return _each(r, input, "elu", alpha)


def _gelu(r: Recorder, input: Tensor, approximate: str = "none") -> Recorded:
    return _each(r, input, "gelu" if approximate == "none" else "gelu_tanh")


def _softplus(r: Recorder, input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Recorded:
    return _each(r, input, "softplus", beta, threshold)


def _hardtanh(
    r: Recorder, input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Recorded:
    return _each(r, input, "hardtanh", min_val, max_val)


def _clamp(r: Recorder, input: Tensor, min: Any = None, max: Any = None) -> Recorded:
    low, high = (-np.inf if min is None else min), (np.inf if max is None else max)
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        raise r.refuse("clamps to tensors, which the compiled kernel does not know")
    return _each(r, input, "hardtanh", low, high)


def _prelu(r: Recorder, input: Tensor, weight: Tensor) -> Recorded:
    record = r.of(input)
    if weight.numel() > 1 and record.axis != 0:
        raise r.refuse("takes the events of a batch for channels")
    name, p = r.layer(weight=weight)
    return record._replace(value=prelu(r.builder, record.value, name, p["weight"]))


def _tanhshrink(r: Recorder, input: Tensor) -> Recorded:
    record = r.of(input)
    less = _scaled(r, activation(r.builder, record.value, "tanh"), -1.0, 0.0)
    return record._replace(value=add(r.builder, record.value, less))


def _last(kind: str) -> Handler:
    """A softmax is left out: the loss takes scores."""

    def handler(
        r: Recorder, input: Tensor, dim: int | None = None, dtype: Any = None, **more: Any
    ) -> Recorded:
        record = r.of(input)
        if dim is None:
            dim = 1
        if len(record.value.shape) != 1 or record.inner(dim) != 0:
            raise r.refuse(
                f"is a {kind} over a tensor of shape {record.shape}: the compiled kernel knows one of classes"
            )
        return record._replace(ends=kind)

    return handler


def _scaled(r: Recorder, x: Value, factor: float, shift: float) -> Value:
    return activation(r.builder, x, "scaled", factor, shift)


def _number(r: Recorder, x: Any) -> float | None:
    """A plain number, as such or in a tensor that is not learnt; None for a tensor of events."""
    if r.known(x):
        return None
    if isinstance(x, Tensor):
        if x.requires_grad or x.numel() != 1:
            raise r.refuse(
                f"joins the event's numbers with a {'learnt' if x.requires_grad else 'fixed'} tensor of shape "
                f"{tuple(x.shape)} by +, -, * or /, which the compiled kernel does not know"
            )
        return float(x)
    return float(x)


def _spread(r: Recorder, x: Any, y: Any) -> tuple[Recorded, Recorded]:
    """Two tensors of events as ones of one shape."""
    one, other = r.of(x), r.of(y)
    shape = torch.broadcast_shapes(one.shape, other.shape)
    return _broadcast(r, one, shape), _broadcast(r, other, shape)


def _broadcast(r: Recorder, record: Recorded, shape: tuple[int, ...]) -> Recorded:
    axis = record.axis + len(shape) - len(record.shape)
    inner = (*shape[:axis], *shape[axis + 1 :])
    if shape[axis] != EVENTS_TRIED:
        raise r.refuse("mixes the events of a batch")
    mine = (1,) * (len(inner) - len(record.value.shape)) + record.value.shape
    index = np.broadcast_to(np.arange(record.value.size).reshape(mine), inner)
    return Recorded(taken(r, [record.value], index), axis)


def _joined(r: Recorder, emit: Any, x: Any, y: Any) -> Recorded:
    one, other = _spread(r, x, y)
    if one.axis != other.axis:
        raise r.refuse("mixes the events of a batch")
    return one._replace(value=emit(r.builder, one.value, other.value))


def _add(r: Recorder, input: Any, other: Any, *, alpha: float = 1) -> Recorded:
    if alpha != 1:
        raise r.refuse("adds with an alpha, which the compiled kernel does not know")
    a, c = _number(r, input), _number(r, other)
    if a is None and c is None:
        return _joined(r, add, input, other)
    return _affine(r, other if c is None else input, 1.0, c if a is None else a)


def _subtract(r: Recorder, input: Any, other: Any, *, alpha: float = 1) -> Recorded:
    if alpha != 1:
        raise r.refuse("subtracts with an alpha, which the compiled kernel does not know")
    a, c = _number(r, input), _number(r, other)
    if a is None and c is None:
        one, two = _spread(r, input, other)
        if one.axis != two.axis:
            raise r.refuse("mixes the events of a batch")
        return one._replace(value=add(r.builder, one.value, _scaled(r, two.value, -1.0, 0.0)))
    return _affine(r, input, 1.0, -c) if c is not None else _affine(r, other, -1.0, a)


def _reversed_subtract(r: Recorder, input: Any, other: Any) -> Recorded:
    return _subtract(r, other, input)


def _multiply(r: Recorder, input: Any, other: Any) -> Recorded:
    a, c = _number(r, input), _number(r, other)
    if a is None and c is None:
        return _joined(r, multiplied, input, other)
    return _affine(r, other if c is None else input, c if a is None else a, 0.0)


def _divide(r: Recorder, input: Any, other: Any, *, rounding_mode: None = None) -> Recorded:
    c = _number(r, other)
    if c is None or rounding_mode:
        raise r.refuse("divides by the event's numbers, or rounds, which the compiled kernel does not know")
    return _affine(r, input, 1.0 / c, 0.0)


def _negative(r: Recorder, input: Any) -> Recorded:
    return _affine(r, input, -1.0, 0.0)


def _power(r: Recorder, input: Any, exponent: Any) -> Recorded:
    if exponent != 2:
        raise r.refuse("raises to another power than 2, which the compiled kernel does not know")
    return _multiply(r, input, input)


def _square(r: Recorder, input: Any) -> Recorded:
    return _multiply(r, input, input)


def _affine(r: Recorder, input: Any, factor: float | None, shift: float | None) -> Recorded:
    record = r.of(input)
    assert factor is not None and shift is not None
    return record._replace(value=_scaled(r, record.value, factor, shift))


def _sum(r: Recorder, input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Recorded:
    record, n = reduced(r, input, dim, keepdim, "mean")
    return record._replace(value=_scaled(r, record.value, float(n), 0.0))


HANDLERS: dict[str, Handler] = {
    **{
        kind: _plain(kind)
        for kind in ("relu", "relu6", "tanh", "sigmoid", "silu", "selu", "mish", "softsign")
    },
    **{kind: _plain(kind) for kind in ("hardswish", "hardsigmoid")},
    "log_sigmoid": _plain("log_sigmoid"),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "celu": _celu,
    "gelu": _gelu,
    "softplus": _softplus,
    "hardtanh": _hardtanh,
    "clamp": _clamp,
    "clip": _clamp,
    "prelu": _prelu,
    "tanhshrink": _tanhshrink,
    "softmax": _last("softmax"),
    "log_softmax": _last("log_softmax"),
    **dict.fromkeys(("add", "__radd__"), _add),
    **dict.fromkeys(("sub", "subtract"), _subtract),
    **dict.fromkeys(("rsub", "__rsub__"), _reversed_subtract),
    **dict.fromkeys(("mul", "multiply", "__rmul__"), _multiply),
    **dict.fromkeys(("div", "divide", "true_divide"), _divide),
    **dict.fromkeys(("neg", "negative"), _negative),
    **dict.fromkeys(("pow", "__pow__"), _power),
    "square": _square,
    "sum": _sum,
}
"""Of activations, sums and products, by name."""
