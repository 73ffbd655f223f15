"""A model's test of itself: events, what must be said of them, and the C that compares."""

from __future__ import annotations

import numpy as np

from ...types import LEARN, OBSERVE
from ..answers import radius_of
from ..artefact import Artefact
from ..density import surprise
from ..device import Device
from ..integers import CONTEXT_FRACTION, INPUT_FRACTION, NO_READING, SENSOR_BITS
from ..modules import run_modules
from .network import Options, takes_labels
from .program import as_array
from .storage import Table

LABEL_DELAY = 3
"""Events after which labels come in a test."""
_SENSOR_TOP = (1 << (SENSOR_BITS - 1)) - 1

_TEST = """#include "@.h"
#include "vectors.h"

/* how many vectors differ from what was said in Python; 0 */
int @_test(void);
int @_test(void) {
  static @_state s;
  static @_event events[VECTORS];
  int differ = 0;
#ifdef %_LOADS
  if (@_load(vector_tables, sizeof vector_tables)) return -1;
#endif
  @_reset(&s);
  for (int i = 0; i < VECTORS; i++) {
    @_event *const e = events + i;
    int bad = 0;
    @_step(&s, vector_raw + i * %_SENSORS, e);
    for (int c = 0; c < %_OUTPUTS; c++) {
      bad |= e->logit[c] != vector_logit[i * %_OUTPUTS + c];
#ifdef %_PROBABILITIES
      bad |= e->p[c] != vector_p[i * %_OUTPUTS + c];
#endif
    }
#ifdef %_SURPRISE
    bad |= e->surprise != vector_surprise[i];
#endif
#ifdef %_RADIUS
    bad |= e->radius != vector_radius[i];
#endif
    differ += bad;
#ifdef %_LABELS
    if (i >= LABEL_DELAY) @_learn(&s, e - LABEL_DELAY, vector_label[i - LABEL_DELAY]);
#endif
  }
  return differ;
}

#ifndef %_NO_MAIN
int main(void) { return @_test() != 0; }
#endif
"""


def some_readings(artefact: Artefact, n: int) -> np.ndarray:
    """Raw readings about where the artefact expects them, some of them missing; shape (n, sensors)."""
    r, stage = np.random.default_rng(n), artefact.stage
    unit = np.left_shift(1, np.clip(stage.shift + INPUT_FRACTION - CONTEXT_FRACTION, 0, SENSOR_BITS))
    raw = (stage.mean >> CONTEXT_FRACTION) + r.integers(-3 * unit, 3 * unit + 1, (n, stage.sensors))
    for c, (a, b) in enumerate(zip(stage.key_start[:-1], stage.key_start[1:], strict=True)):
        if b > a:
            known = r.random(n) < 0.8
            raw[known, c] = stage.keys[r.integers(a, b, int(known.sum()))]
    raw = np.clip(raw, -_SENSOR_TOP, _SENSOR_TOP)
    return np.where(r.random(raw.shape) < 0.03, NO_READING, raw).astype(np.int32)


def write_test(
    name: str, artefact: Artefact, options: Options, tables: bytes | None, n: int
) -> dict[str, bytes]:
    """``NAME_test.c`` and ``vectors.h``."""
    raw = some_readings(artefact, n)
    label = np.arange(n) % max(len(artefact.classes), 1)
    order = [(OBSERVE, i, 0) if k == 0 else (LEARN, i - LABEL_DELAY, label[i - LABEL_DELAY])
             for i in range(n) for k in (0, 1) if k == 0 or i >= LABEL_DELAY]  # fmt: skip
    op, slot, labels = (np.array(v) for v in zip(*order, strict=True))
    device = Device(artefact)
    logits, p = device.run(op.astype(np.int8), slot.astype(np.int64), raw, labels)
    vectors = {"raw": ("int32", raw), "logit": ("int32", logits)}
    if options.probabilities:
        vectors["p"] = ("int16", p)
    if options.surprise:
        vectors["surprise"] = ("int32", _surprise(artefact, op, slot, raw, labels))
    if options.radius:
        vectors["radius"] = ("int32", radius_of(logits, artefact))
    if takes_labels(artefact):
        vectors["label"] = ("int16", label)
    text = f"#include <stdint.h>\n\n#define VECTORS {n}\n#define LABEL_DELAY {LABEL_DELAY}\n"
    for k, (kind, v) in vectors.items():
        text += as_array(Table(f"vector_{k}", kind, np.asarray(v, np.int64).ravel()))
    if tables is not None:
        text += as_array(Table("vector_tables", "uint8", np.frombuffer(tables, np.uint8).astype(np.int64)))
    test = _TEST.replace("@", name).replace("%", name.upper())
    return {f"{name}_test.c": test.encode(), "vectors.h": text.encode()}


def _surprise(
    artefact: Artefact, op: np.ndarray, slot: np.ndarray, raw: np.ndarray, label: np.ndarray
) -> np.ndarray:
    assert artefact.surprise is not None
    x, ids = Device(artefact).inputs(op.astype(np.int8), slot.astype(np.int64), raw, label)
    return surprise(artefact.surprise, run_modules(artefact.modules, x, ids)[-2])
