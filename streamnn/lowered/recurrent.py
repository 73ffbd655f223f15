"""Recurrent layers over a window, from a state of zeros: LSTM, GRU and plain ones, as ``torch.nn`` has them.

A layer reads (T, n) and writes its hidden states, (T, h). Its way back goes through the whole window. Weights lie by
what they are multiplied with: a row is what one input, or one hidden unit, adds to all gates.
"""

from __future__ import annotations

import numpy as np

from ..errors import SpecError
from .codes import GRU, LSTM, RNN
from .plan import PlanBuilder, Value


def lstm(
    b: PlanBuilder,
    x: Value,
    name: str,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None,
    bias_hh: np.ndarray | None,
    suffix: str = "_l0",
) -> Value:
    """Long short-term memory (Hochreiter & Schmidhuber 1997), one layer, one direction.

    Parameters
    ----------
    x : Value
        Shape (T, n), the latest row last.
    name, suffix : str
        Parameters are called as torch calls them, such as ``f"{name}.weight_ih_l0"``.
    weight_ih, weight_hh : ndarray, shapes (4h, n) and (4h, h)
        Gates in the order input, forget, cell, output.
    bias_ih, bias_hh : ndarray, shape (4h,), or None
        Both are there, and both learn, or neither is.

    Returns
    -------
    Value
        Hidden states, shape (T, h).

    Raises
    ------
    SpecError
        If shapes do not fit together.

    Examples
    --------
    >>> b = PlanBuilder((8, 3))
    >>> lstm(b, b.input, "lstm", np.zeros((20, 3)), np.zeros((20, 5)), np.zeros(20), np.zeros(20)).shape
    (8, 5)
    """
    return _recurrent(b, x, name, (weight_ih, weight_hh, bias_ih, bias_hh), suffix, LSTM, "LSTM", 4, 6, 2)


def gru(
    b: PlanBuilder,
    x: Value,
    name: str,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None,
    bias_hh: np.ndarray | None,
    suffix: str = "_l0",
) -> Value:
    """Gated recurrent unit (Cho et al. 2014) in torch's form, one layer, one direction; see :func:`lstm`.

    `weight_ih` is (3h, n) and `weight_hh` (3h, h), gates in the order reset, update, new; the reset gate multiplies the
    new gate's hidden part after its product with the weights, and with its bias.
    """
    return _recurrent(b, x, name, (weight_ih, weight_hh, bias_ih, bias_hh), suffix, GRU, "GRU", 3, 6, 1)


def rnn(
    b: PlanBuilder,
    x: Value,
    name: str,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias_ih: np.ndarray | None,
    bias_hh: np.ndarray | None,
    suffix: str = "_l0",
    relu: bool = False,
) -> Value:
    """A plain recurrent layer (Elman 1990) of tanh, or of ReLU; see :func:`lstm`. `weight_ih` is (h, n)."""
    code = f"RNN {'relu' if relu else 'tanh'}"
    return _recurrent(b, x, name, (weight_ih, weight_hh, bias_ih, bias_hh), suffix, RNN, code, 1, 1, 1, relu)


def _recurrent(
    b: PlanBuilder,
    x: Value,
    name: str,
    parameters: tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None],
    suffix: str,
    code: int,
    word: str,
    gates: int,
    kept: int,
    once: int,
    setting: int = 0,
) -> Value:
    # `kept` numbers a step and unit, `once` a unit
    if len(x.shape) != 2:
        raise SpecError(
            f"layer {name} reads a value of shape {x.shape}: a recurrent layer needs (window, inputs)"
        )
    steps, inputs = x.shape
    h = np.shape(parameters[1])[-1]
    shapes = ((gates * h, inputs), (gates * h, h), (gates * h,), (gates * h,))
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    at = []
    for kind, array, shape in zip(names, parameters, shapes, strict=True):
        if array is None:
            at.append(-1)
            continue
        if np.shape(array) != shape:
            raise SpecError(f"{name}.{kind}{suffix} has shape {np.shape(array)} where {shape} is needed")
        axes = (1, 0) if len(shape) == 2 else (0,)
        at.append(b.parameter(f"{name}.{kind}{suffix}", array, axes=axes))
    out = b.value(steps, h)
    words = f"{word}({inputs} -> {h}, window {steps})"
    room = (kept * steps + once) * h
    more = (steps, inputs, h, at[1], at[3], setting)
    return b.op(code, words, x, out, at[0], at[2], more=more, kept=room)
