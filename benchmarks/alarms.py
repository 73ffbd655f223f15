"""Drift alarms: false ones on stationary streams, delays on true changes beside peers, causes, recorded streams, cost.

    python benchmarks/alarms.py --json alarms.json
    python benchmarks/alarms.py --only changes --streams 24 --cache peers.json

Budget: one false alarm per 10,000 events. Scalar streams change at event 50,000 and are watched for 20,000 more;
the default pool's streams change at 10,000 and are watched for 5,000. Seeds are fixed, so the figures repeat.
Peers are tuned, stream by stream, to one alarm per 10,000 events on other stationary streams of the same kind;
with --cache their figures are kept in a file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _alarm_scenes as scenes
import _alarm_streams as streams
import numpy as np
from _alarm_peers import PEERS, tuned
from _data import present

from streamnn.alarms import DriftMonitor

N, AT, WINDOW = 100_000, 50_000, 20_000
PER = 10_000
WARM_UP_EVENTS = 1000  # events that a pool's loss is left alone
Rows = list[dict[str, Any]]


def alarms_of(**signals: np.ndarray) -> list[tuple[int, int]]:
    """Event and estimated start of every alarm of a family of signals."""
    event = np.arange(len(next(iter(signals.values()))))
    found = DriftMonitor(list(signals), PER).scan(signals, event)
    return [(a.event, a.began) for a in found if a.statistic != "review"]


def _rate(name: str, runs: list[list[int]], events: int = N) -> dict[str, Any]:
    counts = np.array([len(r) for r in runs]) * PER / events
    return {
        "stream": name,
        "streams": len(runs),
        "per_10k": round(float(counts.mean()), 2),
        "error": round(float(counts.std() / np.sqrt(len(runs))), 2),
        "first_10k": round(float(np.mean([sum(e < PER for e in r) for r in runs])), 2),
        "worst": round(float(counts.max()), 2),
    }


def false_alarms(count: int) -> Rows:
    """One scalar at a time, and the surprise and loss of a pool that learns on a stationary process."""
    rows = []
    for kind in streams.KINDS:
        found = [[e for e, _ in alarms_of(x=streams.background(kind, N, i))] for i in range(count)]
        rows.append(_rate(kind, found))
    return rows


def learner(count: int) -> Rows:
    """The default pool, its eight scalars and its own alarms, on stationary streams."""
    rows = []
    for background in scenes.BACKGROUNDS:
        runs = [scenes.run(*scenes.scene(background, "none", 100 + i, N // 2)) for i in range(count)]
        rows.append(
            _rate(
                f"pool on {background}: all 8",
                [[a.event for a in r.alarms if a.statistic != "review"] for r in runs],
                N // 2,
            )
        )
        rows.append(
            _rate(
                f"pool on {background}: its loss alone",
                [[e + WARM_UP_EVENTS for e, _ in alarms_of(loss=r.loss[WARM_UP_EVENTS:])] for r in runs],
                N // 2,
            )
        )
    return rows


def families(count: int) -> Rows:
    """Eight unlike scalars with a slow factor in common, one budget."""
    return [
        _rate(
            f"8 signals, {share:g} in common",
            [[e for e, _ in alarms_of(**streams.family(N, i, share))] for i in range(count)],
        )
        for share in (0.0, 0.3, 0.7, 0.95)
    ]


def fresh(count: int) -> Rows:
    """Kinds generated after the detector was fixed."""
    return [
        _rate(name, [[e for e, _ in alarms_of(x=streams.fresh(name, N, i))] for i in range(count)])
        for name in streams.FRESH
    ]


def _delay(found: list[int], at: int, window: int) -> int:
    return next((e - at for e in found if at <= e < at + window), window)


def _peer_delays(kind: str, count: int, at_rate: float) -> dict[str, dict[str, list[float]]]:
    """Median delay and share missed of every peer on every change."""
    still = [streams.background(kind, AT, 5000 + i) for i in range(8)]
    out: dict[str, dict[str, list[float]]] = {c: {} for c in streams.CHANGES}
    for peer in PEERS:
        some = min(count, 8) if peer == "KSWIN" else count
        knob, rate = tuned(peer, still[:3] if peer == "KSWIN" else still, at_rate)
        for change in streams.CHANGES:
            delay = []
            for i in range(some):
                x = streams.changed(kind, change, AT + WINDOW, AT, i)
                delay.append(_delay(PEERS[peer][0](x, knob).tolist(), AT, WINDOW))
            out[change][peer] = [float(np.median(delay)), float(np.mean(np.array(delay) == WINDOW)), rate]
    return out


def changes(count: int, cache: dict[str, Any], at_rate: float) -> Rows:
    """Delays after one change of a scalar, beside the best peer that raises at most `at_rate` alarms by itself."""
    rows = []
    for kind in streams.CHANGED_ON:
        key = f"scalar {kind} {count}" + (f" at {at_rate:g}" if at_rate != 1.0 else "")
        if key not in cache:
            cache[key] = _peer_delays(kind, count, at_rate)
        for change in streams.CHANGES:
            delay, began, before = [], [], 0
            for i in range(count):
                found = alarms_of(x=streams.changed(kind, change, AT + WINDOW, AT, i))
                before += sum(e < AT for e, _ in found)
                delay.append(_delay([e for e, _ in found], AT, WINDOW))
                began += [b - AT for e, b in found if e >= AT][:1]
            peers = cache[key][change]
            allowed = {p: v for p, v in peers.items() if v[2] <= 1.1 * at_rate}
            best = min(allowed, key=lambda p: allowed[p][0])
            rows.append(
                {
                    "stream": kind,
                    "change": change,
                    "delay": float(np.median(delay)),
                    "missed": round(float(np.mean(np.array(delay) == WINDOW)), 3),
                    "began_error": float(np.median(np.abs(began))) if began else None,
                    "rate_before": round(before / count / (AT / PER), 2),
                    "best_peer": best,
                    "peer_delay": peers[best][0],
                    "peer_missed": round(peers[best][1], 3),
                    "sooner": bool(np.median(delay) < peers[best][0]),
                }
            )
    return rows


def causes(count: int, seed: int) -> Rows:
    """The default pool's delays and causes on made changes, seeds from `seed` on; the peers watch its loss."""
    rows = []
    for background in scenes.BACKGROUNDS:
        still = [scenes.run(*scenes.scene(background, "none", 50 + i)).loss for i in range(count)]
        knobs = {p: tuned(p, [x[1000:] for x in still[: 2 if p == "KSWIN" else None]], 1.0) for p in PEERS}
        for change, right in scenes.SCENES.items():
            if not right:
                continue
            runs = [scenes.run(*scenes.scene(background, change, seed + i)) for i in range(count)]
            window = scenes.N - scenes.AT
            late = [[a for a in r.alarms if a.event >= scenes.AT] for r in runs]
            # a review of an alarm before the change says nothing of it
            after = [r[next((i for i, a in enumerate(r) if a.statistic != "review"), len(r)) :] for r in late]
            delay = [_delay([a.event for a in r], scenes.AT, window) for r in after]
            at_once = [r[0].cause for r in after if r]
            first = [
                next((a.cause for a in r if a.statistic == "review" and a.began == r[0].began), r[0].cause)
                for r in after
                if r
            ]
            peers = {
                p: float(
                    np.median(
                        [
                            _delay((PEERS[p][0](r.loss[1000:], k) + 1000).tolist(), scenes.AT, window)
                            for r in runs
                        ]
                    )
                )
                for p, (k, rate) in knobs.items()
                if rate <= 1.1
            }
            best = min(peers, key=lambda p: peers[p])
            said = {c: first.count(c) for c in sorted(set(first), key=lambda c: -first.count(c))}
            rows.append(
                {
                    "inputs": background,
                    "change": change,
                    "delay": float(np.median(delay)),
                    "missed": round(float(np.mean(np.array(delay) == window)), 3),
                    "at_once": round(at_once.count(right) / max(len(first), 1), 2),
                    "right": round(first.count(right) / max(len(first), 1), 2),
                    "best_peer": best,
                    "peer_delay": peers[best],
                    "sooner": bool(np.median(delay) < peers[best]),
                    "said": ", ".join(f"{c} {n}" for c, n in said.items()),
                }
            )
    return rows


