"""C of the modules: sums over what comes in, then a spline, a threshold or the logits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...errors import SpecError
from ..modules import Module, Output, Spline, Threshold
from ..saturation import place_fraction, place_limits
from .program import Program
from .ranges import Room, check_shifts
from .storage import fits, packed, smallest, words

_KINDS = {Spline: 0, Threshold: 1, Output: 2}


@dataclass(slots=True)
class Flow:
    """How a module's inputs lie in the C.

    Parameters
    ----------
    name : str
        Array of int8.
    width : int
    order : ndarray of int64, shape (width,), or None
        Entry i of the array is input order[i] of the artefact; None for as they are.
    signs : bool
        Whether all are -1 or 1.
    words : str
        Array of words with the same signs; empty if there is none.
    sparse : bool
        Whether many are 0, so that their rows are skipped.
    """

    name: str
    width: int
    order: np.ndarray | None = None
    signs: bool = False
    words: str = ""
    sparse: bool = False


@dataclass(slots=True)
class Body:
    """Statements, and the arrays on the stack that they need: type and name to length."""

    text: str = ""
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict)

    def array(self, kind: str, name: str, length: int) -> None:
        """Ask for an array at least so long."""
        self.arrays[name] = (kind, max(length, self.arrays.get(name, (kind, 0))[1]))

    def declarations(self) -> str:
        """As C."""
        return "".join(f"  {kind} {name}[{n}];\n" for name, (kind, n) in self.arrays.items())


def groups_of(m: Module) -> int:
    """Blocks of a module; 1 where weights lie outside of its blocks."""
    n, units = m.weights.shape
    if m.groups <= 1 or n % m.groups or units % m.groups:
        return 1
    inside = np.kron(np.eye(m.groups, dtype=bool), np.ones((n // m.groups, units // m.groups), bool))
    return 1 if m.weights[~inside].any() else m.groups


def counts_bits(m: Module, signs: bool) -> bool:
    """Whether a module counts bits: weights of -1, 0, 1 on inputs of -1, 1, each once."""
    once = m.gather is None or np.array_equal(np.sort(m.gather), np.arange(len(m.gather)))
    return signs and m.weight_bits <= 2 and groups_of(m) == 1 and once and m.table is None


def write_module(
    p: Program, body: Body, l: int, m: Module, room: Room, flow: Flow, rows: str, out: Flow
) -> None:
    """Append the statements of module l.

    Parameters
    ----------
    p : Program
    body : Body
    l : int
    m : Module
    room : Room
    flow : Flow
        What comes in.
    rows : str
        Statements that add category rows to acc, empty where there are none.
    out : Flow
        What is written: an array of int8, words, or both; the logits where the module is the last.
    """
    n, units = m.weights.shape
    groups = groups_of(m)
    w, flow = _weights(p, body, l, m, flow, groups)
    bias = m.bias.astype(np.int64)
    block = np.concatenate([part.T for part in _blocks(w, groups)])
    fld = stored_bits(block, m.weight_bits)
    if fld == 1 and groups > 1 and block.shape[1] % 8:
        fld = 2  # what fills a byte up must be 0, for a neighbour's inputs are read with it
    if fld > 8:
        raise SpecError(f"module {l}: weights of more than 8 bits")
    each = 8 // fld
    counted = counts_bits(m, flow.signs) and bool(flow.words)
    by_rows = flow.sparse and groups == 1
    head, sum_ = "", ""
    if counted:
        bias, sum_ = _bits(p, l, w, bias, flow)
    elif by_rows:
        step = row_bytes(units, fld)
        p.table(f"w{l}", "int8" if fld == 8 else "uint8", packed(w, fld, step))
    else:
        head, sum_ = _dots(p, body, l, block, flow, fld, groups)
    if isinstance(m.after, Spline):
        bias = bias + (np.int64(m.after.reach) << m.fraction)
    if isinstance(m.after, Threshold):
        bias = bias - np.clip(m.after.above, -room.accumulator - 1, room.accumulator)
    p.table(f"b{l}", "int32", bias)
    first = p.at(f"b{l}", "j")
    if rows:
        assert m.table is not None and m.table_shift is not None
        check_shifts(m.table_shift, f"module {l}: table_shift")
        fall = "halved" if not p.loads and (m.table_shift >= 0).all() else "shifted"
        p.table(f"tshift{l}", "int8", m.table_shift)
        body.array("int32_t", "acc", -(-units // 8) * 8)
        head = f"  for (int j = 0; j < {-(-units // 8) * 8}; j++) acc[j] = 0;\n{rows}{head}"
        first += f" + {fall}(acc[j], {p.at(f'tshift{l}', 'j')})"
    if by_rows and not counted:
        body.array("int32_t", "acc", step * each)
        verb = f"{row_name(units, fld)}(acc, w{l} + {step} * i, {step * each}, v)"
        head += f"  for (int j = 0; j < {units}; j++) acc[j] = {first};\n"
        if step * each > units:
            head += f"  for (int j = {units}; j < {step * each}; j++) acc[j] = 0;\n"
        head += f"  for (int i = 0; i < {n}; i++) {{\n    const int32_t v = {flow.name}[i];\n    if (v) {verb};\n  }}\n"
        first = "acc[j]"
    skip = ""
    if m.skip >= 0 and m.skip_shift is not None:
        check_shifts(m.skip_shift, f"module {l}: skip_shift")
        p.table(f"skip{l}", "int8", m.skip_shift)
        skip = f" + shifted(z{m.skip}[j], {p.at(f'skip{l}', 'j')})"
    p.baked(l, _KINDS[type(m.after)], n, units, groups, fld, counted, by_rows, m.skip, bool(rows))
    after = _after(p, l, m, room, out)
    if groups == 1:
        loop, end = f"{head}  for (int j = 0; j < {units}; j++)", ""
    else:
        loop = f"  for (int b = 0, j = 0; b < {groups}; b++) {{\n{head}  for (int u = 0; u < {units // groups}; u++, j++)"
        end = "  }\n"
    body.text += f"{loop} {{\n    const int32_t a = {first}{sum_}{skip};\n{after}  }}\n{end}"


def stored_bits(w: np.ndarray, bits: int) -> int:
    """In fields of how many bits integers of so many bits are stored; more than 8 where bytes are too small."""
    return next((f for f in (1, 2, 4, 8) if bits <= f and fits(w, f)), 16)


def _blocks(w: np.ndarray, groups: int) -> list[np.ndarray]:
    n, units = w.shape[0] // groups, w.shape[1] // groups
    return [w[g * n : (g + 1) * n, g * units : (g + 1) * units] for g in range(groups)]


def row_bytes(width: int, fld: int) -> int:
    """Bytes of a row of weights; rows of bytes that are read four at a time are filled up if that costs little."""
    if fld == 4:
        return -(-width // 4) * 2
    full = -(-width // 4) * 4
    if fld == 8:
        return full if 8 * (full - width) <= width else width
    return -(-width * fld // 8)


def row_name(width: int, fld: int) -> str:
    """Helper that adds a row."""
    return "row8x4" if fld == 8 and row_bytes(width, fld) % 4 == 0 else f"row{fld}"


def _dots(
    p: Program, body: Body, l: int, block: np.ndarray, flow: Flow, fld: int, groups: int
) -> tuple[str, str]:
    """Sums unit by unit: what is said once for a block of inputs, and the sum of unit j."""
    n = block.shape[1]
    size = row_bytes(n, fld)
    wide = size * 8 // fld
    p.table(f"w{l}", "int8" if fld == 8 else "uint8", packed(block, fld, size))
    at = flow.name if groups == 1 else f"{flow.name} + {n} * b"
    _pad(body, flow.name, n * groups, n * (groups - 1) + wide)
    if flow.signs and fld >= 4:
        return "", f" + add{fld}({at}, w{l} + {size} * j, {wide})"
    verb = "dot8x4" if fld == 8 and wide % 4 == 0 else f"dot{fld}"
    sum_ = f" + {verb}({at}, w{l} + {size} * j, {wide})"
    if fld == 4:  # stored as 8 more
        return f"  const int32_t more{l} = 8 * sum8({at}, {wide});\n", f"{sum_} - more{l}"
    return "", sum_


def _weights(p: Program, body: Body, l: int, m: Module, flow: Flow, groups: int) -> tuple[np.ndarray, Flow]:
    """Weights in the order of the C's inputs; where an order can't be folded into them, inputs are gathered."""
    same = np.arange(flow.width)
    place = same.copy()
    place[same if flow.order is None else flow.order] = same
    gather = place if m.gather is None else place[m.gather]
    if np.array_equal(gather, same):
        return m.weights, flow
    if groups == 1 and np.array_equal(np.sort(gather), same):
        w = np.empty_like(m.weights)
        w[gather] = m.weights
        return w, flow
    p.table(f"from{l}", "uint8" if flow.width <= 256 else "uint16", gather)
    body.array("int8_t", f"g{l}", len(gather))
    body.text += (
        f"  for (int i = 0; i < {len(gather)}; i++) g{l}[i] = {flow.name}[{p.at(f'from{l}', 'i')}];\n"
    )
    return m.weights, Flow(f"g{l}", len(gather), signs=flow.signs)


def _pad(body: Body, name: str, n: int, length: int) -> None:
    """Zeros after an array's end, where whole bytes of weights are read."""
    if length > n:
        if name in body.arrays:  # not that of an event, which is long enough
            body.array("int8_t", name, length)
        body.text += "".join(f"  {name}[{i}] = 0;\n" for i in range(n, length))


