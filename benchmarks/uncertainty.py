"""Does surprise tell unknown inputs, entropy tell errors, and do intervals hold? Beside the usual rivals.

    python benchmarks/uncertainty.py --seeds 1 2 3 --json uncertainty.json
    python benchmarks/uncertainty.py --only mnist letters electricity numbers coverage encoder information

Networks of our kernel learn MNIST in one pass, in another order for each seed, rows in running standard deviations;
densities learn each event's latent before the network does. Test sets: 2,000 images each. AUROC is the share of
pairs (unknown, MNIST test) in which the unknown image scores higher. Figures are means over the seeds, +- half the
distance between the least and the largest. Needs scikit-learn, Pillow and fonts for `letters` only; says what is missing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _images import LETTERS, blended, digits, drawn, fonts, images, rotated
from _moving import ENCODERS, moving
from _streams import coverage, electricity, numbers
from _table import keep, show
from _uncertainty import (
    Dropout,
    Encoder,
    InputDensity,
    Scale,
    ask,
    auroc,
    calibration_error,
    disagreement,
    entropy,
    learn_density,
)

from streamnn.uncertainty import LatentDensity

HIDDEN = (128, 64, 32)
KINDS = [(c, n) for n in (True, False) for c in ("full", "tied", "diagonal")]
TESTS = 2000
Figures = dict[str, dict[str, float]]


def sets(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """MNIST in the order of this seed, its test images with classes, and images that are not MNIST's."""
    rng = np.random.default_rng(seed)
    x, y, test = images("mnist")
    order = rng.permutation(np.flatnonzero(~test))
    near, labels = x[test][:TESTS], y[test][:TESTS]
    others = {}
    for title, name in (
        ("notMNIST", "notmnist_2k"),
        ("Fashion", "fashion_mnist_test2k"),
        ("Omniglot", "omniglot_small28"),
    ):
        found = images(name)[0]
        if len(found):
            others[title] = found[rng.permutation(len(found))[:TESTS]]
    others["rotated"] = rotated(near)
    others["noisy"] = np.clip(near + rng.normal(0, 0.5, near.shape), 0, 1).astype(np.float32)
    others["blended"] = blended(near, labels, rng)
    return x[order], y[order], near, labels, others


def rivals(
    rows: np.ndarray,
    y: np.ndarray,
    near: np.ndarray,
    others: Mapping[str, np.ndarray],
    hidden: tuple[int, ...],
    seed: int,
    classes: int,
    **spec: Any,
) -> tuple[list[Encoder], np.ndarray, Figures, dict[str, float]]:
    """Five networks, the first one's latents of the stream; AUROC of every rival; seconds of CPU an event, in millionths."""
    out: Figures = {}
    cost: dict[str, float] = {}

    def compare(names: Sequence[str], score: Callable[[np.ndarray], Sequence[np.ndarray]]) -> None:
        base = score(near)
        found = {k: score(v) for k, v in others.items()}
        for i, name in enumerate(names):
            out[name] = {k: auroc(v[i], base[i]) for k, v in found.items()}

    members = [Encoder(hidden, rows.shape[1], classes, 10 * seed + i, **spec) for i in range(5)]
    members[0].look(rows[:2])
    started, latent = time.process_time(), np.zeros(0)
    for i, m in enumerate(members):
        z = m.learn(rows, y)[1]
        latent = latent if i else z
        if not i:
            cost["network"] = (time.process_time() - started) / len(rows) * 1e6
    one = members[0]
    compare(["softmax entropy"], lambda v: [entropy(one.look(v)[0])])
    both = "entropy", "mutual information"
    compare(
        [f"ensemble of 5, {k}" for k in both],
        lambda v: disagreement(np.stack([m.look(v)[0] for m in members])),
    )
    dropout = Dropout(hidden, rows.shape[1], classes, seed)
    dropout.learn(rows, y)
    compare([f"dropout 20, {k}" for k in both], lambda v: disagreement(dropout.passes(v)))
    for normalise in (True, False):
        control = InputDensity(rows, y, classes, min(64, rows.shape[1] - 8), normalise)
        compare([f"input space{', one size' * normalise}"], lambda v, c=control: [c.surprise(v)])  # type: ignore[misc]
    return members, latent, out, cost


