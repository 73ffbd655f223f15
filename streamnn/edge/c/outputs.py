"""C of what follows the logits: the class, probabilities, surprise, a certified radius, and learning from labels."""

from __future__ import annotations

import numpy as np

from ..artefact import Artefact
from ..device import LEARN_FRACTION, TOP_LEARNT_BIAS, bias_shift, top_weight, weight_shift
from ..modules import Output
from ..probabilities import POWERS, RECIPROCALS
from .program import Program
from .storage import smallest


def best_class(p: Program, classes: int, above: int) -> str:
    """Statements that set best to the most probable class; of two, to the second if it leads by more than `above`."""
    if classes == 2:
        return f"  best = e->logit[1] - e->logit[0] > {p.number('above', above)};\n"
    return f"  for (int c = 1; c < {classes}; c++)\n    if (e->logit[c] > e->logit[best]) best = c;\n"


def probabilities(p: Program, artefact: Artefact) -> str:
    """Statements that write e->p, from logits to the base 2, without a division."""
    c, f = artefact.outputs, artefact.logit_fraction
    p.table("power", "uint16", POWERS)
    p.table("reciprocal", "uint16", RECIPROCALS)
    n = p.number("logit_fraction", f)
    if p.loads:
        d = "floored(gap, fraction - 8)"
    else:
        d = f"gap >> {f - 8}" if f > 8 else "gap" if f == 8 else f"gap << {8 - f}"
    power = f"{p.at('power', 'k')} - ((({p.at('power', 'k')} - {p.at('power', 'k + 1')}) * (d & 15)) >> 4)"
    k = p.at("reciprocal", "f >> 4")
    return f"""  {{
    const int fraction = {n};
    int32_t top = e->logit[0], sum = 0, f, r, q[{c}];
    int b = 15;
    for (int c = 1; c < {c}; c++)
      if (e->logit[c] > top) top = e->logit[c];
    for (int c = 0; c < {c}; c++) {{
      const int32_t gap = top - e->logit[c];
      q[c] = 0;
      if (gap < (int32_t)16 << fraction) {{
        const int32_t d = {d}, k = (d >> 4) & 15;
        q[c] = ({power}) >> (d >> 8);
      }}
      sum += q[c];
    }}
    while ((sum >> b) > 1) b++;
    f = (sum >> (b - 8)) & 255;
    r = {k} - ((({k} - {p.at("reciprocal", "(f >> 4) + 1")}) * (f & 15)) >> 4);
    for (int c = 0; c < {c}; c++) e->p[c] = (int16_t)clip((q[c] * r) >> b, 1, 32767);
  }}
"""


def learnt_logits(artefact: Artefact) -> str:
    """Statements that add what was learnt to the logits."""
    c = artefact.outputs
    sum_ = ""
    if artefact.learning == "layer":
        units = artefact.modules[-2].units
        sum_ = f"    for (int j = 0; j < {units}; j++) v += s->out[c][j] * e->z[j];\n"
    return f"""  for (int c = 0; c < {c}; c++) {{
    int32_t v = s->bias[c];
{sum_}    e->logit[c] += right(v, {LEARN_FRACTION});
  }}
"""


def learn(p: Program, artefact: Artefact) -> str:
    """Statements of one step: what the label says less what was said."""
    c = artefact.outputs
    text = f"""  for (int c = 0; c < {c}; c++) {{
    const int32_t g = (c == label ? 32768 : 0) - e->p[c];
    s->bias[c] = clip(s->bias[c] + floored(g * {1 << LEARN_FRACTION}, {p.number("bias_shift", bias_shift(artefact))}),
                      -{TOP_LEARNT_BIAS}, {TOP_LEARNT_BIAS});
"""
    if artefact.learning == "layer":
        units = artefact.modules[-2].units
        top = top_weight(units)
        before = artefact.modules[-2].after
        assert not isinstance(before, Output)
        shift = p.number("weight_shift", weight_shift(artefact))
        text += f"""    for (int j = 0; j < {units}; j++)
      s->out[c][j] = clip(s->out[c][j] + shifted(g * e->z[j], {shift}), -{top}, {top});
"""
    return text + "  }\n"


def surprise(p: Program, artefact: Artefact, z: str) -> str:
    """Statements that write e->surprise: how unlike the last hidden integers are to those of the nearest class."""
    found = artefact.surprise
    assert found is not None
    classes, units = found.mean.shape
    p.table("latent", smallest(np.append(found.mean, 0)), found.mean)
    p.table("latent_shift", "int8", found.shift)
    p.table("latent_constant", "int32", found.constant)
    fall = "right" if not p.loads and (found.shift >= 0).all() else "floored"
    p.baked(classes, units)
    return f"""  for (int c = 0; c < {classes}; c++) {{
    int32_t v = {p.at("latent_constant", "c")};
    for (int j = 0; j < {units}; j++) {{
      const int32_t d = {z}[j] - {p.at("latent", f"{units} * c + j")};
      v += {fall}(d * d, {p.at("latent_shift", f"{units} * c + j")});
    }}
    if (c == 0 || v < e->surprise) e->surprise = v;
  }}
"""


def radius(p: Program, classes: int, slope: tuple[int, int, int]) -> str:
    """Statements that write e->radius from the margin of the two largest logits."""
    factor, less, shift = slope
    return f"""  {{
    int32_t first = e->logit[0], second = INT32_MIN, m;
    for (int c = 1; c < {classes}; c++) {{
      const int32_t v = e->logit[c];
      if (v > first) {{ second = first; first = v; }}
      else if (v > second) second = v;
    }}
    m = first - second > 65535 ? 65535 : first - second;
    m = m * {p.number("radius_factor", factor)} - {p.number("radius_less", less)};
    e->radius = m < 0 ? 0 : m >> {p.number("radius_shift", shift)};
  }}
"""
