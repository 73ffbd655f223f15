"""The information loss: a linear decoder reconstructs the row from the last hidden layer, which is pulled that way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from .._kernels.jit import leaf_options
from .._kernels.lanes import LANES, load, splat, store
from .rows import dot, plain_row

f4 = np.float32
RATE = f4(0.05)
"""Share of its error that the decoder corrects at a learnt event."""


class Decoder(NamedTuple):
    """Flat arrays, float32; empty where no information loss is wanted."""

    weight: np.ndarray  # inputs x units of the last layer
    bias: np.ndarray


@njit(**leaf_options)
def reconstruct(decoder, rows, s, at, z, top, HL, pull, dz):
    # Adds to dz the gradient of pull times the mean squared error of the row; then the decoder takes its step,
    # which is normalised (Widrow-Hoff), so that it depends on no unit.
    w, n = decoder.weight, len(decoder.bias)
    per = pull * f4(2.0) / f4(n)
    rate = RATE / (f4(1.0) + dot(z, top, z, top, HL))
    for i in range(n):
        error = dot(w, i * HL, z, top, HL) + decoder.bias[i] - rows[s, at + i]
        x = splat(per * error)
        for j in range(0, HL, LANES):
            store(dz, top + j, load(dz, top + j) + x * load(w, i * HL + j))
        plain_row(w, i * HL, rate * error, z, top, HL)
        decoder.bias[i] -= rate * error
