"""A torch module that learns as torch does it, operation by operation. Imports torch."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ..state import Arrays
from . import torch_optimiser
from .device import device_of, generator_state, set_generator_state
from .guest import Guest
from .latent import Latent
from .losses import loss_of, prediction
from .making import Facts, rows_of


class Eager:
    """A module whose parameters, statistics and moments lie in the arrays of a state.

    Parameters
    ----------
    guest : Guest
    module : torch.nn.Module
        In eval mode; its parameters become those of the arrays.
    facts : Facts
    arrays : dict of str to ndarray
        ``param/<name>``, ``buffer/<name>``, the optimiser's, and ``random`` where it draws. On the CPU torch works on
        their memory.
    keys : tuple of str
        What the optimiser keeps, see :func:`streamnn.guests.torch_optimiser.zero_moments`.
    started : bool
        Whether the optimiser has made a step.
    classify : bool
    units : int
        Of the latents that are given, 0 for none.
    together : int
        How many rows are predicted at once.
    """

    road = "eager"

    def __init__(
        self,
        guest: Guest,
        module: nn.Module,
        facts: Facts,
        arrays: Arrays,
        keys: tuple[str, ...],
        started: bool,
        classify: bool,
        units: int,
        together: int,
    ) -> None:
        self.guest, self.facts, self.classify, self.units = guest, facts, classify, units
        self.together = together
        self.latents = np.zeros((0, units), np.float32)  # of the rows last learnt
        self.module, self.device = module.to(device_of(guest)), device_of(guest)
        self._arrays, self._keys, self._started = arrays, keys, started
        self._loss = loss_of(guest, classify)
        with torch.no_grad():
            for name, p in module.named_parameters():
                p.data = torch.from_numpy(arrays[f"param/{name}"]).to(self.device)
            for name, b in module.named_buffers():
                b.data = torch.from_numpy(arrays[f"buffer/{name}"]).to(self.device)
        self.parameters: dict[str, Tensor] = dict(module.named_parameters())
        self.optimiser = torch_optimiser.optimiser_of(guest, self.parameters)
        if started:
            torch_optimiser.link(self.optimiser, self.parameters, arrays, keys)
        self._latent = Latent(module, guest) if units else None

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions (n, outputs) and latents (n, units) of rows; changes nothing."""
        with torch.no_grad():
            p, z = self.forward(torch.from_numpy(x).to(self.device))
        return p.cpu().numpy(), z.cpu().numpy()

    def learn(self, x: np.ndarray, y: np.ndarray, w: np.ndarray, by_row: bool) -> np.ndarray | None:
        """One step on the mean of the weighted losses.

        Parameters
        ----------
        x : ndarray of float32
            Rows of a micro-batch.
        y : ndarray, shape (n,)
            Class numbers, int64, or targets, float32.
        w : ndarray of float32, shape (n,)
        by_row : bool
            Whether the gradient by the rows is asked for.

        Returns
        -------
        ndarray of float32 or None
            The gradient of the loss by the rows, empty where not asked for; None where the loss was not finite: then
            there was no step.
        """
        rows, target, weight = (torch.from_numpy(v).to(self.device) for v in (x, y, w))
        loss, *gradients = self._trained(rows, target, weight, by_row)
        if self._latent:
            self.latents = self._latent.taken(self.units).cpu().numpy()
        if not math.isfinite(loss.item()):
            return None
        by_rows = gradients.pop().cpu().numpy() if by_row else _NONE
        self._update(gradients)
        return by_rows

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and latents."""
        out = self.module(rows_of(self.guest, rows))
        z = self._latent.taken(self.units) if self._latent else rows.new_zeros(len(rows), 0)
        return prediction(out, self.classify), z

    def gradients(self, rows: Tensor, y: Tensor, w: Tensor, by_row: bool) -> list[Tensor]:
        """The loss of a micro-batch, its gradients by every parameter, and by the rows if asked for."""
        rows = rows.requires_grad_(True) if by_row else rows
        loss = (self._loss(self.module(rows_of(self.guest, rows)), y) * w).mean()
        by = [*self.parameters.values(), *([rows] if by_row else [])]
        found = torch.autograd.grad(loss, by, allow_unused=True)
        return [loss.detach(), *found]

    def pull(self) -> None:
        """Write what does not work on the arrays' memory into the arrays."""
        if self.device.type != "cpu":
            for name, p in self.parameters.items():
                self._arrays[f"param/{name}"][...] = p.detach().cpu().numpy()
            for name, b in self.module.named_buffers():
                self._arrays[f"buffer/{name}"][...] = b.detach().cpu().numpy()
            torch_optimiser.store(self.optimiser, self.parameters, self._arrays)

    def _trained(self, rows: Tensor, y: Tensor, w: Tensor, by_row: bool) -> list[Tensor]:
        if not self.facts.two_modes:
            return self.gradients(rows, y, w, by_row)
        draws = self._arrays.get("random")
        if draws is not None:
            before = generator_state(self.device)
            set_generator_state(self.device, torch.from_numpy(draws))
        self.module.train()
        try:
            return self.gradients(rows, y, w, by_row)
        finally:
            self.module.eval()
            if draws is not None:
                draws[...] = generator_state(self.device).numpy()
                set_generator_state(self.device, before)

    def _update(self, gradients: list[Tensor]) -> None:
        for p, g in zip(self.parameters.values(), gradients, strict=True):
            p.grad = g
        self.optimiser.step()
        if not self._started:  # it has a state now: from here on it lies in the arrays
            self._started = True
            torch_optimiser.store(self.optimiser, self.parameters, self._arrays)
            torch_optimiser.link(self.optimiser, self.parameters, self._arrays, self._keys)


_NONE = np.zeros(0, np.float32)
