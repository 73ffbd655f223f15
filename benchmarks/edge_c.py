"""Is the C of an artefact the very device in Python on a million events, and what does it cost on Cortex-M and here?

    python benchmarks/edge_c.py --json edge_c.json
    python benchmarks/edge_c.py --artefact edge/ --raw raw.parquet --events 1000000

Without an artefact: random integers in the shapes of electricity (8 sensors, 24 inputs, 55 category rows, 32 units; 8 and
4-bit weights, signs, with and without learning) and of MNIST in 14 x 14 (196 pixels, four fifths of them 0). A file of raw
readings has a column of integers for each sensor, in their order, and may have one named `label` with class numbers; its
events are repeated, with noise of -1, 0 or 1 from the second time on, until there are enough. Labels come at once and
100 events late. Instructions need the tools that tools/cortex_m.py names.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import _table
import numpy as np
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "streamnn")]

from artefact_helpers import electricity_shape, image_shape  # noqa: E402

import cortex_m  # noqa: E402
from streamnn.edge import Artefact, Device, Threshold, load  # noqa: E402
from streamnn.edge.c.selftest import some_readings  # noqa: E402
from streamnn.edge.integers import NO_READING  # noqa: E402
from streamnn.edge.saving import from_bytes  # noqa: E402
from streamnn.edge.sensors import SENSOR_TOP  # noqa: E402
from streamnn.types import LEARN, OBSERVE  # noqa: E402

CHUNK = 20_000
LATE = (0, 100)


def chunks(raw: np.ndarray, label: np.ndarray, events: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The events again and again, with noise from the second time on."""
    r, done, first = np.random.default_rng(0), 0, True
    while done < events:
        for at in range(0, len(raw), CHUNK):
            x, y = raw[at : at + CHUNK][: events - done], label[at : at + CHUNK][: events - done]
            if not first:
                noisy = np.clip(x + r.integers(-1, 2, x.shape), -SENSOR_TOP, SENSOR_TOP)
                x = np.where((x == NO_READING) | (x == 0), x, noisy)
            done += len(x)
            yield np.ascontiguousarray(x, np.int32), y
            if done >= events:
                return
        first = False


def operations(n: int, late: int) -> tuple[np.ndarray, np.ndarray]:
    """Each event is observed, and learnt `late` events after; the last ones at the end."""
    at = np.concatenate([np.arange(n) * 2, (np.arange(n) + late) * 2 + 1])
    order = np.argsort(at, kind="stable")
    op = np.repeat(np.array([OBSERVE, LEARN], np.int8), n)[order]
    return op, np.tile(np.arange(n), 2)[order]


def equality(artefact: Artefact, raw: np.ndarray, label: np.ndarray | None = None, events: int = 1_000_000,
             late: int = 0, tables: str = "source") -> dict[str, Any]:  # fmt: skip
    """Run the same events through the C and through the device in Python.

    Parameters
    ----------
    artefact : Artefact
    raw : ndarray of int32, shape (n, sensors)
    label : ndarray of int64, shape (n,), optional
        Class numbers; random ones if left out.
    events : int
    late : int
        Events after which labels come.
    tables : {"source", "bin"}
    """
    classes = max(len(artefact.classes), 1)
    label = np.random.default_rng(1).integers(0, classes, len(raw)) if label is None else label
    device, model = Device(artefact), load(artefact, tables=tables, probabilities=True)
    differ = done = 0
    here = python = 0.0
    for x, y in chunks(raw, label, events):
        op, slot = operations(len(x), late)
        if not artefact.classes:
            keep = op == OBSERVE
            op, slot = op[keep], slot[keep]
        start = time.perf_counter()
        wanted = device.run(op, slot, x, y[slot])
        middle = time.perf_counter()
        found = model.run(op, slot, x, y[slot])
        here, python = here + time.perf_counter() - middle, python + middle - start
        bad = np.zeros(len(x), bool)
        for a, b in zip(wanted, found, strict=True):
            bad |= (a != b).any(1)
        differ, done = differ + int(bad.sum()), done + len(x)
    return {
        "events": done, "differ": differ, "learning": artefact.learning, "late": late, "tables": tables,
        "ns an event": 1e9 * here / done, "Device / C": python / here,
    }  # fmt: skip


def cores(artefact: Artefact, raw: np.ndarray, events: int) -> list[dict[str, Any]]:
    """Instructions an event and bytes, on each core."""
    found = []
    for run in cortex_m.measure(artefact, np.ascontiguousarray(raw[:events], np.int32)):
        found.append(
            {
                "core": f"{run.core} {run.optimisation}", "events": run.events, "differ": run.differ,
                "instructions": run.step, "code": run.code, "tables": run.tables, "state": run.state,
                "stack": run.stack, "undefined": run.undefined,
            }
        )  # fmt: skip
    return found


def shapes() -> dict[str, tuple[Artefact, np.ndarray]]:
    """Random artefacts, and events for them."""
    r = np.random.default_rng(3)
    w8, w4 = electricity_shape(), electricity_shape(4)
    hidden = replace(w8.modules[0], after=Threshold(r.integers(-300, 300, 32)))
    pixels = r.integers(1, 256, (20_000, 196)) * (r.random((20_000, 196)) < 0.19)
    tabular = some_readings(w8, 45_000)
    return {
        "electricity W8": (w8, tabular),
        "electricity W4": (w4, tabular),
        "electricity signs": (replace(w8, modules=(hidden, w8.modules[1])), tabular),
        "mnist14 W8": (image_shape(), pixels.astype(np.int32)),
    }


def given(folder: Path, file: Path) -> tuple[Artefact, np.ndarray, np.ndarray | None]:
    """An artefact, its raw readings and labels."""
    artefact = from_bytes((folder / "artefact.safetensors").read_bytes())
    table = pq.read_table(file)
    columns = {k: table[k].to_numpy() for k in table.column_names}
    label = columns.pop("label", None)
    return artefact, np.stack(list(columns.values()), 1).astype(np.int32), label


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artefact", type=Path, help="folder of an export")
    parser.add_argument("--raw", type=Path, help="parquet of its raw readings")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--vectors", type=int, default=10_000, help="events on each core")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.artefact:
        artefact, raw, label = given(args.artefact, args.raw)
        todo = {args.artefact.name: (artefact, raw)}
    else:
        todo, label = shapes(), None
    figures: dict[str, Any] = {"equality": [], "cores": []}
    for name, (artefact, raw) in todo.items():
        arms = [(artefact, "source", 0), (artefact, "bin", 0)]
        if artefact.classes:
            ways = (replace(artefact, learning=how) for how in ("bias", "layer"))
            arms += [(a, "source", late) for a in ways for late in LATE]
        for a, tables, late in arms:
            row = equality(a, raw, label, args.events, late, tables)
            figures["equality"].append({"artefact": name, **row})
        if not cortex_m.missing():
            figures["cores"] += [{"artefact": name, **r} for r in cores(artefact, raw, args.vectors)]
    _table.show("C beside the device in Python", figures["equality"])
    if cortex_m.missing():
        print(f"\nno Cortex-M: {cortex_m.missing()}")
    else:
        _table.show("Cortex-M in an emulator, an event", figures["cores"])
    _table.keep(args.json, figures)
    differ = sum(r["differ"] for part in figures.values() for r in part)
    print(f"\n{differ} differ")
    raise SystemExit(differ > 0)


if __name__ == "__main__":
    main()
