"""The information loss as a torch module."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from ..errors import StateError
from ..network import Network


class Decoder(nn.Module):
    """A linear decoder that reconstructs the row from the last hidden layer.

    Add ``weight * decoder.loss(z, rows)`` to a network's loss, with z the last of its activations: the latent then
    keeps what the row says besides the label, which is what shows unknown inputs (Postels et al. 2020). In the
    streaming network this is :attr:`NetworkSpec.information`; there the decoder takes normalised steps of its own.

    Parameters
    ----------
    inputs : int
        Width of a row.
    hidden : int
        Units of the last hidden layer.

    Examples
    --------
    >>> import torch
    >>> from streamnn.nn import SplineNetwork
    >>> model, decoder = SplineNetwork(4, 3), Decoder(4, 64)
    >>> rows, target = torch.ones(5, 4), torch.zeros(5)
    >>> _, post, scores = model.layers(rows)
    >>> loss = model.loss_of(scores, target) + 0.1 * decoder.loss(post[-1], rows)
    >>> round(decoder.loss(post[-1], rows).item(), 3)  # five rows, each off by one everywhere
    5.0
    """

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs, hidden))
        self.bias = nn.Parameter(torch.zeros(inputs))

    def forward(self, z: Tensor) -> Tensor:
        """Reconstructed rows, shape (n, inputs), from latents of shape (n, hidden)."""
        return z @ self.weight.T + self.bias

    def loss(self, z: Tensor, rows: Tensor, weight: Tensor | None = None) -> Tensor:
        """Mean squared error of each row, summed over rows as the network's loss is.

        Parameters
        ----------
        z : Tensor, shape (n, hidden)
        rows : Tensor, shape (n, inputs)
        weight : Tensor, shape (n,), optional
        """
        each = (self(z) - rows).square().mean(1)
        return each.sum() if weight is None else (each * weight).sum()

    @classmethod
    def from_network(cls, net: Network, dtype: torch.dtype = torch.float32) -> Self:
        """The decoder of a streaming network, bit for bit in float32.

        Raises
        ------
        StateError
            When the network has none.
        """
        if "decoder" not in net.s:
            raise StateError(f"network {net.spec.name!r} has no decoder: its spec says information=0")
        weight, bias = net.s["decoder"], net.s["decoder_bias"]
        out = cls(*weight.shape).to(dtype)
        with torch.no_grad():
            out.weight.copy_(torch.from_numpy(weight.copy()))
            out.bias.copy_(torch.from_numpy(bias.copy()))
        return out
