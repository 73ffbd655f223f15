"""C of the feature stage: what a device remembers, and what a network reads."""

from __future__ import annotations

import numpy as np

from ..input_stage import HISTORY_SPANS, InputStage
from ..integers import CONTEXT_FRACTION, INPUT_TOP, NO_READING
from .program import Program
from .storage import smallest


def input_order(stage: InputStage) -> np.ndarray:
    """Where each of the network's inputs comes from: the C writes those of one sensor side by side."""
    blocks = 1 + len(stage.spans)
    sensed = np.arange(stage.sensed).reshape(blocks, stage.sensors).T.ravel()
    return np.concatenate([sensed, np.arange(stage.sensed, stage.width)])


def state_fields(stage: InputStage) -> str:
    """Members of the state that outlive an update."""
    d, spans, c = stage.sensors, len(stage.spans), stage.classes
    text = ""
    if spans:
        text += f"  int32_t mean[{d}][{spans}]; /* running means in raw units, 8 fraction bits */\n"
        text += f"  uint8_t seen[{d}];\n"
    if c:
        text += f"  int16_t fade[{len(HISTORY_SPANS)}][{c}]; /* running means of known labels */\n"
        text += "  int16_t last; /* last known label + 1; 0: none */\n"
    return text


def sense(p: Program, stage: InputStage) -> str:
    """Statements that write x from raw and the state s."""
    d, spans = stage.sensors, len(stage.spans)
    on = stage.on.reshape(1 + spans, d)
    text = f"  for (int c = 0; c < {d}; c++) {{\n"
    mask = (on.astype(np.int64) << np.arange(1 + spans)[:, None]).sum(0)
    always = bool(on.all()) and not p.loads
    centred = p.loads or bool(stage.mean.any())
    fall = "halved" if not p.loads and (stage.shift >= 0).all() else "shifted"
    mean = p.at(p.table("mean_of", "int32", stage.mean), "c") if centred else ""
    shift = p.at(p.table("shift_of", "int8", stage.shift), "c")
    if not always:
        p.table("on", "uint8" if spans < 8 else "uint16", mask)

    def standard(v: str) -> str:
        return f"(int8_t)clip({fall}({v}, {shift}), -{INPUT_TOP}, {INPUT_TOP})"

    def unless_off(q: str, v: str) -> str:
        return v if always else f"{p.at('on', 'c')} >> {q} & 1 ? {v} : 0"

    own = f"minus(r, {mean})" if centred else "r"
    text += f"    const int32_t r = left(raw[c], {CONTEXT_FRACTION});\n"
    if not spans:
        text += f"    x[c] = raw[c] == {p.name.upper()}_NO_READING ? 0 : {unless_off('0', standard(own))};\n  }}\n"
    else:
        text += f"""    int8_t *const y = x + {1 + spans} * c;
    if (raw[c] == {p.name.upper()}_NO_READING) {{
      for (int q = 0; q < {1 + spans}; q++) y[q] = 0;
      continue;
    }}
    y[0] = {unless_off("0", standard(own))};
    for (int q = 0; q < {spans}; q++) {{
      int32_t e;
      if (!s->seen[c]) s->mean[c][q] = r;
      e = minus(r, s->mean[c][q]);
      s->mean[c][q] = plus(s->mean[c][q], halved(e, span[q]));
      y[q + 1] = {unless_off("(q + 1)", standard("e"))};
    }}
    s->seen[c] = 1;
  }}
"""
        kind = smallest(np.array(stage.spans))
        text = f"  static const {kind}_t span[{spans}] = {{{', '.join(map(str, stage.spans))}}};\n" + text
    if stage.classes:
        c = stage.classes
        text += f"""  for (int c = 0; c < {c}; c++) {{
    int8_t *const y = x + {stage.sensed} + c;
    y[0] = c + 1 == s->last ? 127 : 0;
"""
        text += "".join(
            f"    y[{(1 + q) * c}] = (int8_t)(s->fade[{q}][c] >> 8);\n" for q in range(len(HISTORY_SPANS))
        )
        text += "  }\n"
    p.baked(d, *stage.spans, stage.classes, always, centred)
    return text


def note_label(p: Program, stage: InputStage) -> str:
    """Statements that note a known label in the state s."""
    spans = len(HISTORY_SPANS)
    return f"""  static const uint8_t reach[{spans}] = {{{", ".join(map(str, HISTORY_SPANS))}}};
  s->last = (int16_t)(label + 1);
  for (int q = 0; q < {spans}; q++)
    for (int c = 0; c < {stage.classes}; c++) {{
      const int32_t f = s->fade[q][c];
      s->fade[q][c] = (int16_t)(f + halved((c == label ? 32768 : 0) - f, reach[q]));
    }}
"""


def look_up(p: Program, stage: InputStage, add: str) -> str:
    """Statements that call `add` for row r of every sensor whose value is in its table."""
    start = stage.key_start
    looked = np.flatnonzero(np.diff(start))
    p.table("looked", "uint8" if stage.sensors <= 256 else "uint16", looked)
    ends = np.concatenate([start[looked], start[-1:]])
    p.table("begin", "uint8" if ends.max(initial=0) < 256 and not p.loads else "uint16", ends)
    p.table("keys", smallest(np.append(stage.keys, 256 if p.loads else 0)), stage.keys)
    return f"""  for (int k = 0; k < {p.number("lookups", len(looked))}; k++) {{
    const int32_t v = raw[{p.at("looked", "k")}];
    const int end = {p.at("begin", "k + 1")};
    int r = {p.at("begin", "k")}, high = end;
    while (r < high) {{
      const int middle = (r + high) >> 1;
      if ({p.at("keys", "middle")} < v) r = middle + 1; else high = middle;
    }}
    if (r < end && {p.at("keys", "r")} == v) {{ {add} }}
  }}
"""


__all__ = ["NO_READING", "input_order", "look_up", "note_label", "sense", "state_fields"]
