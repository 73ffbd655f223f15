"""The loop that runs a model over arrays of events on the machine where it is compiled; not for devices."""

from __future__ import annotations

_LOOP = """#include "{name}.h"

int64_t host_sizes(int k) {{
  const int64_t size[3] = {{sizeof({name}_state), sizeof({name}_event), {up}_OUTPUTS}};
  return size[k];
}}

/* op 0: slot is observed; 1: its label came. What is said of a slot lies in events and in the arrays. */
void host_run({name}_state *s, {name}_event *events, int64_t n, const int8_t *op, const int64_t *slot,
              const int32_t *raw, const int32_t *label, int32_t *answer, int32_t *logit, int32_t *more) {{
  for (int64_t i = 0; i < n; i++) {{
    const int64_t k = slot[i];
    {name}_event *const e = events + k;
    if (op[i] == 1) {{
#ifdef {up}_LABELS
      {name}_learn(s, e, label[i]);
#endif
    }} else {{
      answer[k] = {name}_step(s, raw + k * {up}_SENSORS, e);
      for (int c = 0; c < {up}_OUTPUTS; c++) logit[k * {up}_OUTPUTS + c] = e->logit[c];
#ifdef {up}_PROBABILITIES
      for (int c = 0; c < {up}_OUTPUTS; c++) more[k * ({up}_OUTPUTS + 2) + c] = e->p[c];
#endif
#ifdef {up}_SURPRISE
      more[k * ({up}_OUTPUTS + 2) + {up}_OUTPUTS] = e->surprise;
#endif
#ifdef {up}_RADIUS
      more[k * ({up}_OUTPUTS + 2) + {up}_OUTPUTS + 1] = e->radius;
#endif
    }}
  }}
  (void)label;
  (void)more;
}}
"""


def write_host(name: str) -> str:
    """As C."""
    return _LOOP.format(name=name, up=name.upper())
