"""Worst cases: no integer of a network leaves 32 bits, whatever comes in.

Bounds hold for every number on the way, and for every order in which a sum is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .input_stage import InputStage
from .integers import INPUT_TOP
from .modules import Module, Output, Spline

TOP_WORD = (1 << 31) - 1
"""Largest integer of the device."""
TOP_LOGIT_FRACTION = 18
TOP_LOGIT = 1 << 29
"""Largest logit of a published network: what is learnt on the device and the difference of two still fit."""
TOP_SHIFT = 30

Array = np.ndarray
Range = tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Largest sizes of a module's integers, shape (units,) each, 0 where there is no such integer.

    Parameters
    ----------
    accumulator : ndarray of float64
        Weights, category rows, skip and bias, in any order.
    table : ndarray of float64
        Sum of category rows, before and after its shift, with what is added to round it.
    skip : ndarray of float64
        What a residual connection adds, likewise.
    place : ndarray of float64
        u, and the place in a piece.
    product : ndarray of float64
        Place times the difference of two knots, and knots in the accumulator's units.
    value : ndarray of float64
        Their sum with what is added to round it; logits.
    low, high : ndarray of float64
        Of what comes out.
    """

    accumulator: Array
    table: Array
    skip: Array
    place: Array
    product: Array
    value: Array
    low: Array
    high: Array

    @property
    def largest(self) -> Array:
        """Of all, shape (units,)."""
        out = np.maximum(self.accumulator, self.table)
        for v in (self.skip, self.place, self.product, self.value):
            out = np.maximum(out, v)
        return out


def shifted_size(size: Array, shift: Array) -> tuple[Array, Array]:
    """Largest integer while a number of such a size is shifted with rounding, and the largest result.

    A negative shift goes to the left. Broadcasts.
    """
    half = np.where(shift > 0, np.ldexp(1.0, np.maximum(shift - 1, 0).astype(np.int32)), 0.0)
    result = np.ceil(np.ldexp(size + half, -shift.astype(np.int32)))
    return np.maximum(size + half, result), result


def product_range(weights: Array, low: Array, high: Array) -> Range:
    """Least and largest sum of any of the products of weights, shape (..., inputs, units), and inputs in a range."""
    positive, negative = np.maximum(weights, 0), np.minimum(weights, 0)
    least, most = np.minimum(low, 0)[:, None], np.maximum(high, 0)[:, None]
    return (least * positive + most * negative).sum(-2), (most * positive + least * negative).sum(-2)


def spline_sizes(
    acc: Range,
    fraction: Array,
    spacing: int,
    reach: int,
    knots: Array,
    knot_fraction: Array,
    out_fraction: Array,
) -> tuple[Array, Array, Array]:
    """Largest places, products and values of a spline; infinite where a shift is not possible.

    Parameters
    ----------
    acc : tuple of ndarray of float64, shape (..., units)
        Least and largest accumulator.
    fraction : ndarray of int64, shape (..., units)
        Their fraction bits.
    knots : ndarray of int64, shape (..., units, K)
    knot_fraction, out_fraction : ndarray of int64, shape (..., units)
    """
    s = fraction - spacing
    one = np.ldexp(1.0, np.clip(s, 0, 62).astype(np.int32))
    base = np.ldexp(float(reach), np.clip(fraction, 0, 62).astype(np.int32))
    low, high = acc[0] + base, acc[1] + base
    step = np.abs(np.diff(knots, axis=-1)).astype(np.float64)
    size = np.abs(knots).astype(np.float64)
    below, above = np.maximum(-low, 0.0), np.maximum(high - (knots.shape[-1] - 2) * one, one)
    place = np.maximum(np.maximum(np.maximum(-low, high), base), np.maximum(below, above))
    first, last = below * step[..., 0], above * step[..., -1]
    product = np.maximum(np.maximum(first, last), one * np.maximum(step.max(-1), size.max(-1)))
    value = np.maximum(size[..., 0] * one + first, size[..., -2] * one + last)
    value = np.maximum(value, one * size.max(-1))
    shift = s + knot_fraction - out_fraction
    value = shifted_size(value, np.clip(shift, -60, 60))[0]
    possible = (s >= 0) & (s <= TOP_SHIFT) & (np.abs(shift) <= TOP_SHIFT)
    return place, product, np.where(possible, value, np.inf)


