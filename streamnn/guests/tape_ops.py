"""Torch's operations as those of a tape. Imports torch."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch._decomp import decomposition_table

from . import tape_kernel as k
from .tape import NotKnown, Tape, View
from .tape_views import VIEW_RULES, reshaped

_UNARY = {
    "neg": k.T_NEG, "exp": k.T_EXP, "log": k.T_LOG, "sqrt": k.T_SQRT, "abs": k.T_ABS, "sign": k.T_SIGN, "sgn": k.T_SIGN,
    "relu": k.T_RELU, "sigmoid": k.T_SIGMOID, "tanh": k.T_TANH, "erf": k.T_ERF, "expm1": k.T_EXPM1,
    "reciprocal": k.T_RECIPROCAL, "logical_not": k.T_NOT, "bitwise_not": k.T_NOT,
}  # fmt: skip
_BINARY = {
    "mul": k.T_MUL, "div": k.T_DIV, "maximum": k.T_MAXIMUM, "minimum": k.T_MINIMUM,
    "clamp_min": k.T_MAXIMUM, "clamp_max": k.T_MINIMUM, "gt": k.T_GT, "ge": k.T_GE, "lt": k.T_LT, "le": k.T_LE,
    "eq": k.T_EQ, "ne": k.T_NE, "sigmoid_backward": k.T_SIGMOID_BACK, "tanh_backward": k.T_TANH_BACK,
    "logical_and": k.T_MUL, "bitwise_and": k.T_MUL, "logical_or": k.T_MAXIMUM, "bitwise_or": k.T_MAXIMUM,
}  # fmt: skip
_MADE = {
    "zeros", "ones", "full", "arange", "scalar_tensor", "new_zeros", "new_ones", "new_full", "zeros_like",
    "ones_like", "full_like",
}  # fmt: skip
"""Their values depend on shapes alone."""
_UNCHANGED = {"detach", "alias", "clone", "contiguous", "lift_fresh", "lift_fresh_copy"}

Args = list[Any]
Rule = Callable[[Tape, Args], Any]


def translated(module: fx.GraphModule, tape: Tape, given: Sequence[View]) -> list[View]:
    """Write a graph of operations, none of which changes a tensor in place, to a tape.

    Parameters
    ----------
    module : torch.fx.GraphModule
        Recorded with :data:`DECOMPOSED`.
    tape : Tape
    given : sequence of View
        Of its inputs.

    Returns
    -------
    list of View
        Of its outputs.

    Raises
    ------
    NotKnown
        Names the operation that has no kernel.
    """
    values: dict[fx.Node, Any] = {}
    inputs = iter(given)
    for node in module.graph.nodes:
        if node.op == "placeholder":
            values[node] = next(inputs)
        elif node.op == "get_attr":
            values[node] = tape.constant(_plain(getattr(module, node.target)).numpy())
        elif node.op == "output":
            return list(fx.map_arg(node.args[0], values.__getitem__))
        elif node.target is operator.getitem:
            values[node] = values[node.args[0]][node.args[1]]
        else:
            values[node] = _value(node, tape, values)
    raise NotKnown("a graph without results")


def _value(node: fx.Node, tape: Tape, values: dict[fx.Node, Any]) -> Any:
    operation: Any = node.target
    schema = getattr(operation, "_schema", None)
    name = schema.name.removeprefix("aten::") if schema else str(operation)
    if schema is None or schema.is_mutable:
        raise NotKnown(name)
    result: Any = node.meta.get("val")
    if name in _MADE:
        like = fx.map_arg(node.args, lambda n: torch.zeros(n.meta["val"].shape, dtype=n.meta["val"].dtype))
        return tape.constant(_plain(operation(*like, **node.kwargs)).numpy())
    args: Args = list(fx.map_arg(node.args, values.__getitem__))
    options = dict(node.kwargs)
    if name == "_to_copy":
        before: Any = node.args[0]
        return _converted(tape, args[0], before.meta["val"].dtype, result.dtype)
    for argument in schema.arguments[len(args) :]:
        given = options.pop(argument.name, argument.default_value)
        if not argument.kwarg_only or argument.name in ("alpha", "beta", "rounding_mode"):
            args.append(given)
    if name in VIEW_RULES:
        return VIEW_RULES[name](tape, args)
    if name in _UNCHANGED:
        return args[0]
    if isinstance(result, Tensor) and result.dtype not in (torch.float32, torch.bool):
        raise NotKnown(f"{name} of {result.dtype}")
    if name in _UNARY:
        return tape.each(_UNARY[name], args[0])
    if name in _BINARY and not any(isinstance(a, str) for a in args[2:]):
        return tape.each(_BINARY[name], _view(tape, args[0]), _view(tape, args[1]))
    if name not in _OTHER_RULES:
        raise NotKnown(name)
    return _OTHER_RULES[name](tape, args)


def _plain(t: Tensor) -> Tensor:
    found = t.detach().to(torch.float32)
    if not t.is_floating_point() and not torch.equal(found.to(t.dtype), t):
        raise NotKnown("whole numbers of more than 24 bits")
    return found


def _view(tape: Tape, x: Any) -> View:
    return x if isinstance(x, View) else tape.constant(float(x))


def _converted(tape: Tape, x: View, was: torch.dtype, now: torch.dtype) -> View:
    """Of another type: whole numbers and truths lie as float32 too."""
    if now == torch.bool and was != torch.bool:
        return tape.each(k.T_NE, x, tape.constant(0.0))
    if now not in (torch.float32, was):
        raise NotKnown(f"a conversion to {now}")
    return x


def _scaled(tape: Tape, x: View, by: float) -> View:
    return x if by == 1 else tape.each(k.T_MUL, x, tape.constant(by))


def _plus(op: int) -> Rule:
    def rule(tape: Tape, args: Args) -> View:
        x, y = _view(tape, args[0]), _view(tape, args[1])
        return tape.each(op, x, _scaled(tape, y, args[2] if len(args) > 2 else 1))

    return rule


def _rsub(tape: Tape, args: Args) -> View:
    return tape.each(k.T_SUB, _view(tape, args[1]), _scaled(tape, args[0], args[2]))


def _pow(tape: Tape, args: Args) -> View:
    x, n = args
    if not isinstance(n, (int, float)) or n not in (1, 2, 3, 0.5, -1, -0.5):
        raise NotKnown(f"a power of {n if isinstance(n, (int, float)) else 'a tensor'}")
    if n == 1:
        return x
    if n in (2, 3):
        square = tape.each(k.T_MUL, x, x)
        return square if n == 2 else tape.each(k.T_MUL, square, x)
    root = x if n == -1 else tape.each(k.T_SQRT, x)
    return root if n == 0.5 else tape.each(k.T_RECIPROCAL, root)


def _rsqrt(tape: Tape, args: Args) -> View:
    return tape.each(k.T_RECIPROCAL, tape.each(k.T_SQRT, args[0]))


def _clamp(tape: Tape, args: Args) -> View:
    x = args[0]
    for op, bound in ((k.T_MAXIMUM, args[1]), (k.T_MINIMUM, args[2])):
        x = x if bound is None else tape.each(op, x, _view(tape, bound))
    return x


def _folded(op: int, mean: bool = False) -> Rule:
    def rule(tape: Tape, args: Args) -> View:
        x, dims = args[0], args[1] if len(args) > 1 else None
        dims = [dims] if isinstance(dims, int) else dims
        dims = [d % max(len(x.shape), 1) for d in dims] if dims else list(range(len(x.shape)))
        out = tape.fold(op, x, dims, bool(args[2]) if len(args) > 2 else False)
        n = 1
        for d in dims if x.shape else []:
            n *= x.shape[d]
        return tape.each(k.T_DIV, out, tape.constant(float(n))) if mean and n != 1 else out

    return rule


def _addmm(tape: Tape, args: Args) -> View:
    if args[3:] != [1, 1]:
        raise NotKnown("addmm with factors")
    return tape.product(args[1], args[2], args[0])


def _softmax(op: int) -> Rule:
    return lambda tape, args: tape.soft(op, args[1], args[0])


def _soft_back(op: int) -> Rule:
    return lambda tape, args: tape.soft(op, args[2], args[0], args[1])


def _is_class(tape: Tape, scores: View, target: View) -> View:
    rows, classes = scores.shape
    every = tape.constant(torch.arange(classes).numpy())
    return tape.each(k.T_EQ, every, View(target.at, (rows, 1), (*target.steps, 0)))


def _nll(tape: Tape, args: Args) -> tuple[View, None]:
    scores, target, weight, reduction, _ = args
    if weight is not None or reduction or len(scores.shape) != 2:
        raise NotKnown("nll_loss of that kind")
    chosen = tape.each(k.T_WHERE, _is_class(tape, scores, target), scores, tape.constant(0.0))
    return tape.each(k.T_NEG, tape.fold(k.T_SUM, chosen, [1], False)), None


def _nll_back(tape: Tape, args: Args) -> View:
    gradient, scores, target = args[:3]
    minus = tape.each(k.T_NEG, gradient)
    column = View(minus.at, (scores.shape[0], 1), (*minus.steps, 0))
    return tape.each(k.T_WHERE, _is_class(tape, scores, target), column, tape.constant(0.0))


def _threshold_back(tape: Tape, args: Args) -> View:
    return tape.each(k.T_THRESHOLD_BACK, args[0], args[1], tape.constant(float(args[2])))


def _leaky(tape: Tape, args: Args) -> View:
    return tape.each(k.T_LEAKY_BACK, args[0], args[0], tape.constant(float(args[1])))


def _leaky_back(tape: Tape, args: Args) -> View:
    return tape.each(k.T_LEAKY_BACK, args[0], args[1], tape.constant(float(args[2])))


def _where(tape: Tape, args: Args) -> View:
    return tape.each(k.T_WHERE, *(_view(tape, a) for a in args))


def _softplus(tape: Tape, args: Args) -> View:
    x, beta, threshold = args
    scaled = _scaled(tape, x, beta)
    bent = _scaled(tape, tape.each(k.T_SOFTPLUS, scaled), 1.0 / beta)
    return tape.each(k.T_WHERE, tape.each(k.T_GT, scaled, tape.constant(float(threshold))), x, bent)


_OTHER_RULES: dict[str, Rule] = {
    "add": _plus(k.T_ADD), "sub": _plus(k.T_SUB), "rsub": _rsub, "pow": _pow, "rsqrt": _rsqrt, "clamp": _clamp,
    "sum": _folded(k.T_SUM), "mean": _folded(k.T_SUM, True), "amax": _folded(k.T_LARGEST), "amin": _folded(k.T_SMALLEST),
    "mm": lambda tape, args: tape.product(*args), "bmm": lambda tape, args: tape.product(*args), "addmm": _addmm,
    "_softmax": _softmax(k.T_SOFTMAX), "_log_softmax": _softmax(k.T_LOG_SOFTMAX),
    "_softmax_backward_data": _soft_back(k.T_SOFTMAX_BACK),
    "_log_softmax_backward_data": _soft_back(k.T_LOG_SOFTMAX_BACK),
    "nll_loss_forward": _nll, "nll_loss_backward": _nll_back, "threshold_backward": _threshold_back,
    "leaky_relu": _leaky, "leaky_relu_backward": _leaky_back, "where": _where, "softplus": _softplus,
    "_unsafe_view": lambda tape, args: reshaped(tape, args[0], args[1]),
}  # fmt: skip
_KNOWN = {*_UNARY, *_BINARY, *_MADE, *_UNCHANGED, *_OTHER_RULES, *VIEW_RULES, "_to_copy"}

DECOMPOSED = {
    op: rule
    for op, rule in decomposition_table.items()
    if isinstance(op, torch._ops.OpOverload)
    and op.namespace == "aten"
    and op._schema.name.removeprefix("aten::") not in _KNOWN
}
"""Torch's own rules by which it makes an operation of simpler ones, for those that have no kernel here."""
