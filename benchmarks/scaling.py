"""What an event costs the default pool by number of columns, classes and networks: a straight line is expected.

    python benchmarks/scaling.py --json scaling.json

Made-up streams: standard normal columns, a label that depends on some of them. CPU microseconds an event, labels at
once, the median of rounds in one process pinned to one core. The line is fitted to all points; the largest distance
from it says how straight they lie.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import _one_core
import _table
import _throughput
import numpy as np

from streamnn.learners import Classifier, recipes
from streamnn.learners.recipes import CLASSIFIER_NETWORKS

EVENTS = 4096
COLUMNS = (8, 16, 32, 64, 128)
CLASSES = (2, 4, 8, 16)
NETWORKS = (5, 7, 9, 11, 13)


def stream(columns: int, classes: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A made-up stream."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((EVENTS, columns))
    y = (x[:, :4] @ rng.standard_normal((4, classes)) + rng.gumbel(size=(EVENTS, classes))).argmax(1)
    return {f"x{i:03}": x[:, i] for i in range(columns)}, y


def cost(columns: int, classes: int, networks: int, rounds: int) -> float:
    """Microseconds an event: the second half of the stream, when no column can be a category any more."""
    usual = CLASSIFIER_NETWORKS
    extra = [replace(usual[i % 2 * 2 + 1], name=f"extra-{i}") for i in range(networks - len(usual))]
    recipes.PRESETS[True]["default"] = recipes.networks(True, (*usual, *extra))
    found = []
    for r in range(rounds):
        x, y = stream(columns, classes, r)
        model, half = Classifier(range(classes)), EVENTS // 2
        _throughput.feed(model, {k: v[:half] for k, v in x.items()}, y[:half])
        assert len(model._pool.networks) == networks
        start = time.process_time()
        _throughput.feed(model, {k: v[half:] for k, v in x.items()}, y[half:])
        found.append((time.process_time() - start) / half * 1e6)
    return statistics.median(found)


def line(what: str, sizes: tuple[int, ...], costs: list[float]) -> dict[str, Any]:
    """The straight line through costs, and how far they lie from it."""
    slope, base = np.polyfit(sizes, costs, 1)
    off = np.abs(np.polyval((slope, base), sizes) / costs - 1.0).max()
    row: dict[str, Any] = {"by": what} | {
        f"size {i + 1}": f"{s}: {c:.1f} us" for i, (s, c) in enumerate(zip(sizes, costs, strict=True))
    }
    return row | {"us each": float(slope), "us at 0": float(base), "largest distance": float(off)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    _one_core.one_core()
    cost(8, 2, len(CLASSIFIER_NETWORKS), 1)  # kernels are loaded
    n = len(CLASSIFIER_NETWORKS)
    rows = [
        line("columns", COLUMNS, [cost(d, 2, n, options.rounds) for d in COLUMNS]),
        line("classes", CLASSES, [cost(8, c, n, options.rounds) for c in CLASSES]),
        line("networks", NETWORKS, [cost(8, 2, k, options.rounds) for k in NETWORKS]),
    ]
    _table.show("default pool, CPU us an event", rows)
    _table.keep(options.json, {"events": EVENTS, "rows": rows})


if __name__ == "__main__":
    main()
