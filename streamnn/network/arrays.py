"""What the kernel works on: places of sizes and settings, weights, and what an update remembers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

f4 = np.float32

KNOTS = 21
RANGE = f4(4.0)
STEP = f4(0.4)

SGD, RMS, FACTORED = 0, 1, 2
"""Update rules: plain steps; steps divided by the running root mean square of each weight's gradient; inputs
and errors of a layer each divided by their running root mean square."""
RELU, SPLINE = 0, 1
CLASSES, VALUE = 0, 1

# places in the array of hyper-parameters
H_STEP, H_SPLINE, H_BETA, H_SLOPE, H_ROW, H_OUT = range(6)
# places in the array of sizes
N_RULE, N_ACT, N_TASK, N_FROM, N_IN, N_IDS, N_MEMBER, N_LAYERS, N_UNITS, N_AVERAGE = range(10)
AVERAGES = 100
"""Weights enter their running average so many times within its memory, at least every 100 learnt events."""
YOUNG = f4(0.3)
"""The average reaches back over this share of the past, and not beyond its memory."""
REFRESH = 64
"""Tracked row norms are computed anew every so many learnt events."""
TIGHT = f4(0.999)  # share of the budget used, so that rounding of tracked norms never exceeds it


class Weights(NamedTuple):
    """What a network is: flat arrays, float32."""

    first: np.ndarray  # inputs x units of the first layer
    table: np.ndarray  # category rows x units of the first layer
    hidden: np.ndarray  # further layers one after another, each units below x units
    bias: np.ndarray  # all hidden units
    knots: np.ndarray  # all hidden units x 21
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
