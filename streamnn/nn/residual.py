"""A module whose input is added to what it gives."""

from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Module):
    """A residual connection (He et al. 2016): ``x + inner(x)``.

    Parameters
    ----------
    inner : Module
        Gives as many numbers as it takes.

    Examples
    --------
    >>> import torch
    >>> Residual(nn.ReLU())(torch.tensor([[-1.0, 2.0]])).tolist()
    [[-1.0, 4.0]]
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """Both added."""
        out: Tensor = x + self.inner(x)
        return out
