"""The information loss: a linear decoder reconstructs the row from the last hidden layer, which is pulled that way."""

from __future__ import annotations

import numpy as np

from .._kernels.jit import leaf
from .._kernels.lanes import LANES, load, splat, store
from .rows import dot, plain_row

f4 = np.float32
DECODER_RATE = f4(0.05)
"""Share of its error that the decoder corrects at a learnt event: it follows the latent whatever the units
(docs/decisions.md)."""


@leaf
def reconstruct(decoder, row, b, z, dz, HL, pull):
    # Adds to dz the gradient of pull times the mean squared error of the row; then the decoder takes its step,
    # which is normalised (Widrow-Hoff), so that it depends on no unit. z and dz are places of b.
    w, n = decoder.weight, len(decoder.bias)
    per = pull * f4(2.0) / f4(n)
    rate = DECODER_RATE / (f4(1.0) + dot(b, z, b, z, HL))
    for i in range(n):
        error = dot(w, i * HL, b, z, HL) + decoder.bias[i] - row[i]
        x = splat(per * error)
        for j in range(0, HL, LANES):
            store(b, dz + j, load(b, dz + j) + x * load(w, i * HL + j))
        plain_row(w, i * HL, rate * error, b, z, HL)
        decoder.bias[i] -= rate * error
