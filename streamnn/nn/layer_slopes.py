"""A bound of the l2 slope of a layer, from what it reads to what it gives, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, gcd, inf, prod, sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .activation_slopes import activation_slope, is_activation, largest_value
from .grouped_linear import GroupedLinear, LearnedGrouping
from .learned_shuffle import LearnedShuffle
from .operator_norms import ROUNDED_UP, convolution_norm, grouped_norm, matrix_norm
from .permutation import Permutation
from .recurrent_slopes import recurrent_slopes


class Slope(NamedTuple):
    """Of one layer.

    Parameters
    ----------
    bound : float
        Two inputs have outputs no further apart than this times their distance; infinite where none is known.
    how : str
        How it was found, or why there is none.
    most : float
        No entry of what it gives is larger in size.
    last : float, optional
        The bound to its last output alone; of recurrent layers.
    """

    bound: float
    how: str
    most: float = inf
    last: float | None = None


def layer_slope(module: nn.Module, shape: Sequence[int], most: float) -> Slope | None:
    """A bound of a layer's slope in evaluation; None for a module of which nothing is known.

    Layer and group normalisation divide by the root of a variance plus `eps`. Their Jacobian is largest where the
    variance is 0, so `eps` alone bounds it: by 1 / sqrt(eps), which is 316 for torch's default.

    Parameters
    ----------
    module : Module
    shape : sequence of int
        Of what it reads, without the axis of the batch.
    most : float
        No entry of that is larger in size.

    Examples
    --------
    >>> layer_slope(nn.MaxPool2d(2), (3, 8, 8), 1.0).bound, round(layer_slope(nn.MaxPool2d(3, 1), (3, 8, 8), 1.0).bound, 6)
    (1.0, 3.0)
    >>> round(layer_slope(nn.LayerNorm(4), (4,), 1.0).bound)
    316
    """
    rule = _rule(module)
    if rule is not None:
        return rule(module, tuple(shape), most)
    steepest = activation_slope(module)
    if steepest is None:
        return None
    with torch.no_grad():  # what it is at 0, and from there no steeper than its slope
        units = shape[0] if shape else 1
        zero = float(module(torch.zeros(1, units, 1, dtype=torch.float64)).abs().max()) if units else 0.0
    return Slope(steepest, "its steepest place", min(largest_value(module), zero + steepest * most))


def _linear(m: nn.Linear, shape: tuple[int, ...], most: float) -> Slope:
    return Slope(matrix_norm(m.weight), "its singular values", _largest(m.weight, m.bias, most))


def _convolution(m: nn.Conv1d | nn.Conv2d, shape: tuple[int, ...], most: float) -> Slope:
    reach = _largest(m.weight.flatten(1), m.bias, most)
    if m.padding_mode != "zeros":
        return Slope(inf, f"padding_mode is {m.padding_mode!r}: known are zeros", reach)
    if isinstance(m.padding, str):
        whole = [
            d * (k - 1) if m.padding == "same" else 0 for d, k in zip(m.dilation, m.kernel_size, strict=True)
        ]
        padding = [(n // 2, n - n // 2) for n in whole]
    else:
        padding = [(n, n) for n in m.padding]
    bound, how = convolution_norm(m.weight, shape[1:], m.stride, padding, m.dilation, m.groups)
    return Slope(bound, how, reach)


def _recurrent(m: nn.RNNBase, shape: tuple[int, ...], most: float) -> Slope:
    if getattr(m, "proj_size", 0):
        return Slope(inf, "it has projections (proj_size)")
    every, last = recurrent_slopes(m, shape[0], most)
    bounded = not isinstance(m, nn.RNN) or m.nonlinearity == "tanh"
    return Slope(every, f"{shape[0]} steps from zeros", 1.0 if bounded else inf, last)


def _normalisation(m: Any, shape: tuple[int, ...], most: float) -> Slope:
    # the largest scale may not stand at a place of the smallest variance, so this is no equality
    scale = float(m.weight.detach().abs().max()) if m.weight is not None else 1.0
    size = prod(shape) // m.num_groups if isinstance(m, nn.GroupNorm) else prod(m.normalized_shape)
    shift = getattr(m, "bias", None)
    eps = m.eps if m.eps is not None else torch.finfo(torch.float32).eps
    away = float(shift.detach().abs().max()) if shift is not None else 0.0
    return Slope(scale / sqrt(eps), "its eps alone keeps it finite", scale * sqrt(size) + away)


def _batch_normalisation(m: Any, shape: tuple[int, ...], most: float) -> Slope:
    if m.running_var is None:
        return Slope(inf, "it normalises by the batch: rows have no function of their own")
    scale = (m.running_var.detach().double() + m.eps).rsqrt()
    if m.weight is not None:
        scale = scale * m.weight.detach().double().abs()
    away = scale * (most + m.running_mean.detach().double().abs())
    if m.bias is not None:
        away = away + m.bias.detach().double().abs()
    return Slope(float(scale.max()) * ROUNDED_UP, "its scales", float(away.max()))


def _max_pool(m: Any, shape: tuple[int, ...], most: float) -> Slope:
    # a maximum moves no further than what it is of, and a place may be the maximum of every window that reads it
    axes = len(shape) - 1
    kernel, stride, dilation = (_each(v, axes) for v in (m.kernel_size, m.stride, m.dilation))
    windows = prod(ceil(k / (s // gcd(s, d))) for k, s, d in zip(kernel, stride, dilation, strict=True))
    return Slope(sqrt(windows), f"{windows} windows at a place", most)


def _mean_pool(m: Any, shape: tuple[int, ...], most: float) -> Slope:
    if getattr(m, "divisor_override", None):
        return Slope(inf, "it has a divisor_override")
    axes = len(shape) - 1
    kernel, stride, padding = (_each(v, axes) for v in (m.kernel_size, m.stride, m.padding))

    def one(x: Tensor, a: int) -> Tensor:
        return nn.functional.avg_pool1d(x, kernel[a], stride[a], padding[a], m.ceil_mode, m.count_include_pad)

    return Slope(_by_axis(one, shape[1:]), "its matrix", most)


def _adaptive_pool(m: Any, shape: tuple[int, ...], most: float) -> Slope:
    sides = shape[1:]
    size = [n if o is None else o for n, o in zip(sides, _each(m.output_size, len(sides)), strict=True)]

    def one(x: Tensor, a: int) -> Tensor:
        return nn.functional.adaptive_avg_pool1d(x, size[a])

    if "Max" not in type(m).__name__:
        return Slope(_by_axis(one, sides), "its matrix", most)
    units = [torch.eye(n, dtype=torch.float64)[:, None] for n in sides]
    windows = prod(int((one(x, a) > 0).sum(-1).max()) for a, x in enumerate(units))
    return Slope(sqrt(windows), f"{windows} windows at a place", most)


def _moved(m: nn.Module, shape: tuple[int, ...], most: float) -> Slope:
    return Slope(1.0, "it only moves numbers", most)


def _grouped(m: GroupedLinear, shape: tuple[int, ...], most: float) -> Slope:
    return Slope(grouped_norm(m.weight, m.groups), "its largest group", _largest(m.weight, m.bias, most))


def _grouping(m: LearnedGrouping, shape: tuple[int, ...], most: float) -> Slope:
    w = m.effective_weight().detach()
    return Slope(matrix_norm(w), "its weights times its shares", _largest(w, m.bias, most))


def _shuffle(m: LearnedShuffle, shape: tuple[int, ...], most: float) -> Slope:
    if m.committed:
        return Slope(1.0, "it only moves numbers", most)
    shares = m.shares().detach()
    return Slope(matrix_norm(shares), "its shares", _largest(shares.T, None, most))


def _largest(w: Tensor, b: Tensor | None, most: float) -> float:
    rows = w.detach().double().abs().sum(1)
    if b is None:
        return float((rows * most).max()) if len(rows) else 0.0
    return float((rows * most + b.detach().double().abs()).max())


def _each(v: Any, axes: int) -> tuple[Any, ...]:
    return tuple(v) if isinstance(v, (tuple, list)) else (v,) * axes


def _by_axis(pool: Callable[[Tensor, int], Tensor], sides: Sequence[int]) -> float:
    # means over boxes are means along one axis after another
    return prod(
        matrix_norm(pool(torch.eye(n, dtype=torch.float64)[:, None], a)[:, 0]) for a, n in enumerate(sides)
    )


Rule = Callable[[Any, tuple[int, ...], float], Slope]
_SLOPE_RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: _linear,
    GroupedLinear: _grouped,
    LearnedGrouping: _grouping,
    LearnedShuffle: _shuffle,
    **dict.fromkeys((nn.Conv1d, nn.Conv2d), _convolution),
    **dict.fromkeys((nn.LSTM, nn.GRU, nn.RNN), _recurrent),
    **dict.fromkeys((nn.LayerNorm, nn.GroupNorm, nn.RMSNorm), _normalisation),
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d), _batch_normalisation),
    **dict.fromkeys((nn.MaxPool1d, nn.MaxPool2d), _max_pool),
    **dict.fromkeys((nn.AvgPool1d, nn.AvgPool2d), _mean_pool),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), _adaptive_pool),
    **dict.fromkeys((nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d), _adaptive_pool),
    **dict.fromkeys((nn.Flatten, nn.Unflatten, nn.ChannelShuffle, Permutation), _moved),
}


def known(module: nn.Module) -> bool:
    """Whether :func:`layer_slope` knows a module as one layer; a class that has a forward of its own is another."""
    return _rule(module) is not None or is_activation(module)


def _rule(module: nn.Module) -> Rule | None:
    for kind, rule in _SLOPE_RULES.items():
        if isinstance(module, kind) and type(module).forward is kind.forward:
            return rule
    return None
