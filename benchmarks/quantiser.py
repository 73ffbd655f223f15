"""What the joint power-of-two quantiser loses: by bits, by what is joint, on residual networks; and its surprise.

    STREAMNN_DATA=... python benchmarks/quantiser.py --json quantiser.json

- digits: a ReLU network 64-64-64-64-10 on scikit-learn's digits, quantised on 64 of its training images, all numbers
  in n bits but biases and the output's accumulators (knots of ReLU are exact and keep 8). `max-range` against
  `separate` tells what fewer roundings are worth, both without search; `joint search` against `max-range` what the
  search is worth. Roundings are counted a hidden layer.
- residual: networks with a residual connection that learn a stream, as they are every 5,000 events, scored frozen on
  the 5,000 events that follow.
- images: surprise at images that are unlike those learnt (MNIST, 14 x 14), AUROC in integers and in double precision,
  beside the entropy of the probabilities and the energy of the input; the certificate.
- streams: points of accuracy that each quantiser adds to the float network that a student publishes every 5,000 events,
  on the events that follow, with and without label history; mean over streams, the worst in brackets.
- time: CPU of one call, beside one event of a network of 64 units.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import _quantiser_nets as nets
import _quantisers as q
import _table
import numpy as np
from _quantiser_streams import published
from _uncertainty_models import auroc, entropy

from streamnn.edge.bits import Bits
from streamnn.edge.certificate import LN2, certify_modules
from streamnn.edge.density import fit_surprise, surprise
from streamnn.edge.modules import run_modules
from streamnn.edge.quantiser import quantise

BITS = (8, 6, 5, 4, 3)
DIGIT_ARMS = {
    "separate": lambda n: q.separate(Bits(n, n, 8, search=0)),
    "separate + search": lambda n: q.separate(Bits(n, n, 8)),
    "max-range": lambda n: q.joint(Bits(n, n, 8, search=0, feedback=False)),
    "joint search": lambda n: q.joint(Bits(n, n, 8, feedback=False)),
    "joint search + feedback": lambda n: q.joint(Bits(n, n, 8, feedback=True)),
}
SEEN, NEW = 20_000, 2000


def digits(seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Accuracy by bits and arm, mean over seeds."""
    snapshots = [nets.digits(s) for s in seeds]
    best = statistics.fmean(float_accuracy(s) for s in snapshots)
    rows: list[dict[str, Any]] = []
    for n in BITS:
        row: dict[str, Any] = {"bits": str(n), "float": best}
        for arm, made in DIGIT_ARMS.items():
            row[arm] = statistics.fmean(integer_accuracy(s, made(n)) for s in snapshots)
        rows.append(row)
    return [*rows, {"bits": "roundings a layer", **{a: 3 if "separate" in a else 1 for a in DIGIT_ARMS}}]


def float_accuracy(s: q.Snapshot) -> float:
    """Per cent."""
    return q.accuracy(s.network(s.test_x * 2.0 ** -s.fractions.astype(float), s.test_ids), s.y)


def integer_accuracy(s: q.Snapshot, made: Any) -> float:
    """Per cent, of a quantiser."""
    return q.accuracy(made(s.network, s.x, s.ids, s.fractions)(s.test_x, s.test_ids), s.y)