def real() -> Rows:
    """What the default pool raises within 1,000 events of a dated change on recorded streams, and in all."""
    rows = []
    for name in present(list(scenes.DATED)):
        r = scenes.recorded(name)
        alarms = [a for a in r.alarms if a.statistic != "review"]
        for at, what in scenes.DATED[name].items():
            near = [a for a in alarms if at <= a.event < at + 2000]
            a = near[0] if near else None
            rows.append(
                {
                    "stream": name,
                    "event": at,
                    "what": what,
                    "after": a.event - at if a else None,
                    "began": a.began - at if a else None,
                    "cause": a.cause if a else "-",
                    "signal": f"{a.signal} {a.direction}" if a else "-",
                    "feature": a.feature if a else "",
                    "alarms_in_all": len(alarms),
                    "per_10k": round(len(alarms) * PER / len(r.loss), 2),
                }
            )
    return rows


def nab() -> Rows:
    """NAB's own score, at two budgets; peers at knobs tuned on white noise."""
    if not present(["nab"]):
        return []
    rows = []
    noise = [streams.background("iid", 50_000, i) for i in range(4)]
    for budget in (10_000, 2000):
        peers = {p: (PEERS[p][0], tuned(p, noise, PER / budget)[0]) for p in PEERS}
        rows += [{"budget": budget, **r} for r in scenes.nab(budget, peers)]
    return rows


