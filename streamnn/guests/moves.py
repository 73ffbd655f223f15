"""Torch functions that only move numbers: running them on the numbers' places says what they do. Imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from ..lowered.moving import concatenated, gathered
from ..lowered.plan import Value
from .recorded import EVENTS_TRIED, Handler, Recorded
from .recorder import Recorder

FUNCTIONS = [
    "view",
    "reshape",
    "flatten",
    "ravel",
    "unflatten",
    "squeeze",
    "unsqueeze",
    "view_as",
    "reshape_as",
    "atleast_2d",
    "transpose",
    "swapaxes",
    "swapdims",
    "permute",
    "movedim",
    "moveaxis",
    "t",
    "T",
    "mT",
    "adjoint",
    "chunk",
    "split",
    "split_with_sizes",
    "tensor_split",
    "unbind",
    "select",
    "narrow",
    "index_select",
    "unfold",
    "__getitem__",
    "cat",
    "concat",
    "concatenate",
    "stack",
    "hstack",
    "vstack",
    "dstack",
    "column_stack",
    "expand",
    "expand_as",
    "broadcast_to",
    "repeat",
    "tile",
    "repeat_interleave",
    "flip",
    "fliplr",
    "flipud",
    "roll",
    "rot90",
    "channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
    "native_channel_shuffle",
]


def moved(r: Recorder, *args: Any, **kwargs: Any) -> tuple[Recorded, ...]:
    """What comes out of the function that is being called, where it moves numbers of its arguments.

    The function runs on tensors whose entries say where each number lies: 1 + place + numbers of all arguments *
    sample. 0 is a zero that it has put in.
    """
    values: dict[int, Value] = {}
    for x in tree_leaves((args, kwargs)):
        if r.known(x):
            values.setdefault(id(x), r.of(x).value)
    starts = dict(zip(values, np.cumsum([0, *(v.size for v in values.values())]).tolist(), strict=False))
    total = sum(v.size for v in values.values())

    def places(x: Any) -> Any:
        if not r.known(x):
            if isinstance(x, Tensor) and x.is_floating_point() and (x.requires_grad or bool(x.any())):
                raise r.refuse(
                    "puts the event's numbers beside fixed ones, which the compiled kernel does not know"
                )
            return x.double() if isinstance(x, Tensor) and x.is_floating_point() else x
        record = r.of(x)
        inner = np.arange(record.value.size).reshape(record.value.shape) + 1 + starts[id(x)]
        every = np.stack([inner + sample * total for sample in range(EVENTS_TRIED)], record.axis)
        return torch.from_numpy(every.astype(np.float64))

    try:
        out = r.called(*tree_map(places, args), **tree_map(places, kwargs))
    except (RuntimeError, TypeError, IndexError) as error:
        raise r.refuse(f"moves numbers in a way that the compiled kernel does not know ({error})") from None
    source = list(values.values())
    return tuple(_record(r, source, total, t.numpy()) for t in tree_leaves(out))


def _record(r: Recorder, source: list[Value], total: int, places: np.ndarray) -> Recorded:
    ids = places.astype(np.int64)
    if not (ids == places).all() or ids.min(initial=0) < 0 or ids.max(initial=0) > EVENTS_TRIED * total:
        raise r.refuse("mixes numbers where the compiled kernel knows moving them only")
    sample, place = (ids - 1) // total, np.where(ids == 0, -1, (ids - 1) % total)
    for axis, n in enumerate(ids.shape):
        own = np.arange(EVENTS_TRIED).reshape(-1, *[1] * (ids.ndim - axis - 1))
        if n == EVENTS_TRIED and (ids > 0).any() and ((sample == own) | (ids == 0)).all():
            inner = np.moveaxis(place, axis, 0)
            if (inner == inner[0]).all():
                return Recorded(taken(r, source, inner[0]), axis)
    raise r.refuse(
        "mixes the events of a batch, or takes some out of it: row b of the result must be of event b alone"
    )


def taken(r: Recorder, source: list[Value], index: np.ndarray) -> Value:
    """Numbers of values that lie one behind the other, in another order; -1 is a zero. No operation where none is needed."""
    flat = index.ravel()
    shape = index.shape
    whole = _adjacent(source)
    if (
        whole is not None
        and flat.size
        and flat[0] >= 0
        and (flat == np.arange(flat[0], flat[0] + flat.size)).all()
    ):
        return Value(whole.at + int(flat[0]), shape)
    if (flat < 0).any():
        source = [*source, r.builder.value(1)]  # nobody writes it
        flat = np.where(flat < 0, sum(v.size for v in source) - 1, flat)
        whole = None
    if whole is None:
        whole = concatenated(r.builder, [v.reshaped(v.size) for v in source])
        if flat.size == whole.size and (flat == np.arange(whole.size)).all():
            return whole.reshaped(*shape)
    return gathered(r.builder, whole.reshaped(whole.size), flat, shape)


def _adjacent(source: list[Value]) -> Value | None:
    """One value that is all of them, where they lie one behind the other."""
    ends = [v.at + v.size for v in source]
    if [v.at for v in source[1:]] != ends[:-1]:
        return None
    return Value(source[0].at, (sum(v.size for v in source),))


def _same(r: Recorder, input: Tensor, *args: Any, **kwargs: Any) -> Recorded:
    return r.of(input)


def _padded(r: Recorder, input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    if mode == "constant" and value:
        raise r.refuse(f"pads with {value}: the compiled kernel knows 0 only")
    return moved(r, input, pad, mode)


def _stretched(
    r: Recorder, input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", **more: Any
) -> Any:
    if not mode.startswith("nearest"):
        raise r.refuse(f"interpolates ({mode}): the compiled kernel knows nearest only")
    return moved(r, input, size, scale_factor, mode)


HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(FUNCTIONS, moved),
    "pad": _padded,
    "interpolate": _stretched,
    **dict.fromkeys(("contiguous", "clone", "float", "to", "type_as", "alias"), _same),
}
"""Of functions that move numbers or leave them where they are, by name."""