def densities(
    one: Encoder,
    latent: np.ndarray,
    rows: np.ndarray,
    y: np.ndarray,
    near: np.ndarray,
    others: Mapping[str, np.ndarray],
    half_life: float = 1000.0,
) -> tuple[Figures, dict[str, float], dict[str, Any]]:
    """AUROC of streaming and batch-fitted surprise of each layer, cost an event, and surprise and entropy as they are."""
    out: Figures = {}
    cost: dict[str, float] = {}
    kept: dict[str, Any] = {}
    last = one.look(rows[-20_000:])[1]
    there, away = one.look(near)[1], {k: one.look(v)[1] for k, v in others.items()}
    for layer, at in one.layers.items():
        for kind, normalise in KINDS:
            name = f"{layer}, {kind}{', one size' * normalise}"
            width = at.stop - at.start
            streamed = LatentDensity(width, one.classes, half_life, covariance=kind, normalise=normalise)
            batch = LatentDensity(width, one.classes, 1e9, covariance=kind, normalise=normalise)
            started = time.process_time()
            learn_density(streamed, latent[:, at], y)
            cost[name] = (time.process_time() - started) / len(y) * 1e6
            learn_density(batch, last[:, at], y[-20_000:])
            base = ask(streamed, there[:, at])
            found = {k: ask(streamed, v[:, at]) for k, v in away.items()}
            started = time.process_time()
            ask(streamed, np.tile(there[:, at], (5, 1)))
            cost[name] += (time.process_time() - started) / (5 * len(there)) * 1e6
            out[name] = {k: auroc(v[0], base[0]) for k, v in found.items()}
            fitted = ask(batch, there[:, at])[0]
            out[f"{name}, batch"] = {k: auroc(ask(batch, v[:, at])[0], fitted) for k, v in away.items()}
            kept[name] = base, found
    return out, cost, kept


def mnist(seed: int) -> dict[str, Any]:
    """One pass over MNIST, everything else unknown."""
    x, y, near, labels, others = sets(seed)
    scale = Scale(784)
    rows = scale.stream(x)
    near, others = scale.apply(near), {k: scale.apply(v) for k, v in others.items()}
    members, latent, found, cost = rivals(rows, y, near, others, HIDDEN, seed, 10, step=0.0003)
    one = members[0]
    mine, more, kept = densities(one, latent, rows, y, near, others)
    p = one.look(near)[0]
    wrong = p.argmax(1) != labels
    errors = {"softmax entropy": auroc(entropy(p)[wrong], entropy(p)[~wrong])}
    for name, (base, _) in kept.items():
        errors[name] = auroc(base[1][wrong], base[1][~wrong])
    aleatoric, epistemic = "layer 3, tied", "layer 1, full"
    table = {
        who: {
            "surprise": mine[epistemic][who],
            "entropy": auroc(kept[aleatoric][1][who][1], kept[aleatoric][0][1]),
            "surprise, one size": mine[f"{epistemic}, one size"][who],
        }
        for who in ("blended", "notMNIST", "Fashion", "Omniglot")
        if who in others
    }
    ranks = _rank_correlation(members, kept, near, others)
    return {
        "auroc": found | mine,
        "cost": cost | more,
        "errors": errors,
        "2x2": table,
        "accuracy": float((~wrong).mean()),
        "depth": ranks,
    }


