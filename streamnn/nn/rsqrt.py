"""The two ways of taking one over a square root that :class:`streamnn.nn.RmsRule` may use."""

from __future__ import annotations

import torch
from torch import Tensor


def kernel_rsqrt(v: Tensor) -> Tensor:
    """The kernel's approximation of 1 / sqrt(v): a bit pattern and one Newton step, relative error below 2e-3.

    Parameters
    ----------
    v : Tensor
        Positive float32 numbers, for which the result has the kernel's bits, or float64 ones: the same formula
        with its Newton step in double precision.

    Examples
    --------
    >>> kernel_rsqrt(torch.tensor([4.0]))
    tensor([0.4992])
    """
    bits = v.to(torch.float32).view(torch.int32)
    y = (0x5F375A86 - (bits >> 1)).view(torch.float32).to(v.dtype)
    return y * (1.5 - (0.5 * v) * (y * y))


def exact_rsqrt(v: Tensor) -> Tensor:
    """1 / sqrt(v), correctly rounded but for the division.

    Examples
    --------
    >>> exact_rsqrt(torch.tensor([4.0]))
    tensor([0.5000])
    """
    return 1.0 / v.sqrt()
