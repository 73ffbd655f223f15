"""How much a linear map can stretch a vector: Euclidean operator norms, exact or from above, in double precision.

A convolution is a matrix that is mostly zeros, its kernel *unrolled* over the places of a map. The norm of the kernel
reshaped to a matrix is no bound of it: a place is read by several windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod, sqrt

import torch
from torch import Tensor

ROUNDED_UP = 1.0 + 1e-9
"""Factor that covers rounding in double precision: bounds stay bounds."""
SMALL = 1 << 18
"""Entries up to which a convolution's matrix is built."""
MANY = 1 << 24
"""Entries up to which a convolution's matrices by frequency are made."""


def matrix_norm(w: Tensor) -> float:
    """Largest singular value, to double precision and rounded up.

    Parameters
    ----------
    w : Tensor, shape (..., outputs, inputs)
        The largest of several matrices counts, which is the norm of the block matrix with these on its diagonal.

    Examples
    --------
    >>> round(matrix_norm(torch.tensor([[3.0, 0.0], [0.0, -4.0]])), 6)
    4.0
    """
    if not w.numel():
        return 0.0
    return float(torch.linalg.matrix_norm(w.detach().to(_precise(w)), ord=2).max()) * ROUNDED_UP


def cheap_norm(w: Tensor) -> float:
    """The smaller of Schur's bound and the Frobenius norm: one pass over the numbers, no decomposition.

    Schur's bound is the root of the largest row sum times the largest column sum of absolute values.

    Parameters
    ----------
    w : Tensor, shape (outputs, inputs)

    Examples
    --------
    >>> round(cheap_norm(torch.eye(9)), 6), round(cheap_norm(torch.tensor([[3.0, 4.0]])), 6)
    (1.0, 5.0)
    """
    if not w.numel():
        return 0.0
    v = w.detach().double().abs()
    schur = (v.sum(1).max() * v.sum(0).max()).sqrt()
    return float(torch.minimum(schur, v.square().sum().sqrt())) * ROUNDED_UP


def grouped_norm(w: Tensor, groups: int, norm: Callable[[Tensor], float] = matrix_norm) -> float:
    """Norm of a grouped linear layer, which is that of its largest block.

    Parameters
    ----------
    w : Tensor, shape (outputs, inputs / groups)
    groups : int
    norm : callable
        Of one block.

    Examples
    --------
    >>> round(grouped_norm(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), groups=2), 6)
    2.0
    """
    return max((norm(block) for block in w.chunk(groups)), default=0.0)


def cheap_convolution_norm(w: Tensor, groups: int) -> float:
    """Schur's bound of an unrolled convolution of any stride and padding; of a kernel of one place :func:`cheap_norm`.

    Parameters
    ----------
    w : Tensor, shape (outputs, inputs / groups, *kernel)
    groups : int

    Examples
    --------
    >>> round(cheap_convolution_norm(torch.ones(1, 1, 3, 3), 1), 6)
    9.0
    """
    if prod(w.shape[2:]) == 1:
        return grouped_norm(w.flatten(1), groups, cheap_norm)
    one = [1] * (w.dim() - 2)
    return schur_convolution_norm(w, one, one, groups)


def schur_convolution_norm(w: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int) -> float:
    """Schur's bound of an unrolled convolution with zero padding, for maps of every size.

    A row's sum is that of an output channel's kernel; a column's that of the parts of all kernels that can meet at one
    place: offsets which are alike modulo the stride.

    Parameters
    ----------
    w : Tensor, shape (outputs, inputs / groups, *kernel)
    stride, dilation : sequence of int
        Of each axis.
    groups : int

    Examples
    --------
    >>> round(schur_convolution_norm(torch.ones(1, 1, 3, 3), (1, 1), (1, 1), 1), 6)
    9.0
    >>> round(schur_convolution_norm(torch.ones(1, 1, 3, 3), (3, 3), (1, 1), 1), 6)  # windows that don't overlap
    3.0
    """
    most = 0.0
    for block in w.detach().double().abs().chunk(groups):
        rows = block.flatten(1).sum(1).max()
        columns = max(float(part.flatten(2).sum((0, 2)).max()) for part in _meeting(block, stride, dilation))
        most = max(most, sqrt(float(rows) * columns))
    return most * ROUNDED_UP


