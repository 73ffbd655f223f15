"""C of the sums over a module's inputs: unit by unit, row by row where many inputs are 0, or as counts of bits."""

from __future__ import annotations

import numpy as np

from ..modules import Module
from .flow import Body, Flow
from .program import Program
from .storage import fits, packed, words
from .weights import row_bytes, row_name


def in_order(p: Program, body: Body, l: int, m: Module, flow: Flow, groups: int) -> tuple[np.ndarray, Flow]:
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


def by_units(
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


def by_rows(p: Program, body: Body, l: int, w: np.ndarray, flow: Flow, fld: int, first: str) -> str:
    """Statements that sum row by row into acc, from `first` on."""
    n, units = w.shape
    size = row_bytes(units, fld)
    wide = size * 8 // fld
    p.table(f"w{l}", "int8" if fld == 8 else "uint8", packed(w, fld, size))
    body.array("int32_t", "acc", wide)
    text = f"  for (int j = 0; j < {units}; j++) acc[j] = {first};\n"
    if wide > units:
        text += f"  for (int j = {units}; j < {wide}; j++) acc[j] = 0;\n"
    verb = f"{row_name(units, fld)}(acc, w{l} + {size} * i, {wide}, v)"
    return f"{text}  for (int i = 0; i < {n}; i++) {{\n    const int32_t v = {flow.name}[i];\n    if (v) {verb};\n  }}\n"


def by_bits(p: Program, l: int, w: np.ndarray, bias: np.ndarray, flow: Flow) -> tuple[np.ndarray, str]:
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


def _pad(body: Body, name: str, n: int, length: int) -> None:
    """Zeros after an array's end, where whole bytes of weights are read."""
    if length > n:
        if name in body.arrays:  # not that of an event, which is long enough
            body.array("int8_t", name, length)
        body.text += "".join(f"  {name}[{i}] = 0;\n" for i in range(n, length))
