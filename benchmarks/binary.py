"""Binarised networks beside a float spline network of the same shape on the same integer rows, live and in the field.

    STREAMNN_DATA=... python benchmarks/binary.py --json binary.json --seeds 1 2 3

Live: every label right after its prediction, scored behind the first 5,000 events (noaa_weather 2,500). Frozen: learnt
by shuffled replay, published every 5,000 (2,500) events, folded to integers, and scored on what comes next; `integers`
is what leaves for the device. Every network of two members is shown at the better one live, and averaged when frozen.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import _table
import numpy as np
from _binary_arms import float_spec, frozen, live, make, score
from _integer_rows import IntegerRows, integer_rows
from _micro_batches import micro_batches

from streamnn.binary import BinarySpec
from streamnn.edge.folding import fold
from streamnn.edge.modules import run_modules
from streamnn.network import NetworkSpec

STREAMS = ("electricity", "noaa_weather", "sea_50k", "covertype_first100k", "mnist")
WIDTH, FROZEN_WIDTH = 256, {"covertype_first100k": 64}
RESERVOIR, REACH = 1024, 20000
Spec = NetworkSpec | BinarySpec
Row = dict[str, Any]


def recipe(stream: str, hidden: tuple[int, ...], first: str, **options: Any) -> BinarySpec:
    """What the documentation recommends for a kind of stream."""
    images = stream == "mnist"
    chosen: dict[str, Any] = {
        "output_step": 0.03 if stream == "noaa_weather" else 0.12,
        "delta": 0.1 if images else 0.2,
    }
    chosen["normalisation"] = "online" if images else "shift"
    return BinarySpec("b", hidden, first, **{**chosen, **options})


def arms(stream: str, width: int) -> dict[str, Spec]:
    """Networks by the names they have in tables."""
    one, two = (width,), (width, width)
    return {
        "float splines": float_spec(one),
        "8 bits, sign": recipe(stream, one, "real"),
        "ternary": recipe(stream, one, "ternary"),
        "binary": recipe(stream, one, "binary"),
        "float splines, two layers": float_spec(two),
        "8 bits, binary hidden": recipe(stream, two, "real"),
    }


def mean_of(values: Iterable[float]) -> float:
    """Mean over seeds."""
    return statistics.fmean(values)


def live_row(data: IntegerRows, name: str, spec: Spec, seeds: list[int]) -> Row:
    """Scores of a network that learns as it goes."""
    found = []
    for seed in seeds:
        net = make(spec, data, seed)
        p, micros = live(net, data)
        best = max(score(p[:, i], data) for i in range(p.shape[1]))
        found.append((*best, micros, getattr(net, "flip_rate", 0.0), getattr(net, "stuck", 0.0)))
    acc, loss, micros, flips, stuck = (mean_of(v) for v in zip(*found, strict=True))
    return {
        "stream": data.name, "network": name, "accuracy": acc, "log loss": loss, "us an event": micros,
        "flips in 1,000": flips, "stuck": stuck, "each": [f[0] for f in found],
    }  # fmt: skip


def frozen_row(data: IntegerRows, name: str, spec: Spec, seeds: list[int]) -> Row:
    """Scores of what is published, as floats and, if it is binarised, as integers."""
    found = []
    for seed in seeds:
        logits = np.full((len(data.y), data.classes), np.nan)

        def publish(net: Any, a: int, b: int, logits: np.ndarray = logits) -> None:
            past = np.linspace(max(0, a - REACH), a - 1, RESERVOIR).astype(int)
            fractions = np.full(data.x.shape[1], 5)
            modules = fold(net, data.x[past], data.ids[past], fractions)
            o = run_modules(modules, data.x[a:b].astype(np.int64), data.ids[a:b])[-1]
            last = modules[-1]
            logits[a:b] = o * 2.0 ** -(last.fraction + last.after.align)  # type: ignore[union-attr]

        binary = isinstance(spec, BinarySpec)
        p = frozen(make(spec, data, seed), data, seed, publish if binary else None)
        integers = (float("nan"), float("nan"), float("nan"))
        if binary:
            q = np.exp2(logits - logits.max(1, keepdims=True))
            q /= q.sum(1, keepdims=True)
            agree = 100 * float((q[data.every :].argmax(1) == p[data.every :, -1].argmax(1)).mean())
            integers = (*score(q, data), agree)
        found.append((*score(p[:, -1], data), *integers))
    acc, loss, *rest = (mean_of(v) for v in zip(*found, strict=True))
    return {
        "stream": data.name, "network": name, "accuracy": acc, "log loss": loss, "integers": rest[0],
        "their log loss": rest[1], "classes agree": rest[2], "each": [f[0] for f in found],
    }  # fmt: skip


def with_costs(rows: list[Row]) -> list[Row]:
    """The same with what each costs in points against the float network of its shape."""
    of = {(r["stream"], r["network"]): r["accuracy"] for r in rows}
    for r in rows:
        two = ", two layers" if r["network"] == "8 bits, binary hidden" else ""
        r["to float"] = r["accuracy"] - of[r["stream"], f"float splines{two or (', two layers' if 'two' in r['network'] else '')}"]  # fmt: skip
    return rows


def rules(seeds: list[int]) -> list[Row]:
    """Rules beside RMS, first layer binary; each at the best of its steps on the stream."""
    grid: dict[str, list[dict[str, Any]]] = {
        "rms": [{}],
        "sgd": [{"step": 0.1}, {"step": 1.0}],
        "adamax": [{"step": 2.0**-k} for k in (8, 10, 12)],
        "bop": [{"bop_rate": g, "bop_threshold": t} for g in (1e-2, 1e-3, 1e-4) for t in (1e-6, 1e-5, 1e-4)],
    }
    rows = []
    for stream in ("electricity", "mnist"):
        data = integer_rows(stream)
        for rule, settings in grid.items():
            specs = [recipe(stream, (WIDTH,), "binary", rule=rule, **s) for s in settings]
            found = [live_row(data, rule, spec, seeds) for spec in specs]
            at = max(range(len(found)), key=lambda i: found[i]["accuracy"])
            worst = min(r["accuracy"] for r in found)
            rows.append({"stream": stream, "rule": rule, "accuracy": found[at]["accuracy"], "worst": worst, "at": str(settings[at] or "")})  # fmt: skip
    return rows


def rates(seeds: list[int]) -> list[Row]:
    """Accuracy by the rate of the running statistics, two binary layers of 128."""
    rows = []
    for stream in ("electricity", "sea_50k", "mnist"):
        data, row = integer_rows(stream), {"stream": stream}
        for k in (3, 5, 7, 10, 13):
            spec = recipe(stream, (128, 128), "binary", rate=2.0**-k, normalisation="shift")
            row[f"2**-{k}"] = live_row(data, "", spec, seeds)["accuracy"]
        rows.append(row)
    return rows


def digits() -> tuple[np.ndarray, np.ndarray]:
    """The 1,797 small digits of scikit-learn in a random order, pixels 0 to 1."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return (x[order] / 16.0).astype(np.float32), y[order].astype(np.int64)


