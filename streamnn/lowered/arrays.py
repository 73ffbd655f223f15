"""What the kernels of a lowered network work on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .latent import Latent

LABELS_TAKEN, STEPS_MADE, HELD_LABELS, SKIPPED, DRAWS, SHUFFLES_ON_TRIAL = range(6)
"""Places in `Learnt.count`: labels learnt, steps of the optimiser, labels held for the next step, steps left out because
the loss was not finite, numbers drawn for dropout, and how many shuffles are on trial."""
COUNT_WIDTH = 6


class Learnt(NamedTuple):
    """All that is learnt, of P parameters; every array is a leaf of the state."""

    w: np.ndarray  # (P,), float32: parameters
    m: np.ndarray  # (P,), float32: first moment, or the momentum's buffer
    v: np.ndarray  # (P,), float32: second moment
    slow: np.ndarray  # float32: of learned shuffles and groupings
    slow_g: np.ndarray  # float32: their gradients, summed since their last step
    counters: np.ndarray  # int64: of learned shuffles and groupings
    count: np.ndarray  # type: ignore[assignment]  # (COUNT_WIDTH,), int64


class Scratch(NamedTuple):
    """What lies between the way forward and the way back of one sample; no part of the state."""

    z: np.ndarray  # float32: all values
    d: np.ndarray  # float32: gradient of the loss by each value
    g: np.ndarray  # (P,), float32: gradients of the parameters, summed over the samples of a step
    kept: np.ndarray  # float32: what operations keep


S_LOSS, S_CLASSIFY, S_BATCH, S_WINDOW, S_WIDTH, S_FROM, S_PLACE = range(7)
S_OUTPUT, S_OUTPUTS, S_UNITS, S_READ, S_RANDOM, S_SETTLES = range(7, 13)
"""Places in `Settings.n`: the loss, whether labels are classes, labels to a step, rows of a window (0 for one row), width
of a row, where it begins in the store and where the prediction goes; where the output lies among the values and its
length; how many numbers the latent has; how much of a row is read, the rest is 0; whether what is learnt from differs
from what is predicted, as with dropout, and whether there are learned shuffles or groupings."""
S_SETTINGS = 13
S_TABLE_RATE, S_SLOPE = range(2)
"""Places in `Settings.rates`: step of the rows of category values, and the limit of each layer's slope, 0 for none."""


class Settings(NamedTuple):
    """How a network learns."""

    n: np.ndarray  # (S_SETTINGS,), int64
    hyper: np.ndarray  # float64, of the optimiser
    rates: np.ndarray  # (2,), float32
    latent: Latent


class Events(NamedTuple):
    """What is kept of pending events; a row is a slot."""

    rows: np.ndarray  # (slots, width of the store), float32
    names: np.ndarray  # (slots, columns): category rows, ended by the first negative one
    p: np.ndarray  # (slots, members, outputs), float32: receives predictions
    windows: np.ndarray  # (slots, window * width), float32: receives windows, number by number


class Memory(NamedTuple):
    """What a network remembers beside its parameters."""

    table: np.ndarray  # (category rows, width), float32: added to the row of an event that has the value
    squares: np.ndarray  # the same shape: sums of its squared gradients
    ring: np.ndarray  # ((window - 1) * width,), float32: the last rows, newest last
    held_x: np.ndarray  # (batch, numbers of a sample), float32: labelled events that wait for their step
    held_names: np.ndarray  # (batch, columns), int32
    held_target: np.ndarray  # (batch,), float32
    held_weight: np.ndarray  # (batch,), float32
