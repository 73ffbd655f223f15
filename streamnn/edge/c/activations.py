"""C of what follows a module's sum: a spline, a threshold, or the logits."""

from __future__ import annotations

import numpy as np

from ...errors import SpecError
from ..modules import Module, Spline, Threshold
from ..saturation import place_fraction, place_limits
from .flow import Flow
from .program import Program
from .ranges import Room, check_shifts
from .storage import smallest


def write_after(p: Program, l: int, m: Module, room: Room, out: Flow) -> str:
    """Statements of unit j of module l, whose sum is a."""
    if isinstance(m.after, Spline):
        return _spline(p, l, m, room, out)
    if isinstance(m.after, Threshold):
        text = f"    {out.name}[j] = a > 0 ? 1 : -1;\n" if out.name else ""
        if out.words:
            text += f"    if (!(j & 31)) {out.words}[j >> 5] = 0;\n"
            text += f"    {out.words}[j >> 5] |= (uint32_t)(a > 0) << (j & 31);\n"
        return text
    align = m.after.align
    check_shifts(align, f"module {l}: align")
    if p.loads or align.any():
        p.table("align", "int8", align)
        return f"    {out.name}[j] = left(a, {p.at('align', 'j')});\n"
    return f"    {out.name}[j] = a;\n"


def _spline(p: Program, l: int, m: Module, room: Room, out: Flow) -> str:
    assert isinstance(m.after, Spline)
    knots = m.after.knots
    count, top = knots.shape[1], 1 << (m.after.bits - 1)
    if m.after.bits > 8:
        raise SpecError(f"module {l}: its splines give {m.after.bits} bits: a device keeps at most 8")
    s, f = m.fraction - m.after.spacing, place_fraction(m.after, m.fraction)
    t = f + m.after.knot_fraction - m.after.fraction
    kind = smallest(np.append(knots, 0))
    text, u = "", "a"
    if (f < s).any():
        p.table(f"cut{l}", "int8", s - f)
        text, u = f"    const int32_t u = right(a, {p.at(f'cut{l}', 'j')});\n", "u"
    p.table(f"place{l}", "int8", f)
    p.table(f"fall{l}", "int8", t)
    p.table(f"knots{l}", kind, knots)
    p.baked(count, m.after.bits, bool(text), kind == "int8", p.loads or room.far)
    at = "fr"
    if p.loads or room.far:
        low, high = place_limits(m.after, m.fraction)
        p.table(f"low{l}", "int32", low)
        p.table(f"high{l}", "int32", high)
        at = f"clip(fr, {p.at(f'low{l}', 'j')}, {p.at(f'high{l}', 'j')})"
    fall = "halved" if not p.loads and (t >= 0).all() else "shifted"
    low_, high_ = p.at(f"knots{l}", "k"), p.at(f"knots{l}", "k + 1")
    return f"""{text}    const int f = {p.at(f"place{l}", "j")};
    const int32_t i = clip(right({u}, f), 0, {count - 2}), fr = {u} - left(i, f);
    const int k = {count} * j + (int)i;
    const int32_t v = left({low_}, f) + {at} * ({high_} - {low_});
    {out.name}[j] = (int8_t)clip({fall}(v, {p.at(f"fall{l}", "j")}), -{top}, {top - 1});
"""