def overflow_bounds(modules: tuple[Module, ...], stage: InputStage) -> tuple[Bounds, ...]:
    """Bounds of every module's integers, for any inputs of the stage.

    Parameters
    ----------
    modules : tuple of Module
        In the order of the data.
    stage : InputStage
        What gives the inputs: those of sensors are at most 127 in size, label history lies from 0 to 127, and each
        sensor that is looked up adds one of its own rows, or none.

    Examples
    --------
    >>> i = lambda *v: np.array(v, np.int64)
    >>> stage = InputStage((), i(0, 0), i(0, 0), np.ones(2, bool), i(0, 0, 0), i(), i())
    >>> last = Module(np.array([[3], [-5]]), 8, i(7), i(9), Output(i(1)))
    >>> overflow_bounds((last,), stage)[0].value
    array([2046.])
    """
    low = np.full(stage.width, -float(INPUT_TOP))
    low[stage.sensed :] = 0.0
    high = np.full(stage.width, float(INPUT_TOP))
    out: list[Bounds] = []
    for m in modules:
        out.append(_of(m, low, high, stage, out))
        low, high = out[-1].low, out[-1].high
    return tuple(out)


def _of(m: Module, low: Array, high: Array, stage: InputStage, before: list[Bounds]) -> Bounds:
    if m.gather is not None:
        low, high = low[m.gather], high[m.gather]
    least, most = product_range(m.weights.astype(np.float64), low, high)
    none = np.zeros(m.units)
    table = skip = none
    if m.table is not None and m.table_shift is not None:
        a, b = _table_range(m.table, stage)
        table = np.maximum(*(shifted_size(v, m.table_shift)[0] for v in (-a, b)))
        least = least - shifted_size(-a, m.table_shift)[1]
        most = most + shifted_size(b, m.table_shift)[1]
    if m.skip >= 0 and m.skip_shift is not None:
        a, b = np.minimum(before[m.skip].low, 0.0), np.maximum(before[m.skip].high, 0.0)
        skip = np.maximum(*(shifted_size(v, m.skip_shift)[0] for v in (-a, b)))
        least = least - shifted_size(-a, m.skip_shift)[1]
        most = most + shifted_size(b, m.skip_shift)[1]
    least, most = least + np.minimum(m.bias, 0), most + np.maximum(m.bias, 0)
    acc = np.maximum(-least, most)
    if isinstance(m.after, Output):
        logits = np.ldexp(acc, m.after.align.astype(np.int32))
        return Bounds(acc, table, skip, none, none, logits, -logits, logits)
    top = 1 << (m.after.bits - 1)
    if not isinstance(m.after, Spline):
        one = np.ones(m.units)
        return Bounds(acc, table, skip, none, none, none, -one, one)
    f = m.after
    place, product, value = spline_sizes(
        (least, most), m.fraction, f.spacing, f.reach, f.knots, f.knot_fraction, np.array(f.fraction)
    )
    return Bounds(acc, table, skip, place, product, value, none - top, none + (top - 1))


def _table_range(table: Array, stage: InputStage) -> Range:
    # each sensor adds one of its rows, or nothing
    least, most = np.zeros(table.shape[1]), np.zeros(table.shape[1])
    for a, b in zip(stage.key_start[:-1], stage.key_start[1:], strict=True):
        rows = table[stage.rows[a:b]].astype(np.float64)
        least += np.minimum(rows.min(0, initial=0.0), 0.0)
        most += np.maximum(rows.max(0, initial=0.0), 0.0)
    return least, most
