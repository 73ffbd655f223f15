"""Splines under a Lipschitz budget beside ReLU, leaky ReLU and PReLU: equal neurons, equal parameters, tuned steps.

    STREAMNN_DATA=... python benchmarks/activations.py --json activations.json

One network on standardised rows, no features, no pool; every label right after its prediction. Every arm goes
through the same steps and is shown at the one with the best mean over seeds (log loss, or MAE), so all are tuned in
hindsight alike; a worse step's loss stands beside it. `bound` and `attacked` are its slope's certificate. Circle and S-shape are
those of Aziznejad et al. (2020): 30,000 points seen once, scores of the averaged weights on 20,000 others.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _data
import _one_core
import _table
import numpy as np

STREAMS = (
    *("electricity", "covertype_first100k", "noaa_weather", "airlines_first200k", "sea_50k"),
    *("fried", "bike_sharing_hour", "circle", "s-shape"),
)
STEPS = {
    "sgd": (0.005, 0.01, 0.02, 0.05, 0.1, 0.2),
    "rms": (0.0003, 0.001, 0.003, 0.01, 0.03),
    "factored": (0.0003, 0.001, 0.003, 0.01, 0.03),
}
FREE = {"slope": 0.0, "row_norm": 0.0, "out_norm": 0.0}
ARMS: dict[str, dict[str, Any]] = {
    "splines, budget": {"activation": "spline"},
    "splines, budget, knots die, grids follow": {"activation": "spline", "tv": 1e-3, "follow": True},
    **{f"{a}, free": {"activation": a, **FREE} for a in ("relu", "leaky_relu", "prelu")},
    **{f"{a}, budget": {"activation": a} for a in ("relu", "leaky_relu", "prelu")},
}
TOYS = {"circle": (4,), "s-shape": (4, 4)}
WIDER = {"circle": ((2,), (8,), (16,)), "s-shape": ((8, 8), (16, 16), (32, 32))}
FEW = {"slope": 4.0, "average": 3000}
"""Of all arms on the toys: the budget of so few neurons, and averaged weights, which are scored."""
MARK = "<!-- tables: benchmarks/activations.py --markdown -->"
POINTS, HELD = 30_000, 20_000
CHUNK = 1024
f4 = np.float32


def toy(name: str, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on the square and whether they are inside the figure."""
    x = np.random.default_rng([seed, n]).uniform(-1, 1, (n, 2))
    if name == "circle":
        inside = (x**2).sum(1) < 2 / np.pi
    else:
        inside = (np.abs(x[:, 0] - 0.4 * np.sin(-5 * x[:, 1])) < 0.3) & (np.abs(x[:, 1]) < 0.8)
    return x.astype(f4), inside.astype(np.int64)


def data(name: str) -> dict[str, Any]:
    """Rows and labels; numbers are scaled by the mean and deviation of those before them."""
    if name in TOYS:
        return {"hidden": TOYS[name], "inputs": 2, "classes": 2, "toy": name}
    stream = _data.load(name)
    x = _data.standardised(stream)
    out: dict[str, Any] = {"hidden": (64,), "inputs": x.shape[1], "x": x, "y": stream.y}
    if stream.classify:
        return out | {"classes": int(stream.y.max()) + 1}
    y = stream.y.astype(float)
    count = np.arange(1, len(y) + 1)
    mean = np.cumsum(y) / count
    sd = np.sqrt(np.maximum(np.cumsum(y * y) / count - mean * mean, 0.0))
    mean, sd = np.r_[0.0, mean[:-1]], np.r_[1.0, np.where(sd[:-1] > 1e-9, sd[:-1], 1.0)]
    return out | {"classes": 0, "mean": mean, "sd": sd, "scaled": (y - mean) / sd}


def parameters(hidden: tuple[int, ...], inputs: int, outputs: int, activation: str) -> int:
    """Numbers that learn."""
    sizes = (inputs, *hidden, outputs)
    dense = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    return dense + sum(hidden) * {"spline": 21, "prelu": 1}.get(activation, 0)


def as_many(
    like: int, hidden: tuple[int, ...], inputs: int, outputs: int, activation: str
) -> tuple[int, ...]:
    """Layers of one width with about `like` parameters."""
    widths = range(1, 4096)
    best = min(widths, key=lambda h: abs(parameters((h,) * len(hidden), inputs, outputs, activation) - like))
    return (best,) * len(hidden)


