"""The joint search of one module: candidates of all its fraction bits, compared by what comes out of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

import numpy as np

from ..errors import LimitError
from .bits import Bits
from .bounds import (
    TOP_LOGIT,
    TOP_LOGIT_FRACTION,
    TOP_SHIFT,
    TOP_WORD,
    product_range,
    shifted_size,
    spline_sizes,
)
from .candidates import accumulate, add_bias, output_errors, spline_errors
from .feedback_rounding import FEEDBACK_INPUTS, FeedbackRounding
from .float_network import FloatLayer
from .fractions import largest_fraction, to_integers
from .modules import Module, Output, Spline
from .spline_grid import knot_integers, power_of_two_grid

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Inflow:
    """What comes to a module from its quantised predecessors.

    Parameters
    ----------
    x : ndarray of int64, shape (m, inputs)
        Of the events on which candidates are compared, in the order of the weights.
    ids : ndarray of int32, shape (m, k)
        Category rows, k = 0 where the module has no table.
    every : tuple of ndarray
        The same of all events that are known: second moments are of these.
    fraction : int
        Fraction bits of x.
    low, high : int
        Smallest and largest x there can be.
    skipped : ndarray of int64, shape (m, units), or None
        Output of the module of a residual connection.
    skip_fraction : int
    skip_top : int
        Its largest size.
    """

    x: Array
    ids: Array
    every: tuple[Array, Array]
    fraction: int
    low: int
    high: int
    skipped: Array | None = None
    skip_fraction: int = 0
    skip_top: int = 0


@dataclass(frozen=True, slots=True)
class _Linear:
    """Candidates of a linear map; (candidates, units) unless said otherwise."""

    weights: Array  # (candidates, inputs, units)
    table: Array  # (candidates, rows, units)
    fraction: Array
    table_shift: Array
    skip_shift: Array
    bias: Array
    acc: Array  # (candidates, units, m), with bias
    low: Array
    high: Array
    largest: Array  # integer on the way to an accumulator


class JointSearch:
    """Candidates of one module.

    Parameters
    ----------
    layer : FloatLayer
    weights : ndarray of float64, shape (inputs, units)
        In units of the inflow.
    inflow : Inflow
    pre, post : ndarray of float64, shape (m, units)
        The float network's pre-activations and activations on the rows compared.
    options : Bits
    name : str
        For errors.
    """

    def __init__(
        self,
        layer: FloatLayer,
        weights: Array,
        inflow: Inflow,
        pre: Array,
        post: Array,
        options: Bits,
        name: str,
    ) -> None:
        self._layer, self._weights, self._inflow, self._options, self._name = (
            layer,
            weights,
            inflow,
            options,
            name,
        )
        self._pre, self._post = np.ascontiguousarray(pre.T), np.ascontiguousarray(post.T)
        self._x = np.ascontiguousarray(inflow.x.T, np.float64)
        self._ids = np.ascontiguousarray(inflow.ids)
        units = weights.shape[1]
        self._skipped = np.zeros((0, len(inflow.x)), np.int64)
        if inflow.skipped is not None:
            self._skipped = np.ascontiguousarray(inflow.skipped.T, np.int64)
        self._table = np.zeros((0, units)) if layer.table is None else layer.table
        self._rounding = FeedbackRounding(
            weights, self._table, layer.groups, *inflow.every, inflow.fraction, options
        )
        offsets = np.arange(options.search + 1)
        self._offsets = offsets
        self._pairs = [(w, t) for w in offsets for t in (offsets if len(self._table) else offsets[:1])]

    def spline(self, slope: float) -> Module:
        """The module with an activation, whose slope is at most `slope` in size (0: no limit)."""
        functions, o = self._layer.functions, self._options
        assert functions is not None
        spacing, reach = power_of_two_grid(functions, self._name)
        values = functions.values.astype(np.float64)
        highest, lowest = self._post.max(1), self._post.min(1)
        fits = largest_fraction(np.abs(self._post).max(), o.activations)
        around_0 = largest_fraction((highest - lowest).max() / 2.0, o.activations)
        # a constant of each unit is taken up by the next bias: knots lie around 0, for integers are signed
        tables = [values - ((values.max(1) + values.min(1)) / 2.0)[:, None]]
        tables.append(values if around_0 <= fits else values - ((highest + lowest) / 2.0)[:, None])
        knots, knot_fraction = self._knots(tables, spacing, slope)
        out_fraction = np.maximum(fits, around_0) + self._offsets
        fraction = self._fractions(spacing)
        while True:
            lin = self._linear(fraction)
            sizes = spline_sizes(
                (lin.low[:, None], lin.high[:, None]), lin.fraction[:, None], spacing, reach,
                knots, knot_fraction, out_fraction[:, None, None, None],
            )  # fmt: skip
            most = np.maximum(np.maximum(np.maximum(sizes[0], sizes[1]), sizes[2]), lin.largest[:, None])
            possible = most <= TOP_WORD
            errors = np.zeros(possible.shape)
            spline_errors(
                lin.acc, lin.fraction, spacing, reach, knots, knot_fraction, out_fraction,
                (1 << (o.activations - 1)) - 1, possible, self._post, errors,
            )  # fmt: skip
            flat = errors.reshape(len(out_fraction), -1, errors.shape[3])
            best = flat.min(1)
            stuck = np.isinf(best).all(0)
            if not stuck.any():
                break
            self._lower(fraction, stuck, spacing)
        out = min(range(len(best)), key=lambda k: fsum(best[k]))
        pair, knot = np.divmod(flat[out].argmin(0), len(knots))
        unit = np.arange(len(pair))
        after = Spline(
            knots[knot, unit],
            knot_fraction[knot, unit],
            spacing,
            reach,
            int(out_fraction[out]),
            o.activations,
        )
        return self._module(lin, pair, after)

    def _knots(self, tables: list[Array], spacing: int, slope: float) -> tuple[Array, Array]:
        # (candidates, units, K) and (candidates, units)
        bits = self._options.knots
        tried = [(v, largest_fraction(np.abs(v).max(1), bits) + d) for v in tables for d in self._offsets]
        knots = [knot_integers(v, f, bits, spacing, slope) for v, f in tried]
        fractions = [f for _, f in tried]
        return np.stack(knots), np.stack(fractions)

    def output(self) -> Module:
        """The module without an activation."""
        top = TOP_LOGIT_FRACTION
        fraction = self._fractions(None)
        while True:
            fraction = np.minimum(fraction, top - self._inflow.fraction)
            lin = self._linear(fraction)
            errors = np.zeros(lin.fraction.shape)
            output_errors(lin.acc, lin.fraction, self._pre, errors)
            errors[(lin.fraction > top) | (lin.largest > TOP_WORD)] = np.inf
            pair = errors.argmin(0)
            unit = np.arange(len(pair))
            chosen = lin.fraction[pair, unit]
            align = max(int(chosen.max()), 0) - chosen
            size = np.maximum(-lin.low, lin.high)[pair, unit]
            stuck = np.isinf(errors[pair, unit])
            if stuck.any():
                self._lower(fraction, stuck, -TOP_SHIFT)
            elif (np.ldexp(size, align.astype(np.int32)) > TOP_LOGIT).any() or align.max() > TOP_SHIFT:
                top = int(chosen.max()) - 1
            else:
                return self._module(lin, pair, Output(align))

    def _fractions(self, spacing: int | None) -> Array:
        # most fraction bits of the weights that clip nothing; the accumulators' must reach the knots'
        found = largest_fraction(np.abs(self._weights).max(0, initial=0.0), self._options.weights)
        return found if spacing is None else np.maximum(found, spacing - self._inflow.fraction)

    def _lower(self, fraction: Array, units: Array, least: int) -> None:
        fraction[units] -= 1
        short = np.flatnonzero(fraction + self._inflow.fraction < least)
        if len(short):
            raise LimitError(
                f"{self._name}: sums of unit {short[0]} do not fit 32 bits even without fraction bits: its weights or "
                "its bias are too large; give the network a row_norm"
            )

    def _linear(self, fraction: Array) -> _Linear:
        o, flow = self._options, self._inflow
        inputs, units = self._weights.shape
        pairs = np.array(self._pairs)
        weight_fraction = fraction + pairs[:, :1]
        acc_fraction = weight_fraction + flow.fraction
        of_table = largest_fraction(np.abs(self._table).max(0, initial=0.0), o.of_table) + pairs[:, 1:]
        of_table = np.clip(of_table, acc_fraction - TOP_SHIFT, acc_fraction + TOP_SHIFT // 2)
        table_shift = of_table - acc_fraction
        skip_shift = np.clip(flow.skip_fraction - acc_fraction, -TOP_SHIFT, TOP_SHIFT)
        table = to_integers(self._table, of_table[:, None], o.of_table)
        if o.feedback and inputs <= FEEDBACK_INPUTS * self._layer.groups:
            weights = self._rounding(weight_fraction, of_table, table)
        else:
            weights = to_integers(self._weights, weight_fraction[:, None], o.weights)
        acc = np.zeros((len(pairs), units, len(flow.x)), np.int64)
        bias = np.zeros((len(pairs), units), np.int64)
        accumulate(self._x, weights, table, self._ids, table_shift, self._skipped, skip_shift, acc)
        add_bias(acc, acc_fraction, self._pre, bias)
        low, high = product_range(
            weights, np.full(inputs, float(flow.low)), np.full(inputs, float(flow.high))
        )
        rows = self._ids.shape[1] * np.abs(table).max(1, initial=0).astype(np.float64)
        largest, rows = shifted_size(rows, table_shift)
        on_way, skip = shifted_size(
            np.full(skip_shift.shape, float(flow.skip_top if len(self._skipped) else 0)), skip_shift
        )
        low = low - rows - skip + np.minimum(bias, 0)
        high = high + rows + skip + np.maximum(bias, 0)
        largest = np.maximum(np.maximum(largest, on_way), np.maximum(-low, high))
        return _Linear(weights, table, acc_fraction, table_shift, skip_shift, bias, acc, low, high, largest)

    def _module(self, lin: _Linear, pair: Array, after: Spline | Output) -> Module:
        layer, unit = self._layer, np.arange(len(pair))
        with_table, with_skip = layer.table is not None, layer.skip >= 0
        return Module(
            weights=np.ascontiguousarray(lin.weights[pair, :, unit].T),
            weight_bits=self._options.weights,
            bias=lin.bias[pair, unit],
            fraction=lin.fraction[pair, unit],
            after=after,
            table=np.ascontiguousarray(lin.table[pair, :, unit].T) if with_table else None,
            table_shift=lin.table_shift[pair, unit] if with_table else None,
            gather=layer.gather,
            skip=layer.skip,
            skip_shift=lin.skip_shift[pair, unit] if with_skip else None,
            groups=layer.groups,
        )