def residual(streams: Sequence[str], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Accuracy of what is frozen, mean over moments and seeds."""
    rows = []
    for name in streams:
        for relu in (False, True):
            found = [s for seed in seeds for s in nets.residual(name, seed, relu)]
            best = statistics.fmean(float_accuracy(s) for s in found)
            row: dict[str, Any] = {
                "network": f"{name}, {'ReLU' if relu else 'splines'}",
                "moments": len(found),
                "float": best,
            }
            for label, bits in (("W8", Bits()), ("W4 A8 K8", Bits(4)), ("W3 A8 K8", Bits(3))):
                row[label] = statistics.fmean(integer_accuracy(s, q.joint(bits)) for s in found)
            rows.append(row | {"W8 - float": row["W8"] - best})
    return rows


def diagonal(z: np.ndarray, y: np.ndarray, new: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Surprise in double precision: the best class of a diagonal density."""
    classes = int(y.max()) + 1
    mean = np.stack([z[y == c].mean(0) for c in range(classes)])
    var = np.stack([z[y == c].var(0) for c in range(classes)])
    var = 0.95 * var + 0.05 * var.mean(1, keepdims=True) + 1e-9
    share = np.bincount(y, minlength=classes) / len(y)
    return [
        np.min(
            [((v - m) ** 2 / w + np.log(w)).sum(1) / 2 - np.log(p) for m, w, p in zip(mean, var, share, strict=True)], 0
        )
        for v in new
    ]  # fmt: skip


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities."""
    p = np.exp(logits - logits.max(1, keepdims=True))
    return p / p.sum(1, keepdims=True)


def pictures(seeds: Sequence[int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Surprise and certificate on MNIST; empty where it is not there."""
    pixels, y = nets.pixels("mnist")
    other, _ = nets.pixels("notmnist_2k")
    if not len(pixels):
        return [], []
    figures: dict[tuple[int, str], list[dict[str, float]]] = {}
    proofs = []
    fractions = np.full(pixels.shape[1], nets.FRACTION)
    for hidden in (32, 64):
        for seed in seeds:
            order = np.random.default_rng(seed).permutation(len(pixels))
            a, b = order[:SEEN], order[SEEN : SEEN + NEW]
            scaled = nets.power_of_two_scale(pixels[a])
            x = scaled(pixels)
            network = nets.image_network(x[a], y[a], hidden, seed)
            late = a[-nets.WINDOW :]
            modules = quantise(network, x[a[-nets.RESERVOIR :]], nets.none(nets.RESERVOIR), fractions)
            raw = {"": pixels[b], **nets.unlike(pixels[b], seed)} | (
                {"notmnist": other} if len(other) else {}
            )
            sets = {k: scaled(v) for k, v in raw.items()}
            ints = [
                run_modules(modules, v.astype(np.int64), nets.none(len(v))) for v in (x[late], *sets.values())
            ]
            floats = [network.run(v / 32, nets.none(len(v)))[1] for v in (x[late], *sets.values())]
            density = fit_surprise(ints[0][0], y[late], 10)
            of_ints = [surprise(density, z[0]) for z in ints[1:]]
            of_floats = diagonal(floats[0][0], y[late], [z[0] for z in floats[1:]])
            flagged = 100 * (of_ints[0] > density.threshold).mean()
            for k, name in enumerate(list(sets)[1:], 1):
                figures.setdefault((hidden, name), []).append({
                    "integers": auroc(of_ints[k], of_ints[0]),
                    "double": auroc(of_floats[k], of_floats[0]),
                    "entropy": auroc(*(entropy(softmax(floats[i][-1])) for i in (k + 1, 1))),
                    "energy": auroc(*((v.astype(float) ** 2).sum(1) for v in (sets[name], sets[""]))),
                    "flagged, %": 100 * (of_ints[k] > density.threshold).mean(),
                    "of those learnt, %": flagged,
                })  # fmt: skip
            proofs.append(certificate_row(network, x, y, b, a[-nets.RESERVOIR :], fractions, hidden, seed))
    rows = [
        {"images": f"{name}, {hidden} units", **{k: statistics.fmean(r[k] for r in found) for k in found[0]}}
        for (hidden, name), found in figures.items()
    ]
    return rows, proofs


def certificate_row(network, x, y, new, reservoir, fractions, hidden, seed) -> dict[str, Any]:
    """Accuracy, bound and certified radius by bits."""
    row: dict[str, Any] = {"network": f"{hidden} units, seed {seed}"}
    row["float, %"] = q.accuracy(network(x[new] / 32, nets.none(len(new))), y[new])
    for label, bits in (("W8", Bits()), ("W4", Bits(4)), ("W4 K4", Bits(4, knots=4))):
        modules = quantise(network, x[reservoir], nets.none(len(reservoir)), fractions, bits)
        c = certify_modules(modules, fractions)
        logits = run_modules(modules, x[new].astype(np.int64), nets.none(len(new)))[-1]
        radius = c.radius(logits * 2.0 ** -float(q.logit_fraction(modules)) * LN2)
        row |= {
            f"{label}, %": q.accuracy(logits, y[new]), f"{label} bound": c.bound, f"{label} steepest": c.steepest,
            f"{label} rounding": c.rounding, f"{label} median radius": float(np.median(radius)),
        }  # fmt: skip
    return row


def streams(names: Sequence[str], seeds: Sequence[int], events: int) -> list[dict[str, Any]]:
    """What bits cost the networks that a student published."""
    found = [s for n in names for h in (False, True) for seed in seeds for s in published(n, h, seed, events)]
    return q.cost_table(found)


def seconds(call: Any, least: int = 5) -> float:
    """CPU seconds of one call, the least of some."""
    call()
    found = []
    for _ in range(least):
        t = time.process_time()
        call()
        found.append(time.process_time() - t)
    return min(found)


def times() -> list[dict[str, Any]]:
    """CPU of a call on 2,048 rows by shape and bits, and of one event of a network that learns, in one run."""
    rng = np.random.default_rng(0)
    event_x = np.clip(rng.normal(size=(4000, 24)) * 32, -127, 127).astype(np.int32)
    event = seconds(lambda: nets.image_network(event_x, rng.integers(0, 2, 4000), 64, 0), 3) / 4000
    rows = []
    for inputs, hidden, categories in (
        (24, (32,), 0),
        (24, (32,), 55),
        (24, (32,), 185),
        (24, (64, 32), 185),
        (196, (64,), 0),
    ):
        network, x, ids = nets.drawn(rng, inputs, hidden, categories)
        row: dict[str, Any] = {
            "network": f"{inputs}-{'-'.join(map(str, hidden))}-2, {categories} category rows"
        }
        for n in BITS:
            used = seconds(partial(quantise, network, x, ids, np.full(inputs, 5), Bits(n)))
            row[f"W{n}, ms"] = 1e3 * used
        row["W8: events of a network of 64"] = row["W8, ms"] * 1e-3 / event
        rows.append(row)
    return rows


def main() -> None:
    """Run all parts and print their tables."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    p.add_argument("--streams", nargs="+", default=["electricity", "noaa_weather", "sea_50k"])
    p.add_argument("--events", type=int, default=60_000, help="of each stream at most")
    p.add_argument("--only", nargs="+", default=["digits", "residual", "images", "streams", "time"])
    p.add_argument("--json", type=Path)
    a = p.parse_args()
    figures: dict[str, Any] = {}
    if "digits" in a.only:
        figures["digits"] = digits(a.seeds)
        _table.show("digits: accuracy, %", figures["digits"])
    if "residual" in a.only:
        figures["residual"] = residual(a.streams, a.seeds[:3])
        _table.show("residual networks, frozen: accuracy on the next 5,000 events, %", figures["residual"])
    if "images" in a.only:
        figures["surprise"], figures["certificate"] = pictures(a.seeds[:3])
        _table.show("surprise: AUROC", figures["surprise"])
        _table.show("certificate", figures["certificate"])
    if "streams" in a.only:
        figures["streams"] = streams(a.streams, a.seeds[:1], a.events)
        _table.show("streams: points that bits add", figures["streams"])
    if "time" in a.only:
        figures["time"] = times()
        _table.show("time: CPU of one call on a reservoir of 2,048", figures["time"])
    _table.keep(a.json, figures)


if __name__ == "__main__":
    main()
