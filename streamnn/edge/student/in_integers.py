"""A frozen network becomes the modules of an artefact, with its certificate, its surprise and its step on the device."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...binary import BinaryNetwork
from ..artefact import Artefact
from ..certificate import certify_modules
from ..density import fit_surprise
from ..device import LEARN_FRACTION, LEARN_STEP, weight_step_for
from ..float_network import float_network
from ..folding import fold
from ..modules import Output, run_modules
from ..quantiser import Bits, quantise
from .networks import Learning, fractions_of


def in_integers(
    plain: Artefact,
    network: Learning,
    weights: int,
    rows: int,
    inputs: tuple[np.ndarray, np.ndarray, np.ndarray],
    label: np.ndarray,
) -> Artefact:
    """An artefact with its modules.

    Parameters
    ----------
    plain : Artefact
        Without modules.
    network : Network or BinaryNetwork
        Frozen.
    weights : int
        Bits of weights.
    rows : int
        Category rows in use.
    inputs : tuple of ndarray
        Of a reservoir of events: float rows, category rows, integer inputs.
    label : ndarray of float64, shape (n,)
    """
    _, ids, x = inputs
    classify, fractions = bool(plain.classes), fractions_of(plain.stage)
    if isinstance(network, BinaryNetwork):
        modules = fold(network, x, ids, fractions, classify=classify, mean=False)
    else:
        floats = float_network(network, mean=False, rows=rows)
        modules = quantise(floats, x, ids, fractions, Bits(weights), classify=classify)
    before = modules[-2].after
    assert not isinstance(before, Output)
    z = run_modules(modules, x.astype(np.int64), ids)[-2]
    out = replace(plain, modules=modules, weight_step=weight_step_for(z, before.fraction))
    if classify:
        out = replace(out, surprise=fit_surprise(z, label.astype(np.int64), len(plain.classes)))
    if isinstance(network, BinaryNetwork):  # a step has no slope
        return out
    sure = certify_modules(modules, fractions, classify)
    margin = sure.of_margins if classify else out.margin
    return replace(out, bound=sure.bound, rounding=sure.rounding, margin=margin)


def device_shifts(artefact: Artefact) -> np.ndarray:
    """Shifts of biases and weights of devices that learn biases, and of those that learn the last layer."""
    before = artefact.modules[-2].after
    assert not isinstance(before, Output)
    n, z = artefact.logit_fraction, before.fraction
    weights = 15 - n - LEARN_FRACTION + 2 * z + artefact.weight_step
    return np.array([15 - n + LEARN_STEP["bias"], weights, 15 - n + LEARN_STEP["layer"], weights], np.int64)
