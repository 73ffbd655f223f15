"""Dense layers in groups: which inputs a group reads is given, or learnt."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn

from ..errors import SpecError
from ..permutations.schedule import Schedule, grouping_schedule
from ._shares import Shares


class GroupedLinear(nn.Module):
    """A dense layer in groups: each reads its share of the inputs, in their order, and gives its share of the outputs.

    Parameters
    ----------
    in_features, out_features : int
    groups : int
        A divisor of both.
    bias : bool

    Raises
    ------
    SpecError
        When groups do not divide.

    Examples
    --------
    >>> layer = GroupedLinear(4, 2, groups=2)
    >>> layer.weight.shape, layer(torch.ones(3, 4)).shape
    (torch.Size([2, 2]), torch.Size([3, 2]))
    """

    bias: nn.Parameter | None

    def __init__(self, in_features: int, out_features: int, groups: int, bias: bool = True) -> None:
        super().__init__()
        _check(in_features, out_features, groups)
        self.in_features, self.out_features, self.groups = in_features, out_features, groups
        n = in_features // groups
        self.weight = nn.Parameter(_start(out_features, n, n))
        self.bias = nn.Parameter(_start(1, out_features, n)[0]) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Of rows, shape (..., in_features)."""
        parts = x.unflatten(-1, (self.groups, -1))
        w = self.weight.unflatten(0, (self.groups, -1))
        y = torch.einsum("...gi,goi->...go", parts, w).flatten(-2)
        return y if self.bias is None else y + self.bias

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.in_features}, {self.out_features}, groups={self.groups}"


class LearnedGrouping(Shares):
    """A dense layer of which unit j reads input i as far as i belongs to j's group; the groups are learnt.

    Better than a learned order before a grouped layer where groups of inputs are hidden, at the cost of a dense layer
    until it commits. Call :meth:`~streamnn.nn._shares.Shares.after_label` for every label.

    Parameters
    ----------
    in_features, out_features : int
    groups : int
        A divisor of both.
    schedule : Schedule, optional

    Raises
    ------
    SpecError
        When groups do not divide.

    Examples
    --------
    >>> LearnedGrouping(4, 6, groups=2)(torch.ones(3, 4)).shape
    torch.Size([3, 6])
    """

    def __init__(
        self, in_features: int, out_features: int, groups: int, schedule: Schedule | None = None
    ) -> None:
        _check(in_features, out_features, groups)
        super().__init__((schedule or grouping_schedule(groups)).start(in_features, groups))
        self.in_features, self.out_features, self.groups = in_features, out_features, groups
        self.weight = nn.Parameter(_start(out_features, in_features, in_features / groups))
        self.bias = nn.Parameter(torch.zeros(out_features))

    def effective_weight(self) -> Tensor:
        """Weights times shares, shape (out_features, in_features); 0 outside of groups once it is committed."""
        if self.soft():
            shares = self.shares()
        else:
            shares = torch.nn.functional.one_hot(self.index, self.groups)
        per = self.out_features // self.groups
        return self.weight * shares.to(self.weight.dtype).T.repeat_interleave(per, 0)

    def forward(self, x: Tensor) -> Tensor:
        """Of rows, shape (n, in_features)."""
        if self.soft():
            return nn.functional.linear(x, self.effective_weight(), self.bias)
        order, per = torch.argsort(self.index, stable=True), self.out_features // self.groups
        w = self.weight[:, order].view(self.groups, per, self.groups, -1)
        w = w[torch.arange(self.groups), :, torch.arange(self.groups)]
        parts = x.index_select(-1, order).unflatten(-1, (self.groups, -1))
        return torch.einsum("...gi,goi->...go", parts, w).flatten(-2) + self.bias

    @torch.no_grad()
    def commit(self) -> None:
        """Weights that are read no more become 0."""
        self.weight.copy_(self.effective_weight())

    def extra_repr(self) -> str:
        """Sizes, and whether it is committed."""
        return f"{self.in_features}, {self.out_features}, groups={self.groups}, committed={self.committed}"


def _check(inputs: int, outputs: int, groups: int) -> None:
    if groups < 1 or inputs % groups or outputs % groups:
        raise SpecError(
            f"{inputs} inputs and {outputs} outputs in {groups} groups: both must be multiples of it"
        )


def _start(outputs: int, inputs: int, fan_in: float) -> Tensor:
    # torch's own start of a dense layer
    return torch.empty(outputs, inputs).uniform_(-1.0, 1.0) / sqrt(fan_in)
