"""What tables mean, for a reader that has no code made for them: such as MicroPython."""

from __future__ import annotations

import json
from typing import Any

from ..artefact import Artefact
from ..device import TOP_LEARNT_BIAS, top_weight
from ..input_stage import HISTORY_SPANS
from ..modules import Spline
from .blocks import shape_of
from .network import Options
from .program import Program

PLAN_VERSION = 1


def write_plan(p: Program, artefact: Artefact, options: Options) -> bytes:
    """``plan.json``: the shape of a model whose tables lie in ``tables.bin``."""
    stage = artefact.stage
    plan: dict[str, Any] = {
        "version": PLAN_VERSION,
        "shape": shape_of(p),
        "sensors": [[s.name, s.fraction] for s in artefact.sensors],
        "spans": list(stage.spans),
        "history": [list(HISTORY_SPANS), stage.classes] if stage.classes else None,
        "classes": list(artefact.classes),
        "learning": artefact.learning,
        "top": [TOP_LEARNT_BIAS, top_weight(artefact.modules[-2].units)] if artefact.learning == "layer"
        else [TOP_LEARNT_BIAS, 0],
        "tables": {t.name: [i, t.kind] for i, t in enumerate(p.all_tables())},
        "numbers": list(p.numbers),
        "modules": [
            {
                "after": type(m.after).__name__.lower(),
                "inputs": len(m.weights),
                "units": m.units,
                "skip": m.skip,
                "bits": m.after.bits if isinstance(m.after, Spline) else 0,
                **p.forms[l],
            }
            for l, m in enumerate(artefact.modules)
        ],
    }  # fmt: skip
    return (json.dumps(plan, indent=1) + "\n").encode()
