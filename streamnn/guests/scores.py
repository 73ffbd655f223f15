"""Modules that end with a softmax, as ones that give scores: what every loss by name takes. Imports torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from .guest import Guest, Make
from .making import made, outputs_of, random_rows

_TRIED = 8
_NEARLY_ZERO = 1e-30
"""A probability below it counts as this much."""


def with_scores(guest: Guest, inputs: int, outputs: int, seed: int) -> Guest:
    """The guest, whose modules give scores: where they give probabilities of classes, the logarithms of these.

    A loss that is a function of the user's gets what the module gives, so such a guest stays as it is.

    Parameters
    ----------
    guest : Guest
    inputs, outputs : int
        Outputs are classes.
    seed : int
        Of the weights.
    """
    if callable(guest.loss) or outputs < 2 or not _gives_probabilities(guest, inputs, outputs, seed):
        return guest
    return replace(guest, make=_Scoring(guest.make))


class _Scoring:
    """A factory whose modules give logarithms; it can be pickled where the user's own can."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def __call__(self, inputs: int, outputs: int) -> nn.Module:
        module: nn.Module = self.make(inputs, outputs)
        module.register_forward_hook(_logarithm)
        return module


def _logarithm(module: nn.Module, args: Any, out: Tensor) -> Tensor:
    return out.clamp_min(_NEARLY_ZERO).log()


def _gives_probabilities(guest: Guest, inputs: int, outputs: int, seed: int) -> bool:
    module = made(guest, inputs, outputs, seed)
    generator = torch.Generator().manual_seed(seed)
    shape = random_rows(guest, _TRIED, inputs).shape
    rows = 3.0 * torch.randn(shape, generator=generator)
    p = outputs_of(guest, module, rows, outputs)
    return bool((p >= 0).all() and torch.allclose(p.sum(-1), torch.ones(len(p)), atol=1e-5))
