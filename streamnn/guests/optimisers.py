"""Torch's optimisers as steps of compiled kernels. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from ..lowered.optimisers import Optimiser
from .not_lowered import NotLowered

_RULES_OF_TORCH: dict[type, tuple[str, tuple[str, ...]]] = {
    torch.optim.SGD: ("sgd", ("momentum", "dampening", "nesterov", "weight_decay")),
    torch.optim.Adam: ("adam", ("betas", "eps", "weight_decay")),
    torch.optim.AdamW: ("adamw", ("betas", "eps", "weight_decay")),
    torch.optim.RMSprop: ("rmsprop", ("alpha", "eps", "momentum", "weight_decay")),
}
_MUST_BE_OFF = ("amsgrad", "centered", "maximize", "differentiable")


def optimiser_of(
    optimizer: torch.optim.Optimizer, parameters: Iterable[nn.Parameter] | None = None
) -> Optimiser:
    """The rule and options of an optimiser of torch.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        One of SGD, Adam, AdamW and RMSprop.
    parameters : iterable of Parameter, optional
        All that it must have, in any order.

    Raises
    ------
    NotLowered
        When compiled kernels do not know it, or it treats some parameters otherwise than others.

    Examples
    --------
    >>> optimiser_of(torch.optim.SGD([torch.zeros(2)], lr=0.1, momentum=0.9))
    Optimiser(rule='sgd', lr=0.1, momentum=0.9, ...)
    """
    if type(optimizer) not in _RULES_OF_TORCH:
        known = ", ".join(kind.__name__ for kind in _RULES_OF_TORCH)
        raise NotLowered(f"the optimiser is a {type(optimizer).__name__}: compiled kernels know {known}")
    rule, options = _RULES_OF_TORCH[type(optimizer)]
    if len(optimizer.param_groups) != 1:
        raise NotLowered(
            f"the optimiser has {len(optimizer.param_groups)} groups of parameters: compiled kernels know one"
        )
    group: dict[str, Any] = optimizer.param_groups[0]
    own = {id(p) for p in group["params"]}
    if parameters is not None and own != {id(p) for p in parameters}:
        raise NotLowered("the optimiser has some of the module's parameters only: compiled kernels learn all")
    for name in _MUST_BE_OFF:
        if group.get(name):
            raise NotLowered(f"the optimiser has {name}=True, which compiled kernels do not know")
    if group.get("decoupled_weight_decay"):
        rule = "adamw"
    return Optimiser.named(rule, float(group["lr"]), {name: _plain(group[name]) for name in options})


def _plain(option: Any) -> Any:
    if isinstance(option, (list, tuple)):
        return tuple(float(v) for v in option)
    return option if isinstance(option, bool) else float(option)
