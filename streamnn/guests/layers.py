"""Torch's functions that have parameters, and dropout, as operations of a plan. Imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from ..lowered.convolution import convolution
from ..lowered.dense import linear
from ..lowered.dropout import dropout
from ..lowered.normalisation import group_norm, layer_norm, rms_norm
from ..lowered.plan import Value
from ..lowered.recurrent import gru, lstm, rnn
from .moves import taken
from .recorded import Handler, Recorded
from .recorder import Recorder

FLOAT_EPS = float(np.finfo(np.float32).eps)


def _linear(r: Recorder, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Recorded:
    record = r.of(input)
    if record.inner(-1) < 0:
        raise r.refuse("sums over the events of a batch")
    name, p = r.layer(weight=weight, bias=bias)
    r.last_linear = record.value
    return Recorded(linear(r.builder, record.value, name, p["weight"], p["bias"]), record.axis)


def maps(r: Recorder, input: Tensor, dims: int) -> Value:
    """The value of a tensor (events, channels, length) or (events, channels, height, width), with a height anyway."""
    record = r.of(input)
    shape = record.value.shape
    if record.axis != 0 or len(shape) != dims + 1:
        raise r.refuse(
            f"takes a tensor of shape {record.shape} for events of a batch: their axis must be the first"
        )
    return record.value if dims == 2 else record.value.reshaped(shape[0], 1, shape[1])


def flat_again(value: Value, dims: int) -> Recorded:
    """The inverse of :func:`maps`."""
    return Recorded(value if dims == 2 else value.reshaped(value.shape[0], value.shape[2]), 0)


def pair(number: Any, dims: int, fill: int) -> tuple[int, int]:
    """Of height and width, as torch gives it for one or two dimensions."""
    given = (number,) * dims if isinstance(number, int) else tuple(number)
    if len(given) == 1:
        given *= dims
    return (fill, int(given[0])) if dims == 1 else (int(given[0]), int(given[1]))


def _convolution(dims: int) -> Handler:
    def handler(
        r: Recorder,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Recorded:
        x = maps(r, input, dims)
        name, p = r.layer(weight=weight, bias=bias)
        w = p["weight"] if dims == 2 else np.expand_dims(p["weight"], 2)
        step, spread = pair(stride, dims, 1), pair(dilation, dims, 1)
        if padding == "valid":
            padding = 0
        if padding == "same":  # of an odd number of zeros the last is behind, as torch has it
            total = [d * (k - 1) for d, k in zip(spread, w.shape[2:], strict=True)]
            before = [t // 2 for t in total]
            if any(t % 2 for t in total):
                index = np.arange(x.size).reshape(x.shape)
                around = [(0, 0), *((b, t - b) for b, t in zip(before, total, strict=True))]
                x = taken(r, [x], np.pad(index, around, constant_values=-1))
                before = [0, 0]
            around_all: tuple[int, int] = (before[0], before[1])
        else:
            around_all = pair(padding, dims, 0)
        return flat_again(
            convolution(r.builder, x, name, w, p["bias"], step, around_all, spread, groups), dims
        )

    return handler


def _layer_norm(
    r: Recorder,
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Recorded:
    record, last = r.of(input), len(normalized_shape)
    _ahead(r, record, last)
    name, p = r.layer(weight=weight, bias=bias)
    value = layer_norm(r.builder, record.value, name, p["weight"], p["bias"], eps, last)
    return Recorded(value, record.axis)


def _rms_norm(
    r: Recorder, input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Recorded:
    record, last = r.of(input), len(normalized_shape)
    _ahead(r, record, last)
    name, p = r.layer(weight=weight)
    value = rms_norm(r.builder, record.value, name, p["weight"], FLOAT_EPS if eps is None else eps, last)
    return Recorded(value, record.axis)


def _ahead(r: Recorder, record: Recorded, last: int) -> None:
    if record.axis > len(record.value.shape) - last:
        raise r.refuse("takes a mean over the events of a batch")


def _group_norm(
    r: Recorder,
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Recorded:
    record = r.of(input)
    if record.axis != 0:
        raise r.refuse("takes a mean over the events of a batch")
    name, p = r.layer(weight=weight, bias=bias)
    return Recorded(group_norm(r.builder, record.value, name, p["weight"], p["bias"], eps, num_groups), 0)


def _dropout(
    r: Recorder, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Recorded:
    record = r.of(input)
    return record._replace(value=dropout(r.builder, record.value, p)) if training and p else record


def _recurrent(emit: Any, cells: bool, **setting: Any) -> Handler:
    def handler(
        r: Recorder,
        input: Tensor,
        hx: Any,
        params: Any,
        has_biases: bool,
        num_layers: int,
        drop: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> tuple[Recorded | None, ...]:
        record = r.of(input)
        if record.axis != (0 if batch_first else 1):
            raise r.refuse(
                f"reads a tensor of shape {record.shape} whose events lie along axis {record.axis}: "
                f"batch_first={batch_first} takes axis {0 if batch_first else 1} for them, and the other for time"
            )
        for h in hx if cells else (hx,):
            if r.known(h) or h.requires_grad or bool(h.any()):
                raise r.refuse("starts from a state that is not 0, which the compiled kernel does not know")
        each = (4 if has_biases else 2) * (2 if bidirectional else 1) * num_layers
        if len(params) != each:
            raise r.refuse("projects its hidden state, which the compiled kernel does not know")
        x, last, waiting = record.value, [], list(params)
        for depth in range(num_layers):
            ways = []
            for suffix in (f"_l{depth}", f"_l{depth}_reverse")[: 1 + bidirectional]:
                keys = [f"{kind}{suffix}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                own = dict.fromkeys(keys)
                own.update((key, waiting.pop(0)) for key in keys[: 4 if has_biases else 2])
                name, p = r.layer(**own)
                source = _backwards(r, x) if suffix.endswith("reverse") else x
                out = emit(r.builder, source, name, *p.values(), suffix=suffix, **setting)
                last.append(out.part(out.shape[0] - 1, out.shape[0]))
                ways.append(_backwards(r, out) if suffix.endswith("reverse") else out)
            x = ways[0] if len(ways) == 1 else _beside(r, ways)
            if drop and train and depth < num_layers - 1:
                x = dropout(r.builder, x, drop)
        h = last[0].shape[1]
        ends = taken(r, last, np.arange(len(last) * h).reshape(-1, h))
        made = (Recorded(x, record.axis), Recorded(ends, 1))
        return (*made, None) if cells else made

    return handler


def _backwards(r: Recorder, x: Value) -> Value:
    return taken(r, [x], np.arange(x.size).reshape(x.shape)[::-1])


def _beside(r: Recorder, ways: list[Value]) -> Value:
    steps, h = ways[0].shape
    index = np.arange(2 * steps * h).reshape(2, steps, h).transpose(1, 0, 2).reshape(steps, 2 * h)
    return taken(r, ways, index)


HANDLERS: dict[str, Handler] = {
    "linear": _linear,
    "conv1d": _convolution(1),
    "conv2d": _convolution(2),
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "dropout": _dropout,
    "lstm": _recurrent(lstm, True),
    "gru": _recurrent(gru, False),
    "rnn_tanh": _recurrent(rnn, False, relu=False),
    "rnn_relu": _recurrent(rnn, False, relu=True),
}
"""Of functions with parameters, by name."""
