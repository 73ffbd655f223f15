"""A module's accumulators: weights as shifts and adds, +-1 inputs as counts of bits, category rows as cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..modules import Module
from .signals import Signal, bits_between, literal, products, shift, shifted_bounds, spread
from .signed_digits import signed_digits


def accumulators(
    module: Module,
    at: str,
    inputs: Sequence[Signal],
    skipped: Sequence[Signal] | None = None,
    ids: Sequence[tuple[Signal, np.ndarray]] = (),
) -> tuple[list[str], list[Signal]]:
    """Lines of Verilog, and a signal for each unit.

    Parameters
    ----------
    module : Module
    at : str
        What names begin and end with, one a module.
    inputs : sequence of Signal
    skipped : sequence of Signal or None
        Output of the module that is added.
    ids : sequence of (Signal, ndarray of int64)
        Category rows, and which rows each can name.
    """
    if module.gather is not None:
        inputs = [inputs[i] for i in module.gather]
    lines: list[str] = []
    units = []
    for j in range(module.units):
        terms, low, high, before = _weighted(inputs, module.weights[:, j], int(module.bias[j]), f"{at}_{j}")
        lines += before
        if module.table is not None and module.table_shift is not None and ids:
            more, total = _rows(module.table[:, j], ids, f"{at}_{j}")
            by = int(module.table_shift[j])
            bounds = shifted_bounds(total.low, total.high, by)
            rounded = Signal(f"r{at}_{j}", *bounds)
            lines += [*more, rounded.wire(shift(total.name, total.low, total.high, by))]
            terms.append(f"+ {rounded.name}")
            low, high = low + bounds[0], high + bounds[1]
        if skipped is not None and module.skip_shift is not None:
            by = int(module.skip_shift[j])
            bounds = shifted_bounds(skipped[j].low, skipped[j].high, by)
            rounded = Signal(f"k{at}_{j}", *bounds)
            lines.append(rounded.wire(shift(skipped[j].value, skipped[j].low, skipped[j].high, by)))
            terms.append(f"+ {rounded.name}")
            low, high = low + bounds[0], high + bounds[1]
        unit = Signal(f"a{at}_{j}", low, high)
        lines.append(unit.wire(spread(terms)))
        units.append(unit)
    return lines, units


def _weighted(
    inputs: Sequence[Signal], weights: np.ndarray, bias: int, at: str
) -> tuple[list[str], int, int, list[str]]:
    """Terms of one unit's sum, its bounds, and lines that stand before it."""
    terms: list[str] = []
    before: list[str] = []
    low = high = bias
    agree = []
    for x, w in zip(inputs, map(int, weights), strict=True):
        lo, hi = products(x.low, x.high, w)
        low, high = low + lo, high + hi
        if x.binary and abs(w) == 1:
            agree.append(x.name if w > 0 else f"!{x.name}")
        elif x.binary and w:
            terms.append(f"+ ({x.name} ? {literal(w)} : {literal(-w)})")
        else:
            for sign, by in signed_digits(w):
                term = f"({x.name} <<< {by})" if by else x.name
                terms.append(f"{'+' if sign > 0 else '-'} {term}")
    if agree:  # the sum of n numbers +-1 is twice how many are 1, less n
        count = f"c{at}"
        before.append(f"  wire [{len(agree).bit_length() - 1}:0] {count} =")
        before.append(f"      {spread(f'+ {bit}' for bit in agree)};")
        terms.append(f"+ $signed({{1'b0, {count}, 1'b0}})")
        bias -= len(agree)
    if bias or not terms:
        terms.append(f"{'-' if bias < 0 else '+'} {literal(abs(bias))}")
    return terms, low, high, before


def _rows(column: np.ndarray, ids: Sequence[tuple[Signal, np.ndarray]], at: str) -> tuple[list[str], Signal]:
    """A unit's table as one function for each category, and the sum of what they give."""
    lines = []
    terms = []
    low = high = 0
    for k, (row, reached) in enumerate(ids):
        values = [int(column[r]) for r in reached]
        least, most = min([0, *values]), max([0, *values])
        low, high = low + least, high + most
        name = f"f{at}_{k}"
        lines.append(f"  function signed [{bits_between(least, most) - 1}:0] {name};")
        lines.append(f"    input signed [{row.bits - 1}:0] row;")
        lines.append("    case (row)")
        lines += [
            f"      {literal(r, row.bits)}: {name} = {literal(v)};"
            for r, v in zip(map(int, reached), values, strict=True)
            if v
        ]
        lines += [f"      default: {name} = {literal(0)};", "    endcase", "  endfunction"]
        terms.append(f"+ {name}({row.name})")
    total = Signal(f"t{at}", low, high)
    return [*lines, total.wire(spread(terms))], total
