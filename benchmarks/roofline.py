"""What bounds a network's update: arithmetic and bytes an event, against what this core was measured to do.

    python benchmarks/roofline.py --json roofline.json

Peaks are measured with the same lanes that the network uses: sixteen float32, multiply and add apart (no fused
operations, since the bits must not depend on the machine). Counts are of vector operations of 16 lanes and of bytes of
weights and moments read and written, from the loops as they are written; bounds are what these alone would take.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import _one_core
import _table
import _throughput
import numpy as np
from numba import njit

from streamnn._kernels.lanes import LANES, load, splat, store, total

f4 = np.float32
SHAPES = tuple((kind, hidden) for hidden in ((64,), (64, 32)) for kind in ("plain", "sgd", "rms", "factored"))
FORWARD, BACKWARD = 2, 2
"""Vector operations a weight vector: a product and a sum each."""
UPDATE = {"plain": 2, "sgd": 5, "rms": 13, "factored": 5}
"""The same for its step; inside a budget the norm of each unit is tracked, three more."""
ARRAYS = {"plain": 1, "sgd": 1, "rms": 2, "factored": 1}
"""Arrays that an update reads and writes: weights, and with RMS their mean squares."""


@njit
def _arithmetic(n, x):
    a, b = splat(f4(0.999)), splat(f4(0.001))
    v0, v1, v2, v3, v4, v5, v6, v7 = a, b, a, b, a, b, a, b
    for _ in range(n):
        v0, v1, v2, v3 = v0 * a + b, v1 * a + b, v2 * a + b, v3 * a + b
        v4, v5, v6, v7 = v4 * a + b, v5 * a + b, v6 * a + b, v7 * a + b
    x[0] = total(v0 + v1 + v2 + v3 + v4 + v5 + v6 + v7)


@njit
def _update(n, x):
    a = splat(f4(1e-9))
    for _ in range(n):
        for i in range(0, len(x), LANES):
            store(x, i, load(x, i) + a)


def seconds(function: Any, n: int, x: np.ndarray) -> float:
    """Least of five."""
    function(1, x)
    found = []
    for _ in range(5):
        start = time.process_time()
        function(n, x)
        found.append(time.process_time() - start)
    return min(found)


def peaks() -> dict[str, float]:
    """Vector operations a second, and bytes a second read and written, by size of what is worked on."""
    out = {"vector operations/s": 16 * 2_000_000 / seconds(_arithmetic, 2_000_000, np.zeros(16, f4))}
    for name, size in (("16 kB", 1 << 12), ("128 kB", 1 << 15), ("1 MB", 1 << 18)):
        n = (1 << 25) // size
        out[f"bytes/s, {name}"] = 8.0 * n * size / seconds(_update, n, np.zeros(size, f4))
    return out


def row(kind: str, hidden: tuple[int, ...], d: int, peak: dict[str, float], rounds: int) -> dict[str, Any]:
    """One network on rows of `d` normal columns, two classes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((8192, d)).astype(f4)
    y = ((x[:, 0] * x[:, 1] > 0) ^ (rng.random(8192) < 0.1)).astype(np.int64)
    us = statistics.median(
        1e6 * r["cpu_s"] / r["events"]
        for r in (_throughput.run_network(kind, hidden, x, y, 2) for _ in range(rounds))
    )
    sizes = (d, *hidden, 2)
    weights = [a * b for a, b in pairwise(sizes)]
    # the first layer's errors go nowhere
    operations = (
        sum(w * (FORWARD + UPDATE[kind]) for w in weights) + sum(w * BACKWARD for w in weights[1:])
    ) / LANES
    moved = 4.0 * (sum(w * (1 + 2 * ARRAYS[kind]) for w in weights) + sum(weights[1:]))
    held = 4.0 * ARRAYS[kind] * sum(weights)
    where = "16 kB" if held < 32_000 else "128 kB"
    arithmetic, memory = (
        1e6 * operations / peak["vector operations/s"],
        1e6 * moved / peak[f"bytes/s, {where}"],
    )
    return {
        "": f"{kind} {'-'.join(map(str, hidden))}, {d} columns",
        "us": us,
        "vector operations": operations,
        "kB moved": moved / 1e3,
        "kB held": held / 1e3,
        "us, arithmetic": arithmetic,
        "us, memory": memory,
        "of the bound": max(arithmetic, memory) / us,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--columns", nargs="+", type=int, default=[8, 54, 250])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    _one_core.one_core()
    peak = peaks()
    _table.show("this core", [{"": k, "found": v} for k, v in peak.items()])
    rows = [row(kind, hidden, d, peak, options.rounds) for d in options.columns for kind, hidden in SHAPES]
    _table.show("networks, CPU us an event, and what arithmetic and memory alone would take", rows)
    _table.keep(options.json, {"peaks": peak, "rows": rows})


if __name__ == "__main__":
    main()
