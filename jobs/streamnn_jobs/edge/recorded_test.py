"""The last events of a student, and the logits that a device must give for them, as C and as JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from streamnn.edge import Artefact, Device
from streamnn.types import LEARN, OBSERVE

_SELF_TEST = """#include <stdio.h>
#include "{name}.h"
#include "events.h"

/* Runs recorded events through the model; 0 when every logit is as it was scored. */
int main(void) {{
  static {name}_state state;
  static {name}_event event;
  long differ = 0;
  {name}_reset(&state);
  for (int i = 0; i < EVENTS; i++) {{
    {name}_step(&state, event_raw[i], &event);
    for (int c = 0; c < {up}_OUTPUTS; c++) differ += event.logit[c] != event_logit[i][c];
#ifdef {up}_LABELS
    if (event_label[i] >= 0) {name}_learn(&state, &event, event_label[i]);
#endif
  }}
  printf("%d events, %ld logits differ\\n", EVENTS, differ);
  return differ != 0;
}}
"""


@dataclass(frozen=True, slots=True)
class RecordedTest:
    """Events one after another, from a fresh device on; each label is known before the next event.

    Parameters
    ----------
    raw : ndarray of int32, shape (n, sensors)
    label : ndarray of int64, shape (n,)
        Class numbers, -1 for none.
    logits : ndarray of int64, shape (n, outputs)
    """

    raw: np.ndarray
    label: np.ndarray
    logits: np.ndarray

    def files(self, name: str) -> dict[str, bytes]:
        """``events.h``, ``self_test.c`` that compares, and ``events.jsonl``."""
        rows = (
            json.dumps({"raw": r, "label": y, "logits": o})
            for r, y, o in zip(self.raw.tolist(), self.label.tolist(), self.logits.tolist(), strict=True)
        )
        head = "\n".join(
            [
                "#ifndef EVENTS_H",
                "#define EVENTS_H",
                "#include <stdint.h>",
                "",
                f"#define EVENTS {len(self.raw)}",
                _array("event_raw", self.raw),
                _array("event_label", self.label),
                _array("event_logit", self.logits),
                "#endif",
                "",
            ]
        )
        return {
            "events.h": head.encode(),
            "self_test.c": _SELF_TEST.format(name=name, up=name.upper()).encode(),
            "events.jsonl": ("\n".join(rows) + "\n").encode(),
        }


def recorded_test(artefact: Artefact, raw: np.ndarray, label: np.ndarray) -> RecordedTest:
    """What a fresh device says of events, learning what it may.

    Parameters
    ----------
    artefact : Artefact
    raw : ndarray of int32, shape (n, sensors)
    label : ndarray, shape (n,)
        Class numbers; those that the artefact does not know are no labels.
    """
    n, classes = len(raw), len(artefact.classes)
    y = np.asarray(label).astype(np.int64) if classes else np.full(n, -1, np.int64)
    y = np.where((y >= 0) & (y < classes), y, -1)
    op = np.tile(np.array([OBSERVE, LEARN], np.int8), n)
    slot, given = np.repeat(np.arange(n), 2), np.repeat(y, 2)
    keep = (op == OBSERVE) | (given >= 0)
    logits, _ = Device(artefact).run(op[keep], slot[keep], raw, given[keep])
    return RecordedTest(np.asarray(raw), y, logits)


def _array(name: str, values: np.ndarray) -> str:
    def row(v: np.ndarray) -> str:
        return ", ".join(map(str, v.tolist()))

    if values.ndim == 1:
        return f"static const int32_t {name}[{len(values)}] = {{{row(values)}}};"
    lines = ",\n  ".join(f"{{{row(v)}}}" for v in values)
    return f"static const int32_t {name}[{len(values)}][{values.shape[1]}] = {{\n  {lines}}};"