def reshaped_convolution_norm(
    w: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> float:
    """The four reshapes' bound of an unrolled convolution (Singla & Feizi 2021), for zero padding and maps of every size.

    At every frequency the convolution acts as the sum over offsets of the kernel's matrix times a number of size 1.
    That sum is each of the four reshapes of the kernel between vectors of such numbers, whose lengths multiply to the
    root of the kernel's size. Zero padding, strides and dilation only leave rows and columns of the matrix out. With
    a stride, as many windows as overlap at a place take the kernel's size's place for the reshape by outputs.

    Parameters
    ----------
    w : Tensor, shape (outputs, inputs / groups, *kernel), kernel of one or two axes
    stride, dilation : sequence of int
        Of each axis.
    groups : int
    """
    most = 0.0
    for block in w.detach().double().chunk(groups):
        k = block if block.dim() == 4 else block[:, :, None]
        o, i, high, wide = k.shape
        overlap = max(prod(part.shape[2:]) for part in _meeting(block, stride, dilation))
        size = sqrt(high * wide)
        most = max(
            most,
            min(
                sqrt(overlap) * matrix_norm(k.reshape(o, -1)),
                size * matrix_norm(k.permute(0, 2, 1, 3).reshape(o * high, i * wide)),
                size * matrix_norm(k.permute(0, 3, 1, 2).reshape(o * wide, i * high)),
                size * matrix_norm(k.permute(0, 2, 3, 1).reshape(-1, i)),
            ),
        )
    return most


def frequency_convolution_norm(
    w: Tensor, sides: Sequence[int], dilation: Sequence[int], groups: int
) -> float:
    """Largest singular value over all frequencies of a torus that a zero-padded convolution fits in.

    On a torus that is its exact norm (Sedghi, Gupta & Long 2019). On one that is longer than the map by the kernel's
    reach nothing meets itself around the back, so the convolution is a part of the torus' matrix, whatever its
    padding and stride, and its norm is no larger.

    Parameters
    ----------
    w : Tensor, shape (outputs, inputs / groups, *kernel)
    sides : sequence of int
        Of the map that is read.
    dilation : sequence of int
        Of each axis.
    groups : int
    """
    kernel = w.shape[2:]
    torus = [n + d * (k - 1) for n, k, d in zip(sides, kernel, dilation, strict=True)]
    spread = torch.zeros(*w.shape[:2], *torus, dtype=torch.float64)
    places: tuple[slice, ...] = tuple(
        slice(0, d * (k - 1) + 1, d) for k, d in zip(kernel, dilation, strict=True)
    )
    spread[(slice(None), slice(None), *places)] = w.detach().double()
    found = torch.fft.fftn(spread, dim=tuple(range(2, w.dim()))).flatten(2).permute(2, 0, 1)
    return max(matrix_norm(block) for block in found.chunk(groups, 1))


def convolution_norm(
    w: Tensor,
    sides: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> tuple[float, str]:
    """The smallest bound of an unrolled convolution with zero padding that is to be had, and how it was found.

    Parameters
    ----------
    w : Tensor, shape (outputs, inputs / groups, *kernel)
    sides : sequence of int
        Of the map that is read.
    stride, dilation : sequence of int
        Of each axis.
    padding : sequence of (int, int)
        Zeros before and after, of each axis.
    groups : int

    Examples
    --------
    >>> kernel = torch.ones(1, 1, 3, 3)
    >>> bound, how = convolution_norm(kernel, (5, 5), (1, 1), [(1, 1)] * 2, (1, 1), 1)
    >>> round(bound, 3), how  # the norm of the reshaped kernel would be 3
    (7.464, 'its matrix')
    """
    after = [
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(sides, padding, dilation, w.shape[2:], stride, strict=True)
    ]
    places, inputs = prod(sides), w.shape[1]
    if inputs * places * (len(w) // groups) * prod(after) <= SMALL:
        exact = [_unrolled(block, sides, stride, padding, dilation) for block in w.chunk(groups)]
        return max(matrix_norm(m) for m in exact), "its matrix"
    found = [
        (schur_convolution_norm(w, stride, dilation, groups), "Schur"),
        (reshaped_convolution_norm(w, stride, dilation, groups), "four reshapes"),
    ]
    torus = prod(n + d * (k - 1) for n, d, k in zip(sides, dilation, w.shape[2:], strict=True))
    if torus * len(w) * inputs <= MANY:
        found.append((frequency_convolution_norm(w, sides, dilation, groups), "its frequencies"))
    return min(found)


def _precise(w: Tensor) -> torch.dtype:
    return torch.complex128 if w.is_complex() else torch.float64


def _meeting(w: Tensor, stride: Sequence[int], dilation: Sequence[int]) -> list[Tensor]:
    # parts of the kernel, a part the offsets by which windows of this stride can meet at one place
    parts = [w]
    for axis, (s, d) in enumerate(zip(stride, dilation, strict=True), 2):
        at = torch.arange(w.shape[axis]) * d % s
        parts = [p.index_select(axis, torch.where(at == r)[0]) for p in parts for r in at.unique()]
    return parts


def _unrolled(
    w: Tensor,
    sides: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> Tensor:
    # the convolution of every unit vector; shape (inputs' places, outputs' places), as long either way round
    units = torch.eye(w.shape[1] * prod(sides), dtype=torch.float64).reshape(-1, w.shape[1], *sides)
    units = torch.nn.functional.pad(units, [v for pair in reversed(padding) for v in pair])
    convolve = torch.conv1d if len(sides) == 1 else torch.conv2d
    return convolve(units, w.detach().double(), None, list(stride), 0, list(dilation)).flatten(1)
