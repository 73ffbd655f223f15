"""Weights of a guest out into a torch module, and back. Imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from ..errors import StateError
from ..state import Arrays
from .guest import Guest
from .making import made


class Weighted(Protocol):
    """A member whose network has named parameters."""

    guest: Guest
    seed: int

    @property
    def inputs(self) -> int:
        """Of its network."""

    @property
    def outputs(self) -> int:
        """Of its network."""

    def named(self) -> Arrays:
        """Copies of its parameters, and of what else its module keeps, by torch's names."""

    def take(self, named: Arrays) -> None:
        """Go on from these; the optimiser begins anew."""


def module_of(member: Weighted) -> nn.Module:
    """A new torch module of a guest's, with the weights that it has now, in eval mode.

    It is as wide as the member's network is now: ``module(rows)`` gives scores of encoded rows
    (:meth:`streamnn.Classifier.encoded`), without what embeddings of names add to these.
    """
    module = made(member.guest, member.inputs, member.outputs, member.seed)
    found = {name: torch.from_numpy(v) for name, v in member.named().items()}
    module.load_state_dict(found, strict=False)
    return module


def load_module(member: Weighted, source: nn.Module | Mapping[str, Any]) -> None:
    """Let a guest go on from a module's weights; its optimiser begins anew, its row statistics and embeddings stay.

    Parameters
    ----------
    member : Weighted
    source : Module or mapping
        A module, or a ``state_dict``, of the width that the member's network has now.

    Raises
    ------
    StateError
        Names the parameter that is missing, unknown or of another shape; nothing has been changed then.
    """
    state = source.state_dict() if isinstance(source, nn.Module) else source
    found = {name: np.array(torch.as_tensor(v).detach().cpu().numpy()) for name, v in state.items()}
    want = {name: v.numpy() for name, v in module_of(member).state_dict().items()}
    for name, v in want.items():
        if name not in found:
            raise StateError(f"the module has no {name!r}, which the guest learns")
        if found[name].shape != v.shape:
            raise StateError(
                f"{name!r} has shape {found[name].shape} in the module and {v.shape} in the guest"
            )
    stray = sorted(found.keys() - want.keys())
    if stray:
        raise StateError(f"the guest has no {stray[0]!r}, which the module has")
    member.take({name: found[name].astype(v.dtype) for name, v in want.items()})
