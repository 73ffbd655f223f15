"""The loop that runs a model over arrays of events on the machine where it is compiled; not for devices."""

from __future__ import annotations

OBSERVED, LABELLED = 0, 1
"""What happens to an event in the loop."""

_LOOP = """#include <stddef.h>
#include "@.h"

/* bytes of a state, of an event, and of that part of a state which outlives an update */
int64_t host_size(int k);
int64_t host_size(int k) {
#ifdef %_LEARNS
  const size_t kept = offsetof(@_state, bias);
#else
  const size_t kept = sizeof(@_state);
#endif
  return (int64_t)(k == 0 ? sizeof(@_state) : k == 1 ? sizeof(@_event) : kept);
}

/* What is said of event k lies in events[k], answer[k], logit[k], p[k] and more[k]: surprise, then radius. */
void host_run(@_state *s, @_event *events, int64_t n, const int8_t *op, const int64_t *slot, const int32_t *raw,
              const int32_t *label, int32_t *answer, int32_t *logit, int32_t *p, int32_t *more);
void host_run(@_state *s, @_event *events, int64_t n, const int8_t *op, const int64_t *slot, const int32_t *raw,
              const int32_t *label, int32_t *answer, int32_t *logit, int32_t *p, int32_t *more) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t k = slot[i];
    @_event *const e = events + k;
    if (op[i]) {
#ifdef %_LABELS
      @_learn(s, e, label[i]);
#endif
      continue;
    }
    answer[k] = @_step(s, raw + k * %_SENSORS, e);
    for (int c = 0; c < %_OUTPUTS; c++) {
      logit[k * %_OUTPUTS + c] = e->logit[c];
#ifdef %_PROBABILITIES
      p[k * %_OUTPUTS + c] = e->p[c];
#endif
    }
#ifdef %_SURPRISE
    more[2 * k] = e->surprise;
#endif
#ifdef %_RADIUS
    more[2 * k + 1] = e->radius;
#endif
  }
  (void)label;
  (void)p;
  (void)more;
}
"""


def write_host(name: str) -> str:
    """As C."""
    return _LOOP.replace("@", name).replace("%", name.upper())
