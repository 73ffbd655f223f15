"""A search for a steep place of a module: the lower side of its slope certificate."""

from __future__ import annotations

from math import inf
from typing import cast

import torch
from torch import Tensor, nn

_STARTS_KEPT, _ATTACKS, _SEARCH_ROUNDS = 4, 8, 6
"""Steepest rows that a round begins from, tries around each, and rounds, each of half the step of the last."""
_MOST_OUTPUTS = 64
"""Outputs of which the slope is looked at; leaving some out finds less, never too much."""


def attack_module(module: nn.Module, rows: Tensor, most: float = inf) -> float:
    """Largest l2 slope found: at the rows, then around the steepest of them in steps that grow smaller.

    As :func:`streamnn.network.attack.attack`; the slope at a place is the spectral norm of the Jacobian there. The same
    answer for the same arguments.

    Parameters
    ----------
    module : Module
        In evaluation and double precision; each row's outputs are its own business.
    rows : Tensor of float64, shape (n, ...)
    most : float
        No place has an entry above this in size.

    Examples
    --------
    >>> steep = nn.Linear(2, 2).double()
    >>> _ = steep.weight.data.copy_(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    >>> round(attack_module(steep, torch.zeros(1, 2, dtype=torch.float64)), 6)
    3.0
    """
    if not rows.numel():
        return 0.0
    draw = torch.Generator().manual_seed(0)
    x = rows.clamp(-most, most)
    scale = x.std(0, correction=0) + 0.1
    found = slopes_at(module, x)
    for turn in range(_SEARCH_ROUNDS):
        top = found.sort(descending=True, stable=True).indices[:_STARTS_KEPT]
        x, found = x[top], found[top]
        near = x.repeat_interleave(_ATTACKS, 0)
        step = torch.randn(near.shape, generator=draw, dtype=x.dtype)
        near = (near + scale * 2.0 ** (1 - turn) * step).clamp(-most, most)
        x, found = torch.cat([x, near]), torch.cat([found, slopes_at(module, near)])
    return float(found.max())


def slopes_at(module: nn.Module, x: Tensor) -> Tensor:
    """The slope at each row of x, shape (n,); other arguments as for :func:`attack_module`."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        out = module(x).flatten(1)
        ways = [
            cast(Tensor, torch.autograd.grad(out[:, i].sum(), x, retain_graph=True, allow_unused=True)[0])
            for i in range(min(out.shape[1], _MOST_OUTPUTS))
        ]
    jacobian = torch.stack([torch.zeros_like(x) if g is None else g for g in ways], 1).flatten(2)
    return torch.linalg.matrix_norm(jacobian, ord=2)
