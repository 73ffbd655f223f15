"""ShuffleNet's units with a learned order of channels in the place of its fixed one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import SpecError
from ..permutations.schedule import Schedule
from .learned_shuffle import LearnedShuffle


def _norm(channels: int, groups: int) -> nn.GroupNorm:
    return nn.GroupNorm(groups, channels)  # a batch may be a single image


class ShuffleUnitV1(nn.Module):
    """ShuffleNet's first unit (Zhang et al. 2018): 1x1 in groups, shuffle, depthwise 3x3, 1x1 in groups, and the input.

    The shuffle stands where AutoShuffleNet (Lyu et al. 2020) puts it. Normalised by groups, not by batches.

    Parameters
    ----------
    channels : int
    groups : int
        A divisor of the channels.
    stride : int
    shuffle : nn.Module, optional
        In the place of a :class:`LearnedShuffle`: an ``nn.ChannelShuffle`` or ``nn.Identity``.
    schedule : Schedule, optional

    Examples
    --------
    >>> ShuffleUnitV1(8, 2, stride=2)(torch.zeros(1, 8, 6, 6)).shape
    torch.Size([1, 8, 3, 3])
    """

    def __init__(
        self,
        channels: int,
        groups: int,
        stride: int = 1,
        shuffle: nn.Module | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or channels % groups:
            raise SpecError(
                f"ShuffleUnitV1: {channels} channels in {groups} groups: they must be a multiple of it"
            )
        self.first = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)
        self.first_norm = _norm(channels, groups)
        self.shuffle = LearnedShuffle(channels, schedule) if shuffle is None else shuffle
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        self.depthwise_norm = _norm(channels, groups)
        self.second = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)
        self.second_norm = _norm(channels, groups)
        self.around = nn.AvgPool2d(3, 2, 1) if stride == 2 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Of maps, shape (n, channels, height, width)."""
        y = self.shuffle(torch.relu(self.first_norm(self.first(x))))
        y = self.second_norm(self.second(self.depthwise_norm(self.depthwise(y))))
        return torch.relu(y + self.around(x))


class ShuffleUnitV2(nn.Module):
    """ShuffleNet's second unit (Ma et al. 2018): half of the channels convolved, both halves joined, then shuffled.

    The shuffle stands where AutoShuffleNet (Lyu et al. 2020) puts it. Normalised by groups, not by batches.

    Parameters
    ----------
    channels : int
        Even.
    shuffle : nn.Module, optional
        In the place of a :class:`LearnedShuffle`.
    schedule : Schedule, optional

    Examples
    --------
    >>> ShuffleUnitV2(8)(torch.zeros(1, 8, 6, 6)).shape
    torch.Size([1, 8, 6, 6])
    """

    def __init__(
        self, channels: int, shuffle: nn.Module | None = None, schedule: Schedule | None = None
    ) -> None:
        super().__init__()
        if channels < 2 or channels % 2:
            raise SpecError(f"ShuffleUnitV2: {channels} channels: it must be an even number")
        half = channels // 2
        self.first = nn.Conv2d(half, half, 1, bias=False)
        self.first_norm = _norm(half, 1)
        self.depthwise = nn.Conv2d(half, half, 3, 1, 1, groups=half, bias=False)
        self.depthwise_norm = _norm(half, 1)
        self.second = nn.Conv2d(half, half, 1, bias=False)
        self.second_norm = _norm(half, 1)
        self.shuffle = LearnedShuffle(channels, schedule) if shuffle is None else shuffle

    def forward(self, x: Tensor) -> Tensor:
        """Of maps, shape (n, channels, height, width)."""
        left, y = x.chunk(2, 1)
        y = torch.relu(self.first_norm(self.first(y)))
        y = torch.relu(self.second_norm(self.second(self.depthwise_norm(self.depthwise(y)))))
        return self.shuffle(torch.cat([left, y], 1))
