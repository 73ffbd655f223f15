"""What a network reads of an event: its row, rows before it, and what its category values add."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from . import arrays as k

f4 = np.float32
_SMALLEST_ROOT = f4(1e-8)


@leaf
def read(s, labelled, n, events, memory, z):
    """Write the sample of slot `s` to the plan's input; an event with its label has the window that it was seen in."""
    width, window, past = n[k.S_WIDTH], n[k.S_WINDOW], _past(n)
    for j in range(past):
        z[j] = events.windows[s, j % width * window + j // width] if labelled else memory.ring[j]
    for j in range(width):
        z[past + j] = _number(s, j, n, events)


@leaf
def _number(s, j, n, events):
    return events.rows[s, n[k.S_FROM] + j] if j < n[k.S_READ] else f4(0.0)


@leaf
def embed(s, n, names, table, z):
    """Add the rows of an event's category values to its own row."""
    past, width = _past(n), n[k.S_WIDTH]
    for q in range(names.shape[1]):
        r = names[s, q]
        if r < 0:
            break
        for j in range(width):
            z[past + j] += table[r, j]


@leaf
def keep_window(s, n, events, memory):
    """Keep the window of an event that is seen, and its row for those that come."""
    past, width, window, ring = _past(n), n[k.S_WIDTH], n[k.S_WINDOW], memory.ring
    if window == 0:
        return
    for j in range(past):
        events.windows[s, j % width * window + j // width] = ring[j]
    for j in range(width):
        events.windows[s, j * window + window - 1] = _number(s, j, n, events)
    if past:
        for j in range(past - width):
            ring[j] = ring[j + width]
        for j in range(width):
            ring[past - width + j] = _number(s, j, n, events)


@leaf
def hold(s, i, target, weight, n, events, memory):
    """Put a labelled event, the `i`-th of its step, aside."""
    read(s, True, n, events, memory, memory.held_x[i])
    for q in range(events.names.shape[1]):
        memory.held_names[i, q] = events.names[s, q]
    memory.held_target[i] = target
    memory.held_weight[i] = weight


@leaf
def learn_rows(i, n, memory, rate):
    """A step of the rows of category values of the `i`-th event of a step, in whose place its gradient lies.

    AdaGrad (Duchi, Hazan and Singer 2011): a value may be seen seldom, and an optimiser's moments of it would be old.
    """
    past, width, names = _past(n), n[k.S_WIDTH], memory.held_names
    table, squares = memory.table, memory.squares
    for q in range(names.shape[1]):
        r = names[i, q]
        if r < 0:
            break
        for j in range(width):
            g = memory.held_x[i, past + j]
            squares[r, j] += g * g
            table[r, j] -= rate * g / (np.sqrt(squares[r, j]) + _SMALLEST_ROOT)


@leaf
def _past(n):
    # numbers of a sample before those of the event's own row
    return max(n[k.S_WINDOW] - 1, 0) * n[k.S_WIDTH]
