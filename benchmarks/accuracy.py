"""Prequential scores of the default pool beside the simplest controls, labels at once, on every recorded stream.

    STREAMNN_DATA=... python benchmarks/accuracy.py --seeds 1 2 3 --json accuracy.json
    STREAMNN_DATA=... python benchmarks/accuracy.py --streams electricity --shuffle

One set of defaults. Scores are counted anew from the predictions and must equal the learner's own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import _data
import _one_core
import _play
import _table
import numpy as np

TARGETS = {
    "electricity": {"accuracy": 0.950, "log_loss": 0.125},
    "noaa_weather": {"accuracy": 0.806, "log_loss": 0.415},
    "covertype_first100k": {"accuracy": 0.945, "log_loss": 0.155},
    "bike_sharing_hour": {"mae": 28.0},
}
"""At least this accuracy, at most this log loss or mean absolute error."""


def run(stream: _data.Stream, seed: int, shuffle: bool, declare: bool) -> dict[str, float]:
    """One pass with one seed."""
    y = np.random.default_rng(seed).permutation(stream.y) if shuffle else stream.y
    model = _play.learner(stream, seed, declare)
    log = _play.at_once(y)
    p, cpu = _play.play(model, stream.columns, y, log)
    s, labels = model.scores(), log.learnt()
    speed = {"events_per_cpu_s": len(y) / cpu, "regret_per_event": s["regret_per_event"]}
    if not stream.classify:
        anew = _play.score_values(p, y, labels)
        _play.check(model, anew, len(labels))
        controls = {"no_change": s["no_change"], "mean": s["majority"], "linear": s["linear"]["mae"]}
        controls["deviation"] = float(y.std())
        return {**anew, **controls, **speed}
    anew = _play.score_classes(p, y, labels)
    _play.check(model, anew, len(labels))
    share = np.bincount(y[labels]) / len(labels)
    entropy = float(-(share * np.log(np.maximum(share, 1e-300))).sum())
    controls = {"no_change": s["no_change"], "majority": s["majority"], "entropy": entropy}
    logistic = {f"logistic_{k}": v for k, v in s["logistic"].items()}
    kappa = (anew["accuracy"] - s["no_change"]) / max(1.0 - s["no_change"], 1e-12)
    return {**anew, "log_loss": s["log_loss"], "kappa_temporal": kappa, **controls, **logistic, **speed}


def verdict(name: str, row: dict[str, Any], shuffle: bool, events: int) -> str:
    """Whether the targets are met; with shuffled labels, whether it's no better than the majority."""
    if shuffle:
        if "accuracy" not in row:
            # squared errors: in absolute ones the median beats the mean
            return "no better" if row["rmse"] >= 0.99 * row["deviation"] else "BETTER THAN THE MEAN"
        slack = 3.0 * (row["majority"] * (1.0 - row["majority"]) / events) ** 0.5
        # in log loss a leak shows long before it turns a decision
        leaks = row["accuracy"] > row["majority"] + slack or row["log_loss"] < 0.999 * row["entropy"]
        return "BETTER THAN THE MAJORITY" if leaks else "no better"
    missed = [
        f"{k} {goal:g}"
        for k, goal in TARGETS.get(name, {}).items()
        if (row[k] < goal if k == "accuracy" else row[k] > goal)
    ]
    if name not in TARGETS:
        return ""
    return "missed: " + ", ".join(missed) if missed else "met"


def mean_sd(name: str, runs: list[dict[str, float]]) -> tuple[dict[str, Any], dict[str, float]]:
    """Mean over the seeds, and standard deviation where there are several."""
    mean: dict[str, Any] = {k: float(np.mean([r[k] for r in runs])) for k in runs[0]}
    sd = {k: float(np.std([r[k] for r in runs], ddof=1)) for k in runs[0]} if len(runs) > 1 else {}
    return {"stream": name, **mean}, sd


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=[*_data.CLASSIFICATION, *_data.REGRESSION])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--shuffle", action="store_true", help="control: labels in random order")
    declare = argparse.BooleanOptionalAction
    parser.add_argument(
        "--declare", action=declare, default=False, help="tell the learner the classes beforehand"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    _one_core.one_core()
    _play.warm()
    tables: dict[str, list[dict[str, Any]]] = {"classification": [], "regression": []}
    for name in _data.present(options.streams):
        stream = _data.load(name)
        print(f"{name} ...", file=sys.stderr, flush=True)
        row, sd = mean_sd(name, [run(stream, s, options.shuffle, options.declare) for s in options.seeds])
        row["target"] = verdict(name, row, options.shuffle, len(stream))
        row["sd"] = sd
        tables["classification" if stream.classify else "regression"].append(row)
    how = "labels shuffled" if options.shuffle else "labels at once"
    for title, rows in tables.items():
        if rows:
            spread = "accuracy" if title == "classification" else "mae"
            shown = [{**r, "sd": r["sd"].get(spread)} for r in rows]
            _table.show(f"{title}, {how}, seeds {options.seeds}; sd is of the {spread}", shown)
    _table.keep(
        options.json,
        {
            "seeds": options.seeds,
            "declared": options.declare,
            "shuffled": options.shuffle,
            "targets": TARGETS,
            **tables,
        },
    )


if __name__ == "__main__":
    main()
