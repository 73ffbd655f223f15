"""A torch module that learns as torch does it, operation by operation. Imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..nn import project
from ..state import Arrays
from . import torch_optimiser
from .device import device_of
from .draws import draws_of
from .guest import Guest
from .latent import Latent
from .losses import loss_of, prediction
from .making import Facts, rows_of, settling_parts, trained


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
    inputs : int
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
        inputs: int,
        units: int,
        together: int,
    ) -> None:
        self.guest, self.facts, self.classify = guest, facts, classify
        self.inputs, self.units, self.together = inputs, units, together
        self.module, self.device = module.to(device_of(guest)), device_of(guest)
        self.on_cpu = self.device.type == "cpu"
        self._arrays, self._keys, self._started = arrays, keys, started
        self._loss = loss_of(guest, classify)
        with torch.no_grad():
            for name, p in module.named_parameters():
                p.data = torch.from_numpy(arrays[f"param/{name}"]).to(self.device)
            for name, b in module.named_buffers():
                b.data = torch.from_numpy(arrays[f"buffer/{name}"]).to(self.device)
        self.parameters: dict[str, Tensor] = trained(module)
        self.optimiser = torch_optimiser.optimiser_of(guest, self.parameters)
        self._step: Callable[[list[Tensor]], None] | None = None
        if started:
            self._link()
        self._latent = Latent(module, guest) if units else None
        self._settling: list[Any] = settling_parts(module)

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Predictions (n, outputs) and latents (n, units) of rows; changes nothing."""
        p, z = self._forward(self._tensor(x))
        return _array(p), _array(z)

    def learn(
        self, x: np.ndarray, y: np.ndarray, w: np.ndarray, by_row: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
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
        latents : ndarray of float32, shape (n, units)
            Before the step.
        gradient : ndarray of float32 or None
            Of the loss by the rows, empty where not asked for; None where the loss was not finite: then there was no
            step.
        """
        rows, target, weight = self._tensor(x), self._tensor(y), self._tensor(w)
        loss, z, *gradients = self._backward(rows, target, weight, by_row)
        assert loss is not None and z is not None
        latents = _array(z)
        if not math.isfinite(loss.item()):
            return latents, None
        by_rows = gradients.pop() if by_row else None
        self._update(gradients)
        return latents, _NONE if by_rows is None else _array(by_rows)

    def _tensor(self, x: np.ndarray) -> Tensor:
        """On the CPU it is the array's memory."""
        found = torch.from_numpy(x)
        return found if self.on_cpu else found.to(self.device)

    def _forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Predictions and latents."""
        with torch.no_grad():
            return self._passed(self.module, rows)

    def _backward(self, rows: Tensor, y: Tensor, w: Tensor, by_row: bool) -> list[Tensor | None]:
        """The loss, latents, gradients by every parameter, and by the rows if asked for."""
        if not self.facts.two_modes:
            return self._passed_back(self.module, list(self.parameters.values()), rows, y, w, by_row)
        draws = self._arrays.get("random")
        self.module.train()
        try:
            with nullcontext() if draws is None else draws_of(draws, self.device):
                return self._passed_back(self.module, list(self.parameters.values()), rows, y, w, by_row)
        finally:
            self.module.eval()

    def _passed(self, call: Callable[[Tensor], Tensor], rows: Tensor) -> tuple[Tensor, Tensor]:
        out = call(rows_of(self.guest, rows))
        return prediction(out, self.classify), self._latents(rows)

    def _passed_back(
        self,
        call: Callable[[Tensor], Tensor],
        parameters: list[Tensor],
        rows: Tensor,
        y: Tensor,
        w: Tensor,
        by_row: bool,
    ) -> list[Tensor | None]:
        rows = rows.detach().requires_grad_(True) if by_row else rows
        loss = (self._loss(call(rows_of(self.guest, rows)), y) * w).mean()
        by = [*parameters, rows] if by_row else parameters
        return [loss.detach(), self._latents(rows), *self._gradients(loss, by)]

    def _gradients(self, loss: Tensor, by: list[Tensor]) -> list[Tensor | None]:
        if not self._settling:
            return list(torch.autograd.grad(loss, by, allow_unused=True))
        for tensor in by:
            tensor.grad = None
        if math.isfinite(loss.item()):
            loss.backward()  # all the way: shares of an order are no parameters, and take their gradient by a hook
        return [tensor.grad for tensor in by]

    def _latents(self, rows: Tensor) -> Tensor:
        return self._latent.taken(self.units) if self._latent else rows.new_zeros(len(rows), 0)

    def after_label(self, row: np.ndarray, y: np.ndarray) -> None:
        """A label was learnt, of one row, shape (1, ...): parts that learn by a rule of their own may take a step."""
        if self._settling:
            x, target = self._tensor(row), self._tensor(y)

            def again() -> float:
                with torch.no_grad():
                    return float(self._loss(self.module(rows_of(self.guest, x)), target).mean())

            for part in self._settling:
                part.after_label(again)
            self._keep_within()  # shares of a grouping may have moved

    def reopen(self) -> None:
        """There was an alarm."""
        for part in self._settling:
            part.reopen()

    def pull(self) -> None:
        """Write what does not work on the arrays' memory into the arrays."""
        if not self.on_cpu:
            for name, p in self.parameters.items():
                self._arrays[f"param/{name}"][...] = p.detach().cpu().numpy()
            for name, b in self.module.named_buffers():
                self._arrays[f"buffer/{name}"][...] = b.detach().cpu().numpy()
            torch_optimiser.store(self.optimiser, self.parameters, self._arrays)

    def _update(self, gradients: list[Tensor | None]) -> None:
        there = [g for g in gradients if g is not None]
        if self._step is not None and len(there) == len(gradients):
            self._step(there)
            self._keep_within()
            return
        for p, g in zip(self.parameters.values(), gradients, strict=True):
            p.grad = g
        self.optimiser.step()
        self._keep_within()
        if not self._started:  # it has a state now: from here on it lies in the arrays
            self._started = True
            torch_optimiser.store(self.optimiser, self.parameters, self._arrays)
            self._link()

    def _keep_within(self) -> None:
        if self.guest.slope:
            project(self.module, self.guest.slope)

    def _link(self) -> None:
        torch_optimiser.link(self.optimiser, self.parameters, self._arrays, self._keys)
        if self.on_cpu:
            self._step = torch_optimiser.direct_step(self.optimiser, self._arrays)


def _array(x: Tensor) -> np.ndarray:
    found: np.ndarray = (x if x.is_cpu else x.cpu()).numpy()
    return found


_NONE = np.zeros(0, np.float32)
