"""Convolutions over height and width, with strides, zero padding, dilation and groups.

A sample's input is laid out once with its padding, apart for each phase of the strides (rows 0, s, 2s, ... together,
then 1, 1 + s, ...). Then what one weight reads at all positions is one contiguous piece of that layout, whatever the
stride or dilation, and a convolution is a matrix product whose right side is never written out: a row of it is an
offset. Positions of an output row are followed by a few that do not exist, as far as the layout's rows are longer.
"""

from __future__ import annotations

import numpy as np

from .._kernels.lanes import LANES
from ..errors import SpecError
from .codes import CONVOLUTION
from .plan import PlanBuilder, Value
from .windows import Pair, pair, positions


def convolution(
    b: PlanBuilder,
    x: Value,
    name: str,
    weight: np.ndarray,
    bias: np.ndarray | None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Value:
    """Cross-correlation of each group of channels with its kernels, as ``torch.nn.Conv2d``.

    Parameters
    ----------
    x : Value
        Shape (channels, height, width); of a sequence the height is 1.
    weight : ndarray, shape (outputs, channels / groups, kernel height, kernel width)
    bias : ndarray, shape (outputs,), or None
    stride, padding, dilation : int or (int, int)
        Of height and width. The padding is of zeros.
    groups : int

    Returns
    -------
    Value
        Shape (outputs, positions down, positions across).

    Raises
    ------
    SpecError
        If shapes do not fit together, or no kernel fits into the input.

    Examples
    --------
    >>> b = PlanBuilder((3, 8, 8))
    >>> convolution(b, b.input, "conv", np.zeros((16, 3, 3, 3)), np.zeros(16), stride=2, padding=1).shape
    (16, 4, 4)
    """
    channels, height, width = x.shape
    outputs, inner, kernel_y, kernel_x = weight.shape
    if groups < 1 or outputs % groups or channels != inner * groups:
        raise SpecError(
            f"layer {name}: weights of shape {weight.shape} in {groups} groups do not fit {channels} channels"
        )
    (sy, sx), (py, px), (dy, dx) = pair(stride), pair(padding), pair(dilation)
    down = positions(height, kernel_y, sy, py, dy, "convolution")
    across = positions(width, kernel_x, sx, px, dx, "convolution")
    rows, row = -(-(height + 2 * py) // sy), -(-(width + 2 * px) // sx)  # of a phase of the layout
    at = (
        np.arange(inner)[:, None, None] * (sy * sx * rows * row)
        + _offsets(kernel_y, dy, sy, row, sx * rows * row)[None, :, None]
        + _offsets(kernel_x, dx, sx, 1, rows * row)[None, None, :]
    )
    out = b.value(outputs, down, across)
    members = outputs // groups
    lanes = -(-((down - 1) * row + across) // LANES)
    more = (
        channels, height, width, groups, at.size, b.whole(at),
        rows, row, down, across, sy, sx, py, px,
    )  # fmt: skip
    split = (groups, members, inner, kernel_y, kernel_x)
    words = f"Convolution({x.shape} -> {out.shape}, kernel {(kernel_y, kernel_x)}, {groups} groups)"
    return b.op(
        CONVOLUTION,
        words,
        x,
        out,
        b.parameter(f"{name}.weight", weight, split, (0, 2, 3, 4, 1)),
        -1 if bias is None else b.parameter(f"{name}.bias", bias),
        more=more,
        kept=2 * (channels * sy * sx * rows * row + LANES) + lanes * LANES * (outputs + members),
    )


def _offsets(kernel: int, dilation: int, stride: int, step: int, phase: int) -> np.ndarray:
    # along one axis: where the number that each weight reads first lies in the layout
    reach = np.arange(kernel) * dilation
    return np.asarray(reach // stride * step + reach % stride * phase)
