"""What the kernel works on: places of sizes and settings, weights, and what an update remembers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

f4 = np.float32

KNOTS = 21
"""Knots of a spline, as in some of the experiments of Aziznejad et al. (2020)."""
KNOT_RANGE = 4.0
"""Where a spline's outer knots lie at the start: inputs are standardised, so few pre-activations come further."""

RULE_SGD, RULE_RMS, RULE_FACTORED = 0, 1, 2
"""Update rules: plain steps; steps divided by the running root mean square of each weight's gradient; inputs
and errors of a layer each divided by their running root mean square."""
FIXED_SLOPE, LEARNT_SLOPE, SPLINE = 0, 1, 2
"""Activations: a fixed slope below 0, one that each unit learns, a linear spline."""
CLASSIFY, REGRESS = 0, 1
"""Tasks: a softmax head, or one number."""

# places in the array of hyper-parameters: after the last come each layer's step, the output's included, and each
# layer's step of activations
H_BETA, H_SLOPE, H_ROW, H_OUT, H_PULL, H_MARGIN, H_LAYERS = range(7)
# places in the array of sizes
N_RULE, N_ACT, N_TASK, N_FROM, N_IN, N_IDS, N_MEMBER, N_LAYERS, N_UNITS, N_AVERAGE, N_KNOTS, N_EVERY = range(
    12
)
# places among the buffers: pre-activations, values and slopes of units, errors behind and before the activation, place
# within the piece, values of four knots, place of the first knot, number of the piece
B_A, B_Z, B_SLOPE, B_D, B_DZ, B_FR, B_LOW, B_HIGH, B_BELOW, B_ABOVE, B_BASE, B_PLACE, BUFFERS = range(13)
AVERAGES = 100
"""How often weights enter their running average within its memory; and at least every 100 learnt events."""
AVERAGED_SHARE = f4(0.3)
"""The average reaches back over this share of the past, and not beyond its memory."""
OUTSIDE_SHARE = f4(0.005)
"""Share of what comes into a unit that its reach is to leave out on each side."""
REACH_PACE = f4(0.25)
"""Share of a piece by which a unit's reach grows at each event beyond it; it shrinks by OUTSIDE_SHARE of that."""
ALMOST_ONE = f4(1.0) - f4(2.0**-24)
"""A probability above this is 1: what gradient is left is so small that its square would be denormal, and slow."""
REFRESH = 64
"""Learnt events between two exact computations of the norms that are tracked in between."""
ASLEEP_AFTER = REFRESH
"""Learnt events after which inputs that were always 0 get zero weights, as columns that come later have (docs/
decisions.md, "Who has not moved starts at zero weight"); norms are computed exactly at this event."""
TIGHT = f4(0.999)
"""Share of the budget that is used, so that rounding of tracked norms never exceeds it."""


class Operations(NamedTuple):
    """What happens, one entry for every operation."""

    op: np.ndarray  # int8: OBSERVE, LEARN, EXPIRE or LOOK
    slot: np.ndarray  # int64: row of the store
    target: np.ndarray  # float32: class number or scaled target, at LEARN
    weight: np.ndarray  # float32: sample weight, at LEARN


class Store(NamedTuple):
    """What is kept of every event that waits for its label; a row is a slot."""

    rows: np.ndarray  # float32, slots x width: encoded inputs
    ids: np.ndarray  # slots x categories: rows of the category table, ended by the first negative one
    p: np.ndarray  # float32, slots x members x outputs: receives predictions
    soft: np.ndarray  # float32, slots x outputs: what classes are to be learnt; without rows, labels are


class Settings(NamedTuple):
    """What a network is to be."""

    n: np.ndarray  # int64, places N_...
    sizes: np.ndarray  # int64, units of each layer as they are stored
    h: np.ndarray  # float32, places H_...


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
    in_count: (
        np.ndarray
    )  # how often each input was not 0, int64; of other rules only while `ASLEEP_AFTER` is to come
    z_moment: np.ndarray
    d_moment: np.ndarray
    o_moment: np.ndarray
    idle: np.ndarray  # one number: what the running means have faded by since the last update
    reach: np.ndarray  # 2 x all hidden units: low and high quantiles of what comes in


class Decoder(NamedTuple):
    """The linear decoder of the information loss: flat arrays, float32; empty where no such loss is wanted."""

    weight: np.ndarray  # inputs x units of the last layer
    bias: np.ndarray


class State(NamedTuple):
    """All that a network has learnt."""

    weights: Weights
    means: (
        Weights  # running averages of the weights; empty, but for what is not averaged, where none are kept
    )
    moments: Moments
    decoder: Decoder


class Scratch(NamedTuple):
    """Room for one event: what it leaves on its way forward, for its way back."""

    b: np.ndarray  # float32, BUFFERS x all hidden units: places B_...
    knot: np.ndarray  # int32, all hidden units: where the values of the unit's present piece begin
    nz: np.ndarray  # int32: inputs that are not 0
    xs: np.ndarray  # float32: their values
    o: np.ndarray  # float32, outputs
    g: np.ndarray  # float32, gradient of the loss with respect to the scores
    zt: np.ndarray  # float32, units of the last layer: scaled by the factored rule
    every: np.ndarray  # int32: 0, 1, 2, ... for layers all of whose inputs count


class Activations(NamedTuple):
    """The activation functions of all hidden units."""

    kind: int  # PLAIN, PRELU or SPLINE
    K: int  # knots
    U: int  # hidden units: how far apart buffers and the rows of the grid lie
    knots: np.ndarray
    grid: np.ndarray


class Splines(NamedTuple):
    """What the proximal step and the moving of grids change: a row of `knots` is a unit."""

    knots: np.ndarray  # float32, units x knots: values
    means: np.ndarray  # their running averages, or none
    grid: np.ndarray  # float32, 3 x units
    reach: np.ndarray  # float32, 2 x units: lower and upper end of what comes in; or none, and grids stay
    side: np.ndarray  # int8, units x (knots - 2): sign of each knot's bend; or none, and no knot dies
    dead: np.ndarray  # uint8, the same shape: for how many proximal steps the knot has been dead, at most 255


class Adaptation(NamedTuple):
    """How splines are adapted."""

    pull: np.ndarray  # float32, units: how far a step pulls the sum of slope changes to 0
    every: int  # learnt events between two proximal steps
    limit: float  # largest slope; 0 is no limit
    patience: int  # proximal steps after which a dead knot is pruned; 0 prunes nothing
    smallest: float  # distance of knots that is not halved


class Inputs(NamedTuple):
    """What comes into a layer, row of weights by row of weights."""

    which: np.ndarray  # int32: the rows
    values: np.ndarray  # float32
    first: int  # where the values begin
    size: int


class Units(NamedTuple):
    """The units of a layer, on the way back."""

    error: np.ndarray  # float32: gradient of the loss with respect to pre-activations
    error_first: int  # where the layer's errors begin
    norm: np.ndarray  # float32, all hidden units: squared norms of the units' weights, which are tracked
    first: int  # where the layer's norms begin
    size: int


class Fading(NamedTuple):
    """How running mean squares move at this event, float32."""

    kept: float  # share of what was that stays
    share: float  # share of the new square
    lull: float  # share that stayed over the events since the last update, which were not learnt from
    blend: float  # share of the new square in means that count first and then forget


class Pace(NamedTuple):
    """How a layer steps where each weight's step is divided by a running root mean square, float32."""

    step: float
    kept: float
    share: float
