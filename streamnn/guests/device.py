"""The device that a torch guest computes on, and the random numbers that it draws there. Imports torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import SpecError
from .guest import Guest


def device_of(guest: Guest) -> torch.device:
    """The device that a guest computes on.

    Raises
    ------
    SpecError
        When it is none, or is not there.
    """
    try:
        device = torch.device(guest.device)
    except RuntimeError as error:
        raise SpecError(f"guest option device is {guest.device!r}: {error}") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SpecError(
            f"guest option device is {guest.device!r}: there are {torch.cuda.device_count()} such devices"
        )
    return device


def generator_state(device: torch.device) -> Tensor:
    return torch.get_rng_state() if device.type == "cpu" else torch.cuda.get_rng_state(device)


def set_generator_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cpu":
        torch.set_rng_state(state)
    else:
        torch.cuda.set_rng_state(state, device)


def start_of_draws(device: torch.device, seed: int) -> np.ndarray:
    """The state of a device's generator at a seed."""
    before = generator_state(device)
    if device.type == "cpu":
        torch.manual_seed(seed)
    else:
        torch.cuda.manual_seed(seed)
    state = generator_state(device).numpy().copy()
    set_generator_state(device, before)
    return state