def cost() -> Rows:
    """CPU microseconds an event, the best of five."""
    rows = []
    cases: dict[str, dict[str, np.ndarray]] = {
        k: {"x": streams.background(k, N, 0)} for k in ("iid", "ar .9")
    }
    cases["8 unlike signals"] = streams.family(N, 0, 0.3)
    for name, signals in cases.items():
        event, best = np.arange(N), np.inf
        for _ in range(5):
            monitor = DriftMonitor(list(signals), PER)
            start = time.process_time()
            monitor.scan(signals, event)
            best = min(best, time.process_time() - start)
        rows.append({"stream": name, "us_per_event": round(best / N * 1e6, 2)})
    return rows


def show(title: str, rows: Rows) -> None:
    """Print rows as a table."""
    if not rows:
        return
    cells = [
        list(rows[0]),
        *[[f"{v:g}" if isinstance(v, float) else str(v) for v in r.values()] for r in rows],
    ]
    wide = [max(len(c[i]) for c in cells) for i in range(len(cells[0]))]
    print(f"\n{title}")
    for c in cells:
        print("  ".join(v.ljust(w) for v, w in zip(c, wide, strict=True)).rstrip(), flush=True)
    for key in ("sooner", "at_once", "right"):
        if key in rows[0]:
            print(f"{key}: {100 * np.mean([float(r[key]) for r in rows]):.0f} % of {len(rows)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", type=int, default=20, help="streams of each kind")
    parser.add_argument(
        "--pools", type=int, default=6, help="streams of each kind for what runs a whole pool"
    )
    parser.add_argument("--only", nargs="*", help="some of the tables")
    parser.add_argument(
        "--peer-rate", type=float, default=1.0, help="alarms per 10,000 events that peers may raise"
    )
    parser.add_argument("--seed", type=int, default=0, help="first seed of the pools that change")
    parser.add_argument("--cache", type=Path, help="keep the peers' figures here")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    kept = options.cache is not None and options.cache.is_file()
    cache: dict[str, Any] = json.loads(options.cache.read_text()) if kept else {}
    n, p = options.streams, options.pools
    tables: dict[str, tuple[str, Callable[[], Rows]]] = {
        "cost": ("CPU us an event", cost),
        "false": ("False alarms per 10,000 events, budget 1", lambda: false_alarms(n)),
        "family": (
            "Families of 8, one budget: false alarms per 10,000 events",
            lambda: families(max(n // 2, 2)),
        ),
        "fresh": ("Fresh kinds: false alarms per 10,000 events", lambda: fresh(max(n // 2, 2))),
        "learner": (
            "A pool that learns on a stationary process: alarms per 10,000 events",
            lambda: learner(p),
        ),
        "changes": (
            f"One scalar: median delay, missed after {WINDOW:,}",
            lambda: changes(n, cache, options.peer_rate),
        ),
        "causes": ("Default pool: delay and cause; peers on its loss", lambda: causes(p, options.seed)),
        "real": ("Recorded streams with dated changes", real),
        "nab": ("NAB, its own score", nab),
    }
    figures: dict[str, Any] = {"streams": n, "pools": p, "events": N, "budget_events": PER}
    for name, (title, make) in tables.items():
        if options.only and name not in options.only:
            continue
        figures[name] = make()
        show(title, figures[name])
        if options.cache:
            options.cache.write_text(json.dumps(cache) + "\n")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
