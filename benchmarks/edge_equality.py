"""The C of students of real streams beside the device in Python: a million events each, and what a Cortex-M does with them.

    STREAMNN_DATA=... python benchmarks/edge_equality.py --json edge_equality.json

Students of electricity, a year of flights, MNIST (14 x 14) and covertype, of 8 and of 4 bits, of splines, signs and binary
weights. Their streams are repeated with noise until there are enough events; devices learn nothing, a bias a class with
labels 100 late, or their last layer with labels at once.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import _one_core
import _students as st
import _table
import edge_c
import numpy as np

from streamnn.edge import Artefact, StudentOptions
from streamnn.edge.sensors import to_raw
from streamnn.edge.student.sensing import Sensing

STUDENTS: dict[str, tuple[dict[str, Any], ...]] = {
    "electricity": ({}, {"weights": 4}, {"network": "sign"}, {"network": "binary"}, {"history": True}),
    "nycflights13": ({}, {"weights": 4, "history": True}),
    "mnist14": ({}, {"weights": 4}, {"network": "ternary"}),
    "covertype_first100k": ({}, {"network": "sign", "history": True}),
}
LEARNT = 20_000
"""Events that a student learns from here."""


def student_of(name: str, options: dict[str, Any]) -> tuple[Artefact, np.ndarray, np.ndarray]:
    """An artefact, the raw readings of its whole stream, and class numbers."""
    stream = st.load(name)
    some = st.load(name, LEARNT)
    student, _ = st.learn(st.taught(some, 1), StudentOptions(every=5000, **options))
    artefact = student.publisher.current
    assert artefact is not None
    values = Sensing({}, label=False).values(stream.columns, len(stream))[:, : len(artefact.sensors)]
    raw = to_raw(values, np.array([s.fraction for s in artefact.sensors]))
    code = {c: i for i, c in enumerate(artefact.classes)}
    return artefact, raw, np.array([code.get(v, 0) for v in stream.y.tolist()])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--vectors", type=int, default=10_000, help="events on each core; 0 is none")
    parser.add_argument("--streams", nargs="+", default=list(STUDENTS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    _one_core.one_core()
    rows, cores = [], []
    for name in options.streams:
        for given in STUDENTS[name]:
            about = {"stream": name, **({k: str(v) for k, v in given.items()} or {"weights": "8"})}
            print(about, file=sys.stderr, flush=True)
            artefact, raw, label = student_of(name, given)
            for learning, late, tables in (
                ("off", 0, "source"),
                ("bias", 100, "source"),
                ("layer", 0, "bin"),
            ):
                own = replace(artefact, learning=learning)
                found = edge_c.equality(own, raw, label, options.events, late, tables)
                rows.append({"student": " ".join(about.values()), **found})
            if options.vectors:
                own = replace(artefact, learning="off", surprise=None)
                cores += [
                    {"student": " ".join(about.values()), **r}
                    for r in edge_c.cores(own, raw, options.vectors)
                ]
    _table.show("C beside the device in Python", rows)
    _table.show("Cortex-M in qemu", cores)
    _table.keep(options.json, {"equality": rows, "cores": cores})


if __name__ == "__main__":
    main()
