"""Torch networks of one's own beside deep-river: its examples, in batches of one, by speed and by score, in one run.

    STREAMNN_DATA=... .peers/bin/python benchmarks/beside_deep_river.py --json beside_deep_river.json

One process, one core, one thread; rounds are interleaved and the median is shown with its spread. Compiling, tracing
and the first 300 events of every model are not timed. The scores are of river's streams, each event predicted before
it is learnt.
"""

from __future__ import annotations

import _one_core

_one_core.one_core()

import argparse  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from importlib.metadata import version  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import _data  # noqa: E402
import _deep_river_nets as nets  # noqa: E402
import _deep_river_scores as scores  # noqa: E402
import _table  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

WARM = 300
CHUNK = 512
EVENTS = {"deep-river": 2000, "eager": 2000, "traced": 4000, "lowered": 20_000}
"""Timed events: the slow ones get fewer."""
ASKED = {"lowered": 20.0, "traced": 5.0}
"""How many times as fast as deep-river a road is to be."""
OPTIONS: dict[str, dict[str, Any]] = {
    "mlp": {"lr": 0.01, "optimizer": "adam"},
    "lstm": {"lr": 0.005, "optimizer": "sgd"},
    "autoencoder": {"lr": 0.01, "optimizer": "sgd"},
}
"""Of both sides."""


def their_options(case: str) -> dict[str, Any]:
    """The same in deep-river's words."""
    o = OPTIONS[case]
    more = {} if case == "autoencoder" else {"is_class_incremental": True}
    return {"optimizer_fn": o["optimizer"], "lr": o["lr"], **more}


class Rows:
    """Electricity, standardised: as dicts, and as columns."""

    def __init__(self) -> None:
        stream = _data.load("electricity", WARM + max(EVENTS.values()))
        x = _data.standardised(stream).astype(float)
        self.names = list(stream.columns)
        self.x, self.y = x, stream.y.astype(int)
        self.dicts = [dict(zip(self.names, row, strict=True)) for row in x.tolist()]
        self.labels = self.y.tolist()

    def columns(self, a: int, b: int) -> dict[str, np.ndarray]:
        """Rows a to b as a table."""
        return {n: self.x[a:b, i].copy() for i, n in enumerate(self.names)}


def one_by_one(model: Any, rows: Rows, a: int, b: int) -> None:
    """Predict, then learn, a dict an event."""
    for x, y in zip(rows.dicts[a:b], rows.labels[a:b], strict=True):
        model.predict_proba_one(x)
        model.learn_one(x, y)


def scored(model: Any, rows: Rows, a: int, b: int) -> None:
    """The same of a detector of anomalies."""
    for x in rows.dicts[a:b]:
        model.score_one(x)
        model.learn_one(x)


def in_chunks(model: Any, rows: Rows, a: int, b: int) -> None:
    """Every event is predicted and then learnt, as one by one; a chunk is handed over at a time."""
    for at in range(a, b, CHUNK):
        end = min(b, at + CHUNK)
        model.learn_many(rows.columns(at, end), rows.labels[at:end])


def seconds(make: Callable[[], Any], feed: Callable[..., None], rows: Rows, events: int) -> float:
    """CPU seconds an event."""
    model = make()
    feed(model, rows, 0, WARM)
    start = time.process_time()
    feed(model, rows, WARM, WARM + events)
    return (time.process_time() - start) / events


def contenders(
    case: str, inputs: int, roads: list[str]
) -> dict[str, tuple[str, Callable[[], Any], Callable[..., None]]]:
    """By words: whose events they get, how one is made, how it is fed."""
    feed = scored if case == "autoencoder" else one_by_one
    found: dict[str, Any] = {
        "deep-river, a dict an event": (
            "deep-river",
            lambda: nets.theirs(case, "classification", inputs, **their_options(case)),
            feed,
        )
    }
    for road in roads:
        make: Callable[[], Any] = lambda road=road: nets.ours(  # noqa: E731
            case, "classification", road, **OPTIONS[case]
        )
        found[f"{road}, a dict an event"] = (road, make, feed)
        if case != "autoencoder":
            found[f"{road}, in chunks of {CHUNK}"] = (road, make, in_chunks)
    return found


def speed(case: str, rows: Rows, roads: list[str], rounds: int) -> list[dict[str, Any]]:
    """A row a contender: microseconds an event, and how many times as fast as deep-river."""
    arms = contenders(case, len(rows.names), roads)
    found: dict[str, list[float]] = {words: [] for words in arms}
    for r in range(rounds):
        for words, (road, make, feed) in arms.items():
            print(f"\r{case}, round {r + 1} of {rounds}: {words:40}", end="", file=sys.stderr, flush=True)
            found[words].append(seconds(make, feed, rows, EVENTS[road]))
    print(f"\r{'':70}\r", end="", file=sys.stderr)
    base = statistics.median(next(iter(found.values())))
    out = []
    for words, took in found.items():
        middle = statistics.median(took)
        asked = ASKED.get(arms[words][0])
        out.append(
            {
                case: words,
                "us an event": 1e6 * middle,
                "spread": (max(took) - min(took)) / 2 / middle,
                "times deep-river": base / middle,
                "asked": asked,
                "verdict": None if asked is None else "met" if base / middle >= asked else "missed",
            }
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="+", default=["mlp", "lstm"], choices=list(OPTIONS))
    parser.add_argument("--roads", nargs="+", default=list(nets.ROADS), choices=nets.ROADS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["speed", "scores"])
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, Any] = {p: version(p) for p in ("deep-river", "river", "torch")}
    print(", ".join(f"{k} {v}" for k, v in figures.items()))
    if args.only != "scores":
        rows = Rows()
        figures["speed"] = {case: speed(case, rows, args.roads, args.rounds) for case in args.cases}
        for case, table in figures["speed"].items():
            _table.show(f"electricity, batch of one, {OPTIONS[case]}", table)
    if args.only != "speed":
        figures["scores"] = scores.measured()
        _table.show("scores, predicted before learnt", figures["scores"])
    _table.keep(args.json, figures)


if __name__ == "__main__":
    main()
