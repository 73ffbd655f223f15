"""Small networks of images in ShuffleNet's manner, for images.py: how channels are mixed and how units bend are arms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from streamnn.nn import LearnedShuffle, LinearSpline, Permutation
from streamnn.permutations.reopening import Reopening
from streamnn.permutations.schedule import Schedule

NEAR = 0.3
"""Share of equal shares at the start."""
Activation = Callable[[int], nn.Module]
Mixing = Callable[[int, int], nn.Module]
"""Of channels and groups, the module that mixes them."""


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return g * (x.abs() <= 1)


class Sign(nn.Module):
    """Signs, whose gradient goes straight through where |x| is at most 1 (Courbariaux et al. 2016)."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = _Sign.apply(x)
        return out


class SumOfSteps(nn.Module):
    """ShuffleNet v1's unit: grouped 1x1, shuffle, 3x3 of each channel, grouped 1x1, added to what came in."""

    def __init__(self, channels: int, groups: int, stride: int, mixing: Mixing, bend: Activation) -> None:
        super().__init__()
        c, g, self.stride = channels, groups, stride
        norm = max(groups, 4)
        self.narrow, self.n1 = nn.Conv2d(c, c, 1, groups=g, bias=False), nn.GroupNorm(norm, c)
        self.mix = mixing(c, g)
        self.each, self.n2 = nn.Conv2d(c, c, 3, stride, 1, groups=c, bias=False), nn.GroupNorm(norm, c)
        self.wide, self.n3 = nn.Conv2d(c, c, 1, groups=g, bias=False), nn.GroupNorm(norm, c)
        self.bend1, self.bend2 = bend(c), bend(c)

    def forward(self, x: Tensor) -> Tensor:
        y = self.mix(self.bend1(self.n1(self.narrow(x))))
        y = self.n3(self.wide(self.n2(self.each(y))))
        out: Tensor = self.bend2(y + (x if self.stride == 1 else F.avg_pool2d(x, 3, 2, 1)))
        return out


class HalvesJoined(nn.Module):
    """ShuffleNet v2's unit: half of the channels through 1x1, 3x3 of each, 1x1; both halves joined and shuffled."""

    def __init__(self, channels: int, groups: int, stride: int, mixing: Mixing, bend: Activation) -> None:
        super().__init__()
        half, self.stride = channels // 2, stride
        self.way = nn.Sequential(
            nn.Conv2d(half, half, 1, bias=False),
            nn.GroupNorm(4, half),
            bend(half),
            nn.Conv2d(half, half, 3, stride, 1, groups=half, bias=False),
            nn.GroupNorm(4, half),
            nn.Conv2d(half, half, 1, bias=False),
            nn.GroupNorm(4, half),
            bend(half),
        )
        self.mix = mixing(channels, 2)

    def forward(self, x: Tensor) -> Tensor:
        kept, taken = x.chunk(2, 1)
        if self.stride > 1:
            kept = F.avg_pool2d(kept, 3, 2, 1)
        out: Tensor = self.mix(torch.cat([kept, self.way(taken)], 1))
        return out


UNITS = {"v1": SumOfSteps, "v2": HalvesJoined}
BENDS: dict[str, Activation] = {
    "relu": lambda c: nn.ReLU(),
    "splines": LinearSpline,
    "signs": lambda c: Sign(),
}


def mixing(kind: str, events: int, seed: int) -> Mixing:
    """By name: none, fixed (ShuffleNet's), random, or learned, whose hold and ramp are shares of so many events;
    ``"near"`` is learned, and begins near the fixed order."""
    made = 0

    def make(channels: int, groups: int) -> nn.Module:
        nonlocal made
        made += 1
        if kind in ("none", "dense"):
            return nn.Identity()
        if kind == "fixed":
            return nn.ChannelShuffle(groups)
        at = 10 * seed + made
        if kind == "random":
            draw = torch.Generator().manual_seed(at)
            return Permutation(torch.randperm(channels, generator=draw).tolist())
        hold, ramp = int(0.3 * events), int(0.2 * events)
        schedule = Schedule(hold=hold, ramp=ramp, trial=events // 28, seed=at)
        if kind == "learned":
            return LearnedShuffle(channels, schedule)
        order = torch.arange(channels).view(groups, -1).T.flatten().tolist()
        shuffle = LearnedShuffle(channels, schedule, order)
        shuffle.reopen(Reopening(NEAR, hold, ramp))
        return shuffle

    return make


def network(
    unit: str, kind: str, bend: str, planes: int, classes: int, events: int, seed: int, channels: int = 48
) -> nn.Sequential:
    """Stem 3x3 of stride 2, three units of which the first halves the sides, mean over places, a linear output."""
    groups = 1 if kind == "dense" else 4
    mix, bends = mixing(kind, events, seed), BENDS[bend]
    return nn.Sequential(
        nn.Conv2d(planes, channels, 3, 2, 1),
        nn.GroupNorm(4, channels),
        bends(channels),
        *(UNITS[unit](channels, groups, stride, mix, bends) for stride in (2, 1, 1)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, classes),
    )
