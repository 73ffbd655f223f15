"""The slope certificate of any module: a proven upper bound by layers, and a lower bound found by looking."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import torch
from torch import Tensor, fx, nn

from ..errors import SpecError
from .layer_slopes import Slope, known, layer_slope
from .module_attack import attack_module
from .operation_slopes import Reach, only_moves, operation_reach

_NORMAL_ROWS = 16
"""Normal rows from which a steep place is looked for, when none are given."""


@dataclass(frozen=True, slots=True)
class LayerBound:
    """Of one layer: its name in the module, what it is, a bound of its l2 slope, and how that was found.

    An infinite `bound` is none; `how` then says why.
    """

    name: str
    words: str
    bound: float
    how: str


@dataclass(frozen=True, slots=True)
class ModuleCertificate:
    """Bounds of the largest l2 slope of a module.

    Parameters
    ----------
    bound : float
        No two rows have outputs further apart than `bound` times their distance; infinite where a layer has no bound.
    attacked : float
        Largest slope found by a search: the truth lies between the two.
    of : str
        From what to what, for which rows.
    layers : tuple of LayerBound
        In the order of the forward pass.
    """

    bound: float
    attacked: float
    of: str
    layers: tuple[LayerBound, ...]

    @property
    def missing(self) -> tuple[LayerBound, ...]:
        """Layers and functions without a bound."""
        return tuple(layer for layer in self.layers if not isfinite(layer.bound))


def certificate(
    module: nn.Module, shape: Sequence[int], *, most: float = inf, rows: Tensor | None = None
) -> ModuleCertificate:
    """Certificate of a module in evaluation, in double precision from its weights as they are.

    Bounds of layers multiply along the forward pass; where values are added theirs are added, so that a residual
    block of a branch L has 1 + L, and where values are joined their squares are (Miyato et al. 2018 and Singla &
    Feizi 2021 say how to bound a layer: see :mod:`streamnn.nn.operator_norms`).

    Parameters
    ----------
    module : Module
        That ``torch.fx`` can trace.
    shape : sequence of int
        Of a row, without the axis of the batch.
    most : float
        The certificate is of rows that have no entry above this in size. Pools clip rows to 5. Gates that multiply
        values need it, recurrent layers gain by it.
    rows : Tensor, shape (n, *shape), optional
        Where the search for a steep place begins; normal rows if not given.

    Raises
    ------
    SpecError
        When the module gives more than one tensor.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> found = certificate(net, (4,))
    >>> found.attacked <= found.bound
    True
    >>> [layer.words for layer in found.layers]
    ['Linear(in_features=4, out_features=8, bias=True)', 'Tanh()', 'Linear(in_features=8, out_features=2, bias=True)']
    >>> certificate(nn.Sequential(nn.Linear(4, 8), nn.Hardshrink()), (4,)).missing[0].how
    'no bound of its slope is known'
    """
    frozen = copy.deepcopy(module).double().eval()
    if known(frozen):  # a tracer looks into the module that it is given
        frozen = nn.Sequential(frozen)
    shape = tuple(shape)
    if rows is None or not len(rows):
        rows = torch.randn(
            _NORMAL_ROWS, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
        )
    rows = rows.detach().double()
    of = f"l2, from rows of shape {shape}{f' within +-{most:g}' * isfinite(most)} to outputs"
    if not all(bool(p.isfinite().all()) for p in frozen.state_dict().values()):
        return ModuleCertificate(inf, inf, f"{of}: weights are not finite", ())
    if not isinstance(frozen(rows[:1]), Tensor):
        raise SpecError(
            f"certificate: {type(module).__name__} gives more than one value: allowed is one tensor"
        )
    attacked = attack_module(frozen, rows, most)
    try:
        walk = _Walk(
            fx.GraphModule(frozen, (tracer := _Tracer()).trace(frozen), type(tracer).__name__), most, shape
        )
    except Exception as e:  # a tracer stops at whatever a forward may do
        return ModuleCertificate(inf, attacked, f"{of}: torch.fx can't trace it: {e}", ())
    with torch.no_grad():
        out = walk.run(torch.zeros(walk.batch, *shape, dtype=torch.float64))
    return ModuleCertificate(
        walk.reached.slope, attacked, f"{of} of shape {tuple(out.shape[1:])}", tuple(walk.layers)
    )


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return known(m) or not list(m.children())


class _Walk(fx.Interpreter):
    """Runs the graph on a small batch, for shapes, and follows how far values can move."""

    def __init__(self, graph: fx.GraphModule, most: float, shape: tuple[int, ...]) -> None:
        super().__init__(graph)
        self.batch = next(n for n in (2, 3, 5, 7, 11, 13) if n not in shape)  # no other axis is taken for it
        self.most, self.layers = most, list[LayerBound]()
        self.reaches: dict[fx.Node, Any] = {}
        self.reached, self.spoilt = Reach(inf), False

    def run_node(self, n: fx.Node) -> Any:
        args, kwargs = self.fetch_args_kwargs_from_env(n)
        out = super().run_node(n)
        self.reaches[n] = self._after(n, args, kwargs, out)
        return out

    def _after(self, n: fx.Node, given: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
        if n.op == "placeholder":
            return Reach(1.0, self.most)
        if n.op == "get_attr":
            return Reach(0.0, float(out.abs().max()))
        args: Any = fx.node.map_arg(n.args, self.reaches.__getitem__)
        if n.op == "output":
            self.reached = Reach(inf) if self.spoilt else args[0]
            return self.reached
        moved_by_name = any(self.reaches[a].slope for v in n.kwargs.values() for a in _nodes(v))
        if n.op == "call_module" and n.args:
            return self._layer(str(n.target), args, given, moved_by_name)
        if getattr(n.target, "__name__", "") == "getitem" and isinstance(args[0], tuple):
            return args[0][args[1]]
        found = None
        if _overwrites(n):
            self.spoilt = True
        elif not moved_by_name:
            found = operation_reach(n.target, args, kwargs, given, out)
        if found is None:
            words = n.target if isinstance(n.target, str) else getattr(n.target, "__name__", str(n.target))
            self.layers.append(LayerBound(n.name, str(words), inf, "no bound of its slope is known"))
        return found or Reach(inf)

    def _layer(self, name: str, args: tuple[Any, ...], given: tuple[Any, ...], more: bool) -> Any:
        module, before = self.fetch_attr(name), args[0]
        shape, rows = given[0].shape, 0
        if isinstance(module, nn.RNNBase) and not module.batch_first:
            rows = 1
        slope = layer_slope(module, (*shape[:rows], *shape[rows + 1 :]), before.most)
        if isinstance(module, nn.RNNBase) and shape[rows] != self.batch:
            slope = Slope(inf, "rows do not lie along the axis that it takes for theirs")
        if slope is not None and (more or len(args) > 1):
            slope = Slope(inf, "it takes more than one value, as a state to start from")
        slope = slope or Slope(inf, "no bound of its slope is known")
        self.layers.append(LayerBound(name, str(module), slope.bound, slope.how))
        after = before.through(slope.bound, slope.most)
        return _recurrent(module, before, after, slope) if isinstance(module, nn.RNNBase) else after


def _nodes(v: Any) -> list[fx.Node]:
    found: list[fx.Node] = []
    fx.node.map_arg(v, found.append)
    return found


def _overwrites(n: fx.Node) -> bool:
    # whether it works in place on what is, or may be a view of what is, used elsewhere too: that would move as well
    name = n.target if isinstance(n.target, str) else getattr(n.target, "__name__", "")
    in_place = (name.endswith("_") and not name.endswith("__")) or name in (
        "iadd",
        "isub",
        "imul",
        "itruediv",
    )
    if not in_place or not isinstance(n.args[0], fx.Node):
        return False
    return len(n.args[0].users) > 1 or only_moves(n.args[0].target)


def _recurrent(module: nn.RNNBase, before: Reach, after: Reach, slope: Slope) -> Any:
    # outputs, and the state: of the hidden part its last layer's is known, of the cells nothing
    last = before.through(slope.last or 0.0, slope.most).slope
    every = "slice(None, None, None)"
    ends = (f"({every}, -1)", f"({every}, -1, {every})") if module.batch_first else ("-1",)
    outputs = Reach(after.slope, after.most, tuple((key, last) for key in ends))
    alone = module.num_layers == 1 and not module.bidirectional
    hidden = Reach(last if alone else inf, after.most, (("-1", last),))
    return outputs, (hidden, Reach(inf)) if isinstance(module, nn.LSTM) else hidden
