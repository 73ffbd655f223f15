"""What follows an accumulator: a spline as a table of pieces, a comparison, or a shift."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..modules import Output, Spline, Threshold
from .signals import Signal, literal, products, shift, shifted_bounds

_WORTH_A_CLIP = 2
"""Bits that a multiplier must lose by it."""


def spline(
    after: Spline, unit: int, fraction: int, acc: Signal, name: str, limits: tuple[int, int]
) -> tuple[list[str], Signal]:
    """One unit's piecewise linear activation: lines of Verilog and the signal.

    Parameters
    ----------
    after : Spline
    unit : int
        Its row of the knots.
    fraction : int
        Fraction bits of the accumulator.
    acc : Signal
    name : str
        Of the signal; names of wires before it end with it.
    limits : tuple of int
        Places beyond which the output is saturated.
    """
    knots = [int(v) for v in after.knots[unit]]
    last = len(knots) - 2
    s = fraction - after.spacing
    f = min(s, after.place_bits) if after.place_bits else s
    offset = after.reach << fraction
    u = Signal(f"u{name}", acc.low + offset, acc.high + offset)
    q = Signal(f"q{name}", u.low >> s, u.high >> s)
    first, final = min(max(q.low, 0), last), min(max(q.high, 0), last)
    steps = [b - a for a, b in pairwise(knots)]
    places = {}
    for i in range(first, final + 1):  # beyond the ends the outermost pieces go on
        least = (u.low >> (s - f)) - (i << f) if i == first else 0
        most = (u.high >> (s - f)) - (i << f) if i == final else (1 << f) - 1
        places[i] = least, most
    free = Signal(f"e{name}", min(a for a, _ in places.values()), max(b for _, b in places.values()))
    within = Signal(f"p{name}", max(free.low, limits[0]), min(free.high, limits[1]))
    if within.bits + _WORTH_A_CLIP <= free.bits:
        places = {i: (max(a, within.low), min(b, within.high)) for i, (a, b) in places.items()}
        place, clip = within, [within.wire(_clip(free, within.low, within.high))]
    else:
        place, clip = free, []
    risen = [products(*places[i], steps[i]) for i in places]
    product = Signal(f"m{name}", min(a for a, _ in risen), max(b for _, b in risen))
    sums = [((knots[i] << f) + a, (knots[i] << f) + b) for i, (a, b) in zip(places, risen, strict=True)]
    right = f + int(after.knot_fraction[unit]) - after.fraction
    low, high = min(a for a, _ in sums), max(b for _, b in sums)
    v = Signal(f"v{name}", *shifted_bounds(low, high, right))
    lines = [u.wire(f"{acc.name} + {literal(offset)}" if offset else acc.name)]
    lines.append(q.wire(f"{u.name} >>> {s}" if s else u.name))
    start, step, more = _pieces(knots, steps, range(first, final + 1), q, name)
    lines += more
    index = f"i{name}"
    begins = f"$signed({{1'b0, {index}, {f}'d0}})" if f else f"$signed({{1'b0, {index}}})"
    lines += [free.wire(f"{f'({u.name} >>> {s - f})' if s > f else u.name} - {begins}"), *clip]
    lines.append(product.wire(f"{place.name} * {step}"))
    whole = Signal(f"w{name}", low, high)
    lines.append(whole.wire(f"({start} <<< {f}) + {product.name}" if f else f"{start} + {product.name}"))
    top = 1 << (after.bits - 1)
    z = Signal(name, min(max(v.low, -top), top - 1), max(min(v.high, top - 1), -top))
    return [*lines, v.wire(shift(whole.name, low, high, right)), z.wire(_clip(v, -top, top - 1))], z


def threshold(after: Threshold, unit: int, acc: Signal, name: str) -> tuple[list[str], Signal]:
    """One unit's sign as a bit."""
    bit = Signal(name, -1, 1, binary=True)
    return [bit.wire(f"{acc.name} > {literal(int(after.above[unit]))}")], bit


def output(after: Output, unit: int, acc: Signal, name: str) -> tuple[list[str], Signal]:
    """One logit."""
    by = int(after.align[unit])
    logit = Signal(name, acc.low << by, acc.high << by)
    return [logit.wire(shift(acc.name, acc.low, acc.high, -by))], logit


def _pieces(
    knots: Sequence[int], steps: Sequence[int], reached: range, q: Signal, name: str
) -> tuple[str, str, list[str]]:
    """Which piece, where it starts and how far it rises."""
    last = len(knots) - 2
    width = max(last.bit_length(), 1)
    lines = [f"  wire [{width - 1}:0] i{name} = {_clip(q, 0, last)};"]
    starts, rises = [knots[i] for i in reached], [steps[i] for i in reached]
    start, step = Signal(f"s{name}", min(starts), max(starts)), Signal(f"d{name}", min(rises), max(rises))
    table = f"g{name}"
    lines.append(f"  function [{start.bits + step.bits - 1}:0] {table};")
    lines.append(f"    input [{width - 1}:0] piece;")
    lines.append("    case (piece)")
    for i in reached:
        place = "default" if i == reached[-1] else f"{width}'d{i}"
        both = (knots[i] % (1 << start.bits)) << step.bits | steps[i] % (1 << step.bits)
        lines.append(f"      {place}: {table} = {start.bits + step.bits}'d{both};  // {knots[i]}, {steps[i]}")
    lines += ["    endcase", "  endfunction"]
    lines.append(f"  wire [{start.bits + step.bits - 1}:0] b{name} = {table}(i{name});")
    lines.append(start.wire(f"b{name}[{start.bits + step.bits - 1}:{step.bits}]"))
    lines.append(step.wire(f"b{name}[{step.bits - 1}:0]"))
    return start.name, step.name, lines


def _clip(v: Signal, low: int, high: int) -> str:
    chosen = v.name if v.high <= high else f"{v.name} > {literal(high)} ? {literal(high)} : {v.name}"
    return chosen if v.low >= low else f"{v.name} < {literal(low)} ? {literal(low)} : {chosen}"
