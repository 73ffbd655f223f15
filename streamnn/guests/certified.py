"""The slope certificate of a guest's module, worked out when somebody asks for it. Imports torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..nn import certificate
from .guest import Guest
from .making import made
from .one_thread import OneThread


def certifying(
    guest: Guest, inputs: int, outputs: int, seed: int, arrays: Mapping[str, np.ndarray], rows: np.ndarray
) -> Callable[[], dict[str, Any]]:
    """What works out the certificate of a guest's module as it is now; any thread may call it, and take its time.

    Parameters
    ----------
    guest : Guest
    inputs, outputs, seed : int
        Of the module.
    arrays : mapping of str to ndarray
        ``param/<name>`` and ``buffer/<name>``; copied. What is not there stays as the factory made it.
    rows : ndarray of float32, shape (n, inputs)
        Recent rows, where the search for a steep place begins.

    Returns
    -------
    callable
        Gives the entry of :meth:`streamnn.Classifier.networks`: ``certified``, ``attacked``, ``of`` (from what to what)
        and ``unbounded`` (layers without a bound, and why).
    """
    with OneThread():
        module = made(guest, inputs, outputs, seed)
        with torch.no_grad():
            for kind, named in (("param", module.named_parameters()), ("buffer", module.named_buffers())):
                for name, t in named:
                    if f"{kind}/{name}" in arrays:
                        t.copy_(torch.from_numpy(arrays[f"{kind}/{name}"]))
    shape = (guest.window, inputs) if guest.window else (inputs,)
    starts = None if guest.window else torch.from_numpy(rows.copy())
    if guest.window and guest.time_first:
        module = _TimeFirst(module)

    def work() -> dict[str, Any]:
        with OneThread():
            found = certificate(module, shape, rows=starts)
        return {
            "certified": found.bound,
            "attacked": found.attacked,
            "of": f"{found.of}; a row has the embeddings of its categories in it",
            "unbounded": [f"{m.name} ({m.words}): {m.how}" for m in found.missing],
        }

    return work


class _TimeFirst(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.inner(x.transpose(0, 1))
        return out
