"""How steep recurrent layers can be over a window that starts from a hidden state of zeros.

Gates are between 0 and 1 and hidden states between -1 and 1, whatever comes in, so every factor in a step's Jacobian is
bounded. A perturbation that enters at step s is followed through the steps after it: its length when it leaves at step
t is at most a number n[t, s], and the Jacobian of the whole window, a matrix of blocks of which none is longer than its
number, is no longer than the matrix of these numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, sqrt, tanh

import torch
from torch import Tensor, nn

from .operator_norms import matrix_norm

Step = Callable[[float, tuple[float, ...], int], tuple[float, ...]]
"""From how far a step's input may have moved, how far its state may have moved and which step it is (from 0), to how
far the next state may have moved; hidden part first."""
SIGMOID = 0.25
"""Largest slope of a gate."""


def recurrent_slopes(module: nn.RNNBase, steps: int, most: float = inf) -> tuple[float, float]:
    """Bounds of the l2 slope of a recurrent layer: to all its outputs, and to its last output.

    Several layers multiply; two directions add their squares.

    Parameters
    ----------
    module : RNN, LSTM or GRU
        Without projections.
    steps : int
        Length of the window; the hidden state before it is zeros.
    most : float
        No input is larger in size than this. LSTM and GRU have a bound without it, and a smaller one with it.

    Raises
    ------
    ValueError
        For a module with projections.

    Examples
    --------
    >>> torch.manual_seed(0) and None
    >>> lstm = nn.LSTM(3, 4)
    >>> every, last = recurrent_slopes(lstm, steps=8)
    >>> bool(last < every), bool(recurrent_slopes(lstm, 8, most=1.0)[0] <= every)
    (True, True)
    """
    if getattr(module, "proj_size", 0):
        raise ValueError("projections")
    below = 1.0
    last = 1.0
    for layer in range(module.num_layers):
        ways = ["", "_reverse"] if module.bidirectional else [""]
        every = [_of_one(module, f"_l{layer}{way}", steps, most) for way in ways]
        last = below * sqrt(
            sum((all_ if way else end) ** 2 for way, (all_, end) in zip(ways, every, strict=True))
        )
        below *= sqrt(sum(all_**2 for all_, _ in every))
        most = 1.0 if not isinstance(module, nn.RNN) or module.nonlinearity == "tanh" else inf
    return below, last


def _of_one(module: nn.RNNBase, suffix: str, steps: int, most: float) -> tuple[float, float]:
    w, u = (getattr(module, f"{kind}{suffix}").detach().double() for kind in ("weight_ih", "weight_hh"))
    b, more = (
        getattr(module, f"{kind}{suffix}").detach().double() if module.bias else w.new_zeros(len(w))
        for kind in ("bias_ih", "bias_hh")
    )
    if isinstance(module, nn.LSTM):
        step, width = _lstm(w, u, b, more, most), 2
    elif isinstance(module, nn.GRU):
        step, width = _gru(w, u, b, more, most), 1
    else:
        step, width = _plain(w, u), 1
    reach = torch.zeros(steps, steps, dtype=torch.float64)
    for s in range(steps):
        state = step(1.0, (0.0,) * width, s)
        reach[s, s] = state[0]
        for t in range(s + 1, steps):
            state = step(0.0, state, t)
            reach[t, s] = state[0]
    return matrix_norm(reach), matrix_norm(reach[-1:])


def _plain(w: Tensor, u: Tensor) -> Step:
    into, on = matrix_norm(w), matrix_norm(u)
    return lambda x, state, t: (into * x + on * state[0],)


def _lstm(w: Tensor, u: Tensor, b: Tensor, more: Tensor, most: float) -> Step:
    # dc = f dc + c df + g di + i dg;  dh = tanh(c) do + o (1 - tanh(c)^2) dc
    into, on = _norms(w, 4), _norms(u, 4)
    keeps, takes, shows = (_gate(w, u, b + more, most, k, 4) for k in (1, 0, 3))
    cells = [0.0]  # the largest cell before each step

    def step(x: float, state: tuple[float, ...], t: int) -> tuple[float, ...]:
        h, c = state
        while len(cells) < t + 2:
            cells.append(keeps * cells[-1] + takes)
        take, keep, new, show = (a * x + r * h for a, r in zip(into, on, strict=True))
        c = keeps * c + cells[t] * SIGMOID * keep + SIGMOID * take + takes * new
        return tanh(cells[t + 1]) * SIGMOID * show + shows * c, c

    return step


def _gru(w: Tensor, u: Tensor, b: Tensor, more: Tensor, most: float) -> Step:
    # n = tanh(Wx + r (Uh + b));  h' = (1 - z) n + z h, so dh' = (1 - z) dn + z dh + (h - n) dz
    into, on = _norms(w, 3), _norms(u, 3)
    resets = _gate(w, u, b + more, most, 0, 3)
    recalled = float((u.chunk(3)[2].abs().sum(1) + more.chunk(3)[2].abs()).max())

    def step(x: float, state: tuple[float, ...], t: int) -> tuple[float, ...]:
        h = state[0]
        reset, update = (a * x + r * h for a, r in zip(into[:2], on[:2], strict=True))
        new = into[2] * x + resets * on[2] * h + recalled * SIGMOID * reset
        # each entry lies between dn's and dh's, so its square is at most the sum of theirs
        return (sqrt(new * new + h * h) + (2.0 if t else 1.0) * SIGMOID * update,)

    return step


def _norms(w: Tensor, gates: int) -> list[float]:
    return [matrix_norm(part) for part in w.chunk(gates)]


def _gate(w: Tensor, u: Tensor, b: Tensor, most: float, which: int, gates: int) -> float:
    # the largest that a gate can be when no input is larger than `most` and no hidden state than 1
    if most == inf:
        return 1.0
    w, u, b = (v.chunk(gates)[which] for v in (w, u, b))
    return float(torch.sigmoid(w.abs().sum(1) * most + u.abs().sum(1) + b).max()) if len(w) else 1.0
