"""What a torch guest makes small, and what it predicts. Imports torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import SpecError
from .guest import Guest

TORCH_LOSSES: dict[Any, str] = {
    F.cross_entropy: "cross_entropy",
    F.binary_cross_entropy: "binary_cross_entropy",
    F.mse_loss: "mse",
    F.l1_loss: "l1",
    F.huber_loss: "huber",
    F.smooth_l1_loss: "huber",
}
"""Functions of torch that are losses with a name here; at their usual options the last two are one."""
_OF_NUMBERS = {"mse": F.mse_loss, "l1": F.l1_loss, "huber": F.huber_loss}

Loss = Callable[[Tensor, Tensor], Tensor]
"""Outputs (n, outputs) and targets (n,) to losses, shape (n,)."""


def loss_name(guest: Guest, classify: bool) -> str:
    """Name of the loss that it learns by, empty for a function of the user's.

    Raises
    ------
    SpecError
        When it is one of classes, and labels are numbers.
    """
    given = guest.loss_for(classify)
    name = given if isinstance(given, str) else TORCH_LOSSES.get(given, "")
    if name and not classify and name not in _OF_NUMBERS:
        raise SpecError(
            f"guest option loss is {name!r}, one of classes, and labels are numbers: allowed is {', '.join(_OF_NUMBERS)}, "
            "or a function"
        )
    return name


def loss_of(guest: Guest, classify: bool) -> Loss:
    """The loss of every row.

    Classes other than by cross-entropy: the loss of the probabilities against a one-hot label, its mean over classes.
    A function of the user's gets outputs and class numbers, or outputs and targets of the same shape.
    """
    name = loss_name(guest, classify)
    if not name:
        own: Any = guest.loss
        return lambda out, y: _own(own, out, y if classify else y[:, None])
    if name == "cross_entropy":
        return lambda out, y: F.cross_entropy(out, y, reduction="none")
    if name == "binary_cross_entropy":
        return lambda out, y: _a_row(
            F.binary_cross_entropy(out.softmax(1), _one_hot(out, y), reduction="none")
        )
    of_numbers: Any = _OF_NUMBERS[name]
    if classify:
        return lambda out, y: _a_row(of_numbers(out.softmax(1), _one_hot(out, y), reduction="none"))
    return lambda out, y: _a_row(of_numbers(out, y[:, None], reduction="none"))


def prediction(out: Tensor, classify: bool) -> Tensor:
    """Probabilities of classes, or numbers."""
    return out.softmax(1) if classify else out


def _own(loss: Any, out: Tensor, target: Tensor) -> Tensor:
    """A row's loss by a function of the user's."""
    name, n = getattr(loss, "__qualname__", type(loss).__name__), len(out)
    try:
        each = loss(out, target, reduction="none")
    except Exception as error:
        raise SpecError(
            f'guest option loss, {name}(outputs, target, reduction="none"), raised {type(error).__name__}: {error}'
        ) from error
    if not isinstance(each, Tensor) or not each.dim() or len(each) != n:
        seen = tuple(each.shape) if isinstance(each, Tensor) else type(each).__name__
        raise SpecError(
            f'guest option loss: {name} gave {seen} for {n} rows: a loss a row is needed, as with reduction="none"'
        )
    return _a_row(each)


def _a_row(each: Tensor) -> Tensor:
    return each if each.dim() == 1 else each.flatten(1).mean(1)


def _one_hot(out: Tensor, y: Tensor) -> Tensor:
    return (torch.arange(out.shape[1], device=out.device) == y[:, None]).to(out.dtype)
