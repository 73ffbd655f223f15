"""Weights between torch modules and streaming networks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import StateError
from ..network import Network
from ..network import arrays as k
from ..network.budget import check_budget

if TYPE_CHECKING:
    from ._rule import Rule
    from .spline_network import SplineNetwork

f4 = np.float32
GRID = ("per_step", "piece", "offset")


def array(t: torch.Tensor) -> np.ndarray:
    """A tensor as NumPy."""
    return t.detach().cpu().numpy()


def classifies(net: Network) -> bool:
    """Whether a network has a softmax head."""
    return bool(net._settings.n[k.N_TASK] == k.CLASSIFY)


def _weights(net: Network) -> dict[str, np.ndarray]:
    # views of a network's weights under the parameter names of SplineNetwork
    s, sizes = net.s, net.sizes
    out = {"first": s["first"], "table": s["table"][: net.used.get("table", len(s["table"]))]}
    at = 0
    for l, (a, b) in enumerate(pairwise(sizes)):
        out[f"hidden.{l}"] = s["hidden"][at : at + a * b].reshape(a, b)
        at += a * b
    at = 0
    for l, h in enumerate(sizes):
        out[f"bias.{l}"] = s["bias"][at : at + h]
        if net.spec.activation == "spline":
            out[f"splines.{l}.coefficients"] = s["knots"][at : at + h]
        elif net.spec.activation == "prelu":
            out[f"slopes.{l}"] = s["knots"][at : at + h, 0]
        at += h
    return out | {"out": s["out"], "out_bias": s["out_bias"]}


@torch.no_grad()
def read(net: Network, model: SplineNetwork) -> None:
    """Copy a network's weights into a module of the same shape."""
    mine = dict(model.named_parameters())
    for name, w in _weights(net).items():
        mine[name].copy_(torch.from_numpy(w))
    at = 0
    for spline in model._splines():
        for i, name in enumerate(GRID):
            spline.get_buffer(name).copy_(torch.from_numpy(net.s["grid"][i, at : at + spline.units]))
        at += spline.units


def write(model: SplineNetwork, net: Network, rule: Rule | None) -> None:
    """Copy a module's weights into a network; see ``SplineNetwork.load_into``."""
    if model.classify != classifies(net):
        raise StateError(
            f"network {net.spec.name}: one side has a softmax head and the other a value head: make both the same"
        )
    mine, theirs = {n: array(p) for n, p in model.named_parameters()}, _weights(net)
    for name in sorted(mine.keys() | theirs.keys()):
        a, b = (w[name].shape if name in w else None for w in (mine, theirs))
        if a != b:
            raise StateError(
                f"network {net.spec.name}: {name} has shape {a} in the module and {b} in the network: make both of the same spec"
            )
    new = {n: w.astype(f4) for n, w in mine.items()}
    _check(new, model, net)
    if rule is not None:
        rule.store_moments(net)
    for name, w in new.items():
        theirs[name][...] = w
    at = 0
    for spline in model._splines():
        for i, name in enumerate(GRID):
            net.s["grid"][i, at : at + spline.units] = array(spline.get_buffer(name))
        at += spline.units
    net.s["first_norm"][...] = _squares(new["first"])
    at = net.sizes[0]
    for l, h in enumerate(net.sizes[1:]):
        net.s["hidden_norm"][at : at + h] = _squares(new[f"hidden.{l}"])
        at += h


def _squares(w: np.ndarray) -> np.ndarray:
    # row after row, as the kernel adds them up
    total = np.zeros(w.shape[1], f4)
    for row in w:
        total += row * row
    return total


def _check(weights: dict[str, np.ndarray], model: SplineNetwork, net: Network) -> None:
    for name, w in weights.items():
        if not np.isfinite(w).all():
            raise StateError(
                f"network {net.spec.name}: {name} is not finite: train again with a smaller step"
            )
    check_budget(net.spec, weights, model.functions(), "call project_(spec) first")
