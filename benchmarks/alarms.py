"""False alarms on dependent stationary streams, delays on true changes, and the cost of the drift monitor.

    python benchmarks/alarms.py --streams 10 --json alarms.json

Budget: one false alarm per 10,000 events. Every stream is stationary (first table), or changes once, at event
50,000 (second table); the seeds are fixed, so the figures repeat.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from streamnn.alarms import DriftMonitor

N, AT, WINDOW = 100_000, 50_000, 20_000
PER = 10_000
KINDS = (
    *("iid", "ar .5", "ar .9", "ar .99", "hmm .01", "hmm .002"),
    *("sine 48", "sine 336", "garch", "log-normal", "errors .1"),
)
CHANGED_ON = ("iid", "ar .9")
CHANGES = ("mean .5 sd", "mean 1 sd", "mean 2 sd", "variance x2")


@njit
def _autoregressive(noise: np.ndarray, rho: float) -> np.ndarray:
    x = noise.copy()
    for t in range(1, x.size):
        x[t] = rho * x[t - 1] + np.sqrt(1.0 - rho * rho) * noise[t]
    return x


@njit
def _volatile(noise: np.ndarray, a: float, b: float) -> np.ndarray:
    x = np.empty(noise.size)
    h = 1.0
    for t in range(x.size):
        x[t] = np.sqrt(h) * noise[t]
        h = 1.0 - a - b + a * x[t] * x[t] + b * h
    return x


def background(kind: str, n: int, seed: int) -> np.ndarray:
    """A stationary stream of mean 0 and sd 1 (rates of errors: 0 or 1)."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    noise = rng.standard_normal(n)
    name, _, figure = kind.partition(" ")
    if name == "ar":
        return _autoregressive(noise, float(figure))
    if name == "hmm":  # two hidden states, left with that probability an event
        state = (np.cumsum(rng.random(n) < float(figure)) + rng.integers(2)) % 2
        return (2.0 * state - 1.0 + 0.5 * noise) / np.sqrt(1.25)
    if name == "sine":
        wave = np.sin(2 * np.pi * (np.arange(n) / float(figure) + rng.random()))
        return wave + np.sqrt(0.5) * noise
    if name == "garch":
        return _volatile(noise, 0.08, 0.9)
    if name == "log-normal":
        return (np.exp(noise) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
    if name == "errors":
        return (rng.random(n) < float(figure)) * 1.0
    return noise


def changed(kind: str, change: str, n: int, seed: int) -> np.ndarray:
    """A background that changes at event AT and stays so."""
    x = background(kind, n, 1000 + seed)
    if change == "variance x2":
        x[AT:] *= np.sqrt(2.0)
    else:
        x[AT:] += float(change.split()[1])
    return x


def alarms_of(*signals: np.ndarray) -> list[tuple[int, int]]:
    """Event and estimated start of every alarm of a family of signals."""
    monitor = DriftMonitor([f"signal {i}" for i in range(len(signals))], PER)
    event = np.arange(signals[0].size)
    found = monitor.scan({f"signal {i}": x for i, x in enumerate(signals)}, event)
    return sorted((a.event, a.began) for a in found)


def false_alarms(streams: int) -> list[dict[str, Any]]:
    """Rates per 10,000 events on each kind of stream, and for families of two that share a slow factor."""

    def row(name: str, runs: list[list[tuple[int, int]]]) -> dict[str, Any]:
        counts = np.array([len(r) for r in runs]) * PER / N
        first = [sum(e < PER for e, _ in r) for r in runs]
        return {
            "stream": name,
            "per_10k": round(float(counts.mean()), 3),
            "first_10k": round(float(np.mean(first)), 3),
            "worst": round(float(counts.max()), 3),
        }

    rows = [row(kind, [alarms_of(background(kind, N, i)) for i in range(streams)]) for kind in KINDS]
    for share in (0.3, 0.9):
        runs = []
        for i in range(streams):
            slow = background("ar .9", N, 500 + i)
            own = background("iid", N, 500 + i), background("log-normal", N, 500 + i)
            runs.append(alarms_of(*[np.sqrt(share) * slow + np.sqrt(1 - share) * x for x in own]))
        rows.append(row(f"two signals, {share:g} in common", runs))
    return rows


def delays(streams: int) -> list[dict[str, Any]]:
    """Median delay of the first alarm after a change; misses within WINDOW events."""
    rows = []
    for kind in CHANGED_ON:
        for change in CHANGES:
            delay, began = [], []
            for i in range(streams):
                after = [a for a in alarms_of(changed(kind, change, AT + WINDOW, i)) if a[0] >= AT]
                delay.append(after[0][0] - AT if after else WINDOW)
                began += [after[0][1] - AT] if after else []
            rows.append(
                {
                    "stream": kind,
                    "change": change,
                    "median_delay": float(np.median(delay)),
                    "q90_delay": float(np.quantile(delay, 0.9)),
                    "missed": float(np.mean([d == WINDOW for d in delay])),
                    "began_error": float(np.median(began)) if began else None,
                }
            )
    return rows


def cost() -> list[dict[str, Any]]:
    """CPU microseconds an event and signal, the best of five."""
    rows = []
    for kind in ("iid", "ar .9"):
        x, event, best = background(kind, N, 0), np.arange(N), np.inf
        for _ in range(5):
            monitor = DriftMonitor(["surprise"], PER)
            start = time.process_time()
            monitor.scan({"surprise": x}, event)
            best = min(best, time.process_time() - start)
        rows.append({"stream": kind, "us_per_event": round(best / N * 1e6, 3)})
    return rows


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """Print rows as a table."""
    cells = [
        list(rows[0]),
        *[[f"{v:g}" if isinstance(v, float) else str(v) for v in r.values()] for r in rows],
    ]
    wide = [max(len(c[i]) for c in cells) for i in range(len(cells[0]))]
    print(f"\n{title}")
    for c in cells:
        print(
            "  ".join(
                v.ljust(w) if i == 0 else v.rjust(w) for i, (v, w) in enumerate(zip(c, wide, strict=True))
            )
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", type=int, default=10, help="streams of each kind")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    figures = {"streams": options.streams, "events": N, "budget_events": PER}
    tables = {
        "cost": ("CPU us an event", cost()),
        "false_alarms": ("False alarms per 10,000 events, budget 1", false_alarms(options.streams)),
        "delays": (f"Delay in events, change at {AT:,}, missed after {WINDOW:,}", delays(options.streams)),
    }
    for title, rows in tables.values():
        show(title, rows)
    if options.json:
        options.json.write_text(
            json.dumps(figures | {k: rows for k, (_, rows) in tables.items()}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
