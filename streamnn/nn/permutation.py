"""Inputs in another order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..errors import SpecError


class Permutation(nn.Module):
    """Output i is input ``order[i]``: between grouped layers it mixes the groups.

    Parameters
    ----------
    order : sequence of int
        Each place once.

    Raises
    ------
    SpecError
        When it is no permutation.

    Examples
    --------
    >>> Permutation([2, 0, 1])(torch.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 1.0, 2.0]]
    """

    order: Tensor

    def __init__(self, order: Sequence[int]) -> None:
        super().__init__()
        if sorted(order) != list(range(len(order))):
            raise SpecError(f"Permutation: order is {list(order)!r}: allowed is each of 0 .. n - 1 once")
        self.register_buffer("order", torch.tensor(list(order), dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        """Inputs in that order, along the second axis."""
        return x[:, self.order]