def _rank_correlation(
    members: Sequence[Encoder], kept: Mapping[str, Any], near: np.ndarray, others: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Spearman's correlation of each layer's surprise with the mutual information of the ensemble."""
    every = np.concatenate([near, *others.values()])
    mutual = disagreement(np.stack([m.look(every)[0] for m in members]))[1]
    out = {}
    for layer in members[0].layers:
        base, found = kept[f"{layer}, full, one size"]
        surprise = np.concatenate([base[0], *(v[0] for v in found.values())])
        ranks = [np.argsort(np.argsort(v)) for v in (surprise, mutual)]
        out[layer] = float(np.corrcoef(*ranks)[0, 1])
    return out


def letters(seed: int) -> dict[str, Any]:
    """8 x 8: handwritten digits against drawn letters, and drawn digits against letters of the same fonts."""
    rng = np.random.default_rng(seed)
    out = {}
    x, y = digits()
    order = rng.permutation(len(x))
    train, test = order[: int(0.6 * len(x))], order[int(0.6 * len(x)) :]
    again = np.concatenate([rng.permutation(train) for _ in range(20)])  # too few for one pass
    alien = drawn(LETTERS, TESTS, rng)[0]
    same = drawn("0123456789", 22_000, rng)
    for name, stream, labels, near in (
        ("scikit-learn", x[again], y[again], x[test]),
        ("one renderer", same[0][:20_000], same[1][:20_000], same[0][20_000:]),
    ):
        scale = Scale(64)
        rows = scale.stream(stream)
        known, unknown = scale.apply(near), {f"letters, {name}": scale.apply(alien)}
        if name == "scikit-learn":
            unknown["digits drawn"] = scale.apply(same[0][20_000:])
        members, latent, found, _ = rivals(rows, labels, known, unknown, (64, 64, 32), seed, 10, step=0.001)
        mine = densities(members[0], latent, rows, labels, known, unknown)[0]
        for who, row in (found | mine).items():
            out.setdefault(who, {}).update(row)
    return {"auroc": out}


def information(seed: int) -> dict[str, Any]:
    """What a decoder's pull buys and costs: 20,000 events of MNIST."""
    x, y, near, labels, others = sets(seed)
    x, y = x[:20_000], y[:20_000]
    scale = Scale(784)
    rows = scale.stream(x)
    near, others = scale.apply(near), {k: scale.apply(v) for k, v in others.items()}
    out = {}
    for weight in (0.0, 0.1, 1.0, 10.0):
        one = Encoder(HIDDEN, 784, 10, seed, step=0.0003, information=weight)
        one.learn(rows[:2], y[:2])
        one = Encoder(HIDDEN, 784, 10, seed, step=0.0003, information=weight)
        started = time.process_time()
        latent = one.learn(rows, y)[1]
        spent = (time.process_time() - started) / len(y) * 1e6
        p = one.look(near)[0]
        row = {
            "accuracy": float((p.argmax(1) == labels).mean()),
            "calibration error": calibration_error(p, labels),
            "us an event": spent,
        }
        for layer in ("layer 1", "layer 3"):
            at = one.layers[layer]
            density = LatentDensity(at.stop - at.start, 10, covariance="full", normalise=True)
            learn_density(density, latent[:, at], y)
            base = ask(density, one.look(near)[1][:, at])[0]
            row |= {
                f"{layer} {k}": auroc(ask(density, one.look(v)[1][:, at])[0], base)
                for k, v in others.items()
                if k != "blended"
            }
        out[f"weight {weight:g}"] = row
    return {"information": out}


def encoder(seed: int) -> dict[str, Any]:
    """Ways to keep a density in step with a network that moves, after so many events."""
    x, y, near, _, others = sets(seed)
    scale = Scale(784)
    rows = scale.stream(x)
    others = {k: scale.apply(v) for k, v in others.items() if k in ("Omniglot", "rotated", "Fashion")}
    return {"encoder": moving(rows, y, scale.apply(near), others, seed)}


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "mnist": mnist,
    "letters": letters,
    "information": information,
    "encoder": encoder,
    "electricity": electricity,
    "numbers": numbers,
    "coverage": coverage,
}


def summary(runs: Sequence[Any]) -> Any:
    """Mean and half the spread of every figure."""
    if isinstance(runs[0], Mapping):
        return {k: summary([r[k] for r in runs]) for k in runs[0]}
    v = np.array(runs, float)
    return [float(v.mean()), float(np.ptp(v) / 2)]


def table(title: str, found: Mapping[str, Any]) -> None:
    """A table of means +- half spreads."""

    def cell(v: Any) -> str:
        digits = 3 if abs(v[0]) < 10 else 1
        return f"{v[0]:.{digits}f} +- {v[1]:.{digits}f}"

    rows = [
        {"": k, **({c: cell(v) for c, v in r.items()} if isinstance(r, Mapping) else {"value": cell(r)})}
        for k, r in found.items()
    ]
    show(title, rows)


def main() -> None:
    """Run the parts that were asked for."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    kept: dict[str, Any] = {"seeds": chosen.seeds}
    for part in chosen.only:
        if part == "letters":
            try:
                digits()
                drawn("A", 1, np.random.default_rng(0))
                print(f"letters: {len(fonts())} fonts")
            except (ImportError, IndexError, ValueError) as e:
                print(f"letters left out: needs scikit-learn, Pillow and fonts ({e})")
                continue
        runs = [PARTS[part](seed) for seed in chosen.seeds]
        kept[part] = {"mean": (found := summary(runs)), "runs": runs}
        for name, figures in found.items():
            table(f"{part}: {name}", figures if isinstance(figures, Mapping) else {name: figures})
        keep(chosen.json, kept)
    if "encoder" in chosen.only:
        print("\nencoders:", "; ".join(f"{k}: {v}" for k, v in ENCODERS.items()))


if __name__ == "__main__":
    main()