def play(spec: Any, d: dict[str, Any], seed: int) -> dict[str, float]:
    """One pass of one network."""
    from streamnn.network import Network

    classify = d["classes"] > 0
    outputs = max(d["classes"], 1)
    net = Network(spec, d["inputs"], outputs, classify, seed)
    held = None
    if "toy" in d:
        x, y = toy(d["toy"], POINTS, seed)
        held = toy(d["toy"], HELD, 1000)
        target = y
    else:
        x, y = d["x"], d["y"]
        target = y if classify else d["scaled"]
    start = time.process_time()
    p = scan(net, x, target, outputs)
    cpu = time.process_time() - start
    rows = x[-256:] if held is None else held[0][:256]
    c = net.certificate(rows, "toy" in d)
    out = {"us": cpu / len(y) * 1e6, "bound": c.bound, "attacked": c.attacked, "product": c.product}
    out |= {"knots": float(net.bends().sum()) if spec.activation == "spline" else float("nan")}
    if c.attacked > c.bound:
        raise SystemExit(f"{spec}: attacked {c.attacked} above the certificate {c.bound}")
    if held is not None:
        p, y = scan(net, held[0], None, outputs), held[1]
    if classify:
        p = np.nan_to_num(p, nan=0.0)
        own = p[np.arange(len(y)), y]
        return out | {
            "accuracy": float((p.argmax(1) == y).mean()),
            "loss": float(-np.log(np.clip(own, 1e-6, 1)).mean()),
        }
    value = np.nan_to_num(p[:, 0], nan=1e9, posinf=1e9, neginf=-1e9) * d["sd"] + d["mean"]
    return out | {"loss": float(np.abs(value - y).mean())}


def scan(net: Any, x: np.ndarray, target: np.ndarray | None, outputs: int) -> np.ndarray:
    """Predictions of all rows, each before its label is learnt; none is learnt without a target."""
    from streamnn.types import LEARN, OBSERVE

    ops = 1 if target is None else 2
    p = np.zeros((len(x), len(net.spec.members), outputs), f4)
    y = np.zeros(len(x), f4) if target is None else target.astype(f4)
    for a in range(0, len(x), CHUNK):
        m = min(CHUNK, len(x) - a)
        op = np.tile(np.array([OBSERVE, LEARN], np.int8)[:ops], m)
        slot = np.repeat(np.arange(m), ops)
        net.scan(
            *(op, slot, np.repeat(y[a : a + m], ops), np.ones(m * ops, f4)),
            *(0, x[a : a + m], np.zeros((m, 0), np.int32), p[a : a + m]),
        )
    return p[:, -1]


