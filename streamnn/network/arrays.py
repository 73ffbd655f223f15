"""What the kernel works on: places of sizes and settings, weights, and what an update remembers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

f4 = np.float32

KNOTS = 21
RANGE = 4.0

SGD, RMS, FACTORED = 0, 1, 2
"""Update rules: plain steps; steps divided by the running root mean square of each weight's gradient; inputs
and errors of a layer each divided by their running root mean square."""
PLAIN, PRELU, SPLINE = 0, 1, 2
"""A fixed slope below 0, a learnt one, a linear spline."""
CLASSES, VALUE = 0, 1

# places in the array of hyper-parameters: after the last come each layer's step, the output's included, and each
# layer's step of activations
H_BETA, H_SLOPE, H_ROW, H_OUT, H_PULL, H_QUIET, H_LAYERS = range(7)
# places in the array of sizes
N_RULE, N_ACT, N_TASK, N_FROM, N_IN, N_IDS, N_MEMBER, N_LAYERS, N_UNITS, N_AVERAGE, N_KNOTS, N_EVERY = range(
    12
)
# places among the buffers: pre-activations, values and slopes of units, errors behind and before the activation, place
# within the piece, values of four knots, place of the first knot, number of the piece
B_A, B_Z, B_SLOPE, B_D, B_DZ, B_FR, B_LOW, B_HIGH, B_BELOW, B_ABOVE, B_BASE, B_PLACE, BUFFERS = range(13)
AVERAGES = 100
"""Weights enter their running average so many times within its memory, at least every 100 learnt events."""
YOUNG = f4(0.3)
"""The average reaches back over this share of the past, and not beyond its memory."""
BEYOND, CHASE = f4(0.005), f4(0.25)
"""The reach of a unit is to hold all but this share on each side; it moves by so much of a piece at each event beyond."""
SURE = f4(1.0) - f4(2.0**-24)
"""A probability above this is 1: what gradient is left is so small that its square would be denormal, and slow."""
REFRESH = 64
"""Tracked row norms are computed anew every so many learnt events."""
TIGHT = f4(0.999)  # share of the budget used, so that rounding of tracked norms never exceeds it


class Weights(NamedTuple):
    """What a network is: flat arrays, float32."""

    first: np.ndarray  # inputs x units of the first layer
    table: np.ndarray  # category rows x units of the first layer
    hidden: np.ndarray  # further layers one after another, each units below x units
    bias: np.ndarray  # all hidden units
    knots: np.ndarray  # all hidden units x knots: a spline's values there, or one slope below 0
    grid: np.ndarray  # 3 x all hidden units: knots on a length of 1, lengths of pieces, and which knot is 0
    out: np.ndarray  # outputs x units of the last layer
    out_bias: np.ndarray


class Moments(NamedTuple):
    """What an update remembers: flat arrays, float32; those a rule does not use are empty."""

    learnt: np.ndarray  # labels learnt, int64
    first_norm: np.ndarray  # squared norm of each unit's weights
    hidden_norm: np.ndarray
    first_2: np.ndarray  # running mean squares of gradients (RMS)
    table_2: np.ndarray
    hidden_2: np.ndarray
    out_2: np.ndarray
    in_moment: np.ndarray  # running mean squares of inputs, units, errors (factored)
    in_count: np.ndarray  # how often each input was not 0, int64
    z_moment: np.ndarray
    d_moment: np.ndarray
    o_moment: np.ndarray
    idle: np.ndarray  # one number: what the running means have faded by since the last update
    reach: np.ndarray  # 2 x all hidden units: low and high quantiles of what comes in
