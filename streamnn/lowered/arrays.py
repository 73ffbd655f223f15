"""What the kernels of a lowered network work on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LABELS, STEPS, HELD, SKIPPED, DRAWS, TRIALS = range(6)
"""Places in `Learnt.count`: labels learnt, steps of the optimiser, labels held for the next step, steps left out because
the loss was not finite, numbers drawn for dropout, and how many shuffles are on trial."""
COUNTS = 6


class Learnt(NamedTuple):
    """All that is learnt, of P parameters; every array is a leaf of the state."""

    w: np.ndarray  # (P,), float32: parameters
    m: np.ndarray  # (P,), float32: first moment, or the momentum's buffer
    v: np.ndarray  # (P,), float32: second moment
    slow: np.ndarray  # float32: of learned shuffles and groupings
    slow_g: np.ndarray  # float32: their gradients, summed since their last step
    counters: np.ndarray  # int64: of learned shuffles and groupings
    count: np.ndarray  # (COUNTS,), int64


class Scratch(NamedTuple):
    """What lies between the way forward and the way back of one sample; no part of the state."""

    z: np.ndarray  # float32: all values
    d: np.ndarray  # float32: gradient of the loss by each value
    g: np.ndarray  # (P,), float32: gradients of the parameters, summed over the samples of a step
    kept: np.ndarray  # float32: what operations keep
