"""Torch's poolings, means and maxima as operations of a plan. Imports torch."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from torch import Tensor

from ..lowered.plan import Value
from ..lowered.pooling import pool
from .layers import flat_again, maps, pair
from .moves import taken
from .recorded import Handler, Recorded
from .recorder import Recorder


def _largest(dims: int) -> Handler:
    def handler(
        r: Recorder,
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Recorded:
        if ceil_mode or return_indices or pair(dilation, dims, 1) != (1, 1):
            raise r.refuse(
                "has ceil_mode, return_indices or a dilation, which the compiled kernel does not know"
            )
        return _pooled(r, input, dims, "max", kernel_size, stride, padding)

    return handler


def _mean(dims: int) -> Handler:
    def handler(
        r: Recorder,
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Recorded:
        if ceil_mode or divisor_override is not None:
            raise r.refuse("has ceil_mode or a divisor_override, which the compiled kernel does not know")
        return _pooled(r, input, dims, "mean", kernel_size, stride, padding, count_include_pad)

    return handler


def _pooled(
    r: Recorder,
    input: Tensor,
    dims: int,
    kind: str,
    kernel: Any,
    stride: Any,
    padding: Any,
    counts: bool = True,
) -> Recorded:
    x, size = maps(r, input, dims), pair(kernel, dims, 1)
    step = pair(stride, dims, 1) if stride else size
    return flat_again(pool(r.builder, x, kind, size, step, pair(padding, dims, 0), counts), dims)


def _adaptive(dims: int, kind: str) -> Handler:
    def handler(r: Recorder, input: Tensor, output_size: Any, return_indices: bool = False) -> Recorded:
        x = maps(r, input, dims)
        wanted = (output_size,) * dims if isinstance(output_size, int) else tuple(output_size)
        there = x.shape[3 - dims :]
        out = [n if w is None else w for w, n in zip(wanted, there, strict=True)]
        if return_indices or any(n % w for n, w in zip(there, out, strict=True)):
            raise r.refuse(
                f"pools {there} to {tuple(out)}: the compiled kernel knows windows of one size only"
            )
        return _pooled(r, input, dims, kind, [n // w for n, w in zip(there, out, strict=True)], None, 0)

    return handler


def reduced(r: Recorder, input: Tensor, dim: Any, keepdim: bool, kind: str) -> tuple[Recorded, int]:
    """Mean or maximum over axes, and how many numbers each is of."""
    record = r.of(input)
    dims = range(len(record.shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    axes = sorted({record.inner(d) for d in dims})
    if -1 in axes:
        raise r.refuse("reduces over the events of a batch: row b of the result must be of event b alone")
    shape = record.value.shape
    left = [a for a in range(len(shape)) if a not in axes]
    n = prod(shape[a] for a in axes)
    index = np.arange(record.value.size).reshape(shape).transpose(*left, *axes).reshape(-1, 1, n)
    out = pool(r.builder, taken(r, [record.value], index), kind, (1, n))
    kept = [1 if a in axes else s for a, s in enumerate(shape) if keepdim or a in left]
    axis = record.axis if keepdim else record.axis - sum(a < record.axis for a in axes)
    return Recorded(Value(out.at, tuple(kept)), axis), n


def _averaged(
    r: Recorder, input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None
) -> Recorded:
    return reduced(r, input, dim, keepdim, "mean")[0]


def _maximum(r: Recorder, input: Tensor, dim: Any = None, keepdim: bool = False) -> Recorded:
    return reduced(r, input, dim, keepdim, "max")[0]


def _maximum_and_place(r: Recorder, input: Tensor, dim: int, keepdim: bool = False) -> Any:
    return reduced(r, input, dim, keepdim, "max")[0], None


HANDLERS: dict[str, Handler] = {
    "max_pool1d": _largest(1),
    "max_pool2d": _largest(2),
    "avg_pool1d": _mean(1),
    "avg_pool2d": _mean(2),
    "adaptive_avg_pool1d": _adaptive(1, "mean"),
    "adaptive_avg_pool2d": _adaptive(2, "mean"),
    "adaptive_max_pool1d": _adaptive(1, "max"),
    "adaptive_max_pool2d": _adaptive(2, "max"),
    "mean": _averaged,
    "amax": _maximum,
    "max": _maximum_and_place,
}
"""Of poolings, means and maxima, by name."""
