"""Weights between torch modules and streaming networks."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import StateError
from ..network import Network
from ..network import arrays as k

if TYPE_CHECKING:
    from ._rule import Rule
    from .spline_network import SplineNetwork

f4 = np.float32
_ROUNDING = 1.0 + 1e-6  # a norm that was set to its budget may be off by this much


def array(t: torch.Tensor) -> np.ndarray:
    """A tensor as NumPy."""
    return t.detach().cpu().numpy()


def classifies(net: Network) -> bool:
    """Whether a network has a softmax head."""
    return bool(net._n[k.N_TASK] == k.CLASSES)


def _weights(net: Network) -> dict[str, np.ndarray]:
    # views of a network's weights under the parameter names of SplineNetwork
    s, sizes = net.s, net.spec.hidden
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
        at += h
    return out | {"out": s["out"], "out_bias": s["out_bias"]}


@torch.no_grad()
def read(net: Network, model: SplineNetwork) -> None:
    """Copy a network's weights into a module of the same shape."""
    mine = dict(model.named_parameters())
    for name, w in _weights(net).items():
        mine[name].copy_(torch.from_numpy(w))


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
    _check_budget(new, net)
    if rule is not None:
        rule.store_moments(net)
    for name, w in new.items():
        theirs[name][...] = w
    net.s["first_norm"][...] = _squares(new["first"])
    at = net.spec.hidden[0]
    for l, h in enumerate(net.spec.hidden[1:]):
        net.s["hidden_norm"][at : at + h] = _squares(new[f"hidden.{l}"])
        at += h


def _squares(w: np.ndarray) -> np.ndarray:
    # row after row, as the kernel adds them up
    total = np.zeros(w.shape[1], f4)
    for row in w:
        total += row * row
    return total


def _check_budget(weights: dict[str, np.ndarray], net: Network) -> None:
    spec = net.spec
    for name, w in weights.items():
        if not np.isfinite(w).all():
            raise StateError(f"network {spec.name}: {name} is not finite: train again with a smaller step")
        d = w.astype(np.float64)
        if name == "first" or name.startswith("hidden"):
            found, cap, what = np.sqrt((d * d).sum(0)), spec.row_norm, "row_norm"
        elif name == "out":
            found, cap, what = np.sqrt((d * d).sum(1)), spec.out_norm, "out_norm"
        elif name.startswith("splines"):
            found, cap, what = np.abs(np.diff(d, axis=1)).max(1) / float(k.STEP), spec.slope, "slope"
        else:
            continue
        most = float(found.max(initial=0.0))
        if cap > 0 and most > cap * _ROUNDING:
            raise StateError(
                f"network {spec.name}: {name} has {most:.6g} where its budget {what} is {cap:g}: call project_(spec) first"
            )
