"""What the kernel works on: places of settings, weights, and what an update remembers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

f4 = np.float32

REAL_WEIGHTS, TERNARY_WEIGHTS, SIGN_WEIGHTS = 0, 1, 2
"""What a layer multiplies with: latents themselves, 0 or their sign, their sign."""
BY_RMS, BY_ADAMAX, BY_BOP, BY_SGD = range(4)
"""Rules, in the order of :data:`streamnn.binary.spec.BINARY_RULES`."""
BY_SHIFT, BY_RUNNING, BY_ONLINE = range(3)
"""Normalisations, in the order of :data:`streamnn.binary.spec.NORMALISATIONS`."""

# places in the array of sizes
(
    SN_RULE, SN_FIRST, SN_HIDDEN, SN_NORMALISATION, SN_DRAWS, SN_REGRESS, SN_FROM, SN_INPUTS, SN_CATEGORIES, SN_MEMBER,
    SN_LAYERS, SN_UNITS, SN_AVERAGE, SN_TRIANGLE,
) = range(14)  # fmt: skip
# places in the array of hyper-parameters
(
    P_STEP, P_OUTPUT, P_THRESHOLD, P_RATE, P_WINDOW, P_CLIP, P_DELTA, P_BETA, P_BOP_RATE, P_BOP_THRESHOLD, P_MARGIN,
) = range(11)  # fmt: skip
# places among the buffers: sums, normalised sums, factors and values of units; errors of values and of sums, steps;
# and 1 where a unit is one of the network's, 0 where it only fills up sixteen lanes
Q_SUM, Q_NORMAL, Q_FACTOR, Q_SIGN, Q_ERROR, Q_GRADIENT, Q_MOVE, Q_LIVE, SIGN_BUFFERS = range(9)

SUM_VARIANCE_FLOOR = f4(1e-4)
"""What is added to a running variance before its root is taken."""
SQUARE_FLOOR = f4(1e-10)
"""What a running mean square of gradients does not fall below: it would become denormal, and slow."""
ONLINE_RATE = f4(0.01)
"""Pace at which online normalisation takes back errors of its gradients."""
FLIPS_OVER = 1000
"""Learnt events over which changes of signs are counted."""
SLEEPERS_AFTER = 64
"""Learnt events after which inputs that were always 0 get latents of 0, as columns that come later have
(docs/decisions.md, "Who has not moved starts at zero weight")."""
MEANS = 100
"""How often weights enter their running average within its memory; and at least every 100 learnt events."""
MEANS_SHARE = f4(0.3)
"""The average reaches back over this share of the past, and not beyond its memory."""


class BinarySettings(NamedTuple):
    """What a network is to be."""

    n: np.ndarray  # int64, places I_...
    sizes: np.ndarray  # int64, units of each layer as they are stored, then as they are meant
    h: np.ndarray  # float32, places P_...


class Latents(NamedTuple):
    """What a network multiplies with, or takes the signs of, and how it normalises: flat arrays, float32."""

    first: np.ndarray  # inputs x units of the first layer
    table: np.ndarray  # category rows x units of the first layer
    hidden: np.ndarray  # further layers one after another, each units below x units
    location: np.ndarray  # all hidden units: running mean of the sum,
    variance: np.ndarray  # and running variance
    bias: np.ndarray  # added to the normalised sum
    out: np.ndarray  # outputs x units of the last layer
    out_bias: np.ndarray


class Memory(NamedTuple):
    """What an update remembers: flat arrays; float32 where nothing is said; those a rule does not use are empty."""

    learnt: np.ndarray  # labels learnt, int64
    in_count: np.ndarray  # how often each input was not 0 while `SLEEPERS_AFTER` is to come, int64
    first_1: np.ndarray  # running means of gradients (AdaMax, Bop), weight by weight
    first_2: np.ndarray  # running mean squares (RMS) or largest sizes (AdaMax), weight by weight
    table_1: np.ndarray
    table_2: np.ndarray
    hidden_1: np.ndarray
    hidden_2: np.ndarray  # one a unit: what comes in is -1 or 1, so all weights of a unit have the same
    bias_2: np.ndarray
    drift: (
        np.ndarray
    )  # mean gradient of each unit's sum that is still to be taken back (online normalisation),
    along: np.ndarray  # and its part along the unit's value
    out_2: np.ndarray  # one an output
    power: np.ndarray  # AdaMax: its memory to the power of the labels learnt
    flips: np.ndarray  # int64, layers x 2: weights that changed since the last count, and in the last count
    drawn: np.ndarray  # int64: seed, and how many events were drawn for


class BinaryState(NamedTuple):
    """All that a network has learnt."""

    latents: Latents
    means: Latents  # running averages; empty, but for the category rows, where none are kept
    memory: Memory


class SignScratch(NamedTuple):
    """Room for one event: what it leaves on its way forward, for its way back."""

    b: np.ndarray  # float32, SIGN_BUFFERS x all hidden units: places Q_...
    nz: np.ndarray  # int32: inputs that are not 0
    xs: np.ndarray  # float32: their values
    o: np.ndarray  # float32, outputs
    g: np.ndarray  # float32, gradient of the loss with respect to the scores