def _bits(p: Program, l: int, w: np.ndarray, bias: np.ndarray, flow: Flow) -> tuple[np.ndarray, str]:
    """Sums of products of signs as counts of bits, and the bias that goes with them."""
    n = -(-len(w) // 32)
    if fits(w, 1):
        p.table(f"w{l}", "uint32", words(w.T > 0))
        count = f"pop({flow.words}[q] ^ {p.at(f'w{l}', f'{n} * j + q')})"
        bias, times = bias + len(w), "-"
    else:
        p.table(f"w{l}", "uint32", words(w.T > 0))
        p.table(f"m{l}", "uint32", words(w.T < 0))
        place = f"{n} * j + q"
        count = (
            f"pop({flow.words}[q] & {p.at(f'w{l}', place)}) - pop({flow.words}[q] & {p.at(f'm{l}', place)})"
        )
        bias, times = bias - w.sum(0), "+"
    text = f"  int32_t d = 0;\n  for (int q = 0; q < {n}; q++) d += {count};\n  return d;\n"
    p.function(f"static int32_t count{l}(const uint32_t *{flow.words}, int j)", text)
    return bias, f" {times} 2 * count{l}({flow.words}, j)"


def _after(p: Program, l: int, m: Module, room: Room, out: Flow) -> str:
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