def batches(seeds: list[int]) -> list[Row]:
    """Micro-batches of eight by BatchNorm and by running statistics, in the order of the stream and shuffled."""
    rows = []
    for stream in ("electricity", "sea_50k", "digits"):
        if stream == "digits":
            x, y = digits()
            skip = len(y) // 2
        else:
            data = integer_rows(stream)
            hot = (data.ids[:, :, None] == np.arange(data.categories)).any(1).astype(np.float32)
            x, y, skip = np.hstack([data.rows, hot]), data.y, data.every
        for order in ("stream", "shuffled"):
            if stream == "digits" and order == "stream":
                continue
            for first in ("binary", "real"):
                row: Row = {"stream": stream, "order": order, "first": first}
                for norm in ("batch", "running"):
                    right = []
                    for seed in seeds:
                        o = (
                            np.arange(len(y))
                            if order == "stream"
                            else np.random.default_rng(seed).permutation(len(y))
                        )
                        said = micro_batches(x[o], y[o], norm, first, seed)
                        right.append(100 * float((said[skip:] == y[o][skip:]).mean()))
                    row[norm] = mean_of(right)
                rows.append(row)
    return rows


def against_float(
    row: Callable[..., Row], streams: list[str], seeds: list[int], widths: dict[str, int]
) -> list[Row]:
    """Every arm on every stream."""
    rows = []
    for stream in streams:
        data = integer_rows(stream)
        for name, spec in arms(stream, widths.get(stream, WIDTH)).items():
            rows.append(row(data, name, spec, seeds))
            print({k: _table.text(v) for k, v in rows[-1].items() if k != "each"}, flush=True)
    return with_costs(rows)


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--streams", nargs="+", default=list(STREAMS), choices=STREAMS)
    parser.add_argument("--parts", nargs="+", default=["live", "frozen", "rules", "rates", "batches"])
    a = parser.parse_args()
    parts: dict[str, Callable[[], list[Row]]] = {
        "live": lambda: against_float(live_row, a.streams, a.seeds, {}),
        "frozen": lambda: against_float(frozen_row, a.streams, a.seeds, FROZEN_WIDTH),
        "rules": lambda: rules(a.seeds),
        "rates": lambda: rates(a.seeds),
        "batches": lambda: batches(a.seeds),
    }
    found = {}
    for name in a.parts:
        found[name] = parts[name]()
        _table.show(name, [{k: v for k, v in r.items() if k != "each"} for r in found[name]])
        if a.json:
            a.json.write_text(json.dumps(_table.plain({"seeds": a.seeds, **found}), indent=1))


if __name__ == "__main__":
    main()
