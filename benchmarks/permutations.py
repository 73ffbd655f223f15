"""Learned permutations: what they find, what rounding costs, how they recover, and where they pay (paper 6).

    python benchmarks/permutations.py --part streams order reopen rounding cost --seeds 5 --json permutations.json

graphs, teachers    the rule alone: regular graphs matched, closed-form two-layer teachers recovered
streams, order      hidden groups among inputs, n 32 and 64; the strict order learned < fixed < none
rounding            loss on rows not learnt from, soft and rounded, with the penalty and without
reopen              columns change places half-way, an alarm 500 events later
sensors             512 sensors of 16 machines: groups by correlation
cost                a committed order beside a fixed one
fingerprints        columns re-identified after all were permuted (needs STREAMNN_DATA)

All losses are of a prediction before its label is learnt. Networks are the lowered ones of streamnn, Adam without
momentum, step .003.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import _data
import _permutation_puzzles as puzzles
import _permutation_streams as streams
import _table
import numpy as np
from _permutation_network import Bare

from streamnn.lowered.grouped_network import grouped_network
from streamnn.lowered.reopening import permutations, reopen_network
from streamnn.permutations.assignment import assignment
from streamnn.permutations.fingerprints import Fingerprints, rewired
from streamnn.permutations.places import COMMITTED, COUNTERS_AT, SINCE, STATE_AT
from streamnn.permutations.reopening import index_of, shares_of
from streamnn.permutations.schedule import Schedule

Row = dict[str, Any]
EVENTS = 100_000
GRAPHS = 9
"""Of a seed: among 15 graphs of 12 nodes 11 to 15 are matched, by the starts alone."""
ORDERS = ("none", "fixed", "random", "learned", "grouping", "dense", "dense, equal cost", "true order")


def network(
    by: str, n: int, groups: int, order: np.ndarray, seed: int, outputs: int = 1, units: int = 0, **more: Any
) -> Bare:
    """An arm by its name."""
    units = units or n
    if by.startswith("dense"):
        units, groups, by = (units // groups if "equal" in by else units), 1, "none"
    schedule = more.pop("schedule", None)
    make = grouped_network(units, groups, order if by == "true order" else by, schedule, seed=seed + 100)
    return Bare(make(n, outputs), **more)


def spread(v: list[float]) -> str:
    """Mean and standard deviation."""
    return f"{np.mean(v):.3f}+-{np.std(v):.3f}"


def settled(net: Bare) -> int | None:
    """Labels until the first order was committed; None if it was not."""
    for _, p, t in permutations(net.plan, net.learnt):
        c = t.whole[p + COUNTERS_AT]
        if t.counters[c + STATE_AT] == COMMITTED:
            return int(t.counters[c + SINCE])
    return None


def _arms(
    title: str,
    names: tuple[str, ...],
    seeds: int,
    case: Callable[[int], tuple[Any, Any, Any]],
    n: int,
    groups: int,
) -> Iterator[Row]:
    found: dict[str, list[tuple[float, float, int | None, float]]] = {}
    for seed in range(seeds):
        x, y, order = case(seed)
        for by in names:
            net = network(by, n, groups, order, seed)
            began = time.process_time()
            losses, _ = net.run(x, y)
            us = (time.process_time() - began) / len(x) * 1e6
            found.setdefault(by, []).append((losses.mean(), losses[-len(x) // 4 :].mean(), settled(net), us))
    for by, v in found.items():
        yield {
            "stream": title,
            "arm": by,
            "all": spread([a[0] for a in v]),
            "last quarter": spread([a[1] for a in v]),
            "committed at": " ".join(str(a[2] or "-") for a in v) if by in ("learned", "grouping") else "",
            "us an event": round(float(np.median([a[3] for a in v])), 2),
        }


def of_streams(seeds: int) -> Iterator[Row]:
    """Hidden groups among the inputs."""
    for n, groups in ((32, 4), (64, 8)):
        yield from _arms(
            f"n {n} g {groups}",
            ORDERS,
            seeds,
            lambda s, n=n, g=groups: streams.hidden_groups(n, g, s, EVENTS),
            n,
            groups,
        )


def of_order(seeds: int) -> Iterator[Row]:
    """The stream on which a fixed order is better than none."""

    def case(seed: int) -> Any:
        return streams.hidden_groups(32, 4, seed, EVENTS, streams.partly_fixed(32, 4, seed))

    yield from _arms("40 % of the fixed order permuted", ORDERS, seeds, case, 32, 4)


def of_rounding(seeds: int) -> Iterator[Row]:
    """What rounding costs at the end, on rows that are not learnt from."""
    arms = {
        "mirror, penalty, trial": None,
        "mirror, no penalty": Schedule(penalty=0.0),
        "clip, no penalty": Schedule(penalty=0.0, rule="clip", step=0.032),
        "clip every event, penalty, no hold": Schedule(
            rule="clip", step=0.0032, every=1, hold=0, penalty=0.3, tolerance=1e9
        ),
    }
    for name, schedule in arms.items():
        soft, hard = [], []
        for seed in range(seeds):
            x, y, order = streams.hidden_groups(32, 4, seed, EVENTS + 4000)
            net = network("learned", 32, 4, order, seed, schedule=replace(schedule or Schedule(), seed=seed))
            net.run(x[:EVENTS], y[:EVENTS])
            soft.append(float(net.look(x[EVENTS:], y[EVENTS:]).mean()))
            _round(net)
            hard.append(float(net.look(x[EVENTS:], y[EVENTS:]).mean()))
        yield {
            "arm": name,
            "soft": spread(soft),
            "rounded": spread(hard),
            "rounded / soft": round(float(np.mean(np.array(hard) / soft)), 3),
        }


def _round(net: Bare) -> None:
    for _, p, t in permutations(net.plan, net.learnt):
        c = t.whole[p + COUNTERS_AT]
        if t.counters[c + STATE_AT] != COMMITTED:
            index_of(p, t)[...] = np.argsort(assignment(shares_of(p, t)))
            t.counters[c + STATE_AT] = COMMITTED


def of_reopening(seeds: int) -> Iterator[Row]:
    """Columns change places at event 60,000; losses of windows of 5,000 from there on."""
    half, late = 60_000, 500
    starts = (-5_000, 0, 5_000, 10_000, 20_000, 30_000, 55_000)
    for what in ("8 of 32", "all 32"):
        found: dict[str, list[np.ndarray]] = {}
        for seed in range(seeds):
            x, y, order = streams.hidden_groups(32, 4, seed, 2 * half)
            rng = np.random.default_rng([seed, 99])
            moved = rng.permutation(32)
            if what == "8 of 32":
                some = rng.choice(32, 8, replace=False)
                moved = np.arange(32)
                moved[some] = moved[np.roll(some, 1)]
            x[half:] = x[half:, moved]
            index = np.argsort(order) // 8
            for arm in ("weights only", "permutation, part", "permutation, all", "grouping, all", "dense"):
                by = "grouping" if "grouping" in arm else "dense" if arm == "dense" else "true order"
                net = network(by, 32, 4, order, seed)
                if by == "grouping":  # begins committed to the truth
                    for row, p, t in permutations(net.plan, net.learnt):
                        del row
                        index_of(p, t)[...] = index
                        t.counters[t.whole[p + COUNTERS_AT] + STATE_AT] = COMMITTED
                first, _ = net.run(x[: half + late], y[: half + late])
                if ", " in arm:
                    reopen_network(net.plan, net.learnt, arm.split(", ")[1])
                rest, _ = net.run(x[half + late :], y[half + late :])
                losses = np.concatenate([first, rest])
                found.setdefault(arm, []).append(
                    np.array([losses[half + a : half + a + 5_000].mean() for a in starts])
                )
        for arm, v in found.items():
            means = np.mean(v, axis=0)
            yield {
                "changed": what,
                "arm": arm,
                **{f"{a:+,}": round(float(m), 3) for a, m in zip(starts, means, strict=True)},
                "sd, last": round(float(np.std([a[-1] for a in v])), 3),
            }


def of_sensors(seeds: int) -> Iterator[Row]:
    """512 sensors: log loss and accuracy in the second half."""
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(seeds):
        x, y, order = streams.sensors(seed)
        half = len(x) // 2
        for by in ("dense", "dense, equal cost", "random", "correlation", "true order"):
            net = network(by, 512, 16, order, seed, outputs=4, units=64, step=0.001, classify=True)
            losses, right = net.run(x, y)
            same = float("nan")
            for _, p, t in permutations(net.plan, net.learnt):
                same = streams.together(index_of(p, t), order, 16)
            found.setdefault(by, []).append(
                (float(losses[half:].mean()), 100.0 * float(right[half:].mean()), same)
            )
    dense = np.array([a[1] for a in found["dense"]])
    for by, v in found.items():
        gain = np.array([a[1] for a in v]) - dense
        yield {
            "arm": by,
            "log loss": spread([a[0] for a in v]),
            "accuracy": spread([a[1] for a in v]),
            "over dense": spread(list(gain)),
            "together": round(v[0][2], 2),
        }


def of_cost(seeds: int) -> Iterator[Row]:
    """A network whose learned order was committed, and one that begins with a fixed one: us an event, best of 9."""
    x, y, _ = streams.hidden_groups(64, 8, 0, 20_000)
    nets = {by: network(by, 64, 8, np.arange(64), 0) for by in ("fixed", "learned")}
    for net in nets.values():
        net.run(x, y)
    _round(nets["learned"])
    best = dict.fromkeys(nets, float("inf"))
    for _ in range(9):
        for by, net in nets.items():
            began = time.process_time()
            net.run(x, y)
            best[by] = min(best[by], (time.process_time() - began) / len(x) * 1e6)
    row: Row = {f"{by}, committed": round(v, 3) for by, v in best.items()}
    yield row | {"ratio": round(best["learned"] / best["fixed"], 3)}


def of_graphs(seeds: int) -> Iterator[Row]:
    """Regular graphs, best of 5 starts."""
    for n, degree in ((8, 3), (10, 3), (12, 4)):
        for rule, penalty in (("mirror", 0.0), ("mirror", 0.3), ("clip", 0.0), ("clip", 0.3)):
            solved, gaps = 0, []
            for seed in range(GRAPHS * seeds):
                gradient, right = puzzles.matching(n, degree, seed)
                ms = [puzzles.descended(gradient, n, rule, penalty, s) for s in range(5)]
                ps = [puzzles.rounded(m) for m in ms]
                solved += any(right(p) for p in ps)
                gaps.append(min(float(np.abs(m - p).max()) for m, p in zip(ms, ps, strict=True)))
            yield {
                "graph": f"n {n} degree {degree}",
                "rule": rule,
                "penalty": penalty,
                "recovered": round(solved / (GRAPHS * seeds), 3),
                "gap": round(float(np.median(gaps)), 4),
            }


def of_teachers(seeds: int) -> Iterator[Row]:
    """Two-layer teachers, the start with the lowest loss of 5."""
    for hidden, n in ((2, 4), (3, 6), (4, 8)):
        for rule, penalty in (("mirror", 0.0), ("mirror", 0.3), ("clip", 0.0), ("clip", 0.3)):
            solved, gaps = 0, []
            for seed in range(4 * seeds):
                gradient, right, loss = puzzles.teacher(hidden, n, seed)
                ms = [puzzles.descended(gradient, n, rule, penalty, s) for s in range(5)]
                m = min(ms, key=loss)
                solved += right(puzzles.rounded(m))
                gaps.append(float(np.abs(m - puzzles.rounded(m)).max()))
            yield {
                "teacher": f"{hidden} units, n {n}",
                "rule": rule,
                "penalty": penalty,
                "exact": solved / (4 * seeds),
                "gap": round(float(np.median(gaps)), 4),
            }


def of_fingerprints(seeds: int) -> Iterator[Row]:
    """All columns permuted half-way: share of the columns that move, found again after so many events."""

    for name in (
        "nycflights13_q1",
        "household_power_hourly",
        "metro_traffic",
        "etth1",
        "electricity",
        "covertype_first100k",
        "phishing_11k",
    ):
        x = np.column_stack(list(_data.load(name).columns.values()))
        half, n = len(x) // 2, x.shape[1]
        row: Row = {"stream": name, "columns": n}
        moves = np.nanstd(x[half - 2000 : half], axis=0) > 0
        before = Fingerprints(n)
        before.see(x[max(0, half - 4000) : half])
        for events in (50, 200, 1000, 4000):
            right = []
            for seed in range(seeds):
                order = np.random.default_rng(seed).permutation(n)
                moved = np.empty_like(x[half : half + events])
                moved[:, order] = x[half : half + events]
                after = Fingerprints(n)
                after.see(moved)
                right.append(float((rewired(before, after) == order)[moves].mean()))
            row[str(events)] = spread(right)
        yield row


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "graphs": of_graphs,
    "teachers": of_teachers,
    "streams": of_streams,
    "order": of_order,
    "rounding": of_rounding,
    "reopen": of_reopening,
    "sensors": of_sensors,
    "cost": of_cost,
    "fingerprints": of_fingerprints,
}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = {}
    for part in args.part:
        found[part] = list(PARTS[part](args.seeds))
        _table.show(part, found[part])
        if args.json:
            args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
