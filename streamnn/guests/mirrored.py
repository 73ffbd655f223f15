"""Modules that give their inputs back, as ones that say how far off they are. Imports torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ..errors import SpecError
from .guest import Guest, Make


def with_errors(guest: Guest) -> Guest:
    """The guest, whose modules give the error of their reconstruction of a row, which is then what they make small.

    It is the mean squared error over the inputs that are not 0, see :mod:`streamnn.lowered.reconstruction`.
    """
    return replace(guest, make=_Erring(guest.make), loss=_itself)


class _Erring:
    """A factory whose modules give errors; it can be pickled where the user's own can."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def __call__(self, inputs: int, outputs: int) -> nn.Module:
        module: nn.Module = self.make(inputs, inputs)
        module.register_forward_hook(_error)
        return module


def _error(module: nn.Module, args: Any, out: Any) -> Tensor:
    rows: Tensor = args[0]
    if not isinstance(out, Tensor) or out.shape != rows.shape:
        seen = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        raise SpecError(
            f"an autoencoder gave {seen} for rows of shape {tuple(rows.shape)}: the same is needed"
        )
    there = (rows != 0).to(out.dtype)
    total: Tensor = ((out - rows).square() * there).sum(1, keepdim=True)
    return total / there.sum(1, keepdim=True).clamp_min(1.0)


def _itself(out: Tensor, target: Tensor, reduction: str) -> Tensor:
    return out
