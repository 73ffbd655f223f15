"""Random numbers of torch, whose generator a process has once: learners in several threads take turns. Imports torch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from .device import generator_state, set_generator_state

_TURN = threading.RLock()


@contextmanager
def own_draws(seed: int) -> Iterator[None]:
    """Random numbers from a seed within it, as if there had been none after it."""
    with _TURN, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def draws_of(state: np.ndarray, device: torch.device) -> Iterator[None]:
    """Random numbers that go on from a saved state within it, which is then written back; others see none of it."""
    with _TURN:
        before = generator_state(device)
        set_generator_state(device, torch.from_numpy(state))
        try:
            yield
        finally:
            state[...] = generator_state(device).numpy()
            set_generator_state(device, before)
