"""Largest slopes of activation functions, which are their Lipschitz constants."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, exp, inf, pi, sqrt
from typing import Any

from torch import nn
from torch.nn import functional as F

from .linear_spline import LinearSpline

GELU = 0.5 * (1.0 + erf(1.0)) + exp(-1.0) / sqrt(pi)
"""Of x Phi(x), at the root of 2."""
GELU_TANH, SILU, MISH = 1.1289931, 1.0998394, 1.0884982
"""Found by search, the last digit rounded up."""
STEEPEST_SELU = 1.0507009873554805 * 1.6732632423543773
"""Just below 0; 1.05 above."""

_OF: dict[type[nn.Module], Callable[[Any], float] | float] = {
    nn.Identity: 1.0,
    nn.Dropout: 1.0,
    nn.Dropout1d: 1.0,
    nn.Dropout2d: 1.0,
    nn.AlphaDropout: 1.0,
    nn.ReLU: 1.0,
    nn.ReLU6: 1.0,
    nn.Hardtanh: 1.0,
    nn.Tanh: 1.0,
    nn.Softsign: 1.0,
    nn.Softplus: 1.0,
    nn.LogSigmoid: 1.0,
    nn.Tanhshrink: 1.0,
    nn.Softshrink: 1.0,
    nn.CELU: 1.0,
    nn.Sigmoid: 0.25,
    nn.Hardsigmoid: 1.0 / 6.0,
    nn.Hardswish: 1.5,
    nn.SiLU: SILU,
    nn.Mish: MISH,
    nn.SELU: STEEPEST_SELU,
    nn.GELU: lambda m: GELU_TANH if m.approximate == "tanh" else GELU,
    nn.LeakyReLU: lambda m: max(1.0, abs(m.negative_slope)),
    nn.RReLU: lambda m: max(1.0, abs(m.lower + m.upper) / 2.0),
    nn.ELU: lambda m: max(1.0, abs(m.alpha)),
    nn.PReLU: lambda m: max(1.0, float(m.weight.detach().abs().max())),
    LinearSpline: lambda m: float(m.lipschitz().detach().max()),
    nn.Softmax: 0.5,
}
_BETWEEN: dict[type[nn.Module], float] = {
    nn.Tanh: 1.0,
    nn.Sigmoid: 1.0,
    nn.Softsign: 1.0,
    nn.Hardsigmoid: 1.0,
    nn.Softmax: 1.0,
    nn.ReLU6: 6.0,
}
_MODULE_OF: dict[Callable[..., Any] | str, type[nn.Module]] = {
    F.relu: nn.ReLU,
    F.relu6: nn.ReLU6,
    F.tanh: nn.Tanh,
    F.sigmoid: nn.Sigmoid,
    F.silu: nn.SiLU,
    F.gelu: nn.GELU,
    F.mish: nn.Mish,
    F.selu: nn.SELU,
    F.softplus: nn.Softplus,
    F.softsign: nn.Softsign,
    F.hardswish: nn.Hardswish,
    F.hardsigmoid: nn.Hardsigmoid,
    F.leaky_relu: nn.LeakyReLU,
    F.elu: nn.ELU,
    F.softmax: nn.Softmax,
}


def activation_slope(module: nn.Module) -> float | None:
    """Largest slope of an activation in evaluation; None when it is no activation of which one is known.

    Softmax's Jacobian is diag(p) - p p', whose norm is at most 1/2.

    Examples
    --------
    >>> activation_slope(nn.Sigmoid()), activation_slope(nn.LeakyReLU(2.0)), activation_slope(nn.Hardshrink())
    (0.25, 2.0, None)
    """
    found = _OF.get(type(module))
    return found(module) if callable(found) else found


def is_activation(module: nn.Module) -> bool:
    """Whether :func:`activation_slope` knows one."""
    return type(module) in _OF


def largest_value(module: nn.Module) -> float:
    """What no value of an activation is larger than in size, whatever comes in; infinite without such a number."""
    if isinstance(module, nn.Hardtanh) and type(module) is nn.Hardtanh:
        return max(abs(module.min_val), abs(module.max_val))
    return _BETWEEN.get(type(module), inf)


def module_of(function: Callable[..., Any] | str, options: dict[str, Any]) -> nn.Module | None:
    """The activation that a function or a method stands for; None when it stands for none.

    Examples
    --------
    >>> module_of(F.leaky_relu, {"negative_slope": 0.2}), module_of("sigmoid", {})
    (LeakyReLU(negative_slope=0.2), Sigmoid())
    """
    kind = _MODULE_OF.get(function) if callable(function) else None
    if kind is None:
        name = function if isinstance(function, str) else getattr(function, "__name__", "")
        kind = {f.__name__: m for f, m in _MODULE_OF.items() if callable(f)}.get(name.rstrip("_"))
    taken = ("negative_slope", "alpha", "approximate", "beta", "threshold")
    return kind(**{k: v for k, v in options.items() if k in taken}) if kind else None
