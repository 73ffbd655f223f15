"""The two ways of taking one over a square root that :class:`streamnn.nn.RmsRule` may use."""

from __future__ import annotations

import torch
from torch import Tensor


def kernel_rsqrt(v: Tensor) -> Tensor:
    """The kernel's approximation of 1 / sqrt(v): its bit pattern alone, relative error below 3.5 %.

    Parameters
    ----------
    v : Tensor
        Positive numbers; of float64 ones the bits of the float32 next to them are taken.

    Examples
    --------
    >>> kernel_rsqrt(torch.tensor([4.0]))
    tensor([0.4832])
    """
    bits = v.to(torch.float32).view(torch.int32)
    return (0x5F37642F - (bits >> 1)).view(torch.float32).to(v.dtype)


def exact_rsqrt(v: Tensor) -> Tensor:
    """1 / sqrt(v), correctly rounded but for the division.

    Examples
    --------
    >>> exact_rsqrt(torch.tensor([4.0]))
    tensor([0.5000])
    """
    return 1.0 / v.sqrt()
