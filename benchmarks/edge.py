"""What a network loses on its way to a device: by freezing, by few bits, by late labels, by a change of units.

    STREAMNN_DATA=... python benchmarks/edge.py --only freezing bits drift late --seeds 1 2 3 --json edge.json

Everything is scored on events that come after publication. A student learns beside the default pool and is published
every 5,000 labels (noaa_weather: 2,500) and at alarms; scores are of all events after the first 5,000 (2,500).

- freezing: the artefact (8-bit weights) frozen in the field, the float network of the same moment, the artefact whose
  device learns biases or its last layer, the live student, the pool, the majority; with and without label history.
- bits: at each scheduled publication the same float network in n bits, scored on the labels until the next one,
  against the float network itself: W n with 8-bit activations and knots, and all in n bits.
- drift: some columns times 4 in the middle of the stream: the next 3 windows with and without, and with the artefact
  that was in the field before.
- late: the freezing table when labels come 10, 100 and 500 events late.
- time: CPU of the student as a share of the pool's, published every 5,000 and at alarms, and without alarms.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import _data
import _one_core
import _students as st
import _table
import numpy as np

from streamnn.edge.bits import Bits
from streamnn.edge.float_network import float_network
from streamnn.edge.modules import run_modules
from streamnn.edge.quantiser import quantise
from streamnn.edge.student import Publication, Student, StudentOptions
from streamnn.edge.student.networks import fractions_of, inputs_of
from streamnn.edge.student.options import FIRST_PUBLICATIONS
from streamnn.edge.student.publishing import spread

BITS = {
    "W8": Bits(8), "W6": Bits(6), "W5": Bits(5), "W4": Bits(4), "W3": Bits(3),
    "all 6": Bits(6, 6, 6), "all 5": Bits(5, 5, 5), "all 4": Bits(4, 4, 4),
}  # fmt: skip
SCALED = {
    "electricity": ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"),
    "noaa_weather": (),
    "sea_50k": (),
}
"""Columns that are multiplied; none is all."""
TIMES = 4.0


class Quantised:
    """Variants of each scheduled artefact, and how they do until the next."""

    def __init__(self, every: int):
        self.every = every
        self.kept: tuple[Any, ...] | None = None
        self.sums: dict[str, np.ndarray] = {}

    def __call__(self, student: Student, published: Sequence[Publication]) -> None:
        """After each chunk."""
        if not any(p.reason == "schedule" and p.event % self.every == 0 for p in published):
            return
        publisher, memory = student.publisher, student.publisher.reservoir
        if self.kept is not None:
            stage, network, variants = self.kept
            at = memory.last(self.every)
            rows, ids, x = inputs_of(stage, memory.s["v"][at], memory.s["history"][at])
            y = memory.s["label"][at].astype(np.int64)
            self._score("float", network(rows.astype(np.float64), ids), y)
            for name, modules in variants.items():
                self._score(name, run_modules(modules, x.astype(np.int64), ids)[-1], y)
        now = publisher.current
        assert now is not None
        at = memory.last(20_000)
        network = float_network(publisher.frozen[publisher.chosen], mean=False, rows=publisher.fit.rows)
        fractions = fractions_of(now.stage)
        self.kept = now.stage, network, {
            name: quantise(network, *self._searched(publisher, now, at, bits), fractions, bits) for name, bits in BITS.items()
        }  # fmt: skip

    @staticmethod
    def _searched(publisher: Any, now: Any, at: np.ndarray, bits: Bits) -> tuple[np.ndarray, np.ndarray]:
        _, ids, x = publisher.inputs(now.stage, spread(at, bits.weights))
        return x, ids

    def _score(self, name: str, outputs: np.ndarray, y: np.ndarray) -> None:
        right = outputs.argmax(1) == y
        self.sums[name] = self.sums.get(name, np.zeros(2)) + np.array([right.sum(), len(y)])

    def costs(self) -> dict[str, float]:
        """Points of accuracy that each variant loses against the float network."""
        share = {k: 100 * v[0] / v[1] for k, v in self.sums.items()}
        return {"float": share["float"], **{k: share["float"] - share[k] for k in BITS}}


class Split:
    """Begins new windows after so many labels, without anything being published, so that scores are of the same events."""

    def __init__(self, *at: int):
        self.at = at

    def __call__(self, student: Student, _: Sequence[Publication]) -> None:
        """After each chunk."""
        if student.learnt in self.at:
            student.field.begin({"event": student.learnt, "reason": "split", "refused": "", "learning": ""})


def mean(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean of figures over seeds; what is no figure is that of the first."""
    return {
        k: float(np.mean([r[k] for r in rows])) if isinstance(v, float) else v for k, v in rows[0].items()
    }


