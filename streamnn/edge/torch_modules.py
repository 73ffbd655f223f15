"""From torch modules to the float network that the edge's quantiser takes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from ..errors import SpecError
from ..network.functions import Functions
from ..nn.grouped_linear import GroupedLinear, LearnedGrouping
from ..nn.learned_shuffle import LearnedShuffle
from ..nn.linear_spline import LinearSpline
from ..nn.permutation import Permutation
from ..nn.residual import Residual
from ..nn.spline_network import SplineNetwork
from .float_network import FloatLayer, FloatNetwork

Array = np.ndarray
ACTIVATION_MODULES = (nn.ReLU, nn.LeakyReLU, nn.PReLU, LinearSpline)
_TAKEN = (
    "Linear, Conv1d of kernel 1, BatchNorm1d, ReLU, LeakyReLU, PReLU, LinearSpline, GroupedLinear, Permutation, "
    "ChannelShuffle, LearnedShuffle and LearnedGrouping that are committed, Residual, Dropout, Identity, Unflatten, Flatten, Sequential, and SplineNetwork alone"
)


def float_network_of(module: nn.Module) -> FloatNetwork:
    """What a module computes in eval mode, in double precision, as layers that can be quantised.

    Batch normalisation is folded into the layer before or after it (Jacob et al. 2018); a convolution of kernel 1
    with groups becomes a block-diagonal layer, a permutation the order in which the next layer reads. Where no layer
    can take something over, one with weights of 0 and 1 stands between.

    Parameters
    ----------
    module : Sequential or SplineNetwork
        Of Linear, :class:`GroupedLinear`, Conv1d of kernel 1 (on one place, ``Unflatten(1, (-1, 1))`` before it),
        BatchNorm1d, ReLU, LeakyReLU, PReLU, :class:`LinearSpline`, :class:`Permutation`, ChannelShuffle,
        :class:`LearnedShuffle` and :class:`LearnedGrouping` that are committed, :class:`Residual` and Sequential. A
        softmax at the end is left out: the outputs are logits.

    Returns
    -------
    FloatNetwork
        Splines have the grids that they were learnt on: see :func:`streamnn.edge.spline_resampling.resampled_network`.

    Raises
    ------
    SpecError
        Names the module that cannot be taken.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)).eval()
    >>> network = float_network_of(model)
    >>> [layer.weights.shape for layer in network.layers]
    [(2, 4), (4, 3)]
    >>> x = torch.tensor([[1.0, -2.0]])
    >>> bool(np.abs(network(x.numpy(), np.zeros((1, 0), np.int32)) - model(x).detach().numpy()).max() < 1e-6)
    True
    """
    if isinstance(module, SplineNetwork):
        return _of_spline_network(module)
    walk = _Walk()
    walk.take(module, "module")
    return walk.finish()


def _array(t: Tensor) -> Array:
    out: Array = t.detach().cpu().double().numpy()
    return out


def _of_spline_network(module: SplineNetwork) -> FloatNetwork:
    functions, at, layers = module.functions(), 0, []
    for l, (w, b) in enumerate(zip((module.first, *module.hidden), module.bias, strict=True)):
        table = _array(module.table) if l == 0 and len(module.table) else None
        layers.append(FloatLayer(_array(w), _array(b), functions.of(at, at + len(b)), table))
        at += len(b)
    layers.append(FloatLayer(_array(module.out).T, _array(module.out_bias), None))
    return FloatNetwork(tuple(layers))


def _settled(module: LearnedShuffle | LearnedGrouping, name: str) -> Array:
    if not module.committed:
        raise SpecError(f"{name}: a {type(module).__name__} that is not committed: let it learn until it is")
    out: Array = module.index.cpu().numpy()
    return out


def _block_diagonal(w: Array, groups: int) -> Array:
    # from weights (outputs, inputs / groups)
    out = np.zeros((w.shape[1] * groups, len(w)))
    rows, columns = (np.linspace(0, n, groups + 1).astype(int) for n in out.shape)
    for (a, b), (c, d) in zip(pairwise(rows), pairwise(columns), strict=True):
        out[a:b, c:d] = w[c:d].T
    return out


def _straight(units: int) -> Functions:
    return Functions.two_slopes(np.ones(units))


class _Walk:
    """Layers so far, the one whose activation is still to come, and what waits for the next one."""

    def __init__(self) -> None:
        self.layers: list[FloatLayer] = []
        self.weights: Array | None = None  # of the open layer
        self.bias = np.zeros(0)
        self.read: Array | None = None
        self.groups, self.skip = 1, -1
        self.width: int | None = None  # of what comes in
        self.order: Array | None = None  # in which the next layer reads
        self.scale: tuple[Array, Array] | None = None  # factor and term of what it reads, in that order
        self.channels = False  # whether numbers are channels of one place, shape (n, units, 1)
        self.ended = False

    def take(self, module: nn.Module, name: str) -> None:
        if self.ended:
            raise SpecError(f"{name}: a softmax stands before it: nothing may follow one")
        if isinstance(module, nn.Sequential):
            for child, inner in module.named_children():
                self.take(inner, f"{name}.{child}")
        elif isinstance(module, nn.Linear):
            if self.channels:
                raise SpecError(f"{name}: a Linear of channels: put Flatten before it")
            self._open(_array(module.weight).T, module.bias, 1)
        elif isinstance(module, GroupedLinear | LearnedGrouping):
            self._grouped(module, name)
        elif isinstance(module, nn.Conv1d):
            self._convolution(module, name)
        elif isinstance(module, nn.BatchNorm1d):
            self._normalisation(module, name)
        elif isinstance(module, ACTIVATION_MODULES):
            self._activation(module, name)
        elif isinstance(module, Permutation):
            self._permute(module.order.cpu().numpy())
        elif isinstance(module, LearnedShuffle):
            self._permute(_settled(module, name))
        elif isinstance(module, nn.ChannelShuffle):
            width = self._known(name)
            self._permute(np.arange(width).reshape(module.groups, -1).T.ravel())
        elif isinstance(module, Residual):
            self._residual(module, name)
        elif (
            isinstance(module, nn.Unflatten)
            and module.dim == 1
            and tuple(module.unflattened_size)[1:] == (1,)
        ):
            self.channels = True
        elif isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) == (1, -1):
            self.channels = False
        elif isinstance(module, nn.Softmax | nn.LogSoftmax):
            self.ended = True
        elif not isinstance(module, nn.Identity | nn.Dropout | nn.Dropout1d):
            raise SpecError(
                f"{name} is a {type(module).__name__}, which no integer module is: allowed are {_TAKEN}"
            )

    def finish(self) -> FloatNetwork:
        """The network; its last layer has no activation."""
        if self.weights is None or self.skip >= 0:
            self._close()
            self._open(np.eye(self._known("module")), None, 1)
        self._append(None)
        return FloatNetwork(tuple(self.layers))

    # layers

    def _open(self, weights: Array, bias: Tensor | None, groups: int) -> None:
        self._close()
        self.weights, self.groups, self.read, self.skip = weights, groups, self.order, -1
        self.bias = np.zeros(weights.shape[1]) if bias is None else _array(bias)
        if self.scale is not None:
            factor, term = self.scale
            self.bias = self.bias + term @ weights
            self.weights = factor[:, None] * weights
        self.order, self.scale, self.width = None, None, weights.shape[1]

    def _append(self, functions: Functions | None) -> None:
        assert self.weights is not None
        self.layers.append(
            FloatLayer(self.weights, self.bias, functions, None, self.read, self.skip, self.groups)
        )
        self.weights = None

    def _close(self) -> None:
        # what is open has no activation
        if self.weights is not None:
            self._append(_straight(self.weights.shape[1]))

    def _ready(self, name: str) -> None:
        # a layer is open, or one of 0 and 1 is opened
        if self.weights is None:
            self._open(np.eye(self._known(name)), None, 1)

    def _known(self, name: str) -> int:
        if self.width is None:
            raise SpecError(f"{name}: nothing before it says how many numbers come in: begin with a Linear")
        return self.width

    # modules

    def _convolution(self, module: nn.Conv1d, name: str) -> None:
        if (module.kernel_size, module.stride, module.padding) != ((1,), (1,), (0,)):
            raise SpecError(
                f"{name}: a Conv1d of kernel {module.kernel_size}: allowed is kernel 1, stride 1, no padding"
            )
        if not self.channels:
            raise SpecError(f"{name}: a Conv1d reads channels: put Unflatten(1, (-1, 1)) before it")
        self._open(_block_diagonal(_array(module.weight)[:, :, 0], module.groups), module.bias, module.groups)

    def _grouped(self, module: GroupedLinear | LearnedGrouping, name: str) -> None:
        if self.channels:
            raise SpecError(f"{name}: a {type(module).__name__} of channels: put Flatten before it")
        w = _array(module.weight)
        if isinstance(module, LearnedGrouping):
            # inputs group by group, then blocks
            order = np.argsort(_settled(module, name), kind="stable")
            self._permute(order)
            blocks = np.split(w[:, order], module.groups, axis=1)
            w = np.concatenate([np.split(b, module.groups)[g] for g, b in enumerate(blocks)])
        self._open(_block_diagonal(w, module.groups), module.bias, module.groups)

    def _normalisation(self, module: nn.BatchNorm1d, name: str) -> None:
        if module.running_mean is None or module.running_var is None:
            raise SpecError(
                f"{name}: a BatchNorm1d without running statistics depends on its batch: track them"
            )
        factor = 1.0 / np.sqrt(_array(module.running_var) + module.eps)
        factor = factor if module.weight is None else factor * _array(module.weight)
        term = -_array(module.running_mean) * factor
        term = term if module.bias is None else term + _array(module.bias)
        if self.weights is not None and self.skip < 0:
            self.weights, self.bias = self.weights * factor, self.bias * factor + term
            return
        self._close()
        self.width = len(factor)
        before = self.scale or (np.ones(len(factor)), np.zeros(len(factor)))
        self.scale = before[0] * factor, before[1] * factor + term

    def _activation(self, module: nn.Module, name: str) -> None:
        self._ready(name)
        units = self._known(name)
        if isinstance(module, LinearSpline):
            if self.channels:
                raise SpecError(f"{name}: a LinearSpline of channels: put Flatten before it")
            piece = _array(module.piece)
            self._append(Functions(-_array(module.offset) * piece, piece, _array(module.coefficients)))
            return
        below = np.zeros(units)
        if isinstance(module, nn.LeakyReLU):
            below += module.negative_slope
        elif isinstance(module, nn.PReLU):
            below += _array(module.weight)
        self._append(Functions.two_slopes(below))

    def _permute(self, order: Array) -> None:
        self._close()
        self.width = len(order)
        self.order = order if self.order is None else self.order[order]
        if self.scale is not None:
            self.scale = self.scale[0][order], self.scale[1][order]

    def _residual(self, module: Residual, name: str) -> None:
        # what is added must be what a layer gives
        if self.width is None:
            self.width = _inputs_of(module)
        if self.order is not None or self.scale is not None or not self.layers:
            self._ready(name)
        self._close()
        at = len(self.layers) - 1
        self.take(module.inner, f"{name}.inner")
        if self.ended:
            raise SpecError(f"{name}: a softmax within a Residual: it may stand at the end only")
        if self.weights is None or self.skip >= 0:
            self._close()
            self._ready(name)
        self.skip = at


def _inputs_of(module: nn.Module) -> int | None:
    for m in module.modules():
        for size in ("in_features", "in_channels", "num_features", "units"):
            if hasattr(m, size):
                return int(getattr(m, size))
        if isinstance(m, Permutation):
            return len(m.order)
        if isinstance(m, LearnedShuffle):
            return m.rows
    return None
