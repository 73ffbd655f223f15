"""C of a whole model: the step from raw sensor integers to an event's answers, and the step from a label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import SpecError
from ..answers import lead_for, radius_slope
from ..artefact import Artefact
from ..modules import Output, Threshold
from . import outputs, stage
from .modules import Body, Flow, counts_bits, row_bytes, row_name, stored_bits, write_module
from .program import Program
from .ranges import rooms
from .storage import packed, smallest


@dataclass(frozen=True, slots=True)
class Options:
    """What is written beside the logits.

    Parameters
    ----------
    probabilities : bool
        Learning needs them.
    surprise, radius : bool
        Where the artefact can say.
    decide : float
        Of two classes: how probable the second must be to be chosen.
    """

    probabilities: bool
    surprise: bool
    radius: bool
    decide: float = 0.5


def write_network(p: Program, artefact: Artefact, options: Options) -> None:
    """Append reset, step and learn.

    Raises
    ------
    SpecError
        Where the artefact needs more than a device has: 32 bits, 8-bit activations.
    """
    found = rooms(artefact)
    st, name, modules = artefact.stage, p.name, artefact.modules
    body, rows = Body(), ""
    body.array("int8_t", "x", st.width)
    body.text += stage.sense(p, st)
    flow = Flow("x", st.width, stage.input_order(st), sparse=not st.spans and not st.classes)
    for l, m in enumerate(modules):
        last = l == len(modules) - 1
        if l == 0 and (st.tables or p.loads) and m.table is not None:
            rows = stage.look_up(p, st, _add_row(p, artefact))
        out = Flow("e->logit", m.units) if last else _out(artefact, l, options)
        if not last:
            if out.name and not _kept(artefact, l):
                body.array("int8_t", out.name, m.units)
            elif out.name:
                body.text += f"  int8_t *const {out.name} = e->z;\n"
            if out.words:
                body.array("uint32_t", out.words, -(-m.units // 32))
        write_module(p, body, l, m, found[l], flow, rows if l == 0 else "", out)
        flow = out
    end, result = _answers(p, artefact, options)
    unused = "" if st.spans or st.classes or artefact.learning != "off" else "  (void)s;\n"
    signature = f"int32_t {name}_step({name}_state *s, const int32_t raw[{st.sensors}], {name}_event *e)"
    p.function(signature, f"{body.declarations()}{unused}{result[0]}{body.text}{end}{result[1]}")
    _reset(p, artefact)
    if takes_labels(artefact):
        _learn(p, artefact)
    p.baked(artefact.outputs, len(artefact.classes), options.probabilities, options.surprise, options.radius)


def takes_labels(artefact: Artefact) -> bool:
    """Whether a label changes anything on the device."""
    return bool(artefact.classes) and (artefact.learning != "off" or artefact.stage.classes > 0)


def _kept(artefact: Artefact, l: int) -> bool:
    """Whether a module's output belongs to the event, for learning from a label that comes later."""
    return artefact.learning == "layer" and l == len(artefact.modules) - 2


def _out(artefact: Artefact, l: int, options: Options) -> Flow:
    """How a hidden module's output is kept: as bits where only bits are read."""
    m, after = artefact.modules[l], artefact.modules[l + 1 :]
    signs = isinstance(m.after, Threshold)
    counted = counts_bits(after[0], signs)
    last = len(after) == 1 and (options.surprise or artefact.learning == "layer")
    read = not counted or last or any(n.skip == l for n in after)
    return Flow(f"z{l}" if read else "", m.units, signs=signs, words=f"h{l}" if counted else "")


def _add_row(p: Program, artefact: Artefact) -> str:
    """Statement that adds category row r, in the order of the keys, to acc."""
    m, st = artefact.modules[0], artefact.stage
    assert m.table is not None
    units = m.units
    table = m.table[st.rows]
    bits = stored_bits(table, m.weight_bits) if len(table) else 8
    if bits <= 8:
        n = row_bytes(units, bits)
        p.table("table", "int8" if bits == 8 else "uint8", packed(table, bits, n))
        p.baked(bits)
        return f"{row_name(units, bits)}(acc, table + {n} * r, {n * 8 // bits}, 1);"
    p.table("table", smallest(table), table)
    p.baked(bits)
    return f"for (int j = 0; j < {units}; j++) acc[j] += {p.at('table', f'{units} * r + j')};"


def _answers(p: Program, artefact: Artefact, options: Options) -> tuple[str, tuple[str, str]]:
    text = ""
    if not artefact.classes:
        t = artefact.target
        if t is None or artefact.outputs != 1:
            return text, ("", "  return 0;\n")
        shift = artefact.logit_fraction - t.scale
        if abs(shift) > 30:
            raise SpecError(f"target: a shift of {shift} is more than 30")
        text = f"  return plus(shifted(e->logit[0], {p.number('value_shift', shift)}), {p.number('value_mean', t.mean)});\n"
        return "", ("", text)
    if options.surprise:
        text += outputs.surprise(p, artefact, f"z{len(artefact.modules) - 2}")
    if artefact.learning != "off":
        text += outputs.learnt_logits(artefact)
    if options.probabilities:
        text += outputs.probabilities(p, artefact)
    if options.radius:
        text += outputs.radius(p, artefact.outputs, radius_slope(artefact))
    text += outputs.best_class(p, artefact.outputs, lead_for(options.decide, artefact.logit_fraction))
    return text, ("  int32_t best = 0;\n", "  return best;\n")


def _reset(p: Program, artefact: Artefact) -> None:
    """A device that starts; and one that goes on with a newer model: what the last layer learnt begins anew."""
    st, name = artefact.stage, p.name
    forget = ""
    if artefact.learning != "off":
        forget = f"  for (int c = 0; c < {artefact.outputs}; c++) {{\n    s->bias[c] = 0;\n"
        if artefact.learning == "layer":
            forget += f"    for (int j = 0; j < {artefact.modules[-2].units}; j++) s->out[c][j] = 0;\n"
        forget += "  }\n"
        p.function(f"void {name}_update({name}_state *s)", forget)
        forget = f"  {name}_update(s);\n"
    text = ""
    if st.spans:
        text += f"""  for (int c = 0; c < {st.sensors}; c++) {{
    s->seen[c] = 0;
    for (int q = 0; q < {len(st.spans)}; q++) s->mean[c][q] = 0;
  }}
"""
    if st.classes:
        text += f"  s->last = 0;\n  for (int c = 0; c < {st.classes}; c++) {{\n"
        text += "".join(f"    s->fade[{q}][c] = 0;\n" for q in range(len(stage.HISTORY_SPANS)))
        text += "  }\n"
    p.function(f"void {name}_reset({name}_state *s)", text + forget or "  (void)s;\n")


def _learn(p: Program, artefact: Artefact) -> None:
    st, name = artefact.stage, p.name
    text = stage.note_label(p, st) if st.classes else ""
    text += outputs.learn(p, artefact) if artefact.learning != "off" else "  (void)e;\n"
    p.function(f"void {name}_learn({name}_state *s, const {name}_event *e, int label)", text)
