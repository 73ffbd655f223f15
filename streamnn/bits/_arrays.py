"""What the kernel of a network of signs takes: settings, state and room to work in, as named tuples of flat arrays.

Layouts, so that every inner loop goes through memory in order:

- first layer, input by input: ``first[i * H + j]`` latents, ``first_bits[i * H / 64 + q]`` signs of units 64 q on;
- hidden layers, one behind the other, word by word: latents ``hidden[(k * H + j) * 64 + i]`` of input 64 k + i to unit
  j, their signs ``hidden_bits[k * H + j]``;
- output layer, class by class.

Units beyond those of the spec fill the last word: their ``alive`` is 0 and everything of theirs stays 0.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BIT_INPUTS, I_START, BIT_LAYERS, BIT_UNITS, BIT_MEMBER, I_MASK = range(6)
"""Integer settings: columns read, the first of them, layers, all hidden units, place among predictions, and
which bits of an int8 count: all of -1, or 255 where it stands for a uint8."""
R_STEP, R_THRESHOLD, R_OUT, R_BETA, R_WINDOW, R_RATE, R_MARGIN = range(7)
"""Real settings, see BitSpec."""
LATENT_FRACTION = 15
"""Fraction bits of a latent weight: int16 holds -1 to 1, and its ends are the clip."""


class Operations(NamedTuple):
    op: np.ndarray
    slot: np.ndarray
    target: np.ndarray
    weight: np.ndarray


class Settings(NamedTuple):
    n: np.ndarray
    sizes: np.ndarray  # stored units of each layer
    inputs: np.ndarray  # true inputs of each hidden layer
    h: np.ndarray
    alive: np.ndarray


class State(NamedTuple):
    first: np.ndarray
    first_bits: np.ndarray
    in_moment: np.ndarray
    hidden: np.ndarray
    hidden_bits: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    scale: np.ndarray
    threshold: np.ndarray
    threshold_2: np.ndarray
    moment: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray
    out_moment: np.ndarray
    learnt: np.ndarray
    flips: np.ndarray


class Scratch(NamedTuple):
    sums: np.ndarray  # int32, units: each unit's input
    u: np.ndarray  # the same, normalised
    h: np.ndarray  # +1 and -1 as floats; 0 where not alive
    bits: np.ndarray  # words of the same
    short: np.ndarray  # the same as int16
    d: np.ndarray  # errors of what a layer gives, then of its sums
    steps: np.ndarray  # int16, units: step of every latent weight of a unit
    errors: np.ndarray  # int16, units of a layer: errors in 8 bits
    back: np.ndarray  # int32, units of the layer below: their errors
    which: np.ndarray  # inputs that are not 0, and their values
    values: np.ndarray
    moving: np.ndarray  # units whose step is not 0
    o: np.ndarray
    g: np.ndarray
