"""Channels in an order that is learnt with the network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..errors import SpecError
from ..permutations.schedule import Schedule
from ._shares import Shares


class LearnedShuffle(Shares):
    """Channels in a learned order (AutoShuffleNet, Lyu, Zhang, Qi & Xin 2020): shares at first, then an index.

    The same steps, trial and commit as in the compiled networks: see
    :class:`~streamnn.permutations.schedule.Schedule`. Call :meth:`~streamnn.nn._shares.Shares.after_label` for every
    label; :class:`streamnn.TorchClassifier` does.

    Parameters
    ----------
    channels : int
    schedule : Schedule, optional
        How it is learnt.
    order : sequence of int, optional
        Begin committed to this one: output i is input ``order[i]``.

    Raises
    ------
    SpecError
        When `order` is no permutation.

    Examples
    --------
    >>> shuffle = LearnedShuffle(3, order=[2, 0, 1])
    >>> shuffle(torch.tensor([[1.0, 2.0, 3.0]])).tolist(), shuffle.committed
    ([[3.0, 1.0, 2.0]], True)
    >>> LearnedShuffle(3)(torch.ones(1, 3, 4, 4)).shape
    torch.Size([1, 3, 4, 4])
    """

    def __init__(
        self, channels: int, schedule: Schedule | None = None, order: Sequence[int] | None = None
    ) -> None:
        start = (schedule or Schedule()).start(channels, channels)
        if order is not None:
            if sorted(order) != list(range(channels)):
                raise SpecError(
                    f"LearnedShuffle: order is {list(order)!r}: allowed is each of 0 .. {channels - 1} once"
                )
            start = start.settled(np.asarray(order))
        super().__init__(start)

    def forward(self, x: Tensor) -> Tensor:
        """Channels, the second axis, in that order."""
        if not self.soft():
            return x.index_select(1, self.index)
        return torch.einsum("ji,bj...->bi...", self.shares().to(x.dtype), x)

    def extra_repr(self) -> str:
        """Channels, and whether it is committed."""
        return f"{self.rows}, committed={self.committed}"