def cases(d: dict[str, Any]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Arm, kind of comparison, layers."""
    hidden, outputs = d["hidden"], max(d["classes"], 1)
    like = parameters(hidden, d["inputs"], outputs, "spline")
    for arm, options in ARMS.items():
        yield arm, "equal neurons", hidden
        if options["activation"] != "spline":
            yield arm, "equal parameters", as_many(like, hidden, d["inputs"], outputs, options["activation"])
        if "toy" in d and not arm.endswith("follow") and not arm.startswith(("relu, b", "leaky", "prelu, b")):
            for other in WIDER[d["toy"]]:
                yield arm, "other sizes", other


def measure(name: str, rule: str, seeds: int) -> list[dict[str, Any]]:
    """A row an arm and size, at its best step."""
    from streamnn.network import NetworkSpec

    d, rows = data(name), []
    for arm, kind, hidden in cases(d):
        runs: dict[float, list[dict[str, float]]] = {}
        for step in STEPS[rule]:
            given = {**(FEW if "toy" in d else {}), **ARMS[arm]}
            spec = NetworkSpec("net", hidden, rule, step, categories=False, **given)
            runs[step] = [play(spec, d, seed) for seed in range(seeds)]
        losses = {s: statistics.mean(r["loss"] for r in rs) for s, rs in runs.items()}
        best = min(losses, key=losses.__getitem__)
        at = STEPS[rule].index(best)
        near = [losses[s] for s in STEPS[rule][max(at - 1, 0) : at + 2]]
        row: dict[str, Any] = {"arm": arm, "sizes": kind, "hidden": "-".join(map(str, hidden))}
        row["parameters"] = parameters(hidden, d["inputs"], max(d["classes"], 1), ARMS[arm]["activation"])
        row["step"] = best
        for key in ("accuracy", "loss"):
            found = [r[key] for r in runs[best] if key in r]
            if found:
                row[key] = statistics.mean(found)
                row[f"{key} sd"] = statistics.stdev(found) if len(found) > 1 else float("nan")
        row["loss, a step beside"] = max(near)
        row["loss, worst step"] = max(losses.values())
        for key in ("knots", "bound", "attacked", "product", "us"):
            row[key] = statistics.mean(r[key] for r in runs[best])
        row["runs"] = {str(s): rs for s, rs in runs.items()}
        rows.append(row)
        print(f"\r{name}: {arm} {row['hidden']:20}", end="", file=sys.stderr, flush=True)
    print(f"\r{'':70}\r", end="", file=sys.stderr)
    return rows


def markdown(figures: dict[str, Any]) -> str:
    """Two tables: losses of all arms, and what slope, knots and steps they have."""
    kinds = ("relu", "leaky_relu", "prelu")
    plain, dying = (a for a in ARMS if a.startswith("splines"))
    lines = ["| stream, rule | splines | knots die, grids follow |"]
    lines[0] += "".join(f" {a}{by} |" for by in ("", ", equal parameters") for a in kinds)
    lines += ["|---" * (3 + 2 * len(kinds)) + "|"]
    more = ["| stream, rule | knots | bound / found | ReLU's | worst step | ReLU's |", "|---" * 6 + "|"]
    for name, rules in figures["streams"].items():
        for rule, rows in rules.items():
            by = {(r["arm"], r["sizes"]): r for r in rows}
            cells = [by[plain, "equal neurons"], by[dying, "equal neurons"]]
            for sizes in ("equal neurons", "equal parameters"):
                for a in kinds:  # free or within the budget, what is better for it
                    both = [by[f"{a}, {b}", sizes] for b in ("free", "budget")]
                    cells.append(min(both, key=lambda r: float(r["loss"])))
            best = min(r["loss"] for r in cells)
            shown = []
            for r in cells:
                digits = 2 if r["loss"] > 10 else 4
                text = f"{r['loss']:.{digits}f} ± {r['loss sd']:.{digits}f}"
                text = f"**{text}**" if r["loss"] <= best + (r["loss sd"] or 0.0) else text
                shown.append(f"{text}, {r['accuracy']:.4f}" if "accuracy" in r else text)
            lines.append(f"| {name}, {rule} | " + " | ".join(shown) + " |")
            relu = by["relu, free", "equal neurons"]
            knots = [f"{r['knots']:.0f}" for r in cells[:2]]
            slopes = [f"{r['bound']:.1f} / {r['attacked']:.1f}" for r in (cells[0], relu)]
            worst = [_table.text(r["loss, worst step"]) for r in (cells[0], relu)]
            row = (" to ".join(knots), *slopes, *worst)
            more.append(f"| {name}, {rule} | " + " | ".join(row) + " |")
    return "\n".join([*lines, "", *more]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--streams", nargs="+", default=list(STREAMS))
    parser.add_argument("--rules", nargs="+", default=["sgd"], choices=sorted(STEPS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--core", type=int, help="the core to run on")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--read", nargs="+", type=Path, default=[], help="go on from such files, and keep theirs"
    )
    parser.add_argument("--markdown", type=Path, help="write tables to this file, below its marker")
    options = parser.parse_args()
    _one_core.one_core(options.core)
    figures: dict[str, Any] = {"seeds": options.seeds, "steps": STEPS, "streams": {}}
    for path in options.read:
        for name, rules in json.loads(path.read_text())["streams"].items():
            figures["streams"].setdefault(name, {}).update(rules)
    toys = [s for s in options.streams if s in TOYS]
    for name in [*toys, *_data.present([s for s in options.streams if s not in TOYS])]:
        for rule in options.rules:
            if rule in figures["streams"].get(name, {}):
                continue
            rows = measure(name, rule, options.seeds)
            shown = [{k: v for k, v in r.items() if k not in ("runs", "product")} for r in rows]
            _table.show(f"{name}, {rule}, {options.seeds} seeds", shown)
            figures["streams"].setdefault(name, {})[rule] = rows
            _table.keep(options.json, figures)
    if options.markdown:
        head, mark, _ = options.markdown.read_text().partition(MARK)
        options.markdown.write_text(head + mark + "\n\n" + markdown(figures))


if __name__ == "__main__":
    main()
