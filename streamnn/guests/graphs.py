"""Functions of tensors as graphs of operations that TorchScript's interpreter replays. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

aten = torch.ops.aten
_DIVISIONS = (aten.div.Scalar, aten.div.Tensor)

Graph = Callable[..., tuple[Tensor, ...]]


def recorded(
    f: Callable[..., Any], args: Sequence[Tensor], decomposed: Mapping[Any, Callable[..., Any]] | None = None
) -> fx.GraphModule:
    """A function's operations on tensors of the shapes that it will get, without those that give what they get."""
    # one mode for the shapes of all values: torch would make one a value, in half of the time of recording
    with tracing(TracingContext(FakeTensorMode(allow_fallback_kernels=True))):
        module: fx.GraphModule = make_fx(f, decomposition_table=decomposed)(*args)
    simplify(module.graph)
    return module


def graph_of(f: Callable[..., Any], *args: Tensor) -> Graph:
    """A function as a graph that TorchScript replays; call it by :func:`replayed`."""
    module = recorded(f, args)
    for node in module.graph.nodes:
        if isinstance(node.target, torch._ops.OpOverload):  # a script finds the overload by its arguments
            node.target = node.target.overloadpacket
    module.recompile()
    # no torch.jit.trace: it takes no lists of truths, as gradients of convolutions and norms have them
    found: Graph = torch.jit.script(module)._c._get_method("forward")
    return found


def replayed(graph: Graph, *args: Tensor) -> tuple[Tensor, ...]:
    """Replay it without the changes that are made to a graph after its first runs: they change bits."""
    before = torch._C._get_graph_executor_optimize()
    torch._C._set_graph_executor_optimize(False)
    try:
        return graph(*args)
    finally:
        torch._C._set_graph_executor_optimize(before)


def simplify(graph: fx.Graph) -> None:
    """Leave out operations that give what they get; for an event at a time they are a third of those of a way back.

    Values stay as they are: only the sign of a zero may be another, where a sum of one row is left out. A graph that
    changes tensors in place keeps its copies.
    """
    changes = any(
        isinstance(n.target, torch._ops.OpOverload) and n.target._schema.is_mutable for n in graph.nodes
    )
    ones: set[fx.Node] = set()
    for node in list(graph.nodes):
        if node.target is aten.detach.default:  # there is no autograd to detach from
            node.replace_all_uses_with(_input(node))
            graph.erase_node(node)
        elif not changes and (instead := _same(node, ones)) is not None:
            node.replace_all_uses_with(instead)
    if not changes:
        graph.eliminate_dead_code()


def _same(node: fx.Node, ones: set[fx.Node]) -> fx.Node | None:
    """What a node's result is the same as, if that is there already. Adds to the nodes known to be all 1."""
    of, args = node.target, node.args
    if of is aten.ones_like.default:
        ones.add(node)
    elif of is aten.expand.default or (of in _DIVISIONS and args[1] == 1):
        if _input(node) in ones:
            ones.add(node)
    elif of is aten.t.default and _input(node).target is aten.t.default:
        return _input(_input(node))
    elif of is aten.sum.dim_IntList and _like(node) == _like(_input(node)):
        return _input(node)
    elif of is aten.mul.Tensor:
        for one, x in (args, args[::-1]):
            if (
                isinstance(one, fx.Node)
                and isinstance(x, fx.Node)
                and one in ones
                and _like(node) == _like(x)
            ):
                return x
    return None


def _input(node: fx.Node) -> fx.Node:
    first = node.args[0]
    assert isinstance(first, fx.Node)
    return first


def _like(node: fx.Node) -> tuple[Any, ...]:
    value = node.meta["val"]
    return value.shape, value.stride(), value.dtype
