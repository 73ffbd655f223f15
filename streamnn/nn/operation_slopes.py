"""Bounds of l2 slopes of functions that a module's forward calls between its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, prod, sqrt
from typing import Any

from torch import Tensor, nn

from .activation_slopes import module_of
from .layer_slopes import layer_slope

_MOVES = {
    *("view", "reshape", "flatten", "unflatten", "permute", "transpose", "movedim", "swapaxes", "t", "contiguous"),
    *("squeeze", "unsqueeze", "clone", "flip", "roll", "channel_shuffle", "chunk", "split", "unbind", "narrow", "select"),
    *("neg", "abs", "clamp", "float", "double"),
}  # fmt: skip
_ARITHMETIC = {
    "add",
    "radd",
    "iadd",
    "sub",
    "rsub",
    "isub",
    "mul",
    "rmul",
    "imul",
    "truediv",
    "itruediv",
    "div",
}
_PICKS = (int, slice, type(None), type(...))
"""Indices that take no entry twice."""
_OF_BATCH = {"size", "shape", "dim", "zeros_like", "ones_like", "new_zeros", "new_ones"}
"""What says nothing of a row's numbers."""
_POOLS = {
    "max_pool1d": nn.MaxPool1d,
    "max_pool2d": nn.MaxPool2d,
    "avg_pool1d": nn.AvgPool1d,
    "avg_pool2d": nn.AvgPool2d,
    "adaptive_avg_pool1d": nn.AdaptiveAvgPool1d,
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
}


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a value of a forward pass can move when the row does.

    Parameters
    ----------
    slope : float
        At most so many times as far.
    most : float
        No entry is larger in size.
    ends : tuple of (str, float)
        Parts that can be picked by an index, as its repr, each with a slope of its own.
    """

    slope: float
    most: float = inf
    ends: tuple[tuple[str, float], ...] = ()

    def through(self, slope: float, most: float) -> Reach:
        """After something of that slope that gives no entry above `most`."""
        return Reach(self.slope * slope if self.slope else 0.0, most)


def operation_reach(
    target: Callable[..., Any] | str, args: Sequence[Any], kwargs: dict[str, Any], given: Any, out: Any
) -> Reach | None:
    """The reach of what a function gives; None for one of which nothing is known.

    Parameters
    ----------
    target : callable or str
        A function, or a method's name.
    args : sequence
        Its arguments, values of the forward pass as their :class:`Reach`.
    kwargs : dict
    given : sequence
        The arguments themselves.
    out : object
        What it gave for a batch of rows.
    """
    name = _name(target)
    moving = [a for a in _flat(args) if isinstance(a, Reach) and a.slope]
    if not moving or name in _OF_BATCH or (name == "getattr" and not isinstance(out, Tensor)):
        known = isinstance(out, Tensor) and out.numel() and "rand" not in name
        return Reach(0.0, float(out.abs().max()) if known else inf)
    first = args[0]
    if name in ("cat", "concat", "concatenate", "stack"):
        parts = [a for a in first if isinstance(a, Reach)]
        return Reach(sqrt(sum(a.slope**2 for a in parts)), max(a.most for a in parts))
    if name in _ARITHMETIC:
        return _arithmetic(name.lstrip("ir"), args, given, out) if not kwargs else None
    if not isinstance(first, Reach):
        return None
    if name in ("mean", "sum", "amax", "amin"):
        return _folded(name, first, given[0], args, kwargs)
    if name == "getitem":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        picked = dict(first.ends).get(repr(args[1]), first.slope)
        return Reach(picked, first.most) if all(isinstance(i, _PICKS) for i in index) else None
    if name in _MOVES or (name == "getattr" and args[1] in ("T", "mT", "data")):
        return replace(first, ends=())
    if name == "dropout":
        training = kwargs.get("training", args[2] if len(args) > 2 else True)
        return None if training else first
    if name == "log_softmax":  # its Jacobian is 1 - 1 p', longest for the surest p
        return first.through(sqrt(given[0][0].numel()), inf)
    if name in _POOLS:
        module: nn.Module | None = _POOLS[name](*args[1:], **kwargs)
    elif name == "pad":
        return first.through(1.0, first.most) if kwargs.get("mode", "constant") == "constant" else None
    else:
        module = module_of(target, kwargs) if len(args) == 1 else None
    found = layer_slope(module, given[0].shape[1:], first.most) if module is not None else None
    return first.through(found.bound, found.most) if found else None


def only_moves(target: Callable[..., Any] | str) -> bool:
    """Whether a function gives numbers that it was given, perhaps in the same memory."""
    return _name(target) in (*_MOVES, "getitem", "getattr")


def _name(target: Callable[..., Any] | str) -> str:
    return (target if isinstance(target, str) else getattr(target, "__name__", "")).strip("_")


def _arithmetic(name: str, args: Sequence[Any], given: Sequence[Any], out: Tensor) -> Reach | None:
    a, b = (v if isinstance(v, Reach) else Reach(0.0, abs(float(v))) for v in args[:2])
    # an entry that is used at several places moves all of them
    da, db = (
        v.slope * (sqrt(out.numel() / g.numel()) if isinstance(g, Tensor) else 1.0) if v.slope else 0.0
        for v, g in zip((a, b), given, strict=False)
    )
    if name in ("add", "sub"):
        return Reach(da + db, a.most + b.most)
    if name == "mul":
        slopes = (d * other.most if d and other.most else 0.0 for d, other in ((da, b), (db, a)))
        return Reach(sum(slopes), a.most * b.most if a.most and b.most else 0.0)
    by = args[1]
    return a.through(1.0 / abs(by), a.most / abs(by)) if isinstance(by, (int, float)) and by else None


def _folded(name: str, first: Reach, x: Tensor, args: Sequence[Any], kwargs: dict[str, Any]) -> Reach | None:
    axes = kwargs.get("dim", args[1] if len(args) > 1 else None)
    axes = [axes] if isinstance(axes, int) else list(axes or [])
    axes = [a % x.dim() for a in axes]
    if not axes or 0 in axes:
        return None  # rows would be one another's business
    n = prod(x.shape[a] for a in axes)
    if name == "mean":
        return first.through(1.0 / sqrt(n), first.most)
    return first.through(sqrt(n), n * first.most) if name == "sum" else first.through(1.0, first.most)


def _flat(args: Sequence[Any]) -> list[Any]:
    return [b for a in args for b in (a if isinstance(a, (list, tuple)) else [a])]
