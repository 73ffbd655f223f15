"""C of the modules: sums over what comes in, then a spline, a threshold or the logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import SpecError
from ..modules import Module, Output, Spline, Threshold
from .activations import write_after
from .flow import Body, Flow
from .program import Program
from .ranges import Room, check_shifts
from .sums import by_bits, by_rows, by_units, in_order
from .weights import blocks_of, counts_bits, groups_of, row_bytes, stored_bits

_AFTER_KINDS = {Spline: 0, Threshold: 1, Output: 2}


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
    w, flow = in_order(p, body, l, m, flow, groups)
    bias = m.bias.astype(np.int64)
    block = np.concatenate([part.T for part in blocks_of(w, groups)])
    fld = stored_bits(block, m.weight_bits)
    if fld == 1 and groups > 1 and block.shape[1] % 8:
        fld = 2  # what fills a byte up must be 0, for a neighbour's inputs are read with it
    if fld > 8:
        raise SpecError(f"module {l}: weights of more than 8 bits")
    counted = counts_bits(m, flow.signs) and bool(flow.words)
    rowwise = flow.sparse and groups == 1 and not counted
    head, sum_ = "", ""
    if counted:
        bias, sum_ = by_bits(p, l, w, bias, flow)
    elif not rowwise:
        head, sum_ = by_units(p, body, l, block, flow, fld, groups)
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
    if rowwise:
        head += by_rows(p, body, l, w, flow, fld, first)
        first = "acc[j]"
    skip = ""
    if m.skip >= 0 and m.skip_shift is not None:
        check_shifts(m.skip_shift, f"module {l}: skip_shift")
        p.table(f"skip{l}", "int8", m.skip_shift)
        skip = f" + shifted(z{m.skip}[j], {p.at(f'skip{l}', 'j')})"
    p.baked(l, _AFTER_KINDS[type(m.after)], n, units, groups, fld, counted, rowwise, m.skip, bool(rows))
    p.forms[l] = _form(p, l, m, "words" if counted else "rows" if rowwise else "dots", fld, groups)
    after = write_after(p, l, m, room, out)
    if groups == 1:
        loop, end = f"{head}  for (int j = 0; j < {units}; j++)", ""
    else:
        loop = f"  for (int b = 0, j = 0; b < {groups}; b++) {{\n{head}  for (int u = 0; u < {units // groups}; u++, j++)"
        end = "  }\n"
    body.text += f"{loop} {{\n    const int32_t a = {first}{sum_}{skip};\n{after}  }}\n{end}"


def _form(p: Program, l: int, m: Module, form: str, fld: int, groups: int) -> dict[str, Any]:
    """How the tables of a module are to be read."""
    n, units = m.weights.shape
    planes = sum(t.name in (f"w{l}", f"m{l}") for t in p.tables)
    return {
        "form": form,
        "field": planes if form == "words" else fld,
        "bytes": row_bytes(units if form == "rows" else n // groups, fld),
        "groups": groups,
        "knots": m.after.knots.shape[1] if isinstance(m.after, Spline) else 0,
    }
