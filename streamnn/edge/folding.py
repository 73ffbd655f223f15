"""A binarised network as integer modules: normalisation and sign become a threshold a unit.

A unit is +1 where ``(s - location) * factor + bias > 0``, with a positive factor: where its sum s is above a threshold.
That is found by bisection on this very expression in float32, which never falls as s rises, and not by a formula that
rounds in its own way. Weights of -1, 0 and 1 are folded exactly. A real first layer gets eight bits, scaled unit by
unit so that the largest weight is 127: a sign does not ask for the scale of its sum.
"""

from __future__ import annotations

import numpy as np

from .._kernels.lane_bits import nearest_power
from ..binary.arrays import SUM_VARIANCE_FLOOR
from ..binary.network import BinaryNetwork
from .agreement import Agreement
from .modules import Module, Threshold
from .sign_layers import Sums, digits, exact_sums, output_module, scaled_sums

Array = np.ndarray
f4 = np.float32
FARTHEST_SUM = 1 << 30
PER_NAT = 1.4426950408889634
"""Natural logits times this are base-2 logits."""


def fold(
    network: BinaryNetwork,
    x: Array,
    ids: Array,
    fractions: Array,
    *,
    classify: bool = True,
    mean: bool = True,
) -> tuple[Module, ...]:
    """Integer modules that do what a binarised network does, compared with it on every row of a reservoir.

    Parameters
    ----------
    network : BinaryNetwork
    x : ndarray of int32, shape (n, inputs)
        Integer inputs of a reservoir of events.
    ids : ndarray of int32, shape (n, k)
        Their category rows, behind them -1.
    fractions : ndarray of int, shape (inputs,)
        Fraction bits of each input.
    classify : bool
        Whether the outputs are logits, which the modules give to the base 2.
    mean : bool
        The signs of the averaged latents, if an average is kept.

    Returns
    -------
    tuple of Module
        Hidden modules with a :class:`~streamnn.edge.modules.Threshold`, and one with an
        :class:`~streamnn.edge.modules.Output`.

    Raises
    ------
    SpecError
        When there are no rows, or a unit or an output differs from the network's on a row by more than the rounding
        of real weights to eight bits explains.

    Notes
    -----
    Courbariaux et al., Binarized Neural Networks, 2016.

    Examples
    --------
    >>> from streamnn.binary import BinarySpec
    >>> from streamnn.edge.modules import run_modules
    >>> net = BinaryNetwork(BinarySpec("b", (16,), "binary", categories=False), 3, 2, True, 1)
    >>> x, ids = np.array([[32, -5, 0], [-64, 7, 1]], np.int32), np.zeros((2, 0), np.int32)
    >>> modules = fold(net, x, ids, np.full(3, 5))
    >>> modules[0].weight_bits, np.unique(modules[0].weights).tolist()
    (1, [-1, 1])
    >>> run_modules(modules, x, ids)[-1].shape
    (2, 2)
    """
    spec, s = network.spec, (plain := network.at(mean)).s
    bits = np.asarray(fractions, np.int64)
    agreement = Agreement(plain, x, ids, bits, classify)
    first, hidden, out = plain.matrices(False)
    modules: list[Module] = []
    z, at = np.asarray(x, np.int64), 0
    for l, units in enumerate(spec.hidden):
        used = plain.used.get("table", 0) if l == 0 else 0
        table = s["table"][:used, :units] if used else None
        weights = first[:, :units] if l == 0 else hidden[l - 1][: spec.hidden[l - 1], :units]
        kind = spec.first if l == 0 else spec.weights
        bits = bits if l == 0 else np.zeros(spec.hidden[l - 1], np.int64)
        if kind == "real":
            sums = scaled_sums(weights, table, bits)
        else:
            rows = None if table is None else digits(table, kind, spec.delta)
            sums = exact_sums(digits(weights, kind, spec.delta), kind, rows, bits)
        above = thresholds(plain, sums, at) - np.rint(sums.mean_loss(z)).astype(np.int64)
        none = np.zeros(units, np.int64)
        modules.append(
            Module(
                sums.weights,
                sums.weight_bits,
                none,
                sums.fraction,
                Threshold(above),
                sums.table,
                sums.table_shift,
            )
        )
        z = agreement.hidden(l, modules[-1], sums, z)
        at += network.sizes[l]
    modules.append(output_module(out[:, : spec.hidden[-1]], s["out_bias"], PER_NAT if classify else 1.0))
    agreement.outputs(modules[-1], z)
    return tuple(modules)


def thresholds(network: BinaryNetwork, sums: Sums, at: int) -> Array:
    """Largest accumulator of each unit from `at` on for which the network says -1, int64, shape (units,).

    Examples
    --------
    >>> from streamnn.binary import BinarySpec
    >>> net = BinaryNetwork(BinarySpec("b", (16,), "binary"), 2, 2, True, 1)
    >>> net.s["location"][:] = 1.5
    >>> thresholds(net, exact_sums(np.ones((2, 16), np.int64), "binary", None, np.full(2, 5)), 0)[:2].tolist()
    [48, 48]
    """
    units = slice(at, at + len(sums.per_sum))
    location, variance, bias = (network.s[name][units] for name in ("location", "variance", "bias"))
    factor = f4(1.0) / np.sqrt(variance + SUM_VARIANCE_FLOOR)
    if network.spec.normalisation == "shift":
        factor = nearest_power(factor)
    low = np.full(len(location), -FARTHEST_SUM, np.int64)
    high = np.full(len(location), FARTHEST_SUM, np.int64)
    while (high - low > 1).any():
        middle = (low + high) >> 1
        value = (middle.astype(np.float64) / sums.per_sum).astype(f4)
        up = (value - location) * factor + bias > f4(0.0)
        high, low = np.where(up, middle, high), np.where(up, low, middle)
    return low
