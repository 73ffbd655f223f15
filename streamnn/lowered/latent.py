"""What a lowered network gives as its latent: means over the positions of a layer's channels, 64 of them at most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._kernels.jit import leaf
from .codes import CODE, IN, LINEAR
from .plan import Plan

f4 = np.float32
LATENTS = 64
"""Numbers of a latent at most; of wider ones neighbours are taken together."""


class Latent(NamedTuple):
    """Where the numbers lie that a latent is made of."""

    at: np.ndarray
    """int64, shape (channels,): the first position of each channel among the values of the plan."""
    step: np.ndarray
    """int64, shape (2,): positions, and how far apart they lie."""

    @property
    def units(self) -> int:
        """How many numbers are made of it."""
        return min(len(self.at), LATENTS)


def latent_of(plan: Plan) -> Latent:
    """The latent of a new network. Of what a dense layer reads channels are the last axis, and else the first."""
    channels, apart, positions, step = _parts(plan)
    return Latent(plan.latent.at + apart * np.arange(channels), np.array([positions, step], np.int64))


def latent_grown(latent: Latent, old: Plan, plan: Plan, places: np.ndarray) -> Latent:
    """The same channels in a plan for wider rows, however many there are now: the latent stays what it was.

    Parameters
    ----------
    latent : Latent
        Of the old plan.
    old, plan : Plan
        For the old width of rows, and for the new one.
    places : ndarray of int64
        Where the old inputs of a row lie among the new ones.
    """
    _, apart, positions, step = _parts(plan)
    if _reads_input(old):
        row, place = np.divmod(latent.at - old.input.at, old.input.shape[-1])
        at = plan.input.at + row * plan.input.shape[-1] + places[place]
    else:
        at = plan.latent.at + apart * np.arange(len(latent.at))
    return Latent(at, np.array([positions, step], np.int64))


def latent_stays(old: Plan, plan: Plan) -> bool:
    """Whether it is known where the channels of the latent lie in a plan for wider rows."""
    return _parts(old)[0] == _parts(plan)[0] or _reads_input(old)


def _reads_input(plan: Plan) -> bool:
    # whether the latent is the row, or a part of the window
    return 0 <= plan.latent.at - plan.input.at < plan.input.size


def _parts(plan: Plan) -> tuple[int, int, int, int]:
    """Channels of the latent, how far apart they lie, positions, and how far apart those are."""
    shape = plan.latent.shape
    ops = plan.arrays.ops
    last = ((ops[:, CODE] == LINEAR) & (ops[:, IN] == plan.latent.at)).any()
    channels = shape[-1] if last else shape[0]
    positions = plan.latent.size // channels
    return (channels, 1, positions, channels) if last else (channels, positions, positions, 1)


@leaf
def write_latent(latent: Latent, z, out):
    """Means over positions; of more channels than are wanted, means of neighbours."""
    units, channels, positions, step = len(out), len(latent.at), latent.step[0], latent.step[1]
    for u in range(units):
        start, stop = u * channels // units, -(-(u + 1) * channels // units)
        v = f4(0.0)
        for c in range(start, stop):
            for q in range(positions):
                v += z[latent.at[c] + q * step]
        out[u] = v / f4((stop - start) * positions)
