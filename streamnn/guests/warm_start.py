"""Weights both ways: out of a pool into a torch module, and from a module into the pool. Imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import MissingPackage, SpecError

try:
    import torch
    from torch import nn
except ImportError as e:
    raise MissingPackage("torch", "torch", "a module's weights") from e

from ..members.member import Member
from ..state import check_leaves
from .guest import Guest
from .lowered_member import LoweredMember
from .making import made
from .torch_member import TorchMember

_WARM_LEAVES = ("param", "buffer")


def module_of(guest: Guest, member: Member, seed: int) -> nn.Module:
    """A new module of the user's with what a member has learnt so far, in eval mode.

    Parameters
    ----------
    guest : Guest
    member : Member
        What it became.
    seed : int
        Of a new module's weights, all of which are replaced.

    Raises
    ------
    SpecError
        When the guest is no torch module.
    """
    module = made(guest, *_widths(member), seed)
    saved = _weights(member)
    with torch.no_grad():
        for kind, named in _named(module).items():
            for name, into in named.items():
                if f"{kind}/{name}" in saved:
                    into.copy_(torch.from_numpy(saved[f"{kind}/{name}"]))
    return module


def take_module(member: Member, module: Any) -> None:
    """Give a member the weights of a module; the optimiser's moments stay as they are.

    Raises
    ------
    StateError
        Names the parameter that is missing, unknown or of another shape; nothing has changed then.
    """
    if not isinstance(module, nn.Module):
        raise SpecError(f"weights come from a torch module, and this is a {type(module).__name__}")
    expected = _weights(member)
    given = {
        f"{kind}/{name}": v.detach().cpu().numpy().copy()
        for kind, named in _named(module).items()
        for name, v in named.items()
        if kind == "param" or f"{kind}/{name}" in expected
    }
    check_leaves(given, expected, "module")
    state = member.state_dict()
    member.load_state_dict(state | {f"{member.name}/{k}": v for k, v in given.items()})


def _named(module: nn.Module) -> dict[str, dict[str, torch.Tensor]]:
    return {"param": dict(module.named_parameters()), "buffer": dict(module.named_buffers())}


def _weights(member: Member) -> dict[str, np.ndarray]:
    n = len(member.name) + 1
    leaves = {k[n:]: v for k, v in member.state_dict().items()}
    return {k: v for k, v in leaves.items() if k.partition("/")[0] in _WARM_LEAVES}


def _widths(member: Member) -> tuple[int, int]:
    if isinstance(member, LoweredMember):
        return member.width, member.plan.output.size
    assert isinstance(member, TorchMember)
    return member.inputs, int(member.s["sizes"][2])
