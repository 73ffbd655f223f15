"""A network's weights at one moment, in double precision: what is quantised, and what the artefact is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..network.functions import Functions
from ..network.network import Network


@dataclass(frozen=True, slots=True)
class FloatLayer:
    """A linear map and its activations.

    Parameters
    ----------
    weights : ndarray of float64, shape (inputs, units)
    bias : ndarray of float64, shape (units,)
    functions : Functions or None
        Activations; None for the output layer.
    table : ndarray of float64, shape (rows, units), or None
        Category rows, of the first layer only.
    gather : ndarray of int64, shape (inputs,), or None
        Input i of the weights is gather[i] of what comes in.
    skip : int
        Layer whose output is added to the pre-activations; -1 for none.
    groups : int
        Blocks of which each sees its own inputs only.
    """

    weights: np.ndarray
    bias: np.ndarray
    functions: Functions | None
    table: np.ndarray | None = None
    gather: np.ndarray | None = None
    skip: int = -1
    groups: int = 1


@dataclass(frozen=True, slots=True)
class FloatNetwork:
    """Layers in the order of the data."""

    layers: tuple[FloatLayer, ...]

    def run(self, rows: np.ndarray, ids: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Pre-activations and activations of every layer; the last of both are the outputs.

        Parameters
        ----------
        rows : ndarray of float64, shape (n, inputs)
        ids : ndarray of int32, shape (n, k)
            Category rows, -1 for none.
        """
        pre: list[np.ndarray] = []
        post: list[np.ndarray] = []
        x = rows
        for layer in self.layers:
            x = x if layer.gather is None else x[:, layer.gather]
            a = x @ layer.weights + layer.bias
            if layer.table is not None:
                for k in range(ids.shape[1]):
                    there = ids[:, k] >= 0
                    a[there] += layer.table[ids[there, k]]
            if layer.skip >= 0:
                a = a + post[layer.skip]
            x = a if layer.functions is None else layer.functions.at(a)[0]
            pre.append(a)
            post.append(x)
        return pre, post

    def __call__(self, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Outputs, shape (n, outputs)."""
        return self.run(rows, ids)[1][-1]

    def scaled(self, factor: float) -> FloatNetwork:
        """With all outputs times `factor`."""
        last = self.layers[-1]
        last = replace(last, weights=last.weights * factor, bias=last.bias * factor)
        return FloatNetwork((*self.layers[:-1], last))


def float_network(network: Network, mean: bool = True, rows: int = 0) -> FloatNetwork:
    """The weights of a network as they are.

    Parameters
    ----------
    network : Network
    mean : bool
        Their running average, if one is kept.
    rows : int
        Category rows in use.
    """
    mean = mean and network.spec.average > 0
    s, spec = network.s, network.spec
    first, hidden, out = network.matrices(mean)
    functions = network.functions(mean)
    pre = "mean_" if mean else ""
    biases = np.split(s[f"{pre}bias"].astype(np.float64), np.cumsum(network.sizes)[:-1])
    layers = []
    at = 0
    for l, (w, h) in enumerate(zip((first, *hidden), spec.hidden, strict=True)):
        below = w.shape[0] if l == 0 else spec.hidden[l - 1]
        table = s["table"][:rows, :h].astype(np.float64) if l == 0 and rows else None
        layers.append(
            FloatLayer(w[:below, :h].astype(np.float64), biases[l][:h], _first(functions, at, h), table)
        )
        at += network.sizes[l]
    layers.append(
        FloatLayer(
            out[:, : spec.hidden[-1]].T.astype(np.float64), s[f"{pre}out_bias"].astype(np.float64), None
        )
    )
    return FloatNetwork(tuple(layers))


def _first(functions: Functions, at: int, units: int) -> Functions:
    return functions.of(at, at + units)
