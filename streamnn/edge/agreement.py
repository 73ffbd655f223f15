"""Whether integer modules say what the network says, on every row of a reservoir."""

from __future__ import annotations

import numpy as np

from ..binary.network import BinaryNetwork
from ..errors import SpecError
from ..types import OBSERVE
from .modules import Module, Output, Threshold
from .sign_layers import Sums

Array = np.ndarray
f4 = np.float32
_FLOAT_ROUNDING = 1e-3
"""What sums and exponentials in float32 may add to the difference of two base-2 logits."""
_LEAST_TOLD = 1e-9


class Agreement:
    """Compares layer by layer: what a layer says counts on rows on which all layers below said the same.

    Parameters
    ----------
    network : BinaryNetwork
        Without a running average.
    x : ndarray of int32, shape (n, inputs)
    ids : ndarray of int32, shape (n, k)
    fractions : ndarray of int64, shape (inputs,)
    classify : bool

    Raises
    ------
    SpecError
        When there are no rows.
    """

    def __init__(
        self, network: BinaryNetwork, x: Array, ids: Array, fractions: Array, classify: bool
    ) -> None:
        n, spec = len(x), network.spec
        if not n:
            raise SpecError(
                f"fold {spec.name}: the reservoir has no rows: give it at least one, better some hundreds"
            )
        self._spec, self._sizes, self._classify, self._at = spec, network.sizes, classify, 0
        self._ids = np.ascontiguousarray(ids, np.int32)
        self._signs = np.zeros((n, sum(network.sizes)), f4)
        self._p = np.zeros((n, 1, len(network.s["out"])), f4)
        rows = np.ascontiguousarray(np.ldexp(np.asarray(x, np.float64), -fractions.astype(np.int32)), f4)
        op, ones = np.full(n, OBSERVE, np.int8), np.ones(n, f4)
        network.scan(op, np.arange(n), 0 * ones, ones, 0, rows, self._ids, self._p, self._signs)
        self._same = np.ones(n, np.bool_)

    def hidden(self, layer: int, module: Module, sums: Sums, x: Array) -> Array:
        """What a hidden module makes of integers, shape (n, units), compared with the network's signs.

        Raises
        ------
        SpecError
            When a unit differs and its accumulator is further from its threshold than rounding can move it.
        """
        assert isinstance(module.after, Threshold)
        acc = module.accumulate(x, self._ids)
        z = module.after(acc, module.fraction)
        signs = self._signs[:, self._at : self._at + module.units]
        self._at += self._sizes[layer]
        reach = sums.slack(x, self._ids) + np.abs(np.rint(sums.mean_loss(x)))
        differ = (z != signs) & self._same[:, None]
        far = np.argwhere(differ & (np.abs(acc - module.after.above) > reach))
        if len(far):
            row, unit = far[0].tolist()
            raise SpecError(
                f"fold {self._spec.name}: unit {unit} of layer {layer} is {int(z[row, unit])} in row {row} and "
                f"{int(signs[row, unit])} in the network ({len(far)} in all): are these the fractions of the inputs that "
                "it learnt from?"
            )
        self._same &= ~differ.any(1)
        return z

    def outputs(self, module: Module, z: Array) -> None:
        """Compares what the last module makes of integers with the network's outputs.

        Raises
        ------
        SpecError
            When one differs by more than its weights were rounded by.
        """
        assert isinstance(module.after, Output)
        fraction = int((module.fraction + module.after.align)[0])
        o, p = np.ldexp(module(z, self._ids).astype(np.float64), -fraction), self._p[:, 0].astype(np.float64)
        reach = np.broadcast_to(np.ldexp(0.5 * (z.shape[1] + 1), -module.fraction.astype(np.int32)), o.shape)
        if self._classify:  # differences to the class that the network finds most probable
            best = p.argmax(1)[:, None]
            o = o - np.take_along_axis(o, best, 1)
            reach = reach + np.take_along_axis(reach, best, 1) + _FLOAT_ROUNDING
            there = p > _LEAST_TOLD
            p = np.log2(np.where(there, p, 1.0) / np.take_along_axis(p, best, 1))
        else:
            there, reach = np.ones(p.shape, np.bool_), reach + _FLOAT_ROUNDING * (1.0 + np.abs(p))
        far = np.argwhere(there & self._same[:, None] & (np.abs(o - p) > reach))
        if len(far):
            row, c = far[0].tolist()
            raise SpecError(
                f"fold {self._spec.name}: output {c} is {o[row, c]:.4g} in row {row} and {p[row, c]:.4g} in the network "
                f"({len(far)} in all): its output weights have changed since, or are not finite"
            )
