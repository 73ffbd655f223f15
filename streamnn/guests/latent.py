"""The layer of a torch module whose values are the ground of surprise. Imports torch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import SpecError
from ..lowered.latent import LATENTS
from .guest import Guest
from .making import rows_of, zero_rows


class Latent:
    """What a submodule reads, as a row of features an event.

    Parameters
    ----------
    module : torch.nn.Module
    guest : Guest
        Whose `latent` names the submodule; the last Linear otherwise.
    """

    def __init__(self, module: nn.Module, guest: Guest) -> None:
        self._time_first = guest.time_first
        found = submodule_of(module, guest)
        self._last = isinstance(found, nn.Linear)
        self._seen: Tensor = torch.zeros(0)
        found.register_forward_pre_hook(self._keep)

    def _keep(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        self._seen = args[0]

    @property
    def is_seen(self) -> bool:
        """Whether rows came to it."""
        return self._seen.dim() > 1

    def taken(self, units: int) -> Tensor:
        """Of the last rows: maps as their means over positions; of more than `units` values, means of neighbours."""
        z = self.means()
        return z if z.shape[1] == units else F.adaptive_avg_pool1d(z[:, None], units)[:, 0]

    def means(self) -> Tensor:
        """Of the last rows, shape (n, features)."""
        z = self._seen.detach()
        if z.dim() > 2 and self._last:  # features last, positions between
            return z.mean([0] if self._time_first else list(range(1, z.dim() - 1)))
        return z.flatten(2).mean(2) if z.dim() > 2 else z


def submodule_of(module: nn.Module, guest: Guest) -> nn.Module:
    """The submodule whose input is the latent layer.

    Raises
    ------
    SpecError
        When there is none of that name, or no Linear.
    """
    if guest.latent:
        try:
            return module.get_submodule(guest.latent)
        except AttributeError:
            names = ", ".join(name for name, _ in module.named_modules() if name)
            raise SpecError(f"guest option latent is {guest.latent!r}: the submodules are {names}") from None
    linear = [m for m in module.modules() if isinstance(m, nn.Linear)]
    if not linear:
        raise SpecError(
            "a guest without a Linear layer has to name the submodule whose input is watched: latent="
        )
    return linear[-1]


def latent_units(guest: Guest, module: nn.Module, inputs: int) -> int:
    """How many features the latent layer of a module has, at most 64.

    Raises
    ------
    SpecError
        When there is no such submodule, or the module does not use it as one.
    """
    latent = Latent(module, guest)
    with torch.no_grad():
        module(rows_of(guest, zero_rows(guest, 2, inputs)))
    if not latent.is_seen:
        raise SpecError(
            "the submodule whose input is to be watched is never called: name another one, latent="
        )
    return min(latent.means().shape[1], LATENTS)
