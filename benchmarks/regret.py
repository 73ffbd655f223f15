"""Loss over the best possible loss on processes where it is known, and every bound of the pool on every prefix.

    python benchmarks/regret.py --seeds 1 2 3 --events 10000 40000 --json regret.json

Prequential, labels at once, default pools. A ratio is the pool's loss over the second half of the events divided
by the oracle's realised loss on the same half; controls are fitted in hindsight to that very half. Values -1 and
1 are learnt both as classes (log loss, and squared loss of the mean 2p - 1) and as numbers (squared loss of the
point forecast). Figures are means over the seeds, +- half the distance between the least and the largest.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from _table import keep, show, write

from streamnn.learners import Classifier, Regressor
from streamnn.mixing.copies import trust_bound, trust_interval_bound
from streamnn.mixing.shares import shares_bound, shares_interval_bound
from streamnn.mixing.value_mixer import MIXABILITY
from streamnn.regret.comparators import best_sequences, regret, worst_interval
from streamnn.regret.hindsight import best_linear, best_logistic
from streamnn.regret.processes import PROCESSES, Process, process
from streamnn.types import LEARN, OBSERVE, Chunk

CHUNK = 500
ORDERS = (1, 4, 8, 16)
SWITCHES = (1, 4, 16)
LENGTHS = (100, 1000)
FLOAT32 = 1e-7  # the mixed probability is kept in float32: a log loss may be off by this an event
BARS = {
    ("hmm", 10_000): 1.02,
    ("parity", 10_000): 1.03,
    ("period7", 10_000): 1.09,
    ("tent", 10_000): 1.15,
    ("setar", 40_000): 1.17,
}


@dataclass
class Run:
    """What one pool did on one stream: predictions, losses of experts and pool in the pool's own loss, bounds."""

    experts: list[str]
    predicted: np.ndarray
    losses: np.ndarray
    pool: np.ndarray
    stated: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Regret bound that the learner stated when the chunk of each event was done."""
    prior: np.ndarray = field(default_factory=lambda: np.ones(1))
    """The experts' prior weights."""


class Recorder:
    """A pool, and everything its ledger was given."""

    def __init__(self, classify: bool):
        self.model: Classifier | Regressor = Classifier(classes=[-1, 1]) if classify else Regressor()
        self.rows: list[np.ndarray] = []
        self.predicted: list[np.ndarray] = []
        self.stated: list[np.ndarray] = []
        self.pool = self.model._pool
        start = self.pool.start

        def listen(timed: bool) -> None:
            start(timed)
            scan = self.pool.ledger.scan

            def listening(op: np.ndarray, losses: np.ndarray) -> None:
                self.rows.append(losses[op == LEARN])
                scan(op, losses)

            self.pool.ledger.scan = listening  # type: ignore[method-assign]

        self.pool.start = listen  # type: ignore[method-assign]

    def observe(self, x: np.ndarray, y: np.ndarray | None = None) -> np.ndarray:
        """See rows and learn their labels at once, where they are given; means, or probabilities of class 1."""
        op = np.tile(np.array([OBSERVE] if y is None else [OBSERVE, LEARN], np.int8), len(x))
        each = len(op) // len(x)
        ticket = np.repeat(self.model.next_ticket + np.arange(len(x)), each)
        label = np.full(len(op), None, object) if y is None else np.repeat(y, each)
        columns = {f"lag{k + 1:02}": np.ascontiguousarray(c) for k, c in enumerate(x.T)}
        out = self.model.run(Chunk(columns, op, ticket, label))
        said = out.mean if out.proba is None else out.proba[:, 1].astype(np.float64)
        assert said is not None
        self.predicted.append(said)
        return said

    def feed(self, x: np.ndarray, y: np.ndarray) -> None:
        """Predict and learn every event."""
        for a in range(0, len(y), CHUNK):
            b = min(a + CHUNK, len(y))
            self.observe(x[a:b], y[a:b])
            self.stated.append(np.full(b - a, self.pool.mixer.regret_bound))

    def done(self) -> Run:
        """What was recorded."""
        ledger = self.pool.ledger
        rows, at, n = np.concatenate(self.rows), len(ledger.scores), len(ledger.experts)
        return Run(
            list(ledger.experts),
            np.concatenate(self.predicted),
            rows[:, at : at + n],
            rows[:, at + n],
            np.concatenate(self.stated),
            self.pool.mixer.prior,
        )


def on_process(p: Process, n: int, classify: bool) -> Run:
    """A default pool on the first events of a process."""
    x, y = p.take(n)
    recorder = Recorder(classify)
    recorder.feed(x, y.astype(np.int64) if classify else y)
    return recorder.done()


def against_the_pool(n: int, classify: bool, seed: int) -> Run:
    """Rows are noise; the label is always the one that the pool likes least."""
    rng = np.random.default_rng(seed)
    recorder = Recorder(classify)
    for t in range(n):
        said = recorder.observe(rng.random((1, 4)))[0]
        worst = -1 if said > (0.5 if classify else 0.0) else 1
        recorder.model.learn(t, worst if classify else float(worst))
        recorder.stated.append(np.array([recorder.pool.mixer.regret_bound]))
    return recorder.done()