def flat(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """``accuracy / log loss`` of each arm as columns."""
    return {f"{arm} {k}": v for arm, s in found.items() for k, v in s.items() if "memory" not in arm}


def freezing(given: Sequence[st.Taught], seeds: Sequence[int], history: bool) -> dict[str, Any]:
    """A row of the table of freezing."""
    rows = []
    for taught, seed in zip(given, seeds, strict=True):
        name = taught.stream.name
        student, cpu = st.learn(taught, StudentOptions(every=st.every(name), history=history, seed=seed))
        found = st.scores(student, st.every(name))
        about = {"stream": name, "history": history, "share of the pool's CPU": cpu / taught.cpu}
        rows.append({**about, "published": float(len(student.field.windows)), **flat(found)})
    return mean(rows)


def bits(given: Sequence[st.Taught], seeds: Sequence[int], history: bool) -> dict[str, Any]:
    """A row of the table of bits."""
    rows = []
    for taught, seed in zip(given, seeds, strict=True):
        look = Quantised(st.every(taught.stream.name))
        options = StudentOptions(every=st.every(taught.stream.name), history=history, seed=seed)
        st.learn(taught, options, look)
        rows.append({"stream": taught.stream.name, "history": history, **look.costs()})
    return mean(rows)


def drift(stream: _data.Stream, seed: int) -> list[dict[str, Any]]:
    """Rows of the table of drift: the windows after the change."""
    every = st.every(stream.name)
    at = (len(stream) // 2 // every) * every + every // 2
    scaled = SCALED[stream.name] or tuple(stream.columns)
    moved = {k: np.where(np.arange(len(stream)) >= at, v * TIMES, v) if k in scaled else v for k, v in stream.columns.items()}  # fmt: skip
    rows = []
    for name, columns in (("no drift", stream.columns), (f"times {TIMES:g}", moved)):
        taught = st.taught(_data.Stream(stream.name, columns, stream.y, True, {}), seed)
        arms = {name: StudentOptions(every=every, seed=seed)}
        if name != "no drift":
            arms["on schedule alone"] = arms[name]
            arms["stale"] = replace(
                arms[name],
                every=10**6,
                first=tuple(
                    sorted({*(e for e in FIRST_PUBLICATIONS if e < every), *range(every, at, every)})
                ),
            )
        for arm, options in arms.items():
            chunks = (
                taught.chunks
                if arm in ("no drift", name)
                else [(c, _silent(o), k) for c, o, k in taught.chunks]
            )
            student, _ = st.learn(replace(taught, chunks=chunks), options, Split(at, at + 3 * every))
            alarms = [(a.event - at, a.cause) for _, o, _ in taught.chunks for a in o.alarms if a.event >= at]
            rows.append({"stream": stream.name, "arm": arm, **flat(st.scores(student, at, at + 3 * every)),
                         "alarms": str(alarms[:2]) if arm == name else "-"})  # fmt: skip
    return rows


def _silent(output: Any) -> Any:
    return replace(output, alarms=[])


def show(title: str, rows: list[dict[str, Any]], kept: dict[str, Any]) -> None:
    """Print a table and keep its rows."""
    if rows:
        _table.show(title, rows)
        kept[title] = rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    experiments = ("freezing", "bits", "drift", "late")
    parser.add_argument("--only", nargs="+", choices=experiments, default=list(experiments))
    parser.add_argument("--streams", nargs="+", default=[*st.STREAMS, "bike_sharing_hour"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--delays", nargs="+", type=int, default=[10, 100, 500])
    parser.add_argument("--events", type=int, default=None, help="only so many events of each stream")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    _one_core.one_core()
    found: dict[str, list[dict[str, Any]]] = {k: [] for k in experiments}
    for name in options.streams:
        print(f"{name} ...", file=sys.stderr, flush=True)
        stream = st.load(name, options.events)
        given = []
        if {"freezing", "bits"} & {*options.only}:
            given = [st.taught(stream, seed) for seed in options.seeds]
        for history in (False, True):
            if "freezing" in options.only:
                found["freezing"].append(freezing(given, options.seeds, history))
            if "bits" in options.only and stream.classify:
                found["bits"].append(bits(given, options.seeds, history))
        if "late" in options.only and stream.classify and name != "mnist14":
            for delay in options.delays:
                late = [st.taught(stream, seed, delay) for seed in options.seeds]
                found["late"].append({"delay": delay, **freezing(late, options.seeds, False)})
        if "drift" in options.only and name in SCALED:
            found["drift"] += drift(stream, options.seeds[0])
    if found["bits"]:
        every = {k: float(np.mean([r[k] for r in found["bits"]])) for k in found["bits"][0] if k not in ("stream", "history")}  # fmt: skip
        worst = {k: float(np.max([r[k] for r in found["bits"]])) for k in BITS}
        found["bits"] += [{"stream": "mean", **every}, {"stream": "worst", **worst}]
    kept: dict[str, Any] = {}
    titles = {
        "freezing": "frozen in the field, 8-bit weights", "bits": "points lost against the float network",
        "drift": "units changed in mid-stream", "late": "labels that come late, no label history",
    }  # fmt: skip
    for key, rows in found.items():
        show(titles[key], rows, kept)
    if options.json:
        _table.keep(options.json, kept)


if __name__ == "__main__":
    main()
