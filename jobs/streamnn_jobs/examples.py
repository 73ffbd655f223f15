"""Small torch networks to begin with: named in a spec as ``streamnn_jobs.examples:mlp``, or copied and changed.

Each function makes a new module for so many inputs and outputs; torch is imported when it is called.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from streamnn.errors import SpecError

if TYPE_CHECKING:
    from torch import nn


def mlp(inputs: int, outputs: int) -> nn.Module:
    """Two hidden layers of 32 and 16 ReLU.

    Examples
    --------
    >>> import torch
    >>> mlp(4, 3)(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """
    from torch import nn

    return nn.Sequential(
        nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, outputs)
    )


def lstm(inputs: int, outputs: int) -> nn.Module:
    """An LSTM of 16 units over the last rows, its last state to a linear layer: with ``window = 8``, or as many.

    Takes (n, window, inputs).
    """
    from torch import Tensor, nn

    class Recurrent(nn.Module):
        """Its parameters grow with columns and classes, as each belongs to a layer made of these numbers."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(inputs, 16, batch_first=True)
            self.head = nn.Linear(16, outputs)

        def forward(self, x: Tensor) -> Tensor:
            states, _ = self.lstm(x)
            y: Tensor = self.head(states[:, -1])
            return y

    return Recurrent()


def convolutional(inputs: int, outputs: int) -> nn.Module:
    """Two convolutions of 3x3 with stride 2 over a square image, then a linear layer: 8 and 16 channels.

    For images of one channel (784 pixels are 28x28) or of three (3,072 are 32x32).

    Raises
    ------
    SpecError
        Where so many columns are no square image.
    """
    from torch import nn

    channels = next((c for c in (1, 3) if inputs % c == 0 and math.isqrt(inputs // c) ** 2 == inputs // c), 0)
    if not channels:
        raise SpecError(f"{inputs} columns are no square image of one channel or three")
    side = math.isqrt(inputs // channels)
    left = (side + 3) // 4  # halved twice, rounded up
    return nn.Sequential(
        nn.Unflatten(1, (channels, side, side)),
        nn.Conv2d(channels, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * left * left, outputs),
    )