def falling_leaders(n: int, classify: bool, seed: int) -> Run:
    """What the label follows changes again and again, after 2, 4, 8, ... events and after every 200."""
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((n, 4)) < 0.5, -1.0, 1.0)
    t = np.arange(n)
    y = x[t, (np.floor(np.log2(t + 1.0)).astype(int) + t // 200) % 4]
    recorder = Recorder(classify)
    recorder.feed(x, y.astype(np.int64) if classify else y)
    return recorder.done()


@lru_cache(maxsize=64)
def _most(n: int, least: float, switches: int, classify: bool) -> np.ndarray:
    # the bound on every prefix; it depends on the least prior weight alone
    prior, scale = np.array([least]), 1.0 if classify else MIXABILITY
    return np.array(
        [
            shares_bound(k, prior, switches, scale) + (trust_bound(k) if classify else 0.0)
            for k in range(1, n + 1)
        ]
    )


def bounds(run: Run, classify: bool) -> dict[str, Any]:
    """Regret and bounds on the whole run; how many prefixes and intervals were checked, and broke a bound.

    Classes: log loss, mixed at rate 1, and the mixer's trust in its members costs a little more. Numbers: squared
    loss on clipped targets, which the aggregating algorithm mixes at a rate of its own.
    """
    (n, experts), prior = run.losses.shape, run.prior
    slack = FLOAT32 * np.arange(1, n + 1) + 1e-9
    regrets, static = regret(run.pool, run.losses), _most(n, prior.min(), 0, classify)
    row: dict[str, Any] = {"experts": experts, "regret": regrets[-1], "most on a prefix": regrets.max()}
    row["bound"] = static[-1]
    broken = (regrets > static + slack) | (regrets > run.stated + slack)
    checked = n
    best = best_sequences(run.losses, max(SWITCHES)).total
    own = np.cumsum(run.pool)
    for m in range(1, max(SWITCHES) + 1):
        bound = _most(n, prior.min(), m, classify)
        broken |= own - best[:, m] > bound + slack
        checked += n
        if m in SWITCHES:
            row |= {f"regret, {m} sw.": own[-1] - best[-1, m], f"bound, {m} sw.": bound[-1]}
    failed = int(broken.sum())
    for length in (k for k in LENGTHS if k <= n):
        worst = worst_interval(run.pool, run.losses, length).regret
        limit = shares_interval_bound(length, prior, 1.0 if classify else MIXABILITY)
        limit += trust_interval_bound(length) if classify else 0.0
        failed += worst > limit + FLOAT32 * n
        checked += n - length + 1
        row |= {f"worst {length}": worst, f"bound {length}": limit}
    return row | {"prefixes": checked, "broken": failed}


def views(p: Process) -> Iterator[tuple[str, bool, bool]]:
    """How a process can be learnt: (name, as classes, log loss)."""
    if p.binary:
        yield "log loss", True, True
        yield "squared, 2p - 1", True, False
    yield "squared, forecast", False, False


def losses_of(run: Run, y: np.ndarray, classify: bool, log: bool) -> np.ndarray:
    """The pool's loss at every event in the loss of a view."""
    if log:
        return -np.log(np.maximum(np.where(y > 0, run.predicted, 1.0 - run.predicted), 1e-6))
    return (y - (2.0 * run.predicted - 1.0 if classify else run.predicted)) ** 2


def controls(x: np.ndarray, y: np.ndarray, log: bool) -> dict[str, float]:
    """Mean loss of the mean and of linear models over the last 1, 4, 8, 16 values, all fitted to these events."""
    fitted = {}
    for k in (0, *ORDERS):
        fit = best_logistic(x[:, :k], (y > 0).astype(int), 2) if log else best_linear(x[:, :k], y)
        fitted[f"AR({k})" if k else "mean"] = float(fit.losses.mean())
    return fitted


def spread(values: list[float]) -> str:
    """Mean and half the distance between the extremes."""
    return f"{np.mean(values):.3f} +-{(max(values) - min(values)) / 2:.3f}"


def ratios(
    name: str, seeds: list[int], events: list[int]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """One process: rows of the table of ratios, figures of every seed, rows of the tables of bounds."""
    table, raw, bounded = [], [], []
    most = max(events)
    for label, classify, log in views(process(name)):
        ours: dict[int, list[float]] = {n: [] for n in events}
        others: dict[str, list[float]] = {}
        for seed in seeds:
            p = process(name, seed)
            x, y = p.take(most)
            run, oracle = _cached(name, seed, most, classify), p.best_losses(most, log)
            own = losses_of(run, y, classify, log)
            for n in events:
                half = slice(n // 2, n)
                star = oracle[half].mean()
                ratio = float(own[half].mean() / star)
                ours[n].append(ratio)
                found = {k: v / star for k, v in controls(x[half], y[half], log).items()}
                raw.append(
                    {
                        "process": name,
                        "loss": label,
                        "seed": seed,
                        "events": n,
                        "L*": star,
                        "ratio": ratio,
                        **found,
                    }
                )
                if n == most:
                    for k, v in found.items():
                        others.setdefault(k, []).append(float(v))
            if log or not p.binary:
                about = {"classes": classify, "stream": name, "seed": seed, "events": most}
                bounded.append(about | bounds(run, classify))
        row: dict[str, Any] = {"process": name, "loss": label}
        for n in events:
            bar = BARS.get((name, n))
            row |= {f"{n:,}": spread(ours[n])}
            if bar:
                row |= {"bar": f"{bar} at {n:,}", "met": bool(np.mean(ours[n]) <= bar)}
        row["rises"] = bool(np.mean(ours[most]) > np.mean(ours[min(events)]) + 0.0005)
        table.append(row | {k: float(np.mean(v)) for k, v in others.items()})
    return table, raw, bounded


def page(
    table: list[dict[str, Any]], bounded: list[dict[str, Any]], args: argparse.Namespace
) -> list[tuple[str, str | list[dict[str, Any]]]]:
    """The tables of docs/regret.md: ratios, and the runs of all seeds beside the bounds."""
    seeds = f"seeds {' '.join(map(str, args.seeds))}"
    ours = [
        {
            "process": r["process"],
            "loss": r["loss"],
            **{f"{n:,} events": r[f"{n:,}"] for n in sorted(args.events)},
            "target": r.get("bar"),
            "met": r.get("met"),
            "rises": r["rises"],
            "best linear in hindsight": min(v for k, v in r.items() if k == "mean" or k.startswith("AR(")),
        }
        for r in table
    ]
    parts: list[tuple[str, str | list[dict[str, Any]]]] = [(f"Loss / L* over the second half, {seeds}", ours)]
    for kind, unit in ((True, "classes: nats"), (False, "numbers: squared errors in scaled units")):
        rows = []
        for name in dict.fromkeys(r["stream"] for r in bounded if r["classes"] == kind):
            runs = [r for r in bounded if r["classes"] == kind and r["stream"] == name]
            row: dict[str, Any] = {"stream": name, "events": runs[0]["events"]}
            pairs = {"best expert": ("most on a prefix", "bound")}
            pairs |= {
                f"{m} switch{'es' if m > 1 else ''}": (f"regret, {m} sw.", f"bound, {m} sw.")
                for m in SWITCHES
            }
            pairs |= {f"any {n:,}": (f"worst {n}", f"bound {n}") for n in LENGTHS if f"worst {n}" in runs[0]}
            for title, (regrets, bound) in pairs.items():
                row[title] = f"{max(r[regrets] for r in runs):.1f} / {runs[0][bound]:.0f}"
            row |= {"checked": sum(r["prefixes"] for r in runs), "broken": sum(r["broken"] for r in runs)}
            rows.append(row)
        parts.append((f"Regret / bound, {unit}, largest over {seeds}", rows))
    return parts


_runs: dict[tuple[str, int, int, bool], Run] = {}


def _cached(name: str, seed: int, n: int, classify: bool) -> Run:
    key = name, seed, n, classify
    if key not in _runs:
        _runs[key] = on_process(process(name, seed), n, classify)
    return _runs[key]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", nargs="*", choices=list(PROCESSES), default=list(PROCESSES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--events", nargs="+", type=int, default=[10_000, 40_000])
    parser.add_argument(
        "--adversarial", type=int, default=5000, help="events of each adversarial stream, 0 for none"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path, help="renew the tables in this file")
    args = parser.parse_args()
    table: list[dict[str, Any]] = []
    raw: list[dict[str, Any]] = []
    bounded: list[dict[str, Any]] = []
    for name in args.processes:
        for rows, more in zip(
            (table, raw, bounded), ratios(name, args.seeds, sorted(args.events)), strict=True
        ):
            rows += more
        _runs.clear()
    for make in (against_the_pool, falling_leaders) if args.adversarial else ():
        for classify in (True, False):
            for seed in args.seeds:
                run = make(args.adversarial, classify, seed)
                title = make.__name__.replace("_", " ")
                about = {"classes": classify, "stream": title, "seed": seed, "events": args.adversarial}
                bounded.append(about | bounds(run, classify))
    if table:
        show(
            f"loss / best possible loss, second half; controls in hindsight on the second half of {max(args.events):,}",
            table,
        )
    for kind, unit in ((True, "classes: regret in nats"), (False, "numbers: regret in squared scaled units")):
        some = [{k: v for k, v in r.items() if k != "classes"} for r in bounded if r["classes"] == kind]
        show(f"{unit}, proven bounds; broken counts prefixes and intervals above a bound", some)
    keep(args.json, {"ratios": table, "seeds": raw, "bounds": bounded})
    if args.markdown:
        write(args.markdown, "regret.py", page(table, bounded, args))


if __name__ == "__main__":
    main()
